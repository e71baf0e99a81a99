//! Stores, which show the webhook secret.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    event::{Actor, ActorKind},
    owner::{
        Scope,
        api_key::{ApiKey, KeyPurpose, RawApiKey},
    },
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Source};
use crate::frame::{context::Context, fields::Fields, request::Incoming};

/// A store: the deployment's own, which tells of everybody's products, or an owner's, which tells of theirs.
#[derive(Clone)]
pub struct Store {
    /// Whose products it may tell of.
    pub scope: Scope,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

impl Caller for Store {
    const KIND: CallerKind = CallerKind::Store;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    const GUESSES_COUNT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Stores",
        needs: "Takes the webhook secret, which sees everything, or an API key that was made for a store, which sees its \
                owner's products.",
        with_body: &["webhookSecretHeader", ""],
        with_query: &["webhookSecretHeader", ""],
        fields: &[super::document::Field {
            name: "webhookSecret",
            description: "The webhook secret, or an API key that was made for a store.",
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
        // Keys of owners first: what may be one is none of the deployment's.
        for secret in &shown {
            if let Some(key) = store_key(cx, secret).await? {
                return Ok(Authenticated {
                    credential: secret.clone(),
                    caller: Self {
                        origin: source.origin(store_actor(
                            Actor::api_key(&key.key_hash).id.as_deref().unwrap_or_default(),
                        )),
                        scope: Scope::Owner(key.owner_id),
                    },
                });
            }
        }
        let right = cx.credentials.webhook_secret_among(&shown, cx.clock.now()).await?;
        Ok(Authenticated {
            credential: right.ok_or(Error::Unauthenticated(Credential::Caller))?,
            caller: Self {
                scope: Scope::Everything,
                origin: source.origin(store_actor("cglounge")),
            },
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The key of an owner's store that this is, if it is one.
async fn store_key(cx: &Context, secret: &str) -> Result<Option<ApiKey>> {
    let Some(key) = RawApiKey::parse(secret).filter(|key| key.may_be_for(KeyPurpose::Store)) else {
        return Ok(None);
    };
    let stored = cx.store.api_key_by_hash_unscoped(&key.hash()).await?;
    Ok(stored.filter(|key| key.active && key.purpose == KeyPurpose::Store))
}

pub(super) fn store_actor(name: &str) -> Actor {
    Actor {
        kind: ActorKind::Store,
        id: Some(name.to_owned()),
    }
}
