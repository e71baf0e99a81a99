//! `POST /v1/auth/reset-password`: set another password and sign in.

use keystead_core::{Result, error::ErrorCode, signing::secrets::SecretName};

use super::{
    new_password::{self, Request},
    view::SignIn,
};
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
    v1::face::V1,
};

/// `POST /v1/auth/reset-password`.
pub struct V1ResetPassword;

impl Endpoint for V1ResetPassword {
    const NAME: &'static str = "v1-reset-password";
    const ROUTE: &'static str = "POST /v1/auth/reset-password";
    const SECRETS: &'static [SecretName] = &[SecretName::Accounts];
    const SUMMARY: &'static str = "Set another password and sign in. Every other session ends.";
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
