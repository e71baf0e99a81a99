//! `POST /api/auth/change-password`: set another password, knowing the old one.

use keystead_core::{
    Error, Result,
    account::{
        Account,
        login::LoginId,
        password::{NewPassword, Password},
    },
    audit::Audit,
    error::{Credential, ErrorCode},
    event::EventType,
    request::rate_limit::Allowances,
};
use serde::Deserialize;

use super::face::Accounts;
use crate::{
    frame::{callers::SignedIn, context::Context, endpoint::Endpoint, reply::Done},
    sign_in::mails,
};

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
        let audit = cx.audit(&caller.origin);
        let (account, login) = (caller.account, caller.login.login_id);
        let password = request.password.of(&account.email, "password")?;
        confirm(
            cx,
            &account,
            &login,
            request.current_password,
            "currentPassword",
            &audit,
        )
        .await?;
        let password = cx.passwords.hash(password, cx.ids.bytes()?, audit.now).await?;
        let changed = account.with_new_password(password);
        let entry = audit.entry_of_account(EventType::PasswordChanged, &account.account_id)?;
        let done = cx
            .store
            .account_change_keeping(&account, &changed, &login, &entry)
            .await?;
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
/// keeps the holder from nothing. A wrong one is told in the account's log.
pub(super) async fn confirm(
    cx: &Context,
    account: &Account,
    login: &LoginId,
    password: Password,
    field: &str,
    audit: &Audit,
) -> Result<()> {
    let now = audit.now;
    cx.store
        .rate_limit_count(&Allowances::CONFIRMATION, login.as_str(), now)
        .await?;
    let right = cx
        .passwords
        .matches(password, Some(account.password.clone()), now)
        .await?;
    if right {
        return Ok(());
    }
    let id = Some(&account.account_id);
    cx.store
        .event_count_wrong_password(id, &account.email, login.as_str(), audit)
        .await?;
    Err(Error::field(field, "the account's password"))
}
