//! `GET /health`: whether the service serves.

use keystead_core::Result;
use serde::{Deserialize, Serialize};

use super::wire::Success;
use crate::frame::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
};

/// `GET /health`.
pub struct Health;

/// Nothing to ask.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// The service serves.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    success: Success,
    status: &'static str,
    version: &'static str,
}

impl Endpoint for Health {
    const NAME: &'static str = "health";
    const ROUTE: &'static str = "GET /health";
    const SUMMARY: &'static str = "Tell that the service serves.";
    const AUTH: Auth = Auth::Public;
    const FACE: Face = Face::FlatClient;
    const CALLS_DYNAMODB: bool = false;

    type Request = Request;
    type Fetched = ();
    type Reply = Reply;

    async fn call(_: &Context, _: Caller, _: Request, (): ()) -> Result<Reply> {
        Ok(Reply {
            success: Success,
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}
