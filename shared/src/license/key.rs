//! License keys: the credential of the client API, and what is left of one that was exchanged.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Result, Timestamp,
    ids::Ids,
    product::key_rules::{KeyFormat, KeyPrefix},
    value::text::{is_plain, text_value},
};

text_value!(
    /// A license key: opaque, matched exactly, and the credential of the client API. Ours are UUIDs in lower case; an
    /// imported one may be any text.
    LicenseKey,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

text_value!(
    /// The id that a license keeps when its key is re-issued.
    LicenseId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl LicenseKey {
    /// A new key in this format.
    pub fn new(ids: &Ids, format: KeyFormat, prefix: &KeyPrefix) -> Result<Self> {
        Ok(match format {
            KeyFormat::Uuid => Self(ids.uuid_v4()?.to_string()),
            // 80 random bits.
            KeyFormat::Grouped => Self::from_bits(prefix, ids.bytes()?),
        })
    }
}

impl LicenseId {
    /// A new one: a UUID v7, so that ids sort by when they were made.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}

/// The characters of a grouped key that we make: none that is taken for another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl LicenseKey {
    /// A grouped key of these bits.
    fn from_bits(prefix: &KeyPrefix, bits: [u8; 10]) -> Self {
        let mut key = prefix.as_str().to_owned();
        let bits = bits.iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        for place in 0..16 {
            if place % 4 == 0 {
                key.push('-');
            }
            let letter = (bits >> (75 - 5 * place)) % 32;
            key.push(char::from(ALPHABET[usize::try_from(letter).unwrap_or_default()]));
        }
        Self(key)
    }

    /// The key that someone typed: a grouped one in whatever case, a UUID likewise; any other exactly as it is.
    pub fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        if is_grouped(text) {
            return Self::parse(&text.to_ascii_uppercase());
        }
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Some(Self(uuid.to_string())),
            Ok(_) | Err(_) => Self::parse(text),
        }
    }
}

/// Whether `text` is a prefix and four groups of four, whatever its case.
fn is_grouped(text: &str) -> bool {
    let mut parts = text.split('-');
    let prefixed = parts.next().is_some_and(|prefix| KeyPrefix::parse(prefix).is_some());
    let groups: Vec<&str> = parts.collect();
    let is_group = |group: &&str| group.len() == 4 && group.bytes().all(|b| b.is_ascii_alphanumeric());
    prefixed && groups.len() == 4 && groups.iter().all(is_group)
}

text_value!(
    /// What is left of a license key once the license has another: enough to find what was noted under it, and nothing
    /// that lets anyone in.
    KeyMark,
    "a string of 1 to 64 characters",
    |text| is_plain(text, 64).then(|| text.to_owned())
);

impl KeyMark {
    /// The mark of a key.
    pub fn of(key: &LicenseKey) -> Self {
        Self(hex::encode(&Sha256::digest(key.as_str().as_bytes())[..16]))
    }

    /// Under what the key is found that a license has now. No mark of a key has a `#`.
    pub(crate) fn of_license(id: &LicenseId) -> Self {
        Self(format!("license#{id}"))
    }
}
