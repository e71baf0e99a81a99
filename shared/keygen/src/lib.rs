//! New secrets: the root key, signing keys, and the credentials of a deployment.
//!
//! Keys are generated with AWS-LC, which is in no binary that answers requests: those only sign.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::{SecureRandom, SystemRandom},
    rsa::{self, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keystead_core::{
    Timestamp,
    config::Config,
    signing::{
        keys::{Algorithm, KeyError, SigningKey, StoredKey},
        secrets::Secrets,
    },
};
use serde_json::Map;

/// New secrets, with one signing key of this algorithm.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn secrets(algorithm: Algorithm, now: Timestamp) -> Result<Secrets, KeyError> {
    let root = rsa(KeySize::Rsa3072)?;
    let root_key = SigningKey::from_pkcs8(Algorithm::Rs256, &root)?;
    Ok(Secrets {
        admin_secret: credential()?,
        webhook_secret: credential()?,
        stripe_webhook_secret: None,
        root_public_key: public_pem(Algorithm::Rs256, &root)?,
        root_key: BASE64_STANDARD.encode(&root),
        signing_keys: vec![signing_key(algorithm, &root_key, now)?],
        others: Map::new(),
    })
}

/// Adds a signing key that verifies and does not sign yet, unless there is one: every process has to know a key before any
/// signs with it. The next [`rotate`] puts it to use.
///
/// # Errors
/// [`KeyError::Malformed`] when the root key can't be read; otherwise as for [`secrets`].
pub fn prepare(secrets: &mut Secrets, algorithm: Algorithm, now: Timestamp) -> Result<(), KeyError> {
    if !secrets.signing_keys.iter().any(|key| key.prepared) {
        let next = StoredKey {
            prepared: true,
            ..next(secrets, algorithm, now)?
        };
        secrets.signing_keys.push(next);
    }
    Ok(())
}

/// Retires the current signing key, and puts the one that was prepared in its place, or else a new one of this algorithm.
/// Tokens that are out stay good.
pub fn rotate(secrets: &mut Secrets, algorithm: Algorithm, now: Timestamp) -> Result<(), KeyError> {
    let next = match secrets.signing_keys.iter().position(|key| key.prepared) {
        Some(at) => StoredKey {
            prepared: false,
            ..secrets.signing_keys.remove(at)
        },
        None => next(secrets, algorithm, now)?,
    };
    // The last token that a key signed expires this long after it was replaced.
    let life = Config::default().tokens.life;
    secrets
        .signing_keys
        .retain(|key| key.retired_at.is_none_or(|retired| now < retired + life));
    for key in &mut secrets.signing_keys {
        key.retired_at.get_or_insert(now);
    }
    secrets.signing_keys.push(next);
    Ok(())
}

fn next(secrets: &Secrets, algorithm: Algorithm, now: Timestamp) -> Result<StoredKey, KeyError> {
    let root = BASE64_STANDARD
        .decode(&secrets.root_key)
        .map_err(|_| KeyError::Malformed)?;
    signing_key(algorithm, &SigningKey::from_pkcs8(Algorithm::Rs256, &root)?, now)
}

fn signing_key(algorithm: Algorithm, root: &SigningKey, now: Timestamp) -> Result<StoredKey, KeyError> {
    let pkcs8 = match algorithm {
        Algorithm::Rs256 => rsa(KeySize::Rsa2048)?,
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| KeyError::NoRandomness)?
            .as_ref()
            .to_vec(),
    };
    let public_key = public_pem(algorithm, &pkcs8)?;
    Ok(StoredKey {
        jwk: SigningKey::from_pkcs8(algorithm, &pkcs8)?.jwk(),
        root_signature: BASE64_STANDARD.encode(root.sign(public_key.as_bytes())?),
        public_key,
        created_at: now,
        retired_at: None,
        prepared: false,
        private_key: BASE64_STANDARD.encode(pkcs8),
        others: Map::new(),
    })
}

fn rsa(size: KeySize) -> Result<Vec<u8>, KeyError> {
    let pair = rsa::KeyPair::generate(size).map_err(|_| KeyError::NoRandomness)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Malformed)?;
    Ok(pkcs8.as_ref().to_vec())
}

/// The public half of a private key in PEM: a SubjectPublicKeyInfo (RFC 5280), as every library reads it.
fn public_pem(algorithm: Algorithm, pkcs8: &[u8]) -> Result<String, KeyError> {
    let info: Result<PublicKeyX509Der<'_>, _> = match algorithm {
        Algorithm::Rs256 => rsa::KeyPair::from_pkcs8(pkcs8).map(|pair| pair.public_key().as_der()),
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(|pair| pair.public_key().as_der()),
    }
    .map_err(|_| KeyError::Malformed)?;
    let info = BASE64_STANDARD.encode(info.map_err(|_| KeyError::Malformed)?.as_ref());
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    for start in (0..info.len()).step_by(64) {
        pem.push_str(&info[start..info.len().min(start + 64)]);
        pem.push('\n');
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    Ok(pem)
}

/// A secret for people to copy: 32 random bytes in hex.
fn credential() -> Result<String, KeyError> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| KeyError::NoRandomness)?;
    Ok(hex::encode(bytes))
}
