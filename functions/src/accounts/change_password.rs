//! `POST /api/auth/change-password`: set another password, knowing the old one.

use keystead_core::{
    Error, Result, Timestamp,
    account::{
        Account,
        login::LoginId,
        password::{NewPassword, Password},
    },
    error::{Credential, ErrorCode},
    request::rate_limit::Allowances,
};
use serde::Deserialize;

use super::{face::Accounts, mails};
use crate::frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done};

/// `POST /api/auth/change-password`.
pub struct AuthChangePassword;

/// The password that the account has, and the one that it is to have.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    current_password: Password,
    password: NewPassword,
}

impl Endpoint for AuthChangePassword {
    const NAME: &'static str = "auth-change-password";
    const ROUTE: &'static str = "POST /api/auth/change-password";
    const SUMMARY: &'static str = "Set another password, knowing the old one. Every other session ends.";
    const REQUIRED: &'static [&'static str] = &["currentPassword", "password"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::TooManyAttempts, ErrorCode::Busy];

    type Face = Accounts;
    type Caller = SignedIn;
    type Request = Request;
    type Subject = ();
    type Reply = Done;

    async fn call(cx: &Context, caller: SignedIn, request: Request, (): ()) -> Result<Done> {
        let now = cx.clock.now();
        let (account, login) = (caller.account, caller.login.login_id);
        let password = request.password.of(&account.email, "password")?;
        confirm(cx, &account, &login, request.current_password, "currentPassword", now).await?;
        let password = cx.passwords.hash(password, cx.ids.bytes()?, now).await?;
        let changed = account.with_new_password(password);
        let done = cx.store.account_change_keeping(&account, &changed, &login).await?;
        // Another password was set, or this session was ended, since the password was looked at.
        done.then_some(()).ok_or(Error::Unauthenticated(Credential::Caller))?;
        cx.mailer.notify(mails::password_changed(&account)).await;
        Ok(Done {})
    }
}

/// Asks somebody who is signed in for the account's password once more: their session alone may be a thief's.
///
/// # Errors
/// A wrong one, as what `field` must not be; and [`keystead_core::error::Throttle::Attempts`] of one session, so that a thief
/// keeps the holder from nothing.
pub(super) async fn confirm(
    cx: &Context,
    account: &Account,
    login: &LoginId,
    password: Password,
    field: &str,
    now: Timestamp,
) -> Result<()> {
    cx.store
        .rate_limit_count(&Allowances::CONFIRMATION, login.as_str(), now)
        .await?;
    let right = cx
        .passwords
        .matches(password, Some(account.password.clone()), now)
        .await?;
    if right {
        Ok(())
    } else {
        Err(Error::field(field, "the account's password"))
    }
}
