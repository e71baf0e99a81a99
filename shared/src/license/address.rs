//! Addresses: from where a license is used by `/v1`.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Timestamp,
    license::{activation::LAST_SEEN_PRECISION, key::LicenseKey, machine::Country, policy::AddressKind},
    value::text::{is_plain, text_value},
};

text_value!(
    /// An address that a license is used from, in canonical form if it is one of the internet's.
    Address,
    "a string of 1 to 256 characters",
    |text| {
        let text = text.trim();
        let canonical = text.parse::<IpAddr>().map(|ip| ip.to_canonical().to_string());
        is_plain(text, 256).then(|| canonical.unwrap_or_else(|_| text.to_owned()))
    }
);

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self(ip.to_canonical().to_string())
    }
}

impl Address {
    /// Its SHA-256 in hex, which is stored in its place.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.as_str()))
    }
}

/// An address, or a country, that a license is bound to, as stored: one item for each that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressBinding {
    /// The license that is used from there.
    pub license_key: LicenseKey,
    /// [`Address::hash`]; of a country, that of the address that was last seen there.
    pub value_hash: String,
    /// The country, if anybody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Country>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen, to the precision of [`LAST_SEEN_PRECISION`].
    pub last_seen: Timestamp,
}

/// What a binding is filed under on its license: `ip#` and a hash, or `ip#region#` and a country.
pub(crate) fn address_item(kind: AddressKind, address: &Address, region: Option<&Country>) -> String {
    match kind {
        AddressKind::Ip => format!("{ADDRESSES}{}", address.hash()),
        // ISO 3166 leaves ZZ to its users.
        AddressKind::Region => format!("{REGIONS}{}", region.map_or("ZZ", Country::as_str)),
    }
}

/// With what the sort keys of addresses begin.
pub(crate) const ADDRESSES: &str = "ip#";

/// With what those of countries begin, which are among them.
pub(crate) const REGIONS: &str = "ip#region#";

/// Of which kind an item is that is filed under an address.
pub(crate) fn kind_of(item: &str) -> AddressKind {
    if item.starts_with(REGIONS) {
        AddressKind::Region
    } else {
        AddressKind::Ip
    }
}

impl AddressBinding {
    /// Whether that it is seen at `now` is worth a write.
    pub fn refresh_is_due(&self, now: Timestamp) -> bool {
        now.since(self.last_seen) >= LAST_SEEN_PRECISION
    }
}

/// How long ago an address was last seen that counts no more.
pub(crate) fn window(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}
