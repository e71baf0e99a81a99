//! `POST /api/auth/reset-password`: set another password.

use keystead_core::{Result, error::ErrorCode};

use super::{
    face::Accounts,
    new_password::{self, Reply, Request},
};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Head};

/// `POST /api/auth/reset-password`.
pub struct AuthResetPassword;

impl Endpoint for AuthResetPassword {
    const NAME: &'static str = "auth-reset-password";
    const ROUTE: &'static str = "POST /api/auth/reset-password";
    const SUMMARY: &'static str = "Set another password.";
    const REQUIRED: &'static [&'static str] = &["token", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InvalidMailToken, ErrorCode::TooManyAttempts, ErrorCode::Busy];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        reply.head()
    }

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        new_password::set(cx, caller, request).await
    }
}
