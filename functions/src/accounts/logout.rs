//! `POST /api/auth/logout`: sign out.

use keystead_core::{Result, event::EventType};
use serde::Deserialize;

use super::face::Accounts;
use crate::frame::{
    browser,
    callers::SignedIn,
    context::Context,
    endpoint::Endpoint,
    reply::{Done, Head},
};

/// `POST /api/auth/logout`.
pub struct AuthLogout;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

impl Endpoint for AuthLogout {
    const NAME: &'static str = "auth-logout";
    const ROUTE: &'static str = "POST /api/auth/logout";
    const SUMMARY: &'static str = "Sign out.";

    type Face = Accounts;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    fn head(_: &Context, _: &Done) -> Head {
        Head {
            cookies: vec![browser::set_cookie(browser::SESSION, "", 0)],
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: SignedIn, _: Request, (): ()) -> Result<Done> {
        let account = &caller.account;
        let entry = cx
            .audit(&caller.origin)
            .entry_of_account(EventType::SignedOut, &account.account_id)?
            .with("session", caller.login.login_id.as_str());
        cx.store
            .login_delete(&account.email, &caller.login.login_id, &entry)
            .await?;
        Ok(Done {})
    }
}
