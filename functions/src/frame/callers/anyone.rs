//! Anyone: no credential is asked for.

use keystead_core::{
    Result,
    audit::Origin,
    event::{Actor, ActorKind},
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// Anyone.
#[derive(Clone)]
pub struct Anyone {
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for Anyone {
    const KIND: CallerKind = CallerKind::Anyone;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Service",
        needs: "Anyone may ask.",
        ..super::document::Document::NONE
    };

    type Shown = ();

    fn shown(_: &Incoming, _: &mut Fields) -> Result<()> {
        Ok(())
    }

    async fn check(_: &Context, (): (), source: Source) -> Result<Authenticated<Self>> {
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::the(ActorKind::Customer)),
            },
            credential: String::new(),
        })
    }
}
