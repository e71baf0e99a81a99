//! Anyone: no credential is asked for.

use keystead_core::{
    Result,
    account::device::DeviceToken,
    audit::Origin,
    event::{Actor, ActorKind},
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{browser, context::Context, fields::Fields, request::Incoming};

/// Anyone.
#[derive(Clone)]
pub struct Anyone {
    /// Who and where they are, as events have it.
    pub origin: Origin,
    /// Whether they use a browser.
    pub in_browser: bool,
    /// By what their browser is known again, if they signed in with it before.
    pub device: Option<DeviceToken>,
}

/// What their browser shows, if they use one.
pub struct Shown {
    in_browser: bool,
    device: Option<DeviceToken>,
}

impl Caller for Anyone {
    const KIND: CallerKind = CallerKind::Anyone;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Service",
        needs: "Anyone may ask.",
        ..super::document::Document::NONE
    };

    type Shown = Shown;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<Shown> {
        Ok(Shown {
            in_browser: browser::is_browser(incoming),
            device: browser::device(incoming),
        })
    }

    async fn check(_: &Context, shown: Shown, source: Source) -> Result<Authenticated<Self>> {
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::the(ActorKind::Anyone)),
                in_browser: shown.in_browser,
                device: shown.device,
            },
            credential: String::new(),
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}
