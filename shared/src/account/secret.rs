//! Opaque secrets that are handed out: 256 random bits, of which the hash alone is stored.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Result, ids::Ids, value::json_schema::schema};

/// A secret as its holder has it: 256 random bits in the alphabet of URLs. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// How many characters it has.
    pub const LENGTH: usize = 43;

    /// The secret in `text`. Anything of the right form is looked up; only ours are found.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == Self::LENGTH && text.bytes().all(sound)).then(|| Self(text.to_owned()))
    }

    /// A new one.
    pub fn new(ids: &Ids) -> Result<Self> {
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(ids.bytes::<32>()?)))
    }

    /// The secret in clear, for the one mail or answer that hands it out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its hash, which is stored in its place.
    pub fn hash(&self) -> SecretHash {
        SecretHash(hex::encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a token of 43 characters")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Secret, E> {
                Secret::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Other("text"), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

schema!(Secret, {
    "type": "string",
    "description": "An opaque token: 256 random bits.",
    "pattern": r"^[\t-\r ]*[0-9A-Za-z_-]{43}[\t-\r ]*$",
});

/// The SHA-256 of a [`Secret`] in hex, under which what it opens is stored.
///
/// A plain hash is enough for 256 random bits, and looking up a hash in a table tells an attacker who measures time
/// nothing about the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
