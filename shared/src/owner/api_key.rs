//! API keys: credentials of one owner's scripts.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Result, Timestamp,
    ids::Ids,
    owner::OwnerId,
    sale::stripe::EndpointSecret,
    signing::sealing::Seal,
    value::{
        name::Name,
        text::{choice, is_plain},
    },
};

choice!(
    /// What a key opens.
    KeyPurpose {
        /// The admin API.
        Api = "api",
        /// The webhook at which a store of the owner's tells of purchases, and nothing else.
        Store = "store",
        /// The webhook at which a Stripe account of the owner's does. The key is part of its address, and opens nothing by
        /// itself: what Stripe sends there is signed.
        Stripe = "stripe",
        /// The API under `/v1`, for one product ([`crate::owner::product_key`]), and nothing else.
        Product = "product",
    }
);

impl KeyPurpose {
    /// With what its keys begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Api => "cgls_",
            Self::Store => "cgws_",
            Self::Stripe => "cgst_",
            Self::Product => "gg_",
        }
    }

    /// Whether it is what most keys are for, which goes without saying.
    pub fn is_usual(&self) -> bool {
        *self == Self::Api
    }

    fn usual() -> Self {
        Self::Api
    }
}

/// How many characters of base64url the 32 random bytes of a product's key are.
const PRODUCT_KEY: usize = 43;

/// An API key as its holder has it: a prefix that tells its purpose, such as `cgls_`, and 64 hex digits or, of a product's,
/// 43 characters of base64url. Shown once, never stored, never logged.
#[derive(Clone)]
pub struct RawApiKey(String);

impl RawApiKey {
    /// The key in `text`. Any text is looked up; only ours are found.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        is_plain(text, 256).then(|| Self(text.to_owned()))
    }

    /// A new one for the admin API: 256 random bits.
    pub fn new(ids: &Ids) -> Result<Self> {
        Self::new_for(KeyPurpose::Api, ids)
    }

    /// A new one for this purpose.
    pub fn new_for(purpose: KeyPurpose, ids: &Ids) -> Result<Self> {
        let bytes = ids.bytes::<32>()?;
        let random = match purpose {
            KeyPurpose::Api | KeyPurpose::Store | KeyPurpose::Stripe => hex::encode(bytes),
            KeyPurpose::Product => BASE64_URL_SAFE_NO_PAD.encode(bytes),
        };
        Ok(Self(format!("{}{random}", purpose.prefix())))
    }

    /// Whether it may be one for this purpose: no other is looked up.
    pub fn may_be_for(&self, purpose: KeyPurpose) -> bool {
        let Some(random) = self.0.strip_prefix(purpose.prefix()) else {
            return false;
        };
        match purpose {
            // Keys of the other kinds may have been made elsewhere.
            KeyPurpose::Api | KeyPurpose::Store | KeyPurpose::Stripe => true,
            KeyPurpose::Product => {
                random.len() == PRODUCT_KEY
                    && random
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            }
        }
    }

    /// The key in clear, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its hash, which is stored in its place.
    pub fn hash(&self) -> KeyHash {
        KeyHash(hex::encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl std::fmt::Debug for RawApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawApiKey(..)")
    }
}

/// The SHA-256 of an API key in hex, under which it is stored.
///
/// A plain hash is enough for a key of 256 random bits, and looking up a hash in a table tells an attacker who measures
/// time nothing about the keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash in `text`: 64 hexadecimal digits, in either letter case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(Self(text))
    }

    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyHash {
    /// `secret`, for the key with this hash alone.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when there are no random numbers.
    pub fn seal(&self, secret: &EndpointSecret, seal: &Seal) -> Result<String> {
        seal.seal(&self.0, secret.reveal().as_bytes())
    }
}

impl ApiKey {
    /// With what Stripe signs what it sends to this address. `None` when there is nothing, or another seal was used.
    pub fn endpoint_secret(&self, seal: &Seal) -> Option<EndpointSecret> {
        let opened = seal.open(self.key_hash.as_str(), self.sealed_secret.as_deref()?)?;
        EndpointSecret::parse(std::str::from_utf8(&opened).ok()?)
    }

    /// What tells it from others where the whole hash would be long: its beginning, which lets nobody in.
    pub fn short_id(&self) -> &str {
        let hash = self.key_hash.as_str();
        hash.get(..12).unwrap_or(hash)
    }
}

/// An API key, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The hash of the key.
    pub key_hash: KeyHash,
    /// Whose scripts it lets in; never changes.
    pub owner_id: OwnerId,
    /// What it opens.
    #[serde(default = "KeyPurpose::usual", skip_serializing_if = "KeyPurpose::is_usual")]
    pub purpose: KeyPurpose,
    /// Its name for people.
    pub name: Name,
    /// With what Stripe signs what it sends to this address, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_secret: Option<String>,
    /// Whether it still lets anyone in.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_for_what_it_was_made_for_and_nothing_else() {
        let ids = Ids::random();
        for purpose in KeyPurpose::ALL {
            let key = RawApiKey::new_for(*purpose, &ids).expect("a key");
            for other in KeyPurpose::ALL {
                assert_eq!(key.may_be_for(*other), other == purpose, "{purpose} {other}");
            }
        }
        let random = "A".repeat(43);
        for (text, may_be) in [
            (format!("gg_{random}"), true),
            (format!("gg_{}-_", &random[..41]), true),
            (format!("gg_{random}A"), false),
            (format!("gg_{}", &random[..42]), false),
            (format!("gg_{}+", &random[..42]), false),
            (format!("GG_{random}"), false),
            (random, false),
        ] {
            let key = RawApiKey::parse(&text).expect("a text");
            assert_eq!(key.may_be_for(KeyPurpose::Product), may_be, "{text}");
        }
    }
}
