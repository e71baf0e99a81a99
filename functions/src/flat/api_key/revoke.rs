//! `POST /revokeApiKey`: let an owner's script in no more.

use keystead_core::{Result, error::ErrorCode};
use serde::{Deserialize, Serialize};

use super::named;
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint},
};

/// `POST /revokeApiKey`.
pub struct RevokeApiKey;

/// Which key: by its hash, or by the key itself, which here is an argument and no credential.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(alias = "keyHash")]
    hash: Option<String>,
    #[serde(alias = "key")]
    api_key: Option<String>,
}

/// The key lets nobody in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {}

impl Endpoint for RevokeApiKey {
    const NAME: &'static str = "revoke-api-key";
    const ROUTE: &'static str = "POST /revokeApiKey";
    const SUMMARY: &'static str = "Let an owner's script in no more.";
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["hash or apiKey"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::MissingFields, ErrorCode::ApiKeyNotFound];

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let hash = named(request.hash, request.api_key)?;
        cx.store.api_key_revoke(&hash, &cx.audit(&caller.origin)).await?;
        Ok(Reply {})
    }
}
