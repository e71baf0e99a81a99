//! `POST /api/auth/sessions/{id}/revoke`: sign out somewhere.

use keystead_core::{Result, account::login::LoginId, event::EventType};
use serde::Deserialize;

use super::face::Accounts;
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done};

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
        let account = &caller.account;
        let entry = cx
            .audit(&caller.origin)
            .entry_of_account(EventType::SessionRevoked, &account.account_id)?
            .with("session", request.id.as_str());
        cx.store.login_delete(&account.email, &request.id, &entry).await?;
        Ok(Done {})
    }
}
