//! `GET /.well-known/jwks.json`: every public key whose tokens are good (RFC 7517).

use keystead_core::{Result, signing::keys::Jwk};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatBare,
    frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Cache},
};

/// `GET /.well-known/jwks.json`.
pub struct Jwks;

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// A JWK Set.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    keys: Vec<Jwk>,
}

impl Endpoint for Jwks {
    const NAME: &'static str = "jwks";
    const ROUTE: &'static str = "GET /.well-known/jwks.json";
    const SUMMARY: &'static str = "Get every public key whose tokens are good, as a JWK Set.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = FlatBare;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: Anyone, _: Request, (): ()) -> Result<Reply> {
        Ok(Reply {
            keys: cx.keys.get()?.jwks().to_vec(),
        })
    }
}
