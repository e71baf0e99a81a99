//! `GET /docs`: what this service can be asked, for people.

use keystead_core::{Error, Result};
use miniz_oxide::inflate::decompress_to_vec;
use serde::Deserialize;

use super::face::Documentation;
use crate::frame::{
    callers::Anyone,
    context::Context,
    endpoint::Endpoint,
    reply::{Body, Cache},
};

/// `GET /docs`.
pub struct Docs;

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// A page that shows the documents of all APIs.
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("type" = "string")))]
pub struct Reply;

impl Body for Reply {
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";

    /// `page.html` with Swagger UI in it, as the build script put them together and packed them.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let packed = include_bytes!(concat!(env!("OUT_DIR"), "/docs.html.deflate"));
        decompress_to_vec(packed).map_err(|error| Error::internal(error.to_string()))
    }
}

impl Endpoint for Docs {
    const NAME: &'static str = "docs";
    const ROUTE: &'static str = "GET /docs";
    const SUMMARY: &'static str = "Read this document.";
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
