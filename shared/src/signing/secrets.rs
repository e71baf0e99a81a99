//! The secrets of a deployment: four documents, each read by those who need it and by nobody else (ADR 38).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{
    Timestamp,
    sale::stripe::SigningSecret,
    signing::{
        keys::{KeyError, StoredKey},
        sealing::SealingRoot,
    },
    value::text::choice,
};

choice!(
    /// A secret of a deployment: a file in the data folder, a secret in Secrets Manager.
    SecretName {
        /// [`RootKey`].
        Root = "root",
        /// [`SigningKeys`].
        Signing = "signing",
        /// [`Credentials`].
        Credentials = "credentials",
        /// [`AccountKeys`].
        Accounts = "accounts",
    }
);

/// Every secret of a deployment, for those who make them. What answers requests never has the root key.
#[derive(Clone)]
pub struct Secrets {
    /// What certifies signing keys.
    pub root: RootKey,
    /// What signs tokens and answers.
    pub signing: SigningKeys,
    /// What callers show.
    pub credentials: Credentials,
    /// What signs the tokens of accounts.
    pub accounts: AccountKeys,
}

/// The root key. Needed only to certify a signing key: no function that answers requests may read it, and on a machine of
/// one's own it may be kept elsewhere until then.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootKey {
    /// Its private half: RSA, PKCS #8 in base64.
    pub root_key: String,
    /// Its public half in PEM: what applications ship with.
    pub root_public_key: String,
    /// Fields of a newer version. They are written back as they were read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// The keys that sign tokens and answers.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    /// The root's public key in PEM.
    pub root_public_key: String,
    /// The signing keys: current, previous and revoked ones.
    pub signing_keys: Vec<StoredKey>,
    /// Fields of a newer version. They are written back as they were read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl SigningKeys {
    /// The key that signs: the newest that is in use.
    pub fn current(&self) -> Option<&StoredKey> {
        let in_use = self.signing_keys.iter().filter(|key| key.is_in_use());
        in_use.max_by_key(|key| key.created_at)
    }
}

/// The credentials that callers show.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The credential of the super admin.
    pub admin_secret: String,
    /// The credential of a store that delivers purchases.
    pub webhook_secret: String,
    /// The key with which Stripe signs its webhooks: `whsec_...`. Without it, Stripe's webhooks are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_webhook_secret: Option<String>,
    /// Credentials that were replaced and are good for a while yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<PreviousCredential>,
    /// From which the keys derive that seal what clients keep for us: 32 bytes in base64.
    pub sealing_key: String,
    /// Fields of a newer version. They are written back as they were read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

choice!(
    /// A credential that can be replaced while the old one is good for a while.
    CredentialName {
        /// The super admin's.
        Admin = "admin",
        /// The store's.
        Webhook = "webhook",
    }
);

/// A credential that was replaced.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousCredential {
    /// Which.
    pub name: CredentialName,
    /// Its SHA-256 in hex: nobody has to see it again.
    pub sha256: String,
    /// From when on it is good for nothing.
    pub good_until: Timestamp,
}

impl Credentials {
    /// Puts `new` in the place of a credential. The old one is good until `good_until`; one that was replaced before keeps its
    /// own end.
    pub fn rotate(&mut self, name: CredentialName, new: String, now: Timestamp, good_until: Option<Timestamp>) {
        let current = match name {
            CredentialName::Admin => &mut self.admin_secret,
            CredentialName::Webhook => &mut self.webhook_secret,
        };
        let old = std::mem::replace(current, new);
        match good_until {
            Some(good_until) => self.previous.push(PreviousCredential {
                name,
                sha256: hex::encode(Sha256::digest(old.as_bytes())),
                good_until,
            }),
            // Whoever drops the old one at once drops those before it as well.
            None => self.previous.retain(|previous| previous.name != name),
        }
        self.previous.retain(|previous| now < previous.good_until);
    }
}

/// The keys that sign the tokens of accounts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountKeys {
    /// The keys, the current one last.
    pub account_keys: Vec<StoredAccountKey>,
    /// From which the keys derive that seal what clients keep for us: 32 bytes in base64.
    pub sealing_key: String,
    /// Fields of a newer version. They are written back as they were read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A key that signs the tokens of accounts. It is symmetric: nobody but the service verifies them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAccountKey {
    /// Its id.
    pub kid: String,
    /// The key: 32 bytes in base64.
    pub secret: String,
    /// From when on its tokens are good for nothing; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_until: Option<Timestamp>,
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
        self.equals(&Self::of(shown)).into()
    }

    fn equals(&self, shown: &Self) -> Choice {
        self.0.ct_eq(&shown.0)
    }
}

