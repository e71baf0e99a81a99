//! Signing in with a password.

use std::time::Duration;

use keystead_core::{
    Error, Result,
    account::{
        Account,
        device::DeviceToken,
        login::{Login, LoginId},
        password::Password,
    },
    audit::Audit,
    error::Credential,
    event::{Actor, EventType},
    request::client_address::Tier,
    value::email::Email,
};

use super::allowance::LoginAttempt;
use crate::frame::context::Context;

/// Somebody who knows the password of an account.
pub(crate) struct PasswordHolder {
    pub(crate) account: Account,
    /// Whether they have signed in with this device before.
    pub(crate) has_known_device: bool,
}

/// Who it is that shows this password, on the device that is known by `shown` if by anything.
///
/// # Errors
/// [`Credential::Password`], which the account's log tells of if there is one;
/// [`Throttle::Attempts`](keystead_core::error::Throttle::Attempts) and
/// [`Throttle::Busy`](keystead_core::error::Throttle::Busy).
pub(crate) async fn holder(
    cx: &Context,
    audit: &Audit,
    email: &Email,
    password: Password,
    shown: Option<DeviceToken>,
) -> Result<PasswordHolder> {
    let (now, origin) = (audit.now, &audit.origin);
    let (found, is_known) = cx.store.account_get_with_device(email, shown.as_ref(), now).await?;
    let device = shown.filter(|_| is_known);
    let attempt = LoginAttempt::count(cx, origin, email, device.as_ref(), now).await?;
    let known = found.as_ref().map(|account| account.password.clone());
    let right = match cx.passwords.matches(password, known, now).await {
        Ok(right) => right,
        Err(error) => {
            // Nothing was looked at: those who keep the service busy use up nobody's attempts.
            attempt.take_back(cx).await;
            return Err(error);
        }
    };
    if right && let Some(account) = found {
        attempt.take_back(cx).await;
        return Ok(PasswordHolder {
            account,
            has_known_device: device.is_some(),
        });
    }
    let account = found.as_ref().map(|account| &account.account_id);
    let network = origin.address.network(Tier::Organisation);
    cx.store
        .event_count_wrong_password(account, email, &network, audit)
        .await?;
    Err(Error::Unauthenticated(Credential::Password))
}

/// A login of an account's holder that is yet to be stored.
pub(crate) fn login(cx: &Context, audit: &Audit, account: &Account, life: Duration) -> Result<Login> {
    let now = audit.now;
    Ok(Login {
        email: account.email.clone(),
        login_id: LoginId::new(&cx.ids, now)?,
        version: account.version,
        created_at: now,
        last_seen_at: now,
        expires_at: (now + life).seconds(),
        refresh: None,
        ip: audit.origin.address.ip(),
        user_agent: audit.origin.user_agent.clone(),
    })
}

/// Stores a login, and tells of it in the account's log.
pub(crate) async fn begin(cx: &Context, audit: Audit, account: &Account, login: &Login) -> Result<()> {
    let entry = audit
        .by(Actor::account(&account.account_id))
        .entry_of_account(EventType::SignedIn, &account.account_id)?
        .with("session", login.login_id.as_str());
    cx.store.login_create(login, &entry).await
}
