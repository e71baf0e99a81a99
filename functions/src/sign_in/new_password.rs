//! A password that who reads a mailbox sets: of the account with the address, or of a new one.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    account::{
        Account, AccountId,
        mail_token::{MailPurpose, MailToken},
        password::{NewPassword, Password},
        secret::Secret,
    },
    audit::{Audit, Origin},
    event::{Actor, EventType},
    owner::invite::Invite,
    request::rate_limit::Allowances,
};
use serde_json::json;

use super::mails;
use crate::frame::context::Context;

/// Sets the password that is shown with a mailed token, and answers the account that has it.
///
/// It is done once. The same request again, with the same password, is answered the same: its reply may have been lost.
///
/// # Errors
/// [`InvalidRequest::MailToken`] of a token that is good for nothing any more.
pub(crate) async fn set(cx: &Context, origin: &Origin, token: &Secret, password: NewPassword) -> Result<Account> {
    let now = cx.clock.now();
    let token = cx.store.mail_token_get(token).await?;
    let token = token.filter(|token| token.serves(MailPurpose::Password, now));
    let token = token.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
    let password = password.of(&token.email, "password")?;
    // Before anything is hashed: a token whose request is broken off each time stays good.
    let counted = cx
        .store
        .rate_limit_count(&Allowances::MAIL_TOKEN, token.token_hash.as_str(), now);
    let (account, ()) = tokio::try_join!(cx.store.account_get(&token.email), counted)?;
    // Who reads the mailbox is the account's holder.
    let entry = |r#type, id: &AccountId| {
        let audit = cx.audit(origin).by(Actor::account(id));
        let entry = audit.entry_of_account(r#type, id)?;
        Ok::<_, Error>(entry.with("asked", json!(token.asked)))
    };
    let changed = match account {
        None if token.version == 0 => {
            let password = cx.passwords.hash(password.clone(), cx.ids.bytes()?, now).await?;
            let id = AccountId::new(&cx.ids, now)?;
            let entry = entry(EventType::AccountCreated, &id)?;
            let account = Account {
                name: token.new.name.clone(),
                ..Account::new(id, token.address.clone(), password, now)
            };
            let created = cx.store.account_create(&account, &entry).await?;
            created.then_some(account)
        }
        Some(account) if token.is_for(&account) => {
            let password = cx.passwords.hash(password.clone(), cx.ids.bytes()?, now).await?;
            let entry = entry(EventType::PasswordChanged, &account.account_id)?;
            let changed = account.with_new_password(password);
            let done = cx.store.account_change(&account, &changed, &entry).await?;
            if done {
                cx.mailer.notify(mails::password_changed(&account)).await;
            }
            done.then_some(changed)
        }
        Some(_) | None => None,
    };
    // **Race**: of two requests with one token, one sets the password. The other finds it set.
    let account = match changed {
        Some(account) => account,
        None => was_set(cx, &token, password, now).await?,
    };
    if let Some(invite) = &token.new.invite {
        let invite = cx.store.invite_by_hash_unscoped(invite).await?;
        if let Some((invite, _)) = invite.filter(|(invite, _)| invite.is_for(&account) && invite.is_open(now)) {
            let audit = cx.audit(origin).by(Actor::account(&account.account_id));
            join(cx, &invite, &account, &audit).await?;
        }
    }
    Ok(account)
}

/// Makes the holder of an account that was just made the member that they were invited to become.
///
/// **Race**: the invite may have been taken back since it was read, the organisation deleted, or its team joined by other means:
/// then there is nothing to accept, and the account is made all the same.
async fn join(cx: &Context, invite: &Invite, account: &Account, audit: &Audit) -> Result<()> {
    match cx.store.invite_accept(invite, account, audit).await {
        Ok(_) | Err(Error::NotFound(_) | Error::Taken(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The account whose password this token has set before, to this one.
async fn was_set(cx: &Context, token: &MailToken, password: Password, now: Timestamp) -> Result<Account> {
    const REFUSED: Error = Error::Invalid(InvalidRequest::MailToken);

    let account = cx.store.account_get(&token.email).await?;
    let account = account.filter(|account| token.was_used_for(account)).ok_or(REFUSED)?;
    let is_right = cx
        .passwords
        .matches(password, Some(account.password.clone()), now)
        .await?;
    is_right.then_some(account).ok_or(REFUSED)
}
