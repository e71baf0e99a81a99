//! `POST /v1/auth/verify`: show that an address is one's own, choose a password and sign in.

use keystead_core::{Result, error::ErrorCode, signing::secrets::SecretName};

use super::{
    new_password::{self, Request},
    view::SignIn,
};
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
    v1::face::V1,
};

/// `POST /v1/auth/verify`.
pub struct V1Verify;

impl Endpoint for V1Verify {
    const NAME: &'static str = "v1-verify";
    const ROUTE: &'static str = "POST /v1/auth/verify";
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const SUMMARY: &'static str = "Show that an address is one's own, choose a password and sign in.";
    const REQUIRED: &'static [&'static str] = &["token", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InvalidMailToken, ErrorCode::TooManyAttempts, ErrorCode::Busy];

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = SignIn;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<SignIn> {
        new_password::set(cx, &caller.origin, request).await
    }
}
