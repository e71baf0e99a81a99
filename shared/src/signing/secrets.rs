//! The secrets of a deployment: one JSON document, in a file of mode 0600 or in one Secrets Manager secret.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::signing::keys::StoredKey;

/// Every secret of a deployment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// The credential of the super admin.
    pub admin_secret: String,
    /// The credential of a store that delivers purchases.
    pub webhook_secret: String,
    /// The key with which Stripe signs its webhooks: `whsec_...`. Without it, Stripe's webhooks are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_webhook_secret: Option<String>,
    /// The root's private key: RSA, PKCS #8 in base64. Needed only to certify a new signing key.
    pub root_key: String,
    /// The root's public key in PEM: what applications ship with.
    pub root_public_key: String,
    /// The signing keys, current and previous.
    pub signing_keys: Vec<StoredKey>,
    /// What a newer version keeps here. It is written back as it was read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// The SHA-256 of a secret that clients show: only the hash is kept in memory.
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

/// Shows nothing of it.
impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash")
    }
}

impl SecretHash {
    /// The hash of `secret`.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether `shown` is the secret. Takes the same time whatever it is: both sides are hashes.
    pub fn matches(&self, shown: &str) -> bool {
        self.0.ct_eq(&Self::of(shown).0).into()
    }
}
