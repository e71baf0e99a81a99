//! Accounts: how people sign in, who bought a license or sell one: `/api/auth/...`.
//!
//! No answer, and no time that one takes, tells whether an account exists: whoever asks for mail is told that it was sent,
//! and it is, to the address that was given.

mod forgot_password;
mod login;
mod logout;
mod me;
mod register;
mod reset_password;
mod verify;

use std::net::IpAddr;

use keystead_core::{
    Error, Result, Timestamp,
    account::{Account, AccountToken, Purpose},
    email::Email,
    rate_limit::Allowance,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    context::Context,
    endpoint::Caller,
    face::{Face, Refusal},
    flat,
    mail::Mail,
    pipeline::SESSION,
};

pub use forgot_password::AuthForgotPassword;
pub use login::AuthLogin;
pub use logout::AuthLogout;
pub use me::AuthMe;
pub use register::AuthRegister;
pub use reset_password::AuthResetPassword;
pub use verify::AuthVerify;

/// Says `error` as the endpoints of accounts do.
pub(crate) fn refuse(error: &Error) -> Refusal {
    let (status, text) = flat::error::say(Face::Auth, error);
    Refusal {
        status,
        body: json!({ "error": text }),
        retry_at: flat::error::retry_at(error),
    }
}

/// An account, to its holder.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    id: String,
    email: Email,
    email_verified: bool,
    created_at: Timestamp,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.account_id.to_string(),
            email: account.address.clone(),
            email_verified: account.verified_at.is_some(),
            created_at: account.created_at,
        }
    }
}

/// The header that puts a token into the caller's cookie, for so many seconds. Scripts in a page don't see it, it is never
/// sent in clear, and other sites' forms are sent without it.
fn cookie(token: &str, seconds: u64) -> String {
    format!("{SESSION}={token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax")
}

/// Counts an attempt against what one account, and one address of the network, is allowed.
async fn count(
    cx: &Context,
    caller: &Caller,
    email: &Email,
    of_account: Allowance,
    from_address: Allowance,
    now: Timestamp,
) -> Result<()> {
    let folded = email.folded();
    let account = cx.store.count_attempt(&of_account, &folded, now);
    let address = async {
        match caller.origin.ip {
            Some(ip) => cx.store.count_attempt(&from_address, &network(ip), now).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(account, address).map(drop)
}

/// Where an address is counted. Of IPv6, a household has 2^64.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Counts a request for mail, and answers the account with its address.
async fn asked_for_mail(cx: &Context, caller: &Caller, email: &Email, now: Timestamp) -> Result<Option<Account>> {
    let counted = count(
        cx,
        caller,
        email,
        Allowance::MAIL_TO_ACCOUNT,
        Allowance::MAIL_FROM_ADDRESS,
        now,
    );
    let (account, ()) = tokio::try_join!(cx.store.account(email), counted)?;
    Ok(account)
}

/// The account that a token was mailed to, which is still good for it.
async fn mailed(cx: &Context, token: &AccountToken, purpose: Purpose, now: Timestamp) -> Result<Account> {
    let claims = cx.keys.verify_account_token(token, purpose, now);
    let claims = claims.ok_or(Error::InvalidMailToken)?;
    let account = cx.store.account(&claims.email).await?;
    let account = account.filter(|account| claims.are_of(account));
    account.ok_or(Error::InvalidMailToken)
}

/// The mail that lets someone verify an address.
fn verification(cx: &Context, account: &Account, now: Timestamp) -> Result<Mail> {
    let token = token(cx, account, Purpose::Verify, now)?;
    Ok(Mail {
        to: account.address.clone(),
        subject: "Verify your email address".to_owned(),
        text: format!(
            "An account was registered with this address. If it was you, just now, verify the address with this:\n\n\
             {}\n\nIt is good for a day. If it was not you, do nothing.\n",
            link(cx, "verify", &token)
        ),
    })
}

/// The mail that lets someone set another password.
fn reset(cx: &Context, account: &Account, now: Timestamp) -> Result<Mail> {
    let token = token(cx, account, Purpose::Reset, now)?;
    Ok(Mail {
        to: account.address.clone(),
        subject: "Set a new password".to_owned(),
        text: format!(
            "Someone asked for a new password for the account with this address. If it was you, set one with this:\n\n\
             {}\n\nIt is good for an hour, and once. If it was not you, do nothing: your password stays.\n",
            link(cx, "reset", &token)
        ),
    })
}

/// The mail to someone who registers again.
fn already_registered(account: &Account) -> Mail {
    Mail {
        to: account.address.clone(),
        subject: "You have an account".to_owned(),
        text:
            "Someone tried to register an account with this address, which has one. If it was you, sign in, or ask for \
               a new password if you have forgotten yours. If it was not you, do nothing: your account is as it was.\n"
                .to_owned(),
    }
}

/// The mail to someone who has no account.
fn not_registered(address: &Email) -> Mail {
    Mail {
        to: address.clone(),
        subject: "You have no account".to_owned(),
        text: "Someone asked for a new password for the account with this address, and there is none. If it was you, \
               you may have registered with another address.\n"
            .to_owned(),
    }
}

fn token(cx: &Context, account: &Account, purpose: Purpose, now: Timestamp) -> Result<AccountToken> {
    let policy = &cx.config.accounts;
    let life = match purpose {
        Purpose::Login => policy.login_life,
        Purpose::Verify => policy.verify_life,
        Purpose::Reset => policy.reset_life,
    };
    let claims = account.claims(&cx.config.issuer, purpose, now, life);
    cx.keys.issue_account_token(&claims)
}

/// How a mail hands a token over: in a link to the vendor's page, if there is one.
fn link(cx: &Context, parameter: &str, token: &AccountToken) -> String {
    match &cx.config.accounts.page {
        Some(page) => {
            let sign = if page.contains('?') { '&' } else { '?' };
            format!("{page}{sign}{parameter}={token}")
        }
        None => token.to_string(),
    }
}
