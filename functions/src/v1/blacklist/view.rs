//! Blacklist entries, as requests name them and replies show them.

use keystead_core::{
    Error, Result, Timestamp,
    product::{
        ProductId,
        blacklist::{BlacklistEntry, BlacklistType, BlacklistValue},
    },
    value::reference::Reference,
};
use serde::{Deserialize, Serialize};

/// A machine or an address, as a request names it.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "NewBlacklistEntry")
)]
pub(super) struct Given {
    r#type: BlacklistType,
    value: String,
    /// Why, which is what the person in front of the machine is told.
    reason: Option<Reference>,
}

/// The machine or address that `text` is, in the `field` of a request.
///
/// # Errors
/// That it can't be one of this type.
pub(super) fn parse(r#type: BlacklistType, text: &str, field: &str) -> Result<BlacklistValue> {
    let expected = match r#type {
        BlacklistType::Hwid => "a machine: 1 to 512 characters",
        BlacklistType::Ip => "an address: 1 to 256 characters",
    };
    BlacklistValue::parse(r#type, text).ok_or_else(|| Error::field(field, expected))
}

impl Given {
    /// What is to be put on the blacklist. `place` is where among the entries of a request it is.
    ///
    /// # Errors
    /// As for [`parse`].
    pub(super) fn parse(&self, place: usize) -> Result<(BlacklistValue, Option<Reference>)> {
        let value = parse(self.r#type, &self.value, &format!("entries.{place}.value"))?;
        Ok((value, self.reason.clone()))
    }
}

/// A blacklist entry.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "BlacklistEntry")
)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryView {
    id: String,
    product_id: ProductId,
    r#type: BlacklistType,
    value: String,
    /// The SHA-256 of the value, in hex.
    value_hash: String,
    reason: Option<Reference>,
    created_at: Timestamp,
}

impl From<BlacklistEntry> for EntryView {
    fn from(entry: BlacklistEntry) -> Self {
        Self {
            id: entry.id().shown(),
            product_id: entry.product_id,
            r#type: entry.r#type,
            value: entry.value,
            value_hash: entry.value_hash,
            reason: entry.reason,
            created_at: entry.created_at,
        }
    }
}
