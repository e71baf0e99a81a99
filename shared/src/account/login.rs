//! Logins: server-side sessions of accounts. A session token is good while its login exists.

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    ids::Ids,
    value::{
        email::Email,
        text::{is_plain, text_value},
    },
};

text_value!(
    /// Identifies a login among those of its account: a UUID v4.
    LoginId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl LoginId {
    /// A new one.
    pub fn new(ids: &Ids) -> Result<Self> {
        Ok(Self(ids.uuid_v4()?.to_string()))
    }
}

/// A server-side session, as stored: its token is good while this item exists.
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
