//! Doors that only development has: what opens them.

use keystead_core::{Result, ids::Ids, signing::secrets::SecretHash};

/// The key of a door. It is made at each start, and printed with the door's address.
///
/// A key, and not the client's address: what comes from this machine may come through a proxy, or from a page in a
/// browser.
pub struct DoorKey {
    key: String,
    hash: SecretHash,
}

impl DoorKey {
    /// A new key: 128 random bits.
    pub fn new(ids: &Ids) -> Result<Self> {
        let key = hex::encode(ids.bytes::<16>()?);
        Ok(Self {
            hash: SecretHash::of(&key),
            key,
        })
    }

    /// The key in clear, for the address that the start prints.
    pub fn reveal(&self) -> &str {
        &self.key
    }

    /// Whether a query such as `key=...` holds the key.
    pub(crate) fn opens_for(&self, query: Option<&str>) -> bool {
        let mut pairs = query.unwrap_or_default().split('&');
        pairs
            .find_map(|pair| pair.strip_prefix("key="))
            .is_some_and(|key| self.is(key))
    }

    /// Whether this is the key. Compares in constant time.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.hash.matches(key)
    }
}
