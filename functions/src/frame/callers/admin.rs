//! Admins: the admin secret, which sees everything, or an API key, which sees its owner's records.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::Credential,
    event::{Actor, ActorKind},
    owner::{
        OwnerId, Scope,
        api_key::{KeyPurpose, RawApiKey},
    },
    signing::secrets::SecretName,
};

use super::{Authenticated, Caller, CallerKind, Sees, Source};
use crate::frame::{
    context::Context,
    fields::{self, Fields},
    request::Incoming,
};

/// A vendor's script or tool, or the operator.
#[derive(Clone)]
pub struct Admin {
    /// Whose records they may see.
    pub scope: Scope,
    /// Who and where they are, as events have it.
    pub origin: Origin,
}

/// What may be an admin secret, an API key, or both.
pub struct Shown {
    admin_secret: Option<String>,
    api_key: Option<String>,
}

impl Caller for Admin {
    const KIND: CallerKind = CallerKind::Admin;
    const SECRETS: &'static [SecretName] = &[SecretName::Credentials];
    const GUESSES_COUNT: bool = true;
    #[cfg(feature = "openapi")]
    const DOCUMENT: super::document::Document = super::document::Document {
        tag: "Vendors",
        needs: "Takes an API key, which sees its owner's records, or the admin secret, which sees everything.",
        with_body: &["apiKeyHeader", "apiKeyQuery", ""],
        with_query: &["apiKeyHeader", "apiKeyQuery", "adminSecretQuery"],
        fields: &[
            super::document::ADMIN_SECRET,
            super::document::Field {
                name: "apiKey",
                description: "An API key, which sees its owner's records.",
                required: false,
            },
        ],
    };

    type Shown = Shown;

    /// An API key may be in the body, in the header `X-API-Key`, or in the query, and is looked for in that order. The
    /// admin secret may be in the body, or in the query of a GET.
    fn shown(incoming: &Incoming, fields: &mut Fields) -> Result<Shown> {
        let in_body = if let Fields::Body(_) = fields {
            fields.take("apiKey")
        } else {
            None
        };
        let in_header = || incoming.header("x-api-key").map(str::to_owned);
        let in_query = || {
            fields::query(incoming)
                .into_iter()
                .find(|(name, _)| name == "apiKey")
                .map(|(_, v)| v)
        };
        let some = |key: &String| !key.trim().is_empty();
        let api_key = in_body
            .filter(some)
            .or_else(|| in_header().filter(some))
            .or_else(in_query);
        let admin_secret = fields.take("adminSecret");
        if admin_secret.is_none() && api_key.is_none() {
            return Err(Error::Unauthenticated(Credential::Caller));
        }
        Ok(Shown { admin_secret, api_key })
    }

    /// A right admin secret wins over an API key; a wrong one does not stand in the key's way.
    async fn check(cx: &Context, shown: Shown, source: Source) -> Result<Authenticated<Self>> {
        if let Some(secret) = shown.admin_secret
            && cx.credentials.is_admin_secret(&secret, cx.clock.now()).await?
        {
            return Ok(Authenticated {
                caller: Self {
                    scope: Scope::Everything,
                    origin: source.origin(Actor::the(ActorKind::Admin)),
                },
                credential: secret,
            });
        }
        let key = shown
            .api_key
            .and_then(|key| RawApiKey::parse(&key))
            .ok_or(Error::Unauthenticated(Credential::Caller))?;
        let stored = cx.store.api_key_by_hash_unscoped(&key.hash()).await?;
        let stored = stored
            .filter(|key| key.active && key.purpose == KeyPurpose::Api)
            .ok_or(Error::Unauthenticated(Credential::Caller))?;
        Ok(Authenticated {
            caller: Self {
                origin: source.origin(Actor::api_key(&stored.key_hash)),
                scope: Scope::Owner(stored.owner_id),
            },
            credential: key.reveal().to_owned(),
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Sees for Admin {
    fn sees(&self, owner: &OwnerId) -> bool {
        self.scope.covers(owner)
    }
}
