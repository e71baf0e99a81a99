//! Accounts: people who sign in, to look after what they bought or what they sell.
//!
//! An account is an email address and a password. There is one only once its address is verified; until then there are
//! registrations, as many as somebody asked for. So its holder owns the licenses that were bought with the address, and is
//! the member that an owner has added by it ([`crate::member`]).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Result, Timestamp,
    email::Email,
    keys::KeyRing,
    password::PasswordHash,
    text::{choice, is_plain, text_value},
};

text_value!(
    /// The id that an account keeps: a UUID v7.
    AccountId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

text_value!(
    /// What tells a login from others of its account: a UUID v4.
    LoginId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl AccountId {
    pub(crate) fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }
}

impl LoginId {
    pub(crate) fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }
}

text_value!(
    /// A token of an account: its holder's login, or what was mailed to them. A JWT in the compact form of JWS.
    AccountToken,
    "a string of 1 to 8192 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 8192).then(|| text.to_owned())
    }
);

/// An account, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The address that it is found by: folded, so that two that differ only in case are one account.
    pub email: Email,
    /// Its id.
    pub account_id: AccountId,
    /// The address as it was typed, to which mail goes.
    pub address: Email,
    /// What is kept of its password.
    pub password: PasswordHash,
    /// How often the password was set. A token names the version that it was made for, and is good for no other: a new
    /// password ends every login, and what was mailed before.
    pub version: u32,
    /// When the address was verified, and so it was made.
    pub created_at: Timestamp,
}

/// That somebody asked for an account, as stored: it becomes one when they show what was mailed to the address. Each is
/// for itself, so that nobody who asks with another's address has any part in the account that its owner makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The account's folded address.
    pub email: Email,
    /// The id that the account would have, which is also the registration's.
    pub account_id: AccountId,
    /// The address as it was typed.
    pub address: Email,
    /// What is kept of the password that it was asked for with.
    pub password: PasswordHash,
    /// When it is forgotten, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

impl Registration {
    /// Someone asks for an account with this address.
    pub fn new(account_id: AccountId, address: Email, password: PasswordHash, expiry: Timestamp) -> Self {
        Self {
            email: address.to_folded(),
            account_id,
            address,
            password,
            expires_at: expiry.seconds(),
        }
    }

    /// The account, once the address was verified.
    pub fn verified(&self, now: Timestamp) -> Account {
        Account {
            email: self.email.clone(),
            account_id: self.account_id.clone(),
            address: self.address.clone(),
            password: self.password.clone(),
            version: Account::FIRST_VERSION,
            created_at: now,
        }
    }
}

impl Account {
    const FIRST_VERSION: u32 = 1;

    /// The account with another password, for someone to whom a token was mailed.
    #[must_use]
    pub fn with_new_password(&self, password: PasswordHash) -> Self {
        Self {
            password,
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }
}

/// Somebody who is signed in, as stored: their token is good while this is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// The account's folded address.
    pub email: Email,
    /// Its id.
    pub login_id: LoginId,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it ends, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

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
    ///
    /// # Errors
    /// [`Error::Internal`].
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
