//! `GET /v1/auth/sessions`: list where one is signed in.

use keystead_core::Result;
use serde::Serialize;

use super::view::NoRequest;
use crate::{
    frame::{context::Context, endpoint::Endpoint},
    sign_in::sessions::{self, SessionView},
    v1::{face::V1, person::Person},
};

/// `GET /v1/auth/sessions`.
pub struct V1Sessions;

/// Where the account's holder is signed in, by whichever API.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    /// The newest first; no more than a hundred.
    sessions: Vec<SessionView>,
}

impl Endpoint for V1Sessions {
    const NAME: &'static str = "v1-sessions";
    const ROUTE: &'static str = "GET /v1/auth/sessions";
    const SUMMARY: &'static str = "List where one is signed in.";

    type Face = V1;
    type Caller = Person;
    type Request = NoRequest;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NoRequest, (): ()) -> Result<Reply> {
        Ok(Reply {
            sessions: sessions::list(cx, &caller.account, &caller.login.login_id).await?,
        })
    }
}
