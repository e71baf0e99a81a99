//! New secrets: the root key, signing keys, and the credentials of a deployment.
//!
//! Keys are generated with AWS-LC, which is in no binary that answers requests: those only sign.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::{SecureRandom, SystemRandom},
    rsa::{self, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use keystead_core::{
    Timestamp,
    config::Config,
    signing::{
        certificate::{self, CertificateClaims},
        keys::{Algorithm, KeyError, SigningKey, StoredKey},
        secrets::{AccountKeys, Credentials, RootKey, Secrets, SigningKeys, StoredAccountKey},
    },
};
use serde_json::Map;

/// New secrets, with one signing key of this algorithm.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn secrets(algorithm: Algorithm, now: Timestamp) -> Result<Secrets, KeyError> {
    let root = root()?;
    Ok(Secrets {
        signing: signing(&root, algorithm, now)?,
        credentials: credentials()?,
        accounts: accounts()?,
        root,
    })
}

/// A new root key.
pub fn root() -> Result<RootKey, KeyError> {
    let root = rsa(KeySize::Rsa3072)?;
    Ok(RootKey {
        root_public_key: public_pem(Algorithm::Rs256, &root)?,
        root_key: BASE64_STANDARD.encode(&root),
        others: Map::new(),
    })
}

/// New keys that sign for applications: one of this algorithm, certified by `root`.
pub fn signing(root: &RootKey, algorithm: Algorithm, now: Timestamp) -> Result<SigningKeys, KeyError> {
    Ok(SigningKeys {
        root_public_key: root.root_public_key.clone(),
        signing_keys: vec![signing_key(root, algorithm, now)?],
        others: Map::new(),
    })
}

/// New credentials.
pub fn credentials() -> Result<Credentials, KeyError> {
    Ok(Credentials {
        admin_secret: credential()?,
        webhook_secret: credential()?,
        stripe_webhook_secret: None,
        previous: Vec::new(),
        sealing_key: BASE64_STANDARD.encode(random::<32>()?),
        others: Map::new(),
    })
}

/// New keys for the tokens of accounts.
pub fn accounts() -> Result<AccountKeys, KeyError> {
    Ok(AccountKeys {
        account_keys: vec![account_key()?],
        sealing_key: BASE64_STANDARD.encode(random::<32>()?),
        others: Map::new(),
    })
}

/// Adds a key that signs the tokens of accounts from now on. What those before it signed is good until `good_until`.
pub fn rotate_accounts(accounts: &mut AccountKeys, now: Timestamp, good_until: Timestamp) -> Result<(), KeyError> {
    for key in &mut accounts.account_keys {
        let ends = key.good_until.map_or(good_until, |until| until.min(good_until));
        key.good_until = Some(ends);
    }
    let is_good = |key: &StoredAccountKey| key.good_until.is_none_or(|until| now < until);
    accounts.account_keys.retain(is_good);
    accounts.account_keys.push(account_key()?);
    Ok(())
}

/// Adds a signing key that verifies and does not sign yet, unless there is one. The next [`rotate`] puts it to use.
///
/// # Errors
/// [`KeyError::Malformed`] when the root key can't be read; otherwise as for [`secrets`].
pub fn prepare(keys: &mut SigningKeys, root: &RootKey, algorithm: Algorithm, now: Timestamp) -> Result<(), KeyError> {
    if !keys.signing_keys.iter().any(|key| key.prepared) {
        let next = StoredKey {
            prepared: true,
            ..signing_key(root, algorithm, now)?
        };
        keys.signing_keys.push(next);
    }
    Ok(())
}

/// Retires the current signing key, and puts the one that was prepared in its place, or else a new one of this algorithm.
/// Tokens that are out stay good.
pub fn rotate(keys: &mut SigningKeys, root: &RootKey, algorithm: Algorithm, now: Timestamp) -> Result<(), KeyError> {
    let next = match keys.signing_keys.iter().position(|key| key.prepared) {
        Some(at) => StoredKey {
            prepared: false,
            ..keys.signing_keys.remove(at)
        },
        None => signing_key(root, algorithm, now)?,
    };
    // The last token that a key signed expires this long after it was replaced.
    let life = Config::default().tokens.life;
    keys.signing_keys.retain(|key| match (key.revoked_at, key.retired_at) {
        // What it certified has ended as well by then.
        (Some(revoked), _) => now < revoked + certificate::LIFE,
        (None, Some(retired)) => now < retired + life,
        (None, None) => true,
    });
    for key in &mut keys.signing_keys {
        key.retired_at.get_or_insert(now);
    }
    keys.signing_keys.push(next);
    Ok(())
}

