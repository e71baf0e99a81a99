//! `POST /createApiKey`: let an owner's scripts in.

use keystead_core::{
    Result,
    owner::{
        OwnerId,
        api_key::{ApiKey, KeyPurpose, RawApiKey},
    },
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::SuperAdmin, context::Context, endpoint::Endpoint, lenient::blank_is_absent},
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
    /// What it is to open: the admin API, or the webhook at which a store of the creator's tells of purchases. Blank or absent:
    /// the admin API.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<KeyPurpose>")
    )]
    purpose: Option<KeyPurpose>,
}

/// The key: in clear this once, and never again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_key: String,
    name: Name,
    creator_id: OwnerId,
    /// There when it is not for the admin API.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<KeyPurpose>,
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

    async fn call(cx: &Context, caller: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let purpose = request.purpose.unwrap_or(KeyPurpose::Api);
        let raw = RawApiKey::new_for(purpose, &cx.ids)?;
        let key = ApiKey {
            key_hash: raw.hash(),
            owner_id: request.creator_id,
            purpose,
            name: request.name,
            active: true,
            created_at: cx.clock.now(),
        };
        cx.store.api_key_create(&key, &cx.audit(&caller.origin)).await?;
        Ok(Reply {
            api_key: raw.reveal().to_owned(),
            name: key.name,
            creator_id: key.owner_id,
            purpose: Some(purpose).filter(|purpose| !purpose.is_usual()),
        })
    }
}
