//! `POST /api/auth/sessions/revoke-all`: sign out everywhere else.

use keystead_core::Result;
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done},
    sign_in::sessions,
};

/// `POST /api/auth/sessions/revoke-all`.
pub struct AuthRevokeSessions;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

impl Endpoint for AuthRevokeSessions {
    const NAME: &'static str = "auth-revoke-sessions";
    const ROUTE: &'static str = "POST /api/auth/sessions/revoke-all";
    const SUMMARY: &'static str = "End all of one's own sessions but the one that asks.";

    type Face = Accounts;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: SignedIn, _: Request, (): ()) -> Result<Done> {
        let audit = cx.audit(&caller.origin);
        sessions::revoke_others(cx, &audit, &caller.account, &caller.login.login_id).await?;
        Ok(Done {})
    }
}
