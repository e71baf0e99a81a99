//! Mailed tokens: they show that somebody reads a mailbox.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    account::{
        Account, AccountId, AccountName,
        secret::{Secret, SecretHash},
    },
    audit::Origin,
    event::UserAgent,
    request::id::RequestId,
    value::{email::Email, text::choice},
};

choice!(
    /// What a mailed token is for.
    MailPurpose {
        /// To set the password of the account with the address, or of a new one.
        Password = "password",
        /// To make the address that of an account that has another.
        Address = "address",
    }
);

/// Who asked for a mail, from where and when: of whom the log of the account tells once the mail leads to something. What
/// leads to nothing is in no log, so that strangers who ask for mail fill none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// The address they called from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// What they called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

impl Asked {
    /// That a caller asks now.
    pub fn by(origin: &Origin, now: Timestamp) -> Self {
        Self {
            at: now,
            ip: origin.address.ip(),
            user_agent: origin.user_agent.clone(),
            request_id: origin.request_id.clone(),
        }
    }
}

/// What somebody says who asks for an account, and what it is to have once the mailbox has spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccount {
    /// What its holder is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<AccountName>,
    /// The hash of the token of an invite to the address, which is accepted when the account is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<SecretHash>,
}

impl NewAccount {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A mailed token, as stored: under its hash.
///
/// **Invariant**: it is good for one version of an account's password, and using it makes another. So it is used once, and
/// whatever was mailed before a password was set is dead with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailToken {
    /// The hash of the token.
    pub token_hash: SecretHash,
    /// What it is for.
    pub purpose: MailPurpose,
    /// The folded address of the account.
    pub email: Email,
    /// The address as it was typed, to which it was mailed.
    pub address: Email,
    /// Which account, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// Which version of its password: 0 where there was no account.
    pub version: u32,
    /// What the account is to have that it makes.
    #[serde(default, skip_serializing_if = "NewAccount::is_empty")]
    pub new: NewAccount,
    /// Who asked for it.
    pub asked: Asked,
    /// When it is no longer good, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

impl MailToken {
    /// One that sets the password of `account`, or makes one with `address` where there is none.
    pub fn for_password(
        secret: &Secret,
        address: &Email,
        account: Option<&Account>,
        asked: Asked,
        expiry: Timestamp,
    ) -> Self {
        Self {
            token_hash: secret.hash(),
            purpose: MailPurpose::Password,
            email: address.to_folded(),
            address: account.map_or(address, |account| &account.address).clone(),
            account_id: account.map(|account| account.account_id.clone()),
            version: account.map_or(0, |account| account.version),
            new: NewAccount::default(),
            asked,
            expires_at: expiry.seconds(),
        }
    }

    /// The token, should the account that it makes have this.
    #[must_use]
    pub fn making(self, new: NewAccount) -> Self {
        Self { new, ..self }
    }

    /// One that makes `address` that of `account`.
    pub fn for_address(secret: &Secret, address: &Email, account: &Account, asked: Asked, expiry: Timestamp) -> Self {
        Self {
            purpose: MailPurpose::Address,
            email: account.email.clone(),
            address: address.clone(),
            ..Self::for_password(secret, address, Some(account), asked, expiry)
        }
    }

    /// Whether it is still good for this.
    pub fn serves(&self, purpose: MailPurpose, now: Timestamp) -> bool {
        self.purpose == purpose && now.seconds() < self.expires_at
    }

    /// Whether this is the account that it was mailed for, with the password that it had then.
    pub fn is_for(&self, account: &Account) -> bool {
        self.account_id.as_ref() == Some(&account.account_id) && self.version == account.version
    }

    /// Whether this is the account that it has made, or set the password of.
    pub fn was_used_for(&self, account: &Account) -> bool {
        let same = self.account_id.as_ref().is_none_or(|id| *id == account.account_id);
        same && account.version == self.version.saturating_add(1)
    }
}
