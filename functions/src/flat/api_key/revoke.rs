//! `POST /revokeApiKey`: let an owner's script in no more.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::{ErrorCode, Noun},
    owner::api_key::{KeyHash, RawApiKey},
};
use serde::{Deserialize, Serialize};

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
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let hash = match (given(request.hash), given(request.api_key)) {
            (Some(hash), _) => KeyHash::parse(&hash).ok_or(Error::NotFound(Noun::ApiKey))?,
            (None, Some(key)) => RawApiKey::parse(&key).ok_or(Error::NotFound(Noun::ApiKey))?.hash(),
            (None, None) => return Err(Error::Invalid(InvalidRequest::MissingFields(&["hash or apiKey"]))),
        };
        cx.store.api_key_revoke(&hash, &cx.audit(&caller.origin)).await?;
        Ok(Reply {})
    }
}
