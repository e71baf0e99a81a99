//! `POST /v1/auth/forgot-password`: be mailed what sets another password.

use keystead_core::{
    Result,
    error::ErrorCode,
    value::email::{Email, Mailbox},
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::True},
    sign_in::mails::{Wish, mail_password_link},
    v1::face::V1,
};

/// `POST /v1/auth/forgot-password`.
pub struct V1ForgotPassword;

/// Who forgot it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
}

/// It was mailed, if there is an account.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    sent: True,
}

impl Endpoint for V1ForgotPassword {
    const NAME: &'static str = "v1-forgot-password";
    const ROUTE: &'static str = "POST /v1/auth/forgot-password";
    const SUMMARY: &'static str = "Be mailed what sets another password.";
    const REQUIRED: &'static [&'static str] = &["email"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::MailNotSetUp];

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Reply> {
        mail_password_link(cx, &caller.origin, Email::from(request.email), Wish::Password).await?;
        Ok(Reply::default())
    }
}
