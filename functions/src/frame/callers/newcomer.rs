//! Somebody who asks for an account: anyone or, with the admin secret, the operator.

use keystead_core::{
    Result,
    audit::Origin,
    event::{Actor, ActorKind},
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Source, operator};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// Somebody who asks for an account.
#[derive(Clone)]
pub struct Newcomer {
    /// Whether they have shown the admin secret.
    pub is_operator: bool,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for Newcomer {
    const KIND: CallerKind = CallerKind::Anyone;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Service",
        needs: "Anyone may ask. The operator shows the admin secret in the header `X-Admin-Token`.",
        ..super::document::Document::NONE
    };

    /// What may be the admin secret.
    type Shown = Option<String>;

    fn shown(incoming: &Incoming, _: &mut Fields) -> Result<Option<String>> {
        Ok(operator::shown(incoming))
    }

    /// A wrong secret is not refused here, where none is needed. It counts as one all the same, against the network that it
    /// comes from.
    async fn check(cx: &Context, shown: Option<String>, source: Source) -> Result<Authenticated<Self>> {
        let (now, client) = (cx.clock.now(), source.address);
        let is_operator = match shown {
            Some(shown) => {
                cx.failures.check(client, now)?;
                let is_right = cx.credentials.is_admin_secret(&shown, now).await?;
                if is_right {
                    cx.failures.note_success(client, now);
                } else {
                    cx.failures.note(client, now);
                }
                is_right
            }
            None => false,
        };
        let kind = if is_operator {
            ActorKind::Admin
        } else {
            ActorKind::Anyone
        };
        Ok(Authenticated {
            caller: Self {
                is_operator,
                origin: source.origin(Actor::the(kind)),
            },
            credential: String::new(),
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}
