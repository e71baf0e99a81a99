//! `GET /openapi.json`: what this service can be asked, for machines.

use keystead_core::Result;
use serde::Deserialize;

use super::face::Documentation;
use crate::frame::{
    callers::Anyone,
    context::Context,
    endpoint::Endpoint,
    reply::{Body, Cache, JSON},
};

/// `GET /openapi.json`.
pub struct OpenapiJson;

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// An OpenAPI document.
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("type" = "object")))]
pub struct Reply;

impl Body for Reply {
    const CONTENT_TYPE: &'static str = JSON;

    /// The committed document: a function makes none.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(include_bytes!("../../../docs/openapi.json").to_vec())
    }
}

impl Endpoint for OpenapiJson {
    const NAME: &'static str = "openapi-json";
    const ROUTE: &'static str = "GET /openapi.json";
    const SUMMARY: &'static str = "Get this document.";
    const CALLS_DYNAMODB: bool = false;
    const CACHE: Cache = Cache::FiveMinutes;

    type Face = Documentation;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Reply> {
        Ok(Reply)
    }
}
