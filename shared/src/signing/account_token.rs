//! Account tokens: session tokens, and those that are mailed to verify an address or reset a password.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    account::{Account, AccountId, login::LoginId},
    signing::keys::KeyRing,
    value::{
        email::Email,
        text::{choice, is_plain, text_value},
    },
};

text_value!(
    /// A token of an account: its holder's login, or what was mailed to them. A JWT in the compact form of JWS.
    AccountToken,
    "a string of 1 to 8192 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 8192).then(|| text.to_owned())
    }
);

choice!(
    /// What a token of an account is for.
    Purpose {
        /// To act as its holder.
        Login = "login",
        /// To show that the address is theirs.
        Verify = "verify",
        /// To set another password.
        Reset = "reset",
    }
);

/// What a token of an account says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountClaims {
    /// Who issued it.
    pub iss: String,
    /// The account.
    pub sub: AccountId,
    /// Its folded address, by which it is found.
    pub email: Email,
    /// What the token is for.
    pub purpose: Purpose,
    /// For which version of the password it is good.
    pub version: u32,
    /// Of a login: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when on it is no longer good, in seconds since 1970.
    pub exp: i64,
}

impl AccountClaims {
    /// What a token for this account says.
    pub fn new(issuer: &str, purpose: Purpose, account: &Account, now: Timestamp, life: Duration) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: account.account_id.clone(),
            email: account.email.clone(),
            purpose,
            version: account.version,
            login: None,
            iat: now.seconds(),
            exp: (now + life).seconds(),
        }
    }

    /// Whether this is the account that the token was made for, with the password that it had then.
    pub fn are_of(&self, account: &Account) -> bool {
        self.sub == account.account_id && self.version == account.version
    }

    /// When the token stops to be good.
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}

impl KeyRing {
    /// Signs a token of an account.
    pub fn issue_account_token(&self, claims: &AccountClaims) -> Result<AccountToken> {
        let token = self.jws(&self.account_header()?, claims)?;
        AccountToken::parse(&token).ok_or_else(|| Error::internal("the token is too long"))
    }

    /// Verifies a token of an account, for this purpose. `None`, whatever is wrong with it.
    ///
    /// Its header must be, letter for letter, that of an account token of a key of ours. So it is neither a license's
    /// token nor a signed answer, though the same keys sign them (RFC 8725, section 3.11).
    pub fn verify_account_token(
        &self,
        token: &AccountToken,
        purpose: Purpose,
        now: Timestamp,
    ) -> Option<AccountClaims> {
        let claims: AccountClaims = self.opened(token.as_str(), |key| &key.account_header)?;
        (claims.purpose == purpose && now < claims.expiry()).then_some(claims)
    }
}
