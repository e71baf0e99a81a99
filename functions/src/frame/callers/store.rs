//! Stores, which show the webhook secret.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    event::{Actor, ActorKind},
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// A store, which tells of everybody's products.
#[derive(Clone)]
pub struct Store {
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for Store {
    const KIND: CallerKind = CallerKind::Store;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Stores",
        needs: "Takes the webhook secret.",
        with_body: &["webhookSecretHeader", ""],
        with_query: &["webhookSecretHeader", ""],
        fields: &[super::document::Field {
            name: "webhookSecret",
            description: "The webhook secret.",
            required: false,
        }],
    };

    /// What may be the secret: in the header, and in the body.
    type Shown = Vec<String>;

    fn shown(incoming: &Incoming, fields: &mut Fields) -> Result<Vec<String>> {
        let in_header = incoming.header("x-webhook-secret").map(str::to_owned);
        let in_body = fields.take("webhookSecret");
        Ok(in_header.into_iter().chain(in_body).collect())
    }

    async fn check(cx: &Context, shown: Vec<String>, source: Source) -> Result<Authenticated<Self>> {
        let right = cx.credentials.webhook_secret_among(&shown, cx.clock.now()).await?;
        Ok(Authenticated {
            credential: right.ok_or(Error::Unauthenticated(Credential::Caller))?,
            caller: Self {
                origin: source.origin(store_actor("cglounge")),
            },
        })
    }
}

pub(super) fn store_actor(name: &str) -> Actor {
    Actor {
        kind: ActorKind::Store,
        id: Some(name.to_owned()),
    }
}
