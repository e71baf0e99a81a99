//! `POST /api/auth/logout`: sign out.

use keystead_core::Result;
use serde::Deserialize;

use super::{cookie, face::Accounts};
use crate::frame::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
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
    const AUTH: Auth = Auth::Login;

    type Face = Accounts;
    type Request = Request;
    type Fetched = ();
    type Reply = Done;

    fn head(_: &Context, _: &Done) -> Head {
        Head {
            cookie: Some(cookie("", 0)),
            ..Head::default()
        }
    }

    async fn call(cx: &Context, caller: Caller, _: Request, (): ()) -> Result<Done> {
        let signed_in = caller.signed_in()?;
        cx.store
            .login_delete(&signed_in.account.email, &signed_in.login)
            .await?;
        Ok(Done {})
    }
}
