//! Accounts: how people sign in, who bought a license or sell one: `/api/auth/...`.
//!
//! No answer tells whether an account exists: a request for mail is answered that it was sent, and it is, to the address that
//! was given. Nor does the time that it takes, as far as that is the same calls, hashes and signatures.

mod face;
mod forgot_password;
mod login;
mod logout;
mod me;
mod register;
mod reset_password;
mod verify;

use std::net::IpAddr;

use keystead_core::{
    Result, Timestamp,
    account::Account,
    audit::Origin,
    request::rate_limit::Allowances,
    signing::account_token::{AccountClaims, AccountToken, Purpose},
    value::email::Email,
};
use serde::Serialize;

use crate::frame::{callers::SESSION, context::Context, function::functions, mail::ses};

pub use forgot_password::AuthForgotPassword;
pub use login::AuthLogin;
pub use logout::AuthLogout;
pub use me::AuthMe;
pub use register::AuthRegister;
pub use reset_password::AuthResetPassword;
pub use verify::AuthVerify;

/// An account, to its holder.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Account"))]
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
            // There is no account whose address is not.
            email_verified: true,
            created_at: account.created_at,
        }
    }
}

/// The header that puts a token into the caller's cookie, for so many seconds. Scripts in a page don't see it, it is never
/// sent in clear, and other sites' forms are sent without it.
fn cookie(token: &str, seconds: u64) -> String {
    format!("{SESSION}={token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax")
}

/// Counts an attempt against what one address of the network is allowed, and then, so that nobody far away uses up what
/// another has, against what one account is.
async fn count(cx: &Context, origin: &Origin, email: &Email, allowed: &Allowances, now: Timestamp) -> Result<()> {
    if let Some(ip) = origin.ip {
        cx.store
            .rate_limit_count(&allowed.from_address, &network(ip), now)
            .await?;
    }
    cx.store
        .rate_limit_count(&allowed.of_account, &email.folded(), now)
        .await
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

/// Counts an attempt, and at the same time answers the account with its address.
async fn counted_account(
    cx: &Context,
    origin: &Origin,
    email: &Email,
    allowed: &Allowances,
    now: Timestamp,
) -> Result<Option<Account>> {
    let counted = count(cx, origin, email, allowed, now);
    let (account, ()) = tokio::try_join!(cx.store.account_get(email), counted)?;
    Ok(account)
}

/// A token for this account, good as long as those of its kind are.
fn token(cx: &Context, purpose: Purpose, account: &Account, now: Timestamp) -> Result<AccountToken> {
    let policy = &cx.config.accounts;
    let life = match purpose {
        Purpose::Login => policy.login_life,
        Purpose::Verify => policy.verify_life,
        Purpose::Reset => policy.reset_life,
    };
    let claims = AccountClaims::new(&cx.config.issuer, purpose, account, now, life);
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

functions! {
    REGISTER = AuthRegister, mailing(ses);
    LOGIN = AuthLogin;
    VERIFY = AuthVerify;
    LOGOUT = AuthLogout;
    ME = AuthMe;
    FORGOT_PASSWORD = AuthForgotPassword, mailing(ses);
    RESET_PASSWORD = AuthResetPassword;
}
