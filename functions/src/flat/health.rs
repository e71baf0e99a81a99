//! `GET /health`: whether the service serves.

use keystead_core::Result;
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
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
    status: &'static str,
    version: &'static str,
}

impl Endpoint for Health {
    const NAME: &'static str = "health";
    const ROUTE: &'static str = "GET /health";
    const SUMMARY: &'static str = "Tell that the service serves.";
    const CALLS_DYNAMODB: bool = false;

    type Face = FlatAdmin;
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
