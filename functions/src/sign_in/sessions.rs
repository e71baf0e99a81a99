//! Where an account's holder is signed in, and signing out there.

use std::net::IpAddr;

use keystead_core::{
    Error, Result, Timestamp,
    account::{
        Account,
        login::{Login, LoginId},
    },
    audit::Audit,
    error::Credential,
    event::{EventType, UserAgent},
};
use serde::Serialize;

use crate::frame::context::Context;

/// A login, to the account's holder.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "AccountSession")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    id: LoginId,
    created_at: Timestamp,
    /// When it was last used, to the hour.
    last_seen_at: Timestamp,
    user_agent: Option<UserAgent>,
    ip: Option<IpAddr>,
    /// Whether it is the one by which this is asked.
    current: bool,
}

/// The logins of an account that let somebody in, the newest first; no more than a hundred.
pub(crate) async fn live(cx: &Context, account: &Account) -> Result<Vec<Login>> {
    let now = cx.clock.now();
    let mut logins = cx.store.login_list(&account.email).await?;
    logins.retain(|login| login.opens(account, &cx.config.accounts, now));
    Ok(logins)
}

/// What [`live`] answers, as it is shown to the holder, who asks by the login `current`.
pub(crate) async fn list(cx: &Context, account: &Account, current: &LoginId) -> Result<Vec<SessionView>> {
    let view = |login: Login| SessionView {
        current: login.login_id == *current,
        id: login.login_id,
        created_at: login.created_at,
        last_seen_at: login.last_seen_at,
        user_agent: login.user_agent,
        ip: login.ip,
    };
    Ok(live(cx, account).await?.into_iter().map(view).collect())
}

/// Ends the login by which this is asked.
pub(crate) async fn sign_out(cx: &Context, audit: &Audit, account: &Account, login: &LoginId) -> Result<()> {
    end(cx, audit, account, login, EventType::SignedOut).await
}

/// Ends one of an account's logins. One that is over stays so.
pub(crate) async fn revoke(cx: &Context, audit: &Audit, account: &Account, login: &LoginId) -> Result<()> {
    end(cx, audit, account, login, EventType::SessionRevoked).await
}

async fn end(cx: &Context, audit: &Audit, account: &Account, login: &LoginId, r#type: EventType) -> Result<()> {
    let entry = audit
        .entry_of_account(r#type, &account.account_id)?
        .with("session", login.as_str());
    cx.store.login_delete(&account.email, login, &entry).await
}

/// Ends all of an account's logins but `kept`.
///
/// # Errors
/// [`Credential::Caller`] when `kept` was ended first, by another such request or by a new password.
pub(crate) async fn revoke_others(cx: &Context, audit: &Audit, account: &Account, kept: &LoginId) -> Result<()> {
    let changed = account.with_no_logins();
    let entry = audit
        .entry_of_account(EventType::SessionsRevoked, &account.account_id)?
        .with("kept", kept.as_str());
    // By one write, so that none is forgotten which is made meanwhile.
    let done = cx.store.account_change_keeping(account, &changed, kept, &entry).await?;
    done.then_some(()).ok_or(Error::Unauthenticated(Credential::Caller))
}
