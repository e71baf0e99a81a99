//! `GET /v1/status`: whether the service is up.

use keystead_core::Result;
use serde::{Deserialize, Serialize};

use super::face::V1;
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint};

/// `GET /v1/status`.
pub struct V1Status;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// It is up.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    #[cfg_attr(feature = "openapi", schemars(extend("const" = "ok")))]
    status: &'static str,
    /// Which version answers.
    version: &'static str,
}

impl Endpoint for V1Status {
    const NAME: &'static str = "v1-status";
    const ROUTE: &'static str = "GET /v1/status";
    const SUMMARY: &'static str = "Whether the service is up.";
    const CALLS_DYNAMODB: bool = false;

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(_: &Context, _: Anyone, _: Request, (): ()) -> Result<Reply> {
        Ok(Reply {
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}
