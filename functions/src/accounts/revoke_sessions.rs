//! `POST /api/auth/sessions/revoke-all`: sign out everywhere else.

use keystead_core::{Error, Result, error::Credential, event::EventType};
use serde::Deserialize;

use super::face::Accounts;
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done};

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
        let account = caller.account;
        let changed = account.with_no_logins();
        let entry = cx
            .audit(&caller.origin)
            .entry_of_account(EventType::SessionsRevoked, &account.account_id)?
            .with("kept", caller.login.login_id.as_str());
        // By one write, so that none is forgotten which is made meanwhile.
        let done = cx
            .store
            .account_change_keeping(&account, &changed, &caller.login.login_id, &entry)
            .await?;
        // Another such request, or a new password, came first, and ended this session as well.
        done.then_some(Done {})
            .ok_or(Error::Unauthenticated(Credential::Caller))
    }
}
