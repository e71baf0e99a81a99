//! `GET|POST /listApiKeys`: whose scripts are let in.

use keystead_core::{
    Result, Timestamp,
    config::Config,
    owner::{
        OwnerId, Scope,
        api_key::{ApiKey, KeyPurpose},
    },
};
use serde::{Deserialize, Serialize};

use super::handle;
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint},
};

/// `GET|POST /listApiKeys`.
pub struct ListApiKeys;

/// Whose keys; all owners' without.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    creator_id: Option<OwnerId>,
}

/// API keys, by their hashes.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    keys: Vec<ApiKeyView>,
    count: usize,
}

/// An API key as the flat API shows it: never the key itself.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ApiKey"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    hash: String,
    name: String,
    creator_id: String,
    /// With what the names of the creator's products and codes begin, where each creator has names of their own
    /// (`KEYSTEAD_NAMES`).
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    /// What it opens, when it is not the admin API.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<KeyPurpose>,
    active: bool,
    created_at: Timestamp,
}

impl ApiKeyView {
    fn new(key: ApiKey, config: &Config) -> Self {
        Self {
            handle: handle(config, &key.owner_id),
            hash: key.key_hash.as_str().to_owned(),
            name: key.name.to_string(),
            creator_id: key.owner_id.to_string(),
            purpose: Some(key.purpose).filter(|purpose| !purpose.is_usual()),
            active: key.active,
            created_at: key.created_at,
        }
    }
}

impl Endpoint for ListApiKeys {
    const NAME: &'static str = "list-api-keys";
    const ROUTE: &'static str = "GET|POST /listApiKeys";
    const SUMMARY: &'static str = "List whose scripts are let in.";

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let scope = request.creator_id.map_or(Scope::Everything, Scope::Owner);
        let keys: Vec<ApiKeyView> = cx
            .store
            .api_key_list(&scope)
            .await?
            .into_iter()
            .map(|key| ApiKeyView::new(key, &cx.config))
            .collect();
        Ok(Reply {
            count: keys.len(),
            keys,
        })
    }
}
