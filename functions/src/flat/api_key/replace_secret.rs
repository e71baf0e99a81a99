//! `POST /replaceStripeSecret`: have another secret sign what Stripe sends to an address.

use keystead_core::{Result, error::ErrorCode, sale::stripe::EndpointSecret};
use serde::{Deserialize, Serialize};

use super::named;
use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::{SuperAdmin, owner_stripe},
        context::Context,
        endpoint::Endpoint,
    },
};

/// `POST /replaceStripeSecret`.
pub struct ReplaceStripeSecret;

/// Of which key for Stripe: by its hash, or by the key itself; and the secret that Stripe has now.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(alias = "keyHash")]
    hash: Option<String>,
    #[serde(alias = "key")]
    api_key: Option<String>,
    stripe_secret: EndpointSecret,
}

/// What Stripe signs with the secret before is refused from now on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {}

impl Endpoint for ReplaceStripeSecret {
    const NAME: &'static str = "replace-stripe-secret";
    const ROUTE: &'static str = "POST /replaceStripeSecret";
    const SUMMARY: &'static str = "Have another secret sign what Stripe sends to an owner's address.";
    const REQUIRED: &'static [&'static str] = &["stripeSecret"];
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
        let sealed = hash.seal(&request.stripe_secret, &owner_stripe::seal(cx)?)?;
        cx.store
            .api_key_replace_secret(&hash, &sealed, &cx.audit(&caller.origin))
            .await?;
        Ok(Reply {})
    }
}
