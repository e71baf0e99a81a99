//! API keys, as requests name them and replies show them.

use keystead_core::{
    Error, Result, Timestamp,
    owner::{
        api_key::RawApiKey,
        permission::{Permission, Permissions},
        product_key::{ProductKey, ProductKeyId, ProductKeyStatus},
    },
    product::ProductId,
    value::{name::Name, patch::Patch},
};
use serde::{Deserialize, Serialize};

use crate::frame::subject::Names;

/// An API key, without its secret.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ProductApiKey")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    id: ProductKeyId,
    /// The one product that it opens.
    product_id: ProductId,
    name: Name,
    permissions: Vec<Permission>,
    /// With what its secret begins.
    prefix: String,
    status: ProductKeyStatus,
    created_at: Timestamp,
    /// From when on it lets nobody in.
    expires_at: Option<Timestamp>,
    /// When it was last used, to a quarter of an hour.
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl ApiKeyView {
    /// The key as it is `now`.
    pub(crate) fn new(key: ProductKey, now: Timestamp) -> Self {
        Self {
            status: key.status(now),
            permissions: key.permissions.listed(),
            id: key.key_id,
            product_id: key.product_id,
            name: key.name,
            prefix: key.prefix,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A reply with one API key.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OneApiKey {
    api_key: ApiKeyView,
}

impl OneApiKey {
    /// The key as it is `now`.
    pub(super) fn new(key: ProductKey, now: Timestamp) -> Self {
        Self {
            api_key: ApiKeyView::new(key, now),
        }
    }
}

/// An API key, with the secret that is shown this once.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ProductApiKeyWithSecret")
)]
struct WithSecret {
    #[serde(flatten)]
    api_key: ApiKeyView,
    /// The secret.
    key: String,
}

/// A reply with an API key, and the secret that is shown this once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewApiKey {
    api_key: WithSecret,
    /// The secret, once more.
    key: String,
}

impl NewApiKey {
    /// The key as it is `now`, which has this secret.
    pub(super) fn new(key: ProductKey, secret: &RawApiKey, now: Timestamp) -> Self {
        let secret = secret.reveal().to_owned();
        Self {
            api_key: WithSecret {
                api_key: ApiKeyView::new(key, now),
                key: secret.clone(),
            },
            key: secret,
        }
    }
}

/// A request that names an API key and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesApiKey {
    key_id: ProductKeyId,
}

impl Names<ProductKeyId> for NamesApiKey {
    fn named(&self) -> &ProductKeyId {
        &self.key_id
    }
}

/// What a request grants: `None` when it says nothing of it.
///
/// # Errors
/// A list that is empty or null must not be taken for one that is absent, which grants everything.
pub(crate) fn granted(listed: &Patch<Vec<Permission>>) -> Result<Option<Permissions>> {
    let granted = match listed {
        Patch::Keep => return Ok(None),
        Patch::Clear => None,
        Patch::Set(listed) => Permissions::granted(Some(listed)),
    };
    granted
        .map(Some)
        .ok_or_else(|| Error::field("permissions", "left out, or a list of at least one permission"))
}
