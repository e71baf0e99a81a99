//! Accounts: people who sign in, to look after what they bought or what they sell.
//!
//! An account is an email address and a password. There is one only once its address is verified: no password is kept
//! before the mailbox has spoken. So its holder owns the licenses that were bought with the address, and is the member
//! that an owner has added by it ([`crate::owner::member`]).

pub mod common_password;
pub mod device;
pub mod login;
pub mod mail_token;
pub mod password;
pub mod refresh_token;
pub mod secret;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    account::password::{Hashing, PasswordHash},
    ids::Ids,
    value::{
        email::Email,
        text::{choice, is_name, is_plain, text_value},
        timestamp::{DAY, HOUR, MINUTE},
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

text_value!(
    /// What an account's holder calls themselves.
    AccountName,
    "a string of 1 to 100 characters",
    |text| {
        let text = text.trim();
        is_name(text, 100).then(|| text.to_owned())
    }
);

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
    /// What its holder is called, if they told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<AccountName>,
    /// The hash of its password.
    pub password: PasswordHash,
    /// How often the password was set. A token names the version that it was made for, and is good for no other: a new
    /// password ends every login, and what was mailed before.
    pub version: u32,
    /// The folded addresses that it had before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Email>,
    /// When the address was verified, and so it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// How many former addresses are remembered.
    const MOST_FORMER: usize = 10;

    /// The account with this address, which its holder has just shown to be theirs.
    pub fn new(account_id: AccountId, address: Email, password: PasswordHash, now: Timestamp) -> Self {
        Self {
            email: address.to_folded(),
            account_id,
            address,
            name: None,
            password,
            version: 1,
            former: Vec::new(),
            created_at: now,
        }
    }

    /// The account with another password: for someone to whom a token was mailed, or who knows the old one.
    #[must_use]
    pub fn with_new_password(&self, password: PasswordHash) -> Self {
        Self {
            password,
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The account with another version of its password, which stays as it is: every login ends.
    #[must_use]
    pub fn with_no_logins(&self) -> Self {
        self.with_new_password(self.password.clone())
    }

    /// The account with another address. It keeps what was bought with those that it had.
    #[must_use]
    pub fn with_new_address(&self, address: Email) -> Self {
        let email = address.to_folded();
        let mut former = self.former.clone();
        former.retain(|known| *known != email && *known != self.email);
        former.push(self.email.clone());
        // The oldest go first: an account's item must not grow for ever.
        let excess = former.len().saturating_sub(Self::MOST_FORMER);
        former.drain(..excess);
        Self {
            email,
            address,
            former,
            ..self.with_no_logins()
        }
    }
}

choice!(
    /// Who may make an account through `/v1`.
    Registration {
        /// Who was invited.
        Invited = "invited",
        /// Anybody.
        Open = "open",
    }
);

/// Settings of accounts.
#[derive(Clone, Debug)]
pub struct AccountPolicy {
    /// How long a login lasts (`KEYSTEAD_LOGIN_DAYS`, default 14, at most 30: as long as a retired key is kept).
    pub login_life: Duration,
    /// How long a login lasts that is not used.
    pub idle_life: Duration,
    /// How long an access token of `/v1` is good (`KEYSTEAD_ACCESS_MINUTES`, default 15).
    pub access_life: Duration,
    /// How long a refresh token of `/v1` is good, and so its login without use (`KEYSTEAD_REFRESH_DAYS`, default 30).
    pub refresh_life: Duration,
    /// Who may make an account through `/v1` (`KEYSTEAD_REGISTRATION`, `invited` or `open`, default `invited`).
    pub registration: Registration,
    /// How long a device is known again that an account's holder has signed in with.
    pub device_life: Duration,
    /// How long the token is good that is mailed to verify an address.
    pub verify_life: Duration,
    /// How long the token is good that is mailed to set another password.
    ///
    /// **Invariant**: at least as long as the window in which mail to a mailbox is limited
    /// ([`crate::request::rate_limit::Allowances::MAILBOX`]). So a mailbox to which no more is sent holds a token that is good.
    pub reset_life: Duration,
    /// The vendor's page that what is mailed leads to; it gets `#verify=`, `#reset=` or `#email=` and the token
    /// (`KEYSTEAD_ACCOUNT_URL`). Without it, mail holds the token alone.
    pub page: Option<String>,
    /// The origins of the pages that may use accounts in a browser (`KEYSTEAD_PAGE_ORIGINS`), beside those of the service
    /// itself and of [`AccountPolicy::page`].
    pub origins: Vec<String>,
    /// The sender of mail (`KEYSTEAD_MAIL_FROM`). In AWS, nothing can be mailed without it.
    pub mail_from: Option<String>,
    /// How many mails a day are sent to people because somebody, who may be anybody, has asked for one (`KEYSTEAD_MAILS_A_DAY`,
    /// default 10,000).
    pub mails_a_day: u32,
    /// What a password's hash costs.
    pub hashing: Hashing,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            login_life: 14 * DAY,
            idle_life: 7 * DAY,
            access_life: 15 * MINUTE,
            refresh_life: 30 * DAY,
            registration: Registration::Invited,
            device_life: 180 * DAY,
            verify_life: DAY,
            reset_life: HOUR,
            page: None,
            origins: Vec::new(),
            mail_from: None,
            mails_a_day: 10_000,
            hashing: Hashing::default(),
        }
    }
}
