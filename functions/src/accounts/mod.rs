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

use keystead_core::{
    Result, Timestamp,
    account::Account,
    audit::Origin,
    request::{
        client_address::Tier,
        rate_limit::{Allowance, Allowances},
    },
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

/// Counts an attempt against what one address of the network is allowed, and the network around it; and then, so that nobody
/// far away uses up what another has, against what one account is. Answers the account with its address, which is read
/// meanwhile.
async fn counted_account(
    cx: &Context,
    origin: &Origin,
    email: &Email,
    allowed: &Allowances,
    now: Timestamp,
) -> Result<Option<Account>> {
    let count = async |allowance: &Allowance, who: &str| cx.store.rate_limit_count(allowance, who, now).await;
    let (host, around) = (
        origin.address.network(Tier::Host),
        origin.address.network(Tier::Organisation),
    );
    let (account, ()) = tokio::try_join!(cx.store.account_get(email), count(&allowed.from_address, &host))?;
    count(&allowed.from_organisation(), &around).await?;
    count(&allowed.of_account, &email.folded()).await?;
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
    cx.account_keys.issue(&claims)
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
