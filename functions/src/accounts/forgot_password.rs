//! `POST /api/auth/forgot-password`: be mailed what sets another password.

use keystead_core::{
    Result,
    error::ErrorCode,
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Done},
    sign_in::mails::{Wish, mail_password_link},
};

/// `POST /api/auth/forgot-password`.
pub struct AuthForgotPassword;

/// Who forgot it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
}

impl Endpoint for AuthForgotPassword {
    const NAME: &'static str = "auth-forgot-password";
    const ROUTE: &'static str = "POST /api/auth/forgot-password";
    const SUMMARY: &'static str = "Be mailed what sets another password.";
    const REQUIRED: &'static [&'static str] = &["email"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::MailNotSetUp];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Done> {
        mail_password_link(cx, &caller.origin, Email::from(request.email), Wish::Password).await?;
        Ok(Done {})
    }
}
