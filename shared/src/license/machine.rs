//! Machines, as their applications name them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::value::text::{is_plain, text_value};

text_value!(
    /// What tells one machine from another: opaque, computed by the client.
    Fingerprint,
    "a string of 1 to 512 characters",
    |text| is_plain(text, 512).then(|| text.to_owned()),
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
);

impl Fingerprint {
    /// How many of its characters tell a machine from others of its license, to people. A whole fingerprint is what lets
    /// a machine be taken off its license, so it is shown to nobody who need not know it.
    const SHOWN: usize = 8;

    /// Its beginning, as machines are shown to people.
    pub fn shown(&self) -> &str {
        let end = self
            .0
            .char_indices()
            .nth(Self::SHOWN)
            .map_or(self.0.len(), |(end, _)| end);
        &self.0[..end]
    }

    /// Whether it may be the beginning of another, as that one is shown.
    pub fn may_be_shown(&self) -> bool {
        self.0.chars().count() == Self::SHOWN
    }
}

text_value!(
    /// A machine's name for people.
    Hostname,
    "a string of 1 to 255 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 255).then(|| text.to_owned())
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
