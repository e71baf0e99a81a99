//! Exchanges of license keys: what is left of a key that a license had, and the way to the one that it has.

use serde::{Deserialize, Serialize};

use crate::{
    event::EventId,
    license::key::{KeyMark, LicenseId, LicenseKey},
};

/// A key that was exchanged for another, as stored. Which one the license has now, [`CurrentKey`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerKey {
    /// What is left of it.
    pub key_mark: KeyMark,
    /// The license.
    pub license_id: LicenseId,
    /// The event that tells of the exchange.
    pub event_id: EventId,
}

/// The key of a license whose key was ever exchanged, as stored: one item a license, however often that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentKey {
    /// [`KeyMark::of_license`].
    pub key_mark: KeyMark,
    /// The key.
    pub license_key: LicenseKey,
}
