//! Where an account's holder is signed in, and signing out there.

use keystead_core::{
    Error, Result,
    account::{
        Account,
        login::{Login, LoginId},
    },
    audit::Audit,
    error::Credential,
    event::EventType,
};

use crate::frame::context::Context;

/// The logins of an account that let somebody in, the newest first; no more than a hundred.
pub(crate) async fn live(cx: &Context, account: &Account) -> Result<Vec<Login>> {
    let now = cx.clock.now();
    let mut logins = cx.store.login_list(&account.email).await?;
    logins.retain(|login| login.opens(account, &cx.config.accounts, now));
    Ok(logins)
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
