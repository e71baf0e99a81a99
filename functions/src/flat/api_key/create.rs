//! `POST /createApiKey`: let an owner's scripts in.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    owner::{
        OwnerId,
        api_key::{ApiKey, KeyPurpose, RawApiKey},
    },
    sale::stripe::EndpointSecret,
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::{SuperAdmin, owner_stripe},
        context::Context,
        endpoint::Endpoint,
        lenient::blank_is_absent,
    },
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
    /// What it is to open: the admin API, or the webhook at which a store, or a Stripe account, of the creator's tells of
    /// purchases. Blank or absent: the admin API.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<KeyPurpose>")
    )]
    purpose: Option<KeyPurpose>,
    /// Of a key for Stripe: with what Stripe signs what it sends there.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<EndpointSecret>")
    )]
    stripe_secret: Option<EndpointSecret>,
}

/// The key: in clear this once, and never again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_key: String,
    name: Name,
    creator_id: OwnerId,
    /// With what the names of the creator's products and codes begin, where each creator has names of their own
    /// (`KEYSTEAD_NAMES`).
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
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
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["stripeSecret"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::MissingFields];

    type Face = FlatAdmin;
    type Caller = SuperAdmin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        match (request.purpose, &request.stripe_secret) {
            (Some(KeyPurpose::Product), _) => Err(Error::field("purpose", "api, store or stripe")),
            (Some(KeyPurpose::Stripe), None) => Err(Error::Invalid(InvalidRequest::MissingFields(&["stripeSecret"]))),
            (None | Some(KeyPurpose::Api | KeyPurpose::Store), Some(_)) => {
                Err(Error::field("stripeSecret", "left out, unless the purpose is stripe"))
            }
            (Some(KeyPurpose::Stripe), Some(_)) | (None | Some(KeyPurpose::Api | KeyPurpose::Store), None) => Ok(()),
        }
    }

    async fn call(cx: &Context, caller: SuperAdmin, request: Request, (): ()) -> Result<Reply> {
        let purpose = request.purpose.unwrap_or(KeyPurpose::Api);
        let raw = RawApiKey::new_for(purpose, &cx.ids)?;
        let sealed_secret = match &request.stripe_secret {
            Some(secret) => Some(raw.hash().seal(secret, &owner_stripe::seal(cx)?)?),
            None => None,
        };
        let key = ApiKey {
            key_hash: raw.hash(),
            owner_id: request.creator_id,
            purpose,
            name: request.name,
            sealed_secret,
            active: true,
            created_at: cx.clock.now(),
        };
        cx.store.api_key_create(&key, &cx.audit(&caller.origin)).await?;
        Ok(Reply {
            api_key: raw.reveal().to_owned(),
            name: key.name,
            handle: super::handle(&cx.config, &key.owner_id),
            creator_id: key.owner_id,
            purpose: Some(purpose).filter(|purpose| !purpose.is_usual()),
        })
    }
}
