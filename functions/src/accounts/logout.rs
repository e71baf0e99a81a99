//! `POST /api/auth/logout`: sign out.

use keystead_core::Result;
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{
        browser,
        callers::SignedIn,
        context::Context,
        endpoint::Endpoint,
        reply::{Done, Head},
    },
    sign_in::sessions,
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
        let audit = cx.audit(&caller.origin);
        sessions::sign_out(cx, &audit, &caller.account, &caller.login.login_id).await?;
        Ok(Done {})
    }
}
