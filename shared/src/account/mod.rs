//! Accounts: people who sign in, to look after what they bought or what they sell.
//!
//! An account is an email address and a password. There is one only once its address is verified; until then there are
//! registrations, as many as somebody asked for. So its holder owns the licenses that were bought with the address, and is
//! the member that an owner has added by it ([`crate::member`]).

pub mod login;
pub mod password;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    account::password::{Hashing, PasswordHash},
    ids::Ids,
    value::{
        email::Email,
        text::{is_plain, text_value},
        timestamp::{DAY, HOUR},
    },
};

text_value!(
    /// The id that an account keeps: a UUID v7.
    AccountId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl AccountId {
    /// A new one.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}

/// An account, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The key: the folded address, so that two that differ only in case are one account.
    pub email: Email,
    /// Its id.
    pub account_id: AccountId,
    /// The address as it was typed, to which mail goes.
    pub address: Email,
    /// The hash of its password.
    pub password: PasswordHash,
    /// How often the password was set. A token names the version that it was made for, and is good for no other: a new
    /// password ends every login, and what was mailed before.
    pub version: u32,
    /// When the address was verified, and so it was made.
    pub created_at: Timestamp,
}

/// A pending registration, as stored. It becomes an account when the mailed token is shown. Registrations of one
/// address are independent: a registration by somebody else has no part in the account that the address's owner
/// makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The account's folded address.
    pub email: Email,
    /// The id that the account would have, which is also the registration's.
    pub account_id: AccountId,
    /// The address as it was typed.
    pub address: Email,
    /// The hash of the password that it was asked for with.
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

/// Settings of accounts.
#[derive(Clone, Debug)]
pub struct AccountPolicy {
    /// How long a login lasts (`KEYSTEAD_LOGIN_DAYS`, default 14, at most 30: as long as a retired key is kept).
    pub login_life: Duration,
    /// How long the token is good that is mailed to verify an address.
    pub verify_life: Duration,
    /// How long the token is good that is mailed to set another password.
    pub reset_life: Duration,
    /// The vendor's page that what is mailed leads to; it gets `?verify=` or `?reset=` and the token
    /// (`KEYSTEAD_ACCOUNT_URL`). Without it, mail holds the token alone.
    pub page: Option<String>,
    /// The sender of mail (`KEYSTEAD_MAIL_FROM`). In AWS, nothing can be mailed without it.
    pub mail_from: Option<String>,
    /// What a password's hash costs.
    pub hashing: Hashing,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            login_life: 14 * DAY,
            verify_life: DAY,
            reset_life: HOUR,
            page: None,
            mail_from: None,
            hashing: Hashing::default(),
        }
    }
}
