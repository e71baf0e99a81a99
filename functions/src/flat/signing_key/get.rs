//! `GET|POST /getSigningKey`: the current signing key's public half, certified by the root.

use keystead_core::Result;
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatBare,
    frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Cache},
};

/// `GET|POST /getSigningKey`.
pub struct GetSigningKey;

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// The signing certificate.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    kid: String,
    /// PEM.
    public_key: String,
    /// Base64 of the root's RSASSA-PKCS1-v1_5 signature with SHA-256 over the text of `publicKey`.
    root_signature: String,
    /// The root's certificate of the key, a JWT: what it may sign, and from when until when.
    certificate: String,
}

impl Endpoint for GetSigningKey {
    const NAME: &'static str = "get-signing-key";
    const ROUTE: &'static str = "GET|POST /getSigningKey";
    const SUMMARY: &'static str = "Get the current signing key's public half, certified by the root.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = FlatBare;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: Anyone, _: Request, (): ()) -> Result<Reply> {
        let certificate = cx.keys.get()?.certificate().clone();
        Ok(Reply {
            kid: certificate.kid,
            public_key: certificate.public_key,
            root_signature: certificate.root_signature,
            certificate: certificate.statement,
        })
    }
}