/// Revokes the signing key with this id: what it signed is good for nothing from now on. If it is the one that signs, another
/// takes its place. Whether there is such a key.
pub fn revoke(keys: &mut SigningKeys, root: &RootKey, kid: &str, now: Timestamp) -> Result<bool, KeyError> {
    let Some(at) = keys.signing_keys.iter().position(|key| key.jwk.kid == kid) else {
        return Ok(false);
    };
    let signs = keys.current().is_some_and(|key| key.jwk.kid == kid);
    let key = &mut keys.signing_keys[at];
    key.revoked_at.get_or_insert(now);
    key.prepared = false;
    key.private_key.clear();
    if signs {
        let algorithm = key.jwk.alg;
        rotate(keys, root, algorithm, now)?;
    }
    Ok(true)
}

/// Renews the certificates of the keys in use that end soon, or all of them. Whether there was any.
pub fn certify(keys: &mut SigningKeys, root: &RootKey, now: Timestamp, all: bool) -> Result<bool, KeyError> {
    let ends_soon = |key: &StoredKey| {
        CertificateClaims::read(&key.certificate)
            .is_none_or(|claims| claims.expiry() < now + certificate::RENEWAL_WINDOW)
    };
    let mut renewed = false;
    for key in &mut keys.signing_keys {
        if key.retired_at.is_none() && key.revoked_at.is_none() && (all || ends_soon(key)) {
            key.certificate = certified(root, &key.jwk.kid, &key.public_key, now)?;
            renewed = true;
        }
    }
    Ok(renewed)
}

fn opened(root: &RootKey) -> Result<SigningKey, KeyError> {
    let root = BASE64_STANDARD
        .decode(&root.root_key)
        .map_err(|_| KeyError::Malformed)?;
    SigningKey::from_pkcs8(Algorithm::Rs256, &root)
}

fn certified(root: &RootKey, kid: &str, public_key: &str, now: Timestamp) -> Result<String, KeyError> {
    let root = opened(root)?;
    let claims = CertificateClaims::new(kid, public_key, hex::encode(random::<16>()?), now);
    let message = claims.message(&root.jwk().kid)?;
    let signature = BASE64_URL_SAFE_NO_PAD.encode(root.sign(message.as_bytes())?);
    Ok(format!("{message}.{signature}"))
}

fn signing_key(root: &RootKey, algorithm: Algorithm, now: Timestamp) -> Result<StoredKey, KeyError> {
    let pkcs8 = match algorithm {
        Algorithm::Rs256 => rsa(KeySize::Rsa2048)?,
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| KeyError::NoRandomness)?
            .as_ref()
            .to_vec(),
    };
    let public_key = public_pem(algorithm, &pkcs8)?;
    let jwk = SigningKey::from_pkcs8(algorithm, &pkcs8)?.jwk();
    Ok(StoredKey {
        root_signature: BASE64_STANDARD.encode(opened(root)?.sign(public_key.as_bytes())?),
        certificate: certified(root, &jwk.kid, &public_key, now)?,
        jwk,
        public_key,
        created_at: now,
        retired_at: None,
        prepared: false,
        revoked_at: None,
        private_key: BASE64_STANDARD.encode(pkcs8),
        others: Map::new(),
    })
}

fn account_key() -> Result<StoredAccountKey, KeyError> {
    Ok(StoredAccountKey {
        kid: hex::encode(random::<8>()?),
        secret: BASE64_STANDARD.encode(random::<32>()?),
        good_until: None,
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
pub fn credential() -> Result<String, KeyError> {
    Ok(hex::encode(random::<32>()?))
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}
