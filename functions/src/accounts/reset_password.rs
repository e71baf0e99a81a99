//! `POST /api/auth/reset-password`: set another password.

use keystead_core::{
    Error, InvalidRequest, Result,
    account::password::Password,
    error::ErrorCode,
    request::rate_limit::Allowances,
    signing::account_token::{AccountToken, Purpose},
};
use serde::Deserialize;

use super::{counted_account, face::Accounts};
use crate::frame::{callers::Anyone, context::Context, endpoint::Endpoint, reply::Done};

/// `POST /api/auth/reset-password`.
pub struct AuthResetPassword;

/// What was mailed, and the password to be set.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    token: AccountToken,
    password: Password,
}

impl Endpoint for AuthResetPassword {
    const NAME: &'static str = "auth-reset-password";
    const ROUTE: &'static str = "POST /api/auth/reset-password";
    const SUMMARY: &'static str = "Set another password.";
    const REQUIRED: &'static [&'static str] = &["token", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::InvalidMailToken, ErrorCode::Busy];

    type Face = Accounts;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: Anyone, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let claims = cx.account_keys.verify(&request.token, Purpose::Reset, now).await?;
        let claims = claims.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
        // Before anything is hashed: a token whose request is broken off each time stays good.
        let account = counted_account(cx, &caller.origin, &claims.email, &Allowances::RESETS, now).await?;
        let account = account.filter(|account| claims.are_of(account));
        let account = account.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
        let password = cx.passwords.hash(request.password, cx.ids.bytes()?, now).await?;
        // Once: whoever comes second finds another version of the password than the token names. So does every login from
        // before, which may be a thief's.
        if cx
            .store
            .account_change(&account, &account.with_new_password(password))
            .await?
        {
            Ok(Done {})
        } else {
            Err(Error::Invalid(InvalidRequest::MailToken))
        }
    }
}