/// A credential, and those that it replaced a while ago.
pub struct AcceptedCredential {
    current: SecretHash,
    previous: Vec<(SecretHash, Timestamp)>,
}

impl AcceptedCredential {
    fn new(name: CredentialName, current: &str, previous: &[PreviousCredential]) -> Result<Self, KeyError> {
        let of_this = previous.iter().filter(|previous| previous.name == name);
        let previous = of_this.map(|previous| {
            let bytes = hex::decode(&previous.sha256).map_err(|_| KeyError::Malformed)?;
            let hash = bytes.try_into().map_err(|_| KeyError::Malformed)?;
            Ok((SecretHash(hash), previous.good_until))
        });
        Ok(Self {
            current: SecretHash::of(current),
            previous: previous.collect::<Result<_, _>>()?,
        })
    }

    /// Whether `shown` is good now. Takes the same time whatever it is.
    pub fn matches(&self, shown: &str, now: Timestamp) -> bool {
        let shown = SecretHash::of(shown);
        let good = self.previous.iter().filter(|(_, good_until)| now < *good_until);
        let current = self.current.equals(&shown);
        good.fold(current, |found, (hash, _)| found | hash.equals(&shown))
            .into()
    }
}

/// The [`Credentials`] as a process keeps them: what callers show, as hashes.
pub struct CredentialHashes {
    /// The super admin's.
    pub admin_secret: AcceptedCredential,
    /// The stores'.
    pub webhook_secret: AcceptedCredential,
    /// With what Stripe signs, should it send anything here.
    pub stripe_secret: Option<SigningSecret>,
    /// What seals.
    pub sealing: SealingRoot,
}

impl CredentialHashes {
    /// The hashes of `credentials`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn new(credentials: &Credentials) -> Result<Self, KeyError> {
        let previous = &credentials.previous;
        Ok(Self {
            admin_secret: AcceptedCredential::new(CredentialName::Admin, &credentials.admin_secret, previous)?,
            webhook_secret: AcceptedCredential::new(CredentialName::Webhook, &credentials.webhook_secret, previous)?,
            stripe_secret: credentials.stripe_webhook_secret.as_deref().map(SigningSecret::new),
            sealing: SealingRoot::new(&credentials.sealing_key)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;

    fn credentials() -> Credentials {
        Credentials {
            admin_secret: "first".to_owned(),
            webhook_secret: "store".to_owned(),
            stripe_webhook_secret: None,
            previous: Vec::new(),
            sealing_key: BASE64_STANDARD.encode([7; 32]),
            others: Map::new(),
        }
    }

    fn accepted(credentials: &Credentials, now: i64) -> Vec<&'static str> {
        let hashes = CredentialHashes::new(credentials).expect("hashes");
        let now = Timestamp::from_millis(now);
        let all = ["first", "second", "third", "store"];
        all.into_iter()
            .filter(|text| hashes.admin_secret.matches(text, now))
            .collect()
    }

    #[test]
    fn a_credential_that_was_replaced_is_good_until_its_end_and_not_longer() {
        let mut kept = credentials();
        let at = Timestamp::from_millis;
        kept.rotate(CredentialName::Admin, "second".to_owned(), at(0), Some(at(1000)));
        assert_eq!(accepted(&kept, 999), ["first", "second"]);
        assert_eq!(accepted(&kept, 1000), ["second"]);
        kept.rotate(CredentialName::Admin, "third".to_owned(), at(500), Some(at(1500)));
        assert_eq!(accepted(&kept, 999), ["first", "second", "third"]);
        assert_eq!(accepted(&kept, 1000), ["second", "third"]);
        let text = serde_json::to_string(&kept).expect("JSON");
        assert!(!text.contains("second"), "{text}: nobody has to see it again");
    }

    #[test]
    fn a_credential_that_is_dropped_at_once_takes_those_before_it_along() {
        let mut kept = credentials();
        let at = Timestamp::from_millis;
        kept.rotate(CredentialName::Admin, "second".to_owned(), at(0), Some(at(1000)));
        kept.rotate(CredentialName::Webhook, "another".to_owned(), at(0), Some(at(1000)));
        kept.rotate(CredentialName::Admin, "third".to_owned(), at(1), None);
        assert_eq!(accepted(&kept, 2), ["third"]);
        let hashes = CredentialHashes::new(&kept).expect("hashes");
        assert!(hashes.webhook_secret.matches("store", at(2)), "others stay");
    }
}
