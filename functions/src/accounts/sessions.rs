//! `GET /api/auth/sessions`: list where one is signed in.

use std::net::IpAddr;

use keystead_core::{
    Result, Timestamp,
    account::login::{Login, LoginId},
    event::UserAgent,
};
use serde::{Deserialize, Serialize};

use super::face::AccountsBare;
use crate::{
    frame::{callers::SignedIn, context::Context, endpoint::Endpoint},
    sign_in::sessions,
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

/// A login, to the account's holder.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AccountSession")
)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    id: LoginId,
    created_at: Timestamp,
    /// When it was last used, to the hour.
    last_seen_at: Timestamp,
    user_agent: Option<UserAgent>,
    ip: Option<IpAddr>,
    /// Whether it is the one by which this is asked.
    current: bool,
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
        let live = sessions::live(cx, &caller.account).await?;
        let current = caller.login.login_id;
        let view = |login: Login| SessionView {
            current: login.login_id == current,
            id: login.login_id,
            created_at: login.created_at,
            last_seen_at: login.last_seen_at,
            user_agent: login.user_agent,
            ip: login.ip,
        };
        Ok(Reply {
            sessions: live.into_iter().map(view).collect(),
        })
    }
}
