//! Bindings: the one machine that the license-keys API lets a license run on, and the keys that this API deals in.
//!
//! A binding is a lock on the license and not one of its seats: ADR 20 says why.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Error, Result, Timestamp,
    activation::Fingerprint,
    api_key::hex,
    email::Email,
    event::EventId,
    license::{License, LicenseId, LicenseKey, SeatLimit},
    text::{choice, is_plain, text_value},
};

choice!(
    /// How new license keys read.
    KeyFormat {
        /// A UUID v4 in lower case.
        Uuid = "uuid",
        /// A prefix and four groups of four, which people can read out: `GLD-ABCD-EF23-GH45-JK67`.
        Grouped = "grouped",
    }
);

text_value!(
    /// What a product's grouped keys begin with.
    KeyPrefix,
    "1 to 10 letters and digits",
    |text| {
        let text = text.trim().to_ascii_uppercase();
        let plain = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(text)
    },
    r"^[\t-\r ]*[A-Za-z0-9]+[\t-\r ]*$"
);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("GLD".to_owned())
    }
}

/// The characters of a grouped key that we make: none that is taken for another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl LicenseKey {
    /// A grouped key of these bits.
    pub(crate) fn from_bits(prefix: &KeyPrefix, bits: [u8; 10]) -> Self {
        let mut key = prefix.as_str().to_owned();
        let bits = bits.iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        for place in 0..16 {
            if place % 4 == 0 {
                key.push('-');
            }
            let letter = (bits >> (75 - 5 * place)) % 32;
            key.push(char::from(ALPHABET[usize::try_from(letter).unwrap_or_default()]));
        }
        Self::grouped(key)
    }

    /// The key that someone typed: a grouped one in whatever case, a UUID likewise; any other exactly as it is.
    pub fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        if is_grouped(text) {
            return Self::parse(&text.to_ascii_uppercase());
        }
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Some(Self::from_uuid(uuid)),
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
        Self(hex(&Sha256::digest(key.as_str().as_bytes())[..16]))
    }

    /// Under what the key is found that a license has now. No mark of a key has a `#`.
    pub(crate) fn of_license(id: &LicenseId) -> Self {
        Self(format!("license#{id}"))
    }
}

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

/// How many former keys a license remembers.
const FORMER_KEYS: usize = 24;

text_value!(
    /// Where a product's picture is.
    Image,
    "an http or https URL of up to 2048 characters",
    |text| {
        let text = text.trim();
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"))?;
        let sound = is_plain(text, 2048) && !host.is_empty() && !text.contains(char::is_whitespace);
        sound.then(|| text.to_owned())
    },
    r"^[\t-\r ]*https?://[^\s\x00-\x1f\x7f-\x9f]+[\t-\r ]*$"
);

/// What a product says of its licenses' keys; what is `None` is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyRules {
    /// Whether who bought a license may have its key exchanged for a new one. Usually they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_buyer_shuffle: Option<bool>,
    /// Whether they may take its binding back. Usually they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_buyer_reset: Option<bool>,
    /// What grouped keys begin with. A product that has one of its own makes grouped keys unless it is asked for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<KeyPrefix>,
    /// How often a license may be bound to a machine until its key is exchanged. Usually without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_activations: Option<SeatLimit>,
}

impl KeyRules {
    /// How new keys read, when nobody says.
    pub fn format(&self) -> KeyFormat {
        if self.key_prefix.is_some() {
            KeyFormat::Grouped
        } else {
            KeyFormat::Uuid
        }
    }
}

/// What a license may do for who shows its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is good.
    Good,
    /// It is good once it is bound to the machine that asks: the license as it then is.
    Binds(Box<License>),
    /// It is not good.
    Bad(Unfit),
}

/// Why a license is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It was blocked: revoked, or suspended and its grace is over.
    Blocked,
    /// Its `expiresAt` has passed.
    Expired,
    /// The subscription that it is linked to has ended.
    MembershipEnded,
    /// It is bound to another machine.
    OtherMachine,
    /// It was bound as often as it may be.
    BindingsUsedUp,
}

impl License {
    /// Whether the license is good at `now` on the machine that asks, if it says which it is. In the contract's order of
    /// precedence: blocked, expired, membership, machine.
    pub fn check(&self, hwid: Option<&Fingerprint>, rules: &KeyRules, now: Timestamp) -> Checked {
        if self.is_blocked(now) {
            return Checked::Bad(Unfit::Blocked);
        }
        if self.has_expired(now) {
            return Checked::Bad(Unfit::Expired);
        }
        if self.membership.is_some_and(|membership| !membership.is_active(now)) {
            return Checked::Bad(Unfit::MembershipEnded);
        }
        match (hwid, &self.hwid) {
            (None, _) => Checked::Good,
            (Some(asks), Some(bound)) if asks == bound => Checked::Good,
            (Some(_), Some(_)) => Checked::Bad(Unfit::OtherMachine),
            (Some(_), None) if rules.max_activations.is_some_and(|limit| !limit.admits(self.bindings)) => {
                Checked::Bad(Unfit::BindingsUsedUp)
            }
            (Some(asks), None) => Checked::Binds(Box::new(Self {
                hwid: Some(asks.clone()),
                bindings: self.bindings.saturating_add(1),
                ..self.clone()
            })),
        }
    }

    /// That the license is good, but for its membership and machine: only of such a one may a buyer change anything.
    ///
    /// # Errors
    /// [`Error::LicenseNotActive`].
    pub fn active(&self, now: Timestamp) -> Result<()> {
        if self.is_blocked(now) || self.has_expired(now) {
            return Err(Error::LicenseNotActive);
        }
        Ok(())
    }

    /// That the license was bought by who has this address.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn bought_by(&self, email: &Email) -> Result<()> {
        if self.email.folded() == email.folded() {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }

    /// The license that the next machine can be bound to. Counted even if it was bound to none, as the contract has it.
    #[must_use]
    pub fn unbind(&self) -> Self {
        Self {
            hwid: None,
            binding_resets: self.binding_resets.saturating_add(1),
            ..self.clone()
        }
    }

    /// The license under a new key, with no machine on it.
    #[must_use]
    pub fn reissue(&self, key: LicenseKey) -> Self {
        let mut former_keys = self.former_keys.clone();
        former_keys.push(KeyMark::of(&self.license_key));
        former_keys.drain(..former_keys.len().saturating_sub(FORMER_KEYS));
        Self {
            license_key: key,
            hwid: None,
            bindings: 0,
            binding_resets: 0,
            machines_used: 0,
            sessions_open: 0,
            former_keys,
            revision: self.revision + 1,
            ..self.clone()
        }
    }
}
