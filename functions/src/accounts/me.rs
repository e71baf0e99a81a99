//! `GET /api/auth/me`: who is signed in.

use keystead_core::Result;
use serde::Deserialize;

use super::{AccountView, face::AccountsBare};
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint};

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

    type Face = AccountsBare;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = AccountView;

    async fn call(_: &Context, caller: SignedIn, _: Request, (): ()) -> Result<AccountView> {
        Ok(AccountView::from(&caller.account))
    }
}
