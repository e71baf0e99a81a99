//! A password that who reads a mailbox sets: of the account with the address, or of a new one.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    account::{
        Account, AccountId,
        device::{Device, DeviceToken},
        mail_token::{MailPurpose, MailToken},
        password::{NewPassword, Password},
        secret::Secret,
    },
    event::{Actor, EventType},
    request::rate_limit::Allowances,
    value::email::Email,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::mails;
use crate::frame::{browser, callers::Anyone, context::Context, reply::Head};

/// What was mailed, and the password to be set.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "NewPasswordRequest")
)]
pub struct Request {
    token: Secret,
    password: NewPassword,
}

/// The password is set.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "PasswordSet"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// By what this device is known at `/api/auth/login` from now on. A browser has it in a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<DeviceToken>,
    #[serde(skip)]
    cookies: Vec<String>,
}

impl Reply {
    /// What the reply says beside its body.
    pub(super) fn head(&self) -> Head {
        Head {
            cookies: self.cookies.clone(),
            ..Head::default()
        }
    }
}

/// Sets the password that is shown with a mailed token.
///
/// It is done once. The same request again, with the same password, is answered the same: its reply may have been lost.
pub(super) async fn set(cx: &Context, caller: Anyone, request: Request) -> Result<Reply> {
    let now = cx.clock.now();
    let token = cx.store.mail_token_get(&request.token).await?;
    let token = token.filter(|token| token.serves(MailPurpose::Password, now));
    let token = token.ok_or(Error::Invalid(InvalidRequest::MailToken))?;
    let password = request.password.of(&token.email, "password")?;
    // Before anything is hashed: a token whose request is broken off each time stays good.
    let counted = cx
        .store
        .rate_limit_count(&Allowances::MAIL_TOKEN, token.token_hash.as_str(), now);
    let (account, ()) = tokio::try_join!(cx.store.account_get(&token.email), counted)?;
    // Who reads the mailbox is the account's holder.
    let entry = |r#type, id: &AccountId| {
        let audit = cx.audit(&caller.origin).by(Actor::account(id));
        let entry = audit.entry_of_account(r#type, id)?;
        Ok::<_, Error>(entry.with("asked", json!(token.asked)))
    };
    let changed = match account {
        None if token.version == 0 => {
            let password = cx.passwords.hash(password.clone(), cx.ids.bytes()?, now).await?;
            let id = AccountId::new(&cx.ids, now)?;
            let entry = entry(EventType::AccountCreated, &id)?;
            let account = Account::new(id, token.address.clone(), password, now);
            cx.store.account_create(&account, &entry).await?
        }
        Some(account) if token.is_for(&account) => {
            let password = cx.passwords.hash(password.clone(), cx.ids.bytes()?, now).await?;
            let entry = entry(EventType::PasswordChanged, &account.account_id)?;
            let changed = cx
                .store
                .account_change(&account, &account.with_new_password(password), &entry)
                .await?;
            if changed {
                cx.mailer.notify(mails::password_changed(&account)).await;
            }
            changed
        }
        Some(_) | None => false,
    };
    // **Race**: of two requests with one token, one sets the password. The other finds it set.
    if changed || was_set(cx, &token, password, now).await? {
        let (device_token, cookies) = known_device(cx, &token.email, caller.in_browser, now).await?;
        Ok(Reply { device_token, cookies })
    } else {
        Err(Error::Invalid(InvalidRequest::MailToken))
    }
}

/// Whether this token has set this password before.
async fn was_set(cx: &Context, token: &MailToken, password: Password, now: Timestamp) -> Result<bool> {
    let account = cx.store.account_get(&token.email).await?;
    match account.filter(|account| token.was_used_for(account)) {
        Some(account) => cx.passwords.matches(password, Some(account.password), now).await,
        None => Ok(false),
    }
}

/// Remembers a device of an account's holder. Answers what it is known by: for a browser the cookie, for others the token.
pub(super) async fn known_device(
    cx: &Context,
    email: &Email,
    in_browser: bool,
    now: Timestamp,
) -> Result<(Option<DeviceToken>, Vec<String>)> {
    let life = cx.config.accounts.device_life;
    let (token, device) = Device::new(&cx.ids, email, now + life)?;
    cx.store.device_create(&device).await?;
    Ok(if in_browser {
        let cookie = browser::set_cookie(browser::DEVICE, token.reveal(), life.as_secs());
        (None, vec![cookie])
    } else {
        (Some(token), Vec::new())
    })
}
