//! `POST /api/auth/register`: ask for an account.

use keystead_core::{
    Result,
    account::mail_token::NewAccount,
    error::ErrorCode,
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Done},
    sign_in::mails::{Wish, mail_password_link},
};

/// `POST /api/auth/register`.
pub struct AuthRegister;

/// For which address. A password that is sent is ignored: it is chosen with what is mailed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    email: Mailbox,
}

impl Endpoint for AuthRegister {
    const NAME: &'static str = "auth-register";
    const ROUTE: &'static str = "POST /api/auth/register";
    const SUMMARY: &'static str = "Ask for an account.";
    const REQUIRED: &'static [&'static str] = &["email"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::MailNotSetUp];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Done> {
        let wish = Wish::Account(NewAccount::default());
        mail_password_link(cx, &caller.origin, Email::from(request.email), wish).await?;
        Ok(Done {})
    }
}
