//! Machines, as their applications name them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::value::{
    base32,
    text::{harmless, is_plain, text_value, trimmed},
};

text_value!(
    /// What tells one machine from another: opaque, computed by the client.
    Fingerprint,
    "a string of 1 to 512 characters",
    |text| is_plain(text, 512).then(|| text.to_owned()),
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
);

/// What a machine is filed under on its license: a digest of its fingerprint, in the letters of license keys.
///
/// A fingerprint is what lets a machine be taken off its license, so people are shown the beginning of this one instead. It
/// tells machines apart whose fingerprints begin alike, as those of one maker do; and no fingerprint is filed as anything
/// but a machine, whatever text it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MachineId(String);

impl MachineId {
    /// How many of its characters are shown: 40 bits.
    const SHOWN: usize = 8;

    /// That of a machine.
    pub fn of(fingerprint: &Fingerprint) -> Self {
        // 160 bits.
        let digest = Sha256::digest(fingerprint.as_str());
        Self(base32::encode(&digest[..20]))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its beginning, as people are shown it.
    pub fn shown(&self) -> &str {
        &self.0[..Self::SHOWN]
    }

    /// The beginning of an id, as someone typed it who was shown it; `None` if it can't be one.
    pub fn typed(text: &str) -> Option<String> {
        let text = trimmed(text).to_ascii_uppercase();
        let shown = text.len() == Self::SHOWN && text.bytes().all(|b| base32::ALPHABET.contains(&b));
        shown.then_some(text)
    }
}

text_value!(
    /// A machine's name for people.
    Hostname,
    "a string of 1 to 255 characters",
    |text| {
        let text = harmless(text.trim());
        is_plain(&text, 255).then_some(text)
    }
);

impl Hostname {
    /// The name of a machine that told none: it is known by its fingerprint. Every client that activates tells a name.
    pub(crate) fn unknown() -> Self {
        Self("unknown".to_owned())
    }
}

text_value!(
    /// A country: ISO 3166's two capital letters, as a trusted proxy tells it.
    Country,
    "two letters",
    |text| {
        let text = text.trim();
        // XX (unknown) and T1 (the Tor network) are what CDNs send when they have no country to tell.
        let known = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) && !text.eq_ignore_ascii_case("XX");
        known.then(|| text.to_ascii_uppercase())
    },
    "^[A-Z]{2}$"
);

/// What tells one machine's coming from another's: the beginning of its fingerprint's SHA-256, which fits many times into
/// a license's item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineMark(String);

impl MachineMark {
    /// The mark of a machine.
    pub fn of(fingerprint: &Fingerprint) -> Self {
        Self(hex::encode(&Sha256::digest(fingerprint.as_str())[..4]))
    }

    /// The mark as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
