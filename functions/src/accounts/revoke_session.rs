//! `POST /api/auth/sessions/{id}/revoke`: sign out somewhere.

use keystead_core::{Result, account::login::LoginId};
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done},
    sign_in::sessions,
};

/// `POST /api/auth/sessions/{id}/revoke`.
pub struct AuthRevokeSession;

/// Which of one's own sessions.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    id: LoginId,
}

impl Endpoint for AuthRevokeSession {
    const NAME: &'static str = "auth-revoke-session";
    const ROUTE: &'static str = "POST /api/auth/sessions/{id}/revoke";
    const SUMMARY: &'static str = "End one of one's own sessions. One that is over stays so.";

    type Face = Accounts;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Done> {
        sessions::revoke(cx, &cx.audit(&caller.origin), &caller.account, &request.id).await?;
        Ok(Done {})
    }
}
