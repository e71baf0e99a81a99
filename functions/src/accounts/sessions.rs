//! `GET /api/auth/sessions`: list where one is signed in.

use keystead_core::Result;
use serde::{Deserialize, Serialize};

use super::face::AccountsBare;
use crate::{
    frame::{callers::SignedIn, context::Context, endpoint::Endpoint},
    sign_in::sessions::{self, SessionView},
};

/// `GET /api/auth/sessions`.
pub struct AuthSessions;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// Where the account's holder is signed in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    /// The newest first; no more than a hundred.
    sessions: Vec<SessionView>,
}

impl Endpoint for AuthSessions {
    const NAME: &'static str = "auth-sessions";
    const ROUTE: &'static str = "GET /api/auth/sessions";
    const SUMMARY: &'static str = "List where one is signed in.";

    type Face = AccountsBare;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: SignedIn, _: Request, (): ()) -> Result<Reply> {
        Ok(Reply {
            sessions: sessions::list(cx, &caller.account, &caller.login.login_id).await?,
        })
    }
}
