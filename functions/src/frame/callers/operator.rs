//! The operator at `/v1`, who shows the admin secret in a header: `X-Admin-Token`.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    event::{Actor, ActorKind},
    owner::OwnerId,
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Sees, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// The operator.
#[derive(Clone)]
pub struct Operator {
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

/// What is in the header by which the operator is known, if anything is.
pub(super) fn shown(incoming: &Incoming) -> Option<String> {
    let shown = incoming.header("x-admin-token").map(str::trim);
    shown.filter(|shown| !shown.is_empty()).map(str::to_owned)
}

impl Caller for Operator {
    const KIND: CallerKind = CallerKind::Operator;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    const IN_BODY: bool = false;
    const GUESSES_COUNT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Operators",
        needs: "Takes the admin secret.",
        with_body: &["adminToken"],
        with_query: &["adminToken"],
        fields: &[],
    };

    type Shown = String;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<String> {
        shown(incoming).ok_or(Error::Unauthenticated(Credential::Caller))
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

impl Sees for Operator {
    /// Everything.
    fn sees(&self, _: &OwnerId) -> bool {
        true
    }
}
