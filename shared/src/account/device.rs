//! Devices: where an account's holder has signed in before. What strangers try does not count against one.

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    account::secret::{Secret, SecretHash},
    ids::Ids,
    value::email::Email,
};

/// What a device shows to be known again: random, and good for nothing but a count of its own.
pub type DeviceToken = Secret;

/// A device that an account's holder has signed in with, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The account's folded address.
    pub email: Email,
    /// The hash of its token.
    pub device: SecretHash,
    /// When it is forgotten, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

impl Device {
    /// A new one, and its token.
    pub fn new(ids: &Ids, email: &Email, expiry: Timestamp) -> Result<(DeviceToken, Self)> {
        let token = Secret::new(ids)?;
        let device = Self {
            email: email.to_folded(),
            device: token.hash(),
            expires_at: expiry.seconds(),
        };
        Ok((token, device))
    }
}
