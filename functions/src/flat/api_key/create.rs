//! `POST /createApiKey`: let an owner's scripts in.

use keystead_core::{
    Result,
    owner::{
        OwnerId,
        api_key::{ApiKey, RawApiKey},
    },
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint},
};

/// `POST /createApiKey`.
pub struct CreateApiKey;

/// Whose scripts, and what to call the key.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    creator_id: OwnerId,
    name: Name,
}

/// The key: in clear this once, and never again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_key: String,
    name: Name,
    creator_id: OwnerId,
}

impl Endpoint for CreateApiKey {
    const NAME: &'static str = "create-api-key";
    const ROUTE: &'static str = "POST /createApiKey";
    const SUMMARY: &'static str = "Let an owner's scripts in.";
    const REQUIRED: &'static [&'static str] = &["creatorId", "name"];
    const WRITES: bool = true;

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let raw = RawApiKey::new(&cx.ids)?;
        let key = ApiKey {
            key_hash: raw.hash(),
            owner_id: request.creator_id,
            name: request.name,
            active: true,
            created_at: cx.clock.now(),
        };
        cx.store.api_key_create(&key).await?;
        Ok(Reply {
            api_key: raw.reveal().to_owned(),
            name: key.name,
            creator_id: key.owner_id,
        })
    }
}
