//! The super admin: the admin secret, and nothing else.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    event::{Actor, ActorKind},
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// The operator.
#[derive(Clone)]
pub struct SuperAdmin {
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for SuperAdmin {
    const KIND: CallerKind = CallerKind::SuperAdmin;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    const GUESSES_COUNT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Operators",
        needs: "Takes the admin secret.",
        with_body: &[""],
        with_query: &["adminSecretQuery"],
        fields: &[super::document::Field {
            required: true,
            ..super::document::ADMIN_SECRET
        }],
    };

    type Shown = String;

    fn shown(_: &Incoming, fields: &mut Fields) -> Result<String> {
        fields
            .take("adminSecret")
            .ok_or(Error::Unauthenticated(Credential::Caller))
    }

    async fn check(cx: &Context, secret: String, source: Source) -> Result<Authenticated<Self>> {
        if !cx.credentials.is_admin_secret(&secret, cx.clock.now()).await? {
            return Err(Error::Unauthenticated(Credential::Caller));
        }
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::the(ActorKind::Admin)),
            },
            credential: secret,
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}
