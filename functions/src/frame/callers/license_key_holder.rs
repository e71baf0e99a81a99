//! The holder of a license key: the key is the credential, and is found good when its license is found.

use keystead_core::{
    Error, Result,
    audit::Origin,
    event::{Actor, ActorKind},
    license::machine::Country,
    owner::OwnerId,
};

use super::{Authenticated, Caller, CallerKind, Sees, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// An application on a customer's machine.
#[derive(Clone)]
pub struct LicenseKeyHolder {
    /// Who and where they are, as events have it.
    pub origin: Origin,
    /// The country they call from, when a trusted proxy tells.
    pub country: Option<Country>,
}

impl Caller for LicenseKeyHolder {
    const KIND: CallerKind = CallerKind::LicenseKeyHolder;
    const PROVEN_BY_SUBJECT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Applications",
        needs: "The license key is all that it takes.",
        ..super::document::Document::NONE
    };

    /// The key, and the machine that speaks for itself with it. Several machines have one key: none takes the name that another
    /// has given to a request.
    type Shown = [String; 2];

    fn shown(_: &Incoming, fields: &mut Fields) -> Result<[String; 2]> {
        // As the contracts call it: one or the other.
        let key = fields.text("licenseKey").or_else(|| fields.text("key"));
        let machine = fields.text("machineFingerprint");
        Ok([key, machine].map(Option::unwrap_or_default))
    }

    async fn check(_: &Context, shown: [String; 2], mut source: Source) -> Result<Authenticated<Self>> {
        Ok(Authenticated {
            caller: Self {
                country: source.country.take(),
                origin: source.origin(Actor::the(ActorKind::Customer)),
            },
            credential: serde_json::to_string(&shown).map_err(Error::internal)?,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Sees for LicenseKeyHolder {
    /// The license of the key, whoever owns it; no request of theirs names anything else.
    fn sees(&self, _: &OwnerId) -> bool {
        true
    }
}
