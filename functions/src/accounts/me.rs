//! `GET /api/auth/me`: who is signed in.

use keystead_core::Result;
use serde::Deserialize;

use super::AccountView;
use crate::frame::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
};

/// `GET /api/auth/me`.
pub struct AuthMe;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

impl Endpoint for AuthMe {
    const NAME: &'static str = "auth-me";
    const ROUTE: &'static str = "GET /api/auth/me";
    const SUMMARY: &'static str = "Tell who is signed in.";
    const AUTH: Auth = Auth::Login;
    const FACE: Face = Face::Auth;

    type Request = Request;
    type Fetched = ();
    type Reply = AccountView;

    async fn call(_: &Context, caller: Caller, _: Request, (): ()) -> Result<AccountView> {
        Ok(AccountView::from(&caller.signed_in()?.account))
    }
}
