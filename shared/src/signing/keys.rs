//! Signing keys of tokens and answers, their rotation, and the root key that certifies them.
//!
//! The root key signs neither and never changes, so an application can ship with its public half. It signs each
//! signing key's public half; `/getSigningKey` serves that certificate. Signing keys can be rotated: the previous ones
//! keep verifying until the last token they signed has expired; the next rotation drops them then.

use std::sync::OnceLock;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Error, Timestamp, signing::verified::Verified, value::text::choice};

choice!(
    /// How tokens are signed. Pinned by the key; what a token says of itself is never believed.
    Algorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256, over 2048 bits: what the flat API's clients expect.
        Rs256 = "RS256",
        /// Ed25519: a twentieth of the time to sign, for vendors whose clients all know it.
        EdDsa = "EdDSA",
    }
);

/// A public key as RFC 7517 writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Jwk {
    /// The key type: `RSA` or `OKP`.
    pub kty: String,
    /// What it is for: `sig`.
    pub r#use: String,
    /// The one algorithm it is used with.
    pub alg: Algorithm,
    /// Its id: its RFC 7638 thumbprint.
    pub kid: String,
    /// RSA: the modulus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA: the exponent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Ed25519: the curve's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// Ed25519: the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
}

/// A signing key as the secrets keep it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredKey {
    /// Its public half, which names its algorithm and id.
    pub jwk: Jwk,
    /// Its public half in PEM: what the root signed, byte for byte.
    pub public_key: String,
    /// The root's signature (RSASSA-PKCS1-v1_5 with SHA-256) over `public_key`, in base64.
    pub root_signature: String,
    /// The root's statement about it: what it may sign, and from when until when ([`crate::signing::certificate`]).
    pub certificate: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was replaced; the newest key without this, that is not just prepared, signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// Whether it is known everywhere before it signs: it verifies, and the next rotation puts it to use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepared: bool,
    /// When it was revoked: from then on nothing that it signed is good. It stays here so that it is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Its private half: PKCS #8 in base64. Of a revoked key, nothing.
    pub private_key: String,
    /// Fields of a newer version. They are written back as they were read.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl StoredKey {
    /// Whether it may sign.
    pub fn is_in_use(&self) -> bool {
        self.retired_at.is_none() && self.revoked_at.is_none() && !self.prepared
    }
}

/// Why a key can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The private key is not base64 of the PKCS #8 form of a key of its algorithm.
    Malformed,
    /// The operating system gave no random numbers.
    NoRandomness,
    /// There is no signing key that is not retired.
    NoCurrentKey,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the private key is not one of its algorithm in base64 of PKCS #8",
            Self::NoRandomness => "the operating system gave no random numbers",
            Self::NoCurrentKey => "the secrets hold no signing key that is not retired",
        })
    }
}

impl std::error::Error for KeyError {}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key pair that can sign.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    random: SystemRandom,
}

impl SigningKey {
    /// The key pair in `pkcs8`, the PKCS #8 form of its private key.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::Ed25519),
        };
        Ok(Self {
            algorithm,
            pair: pair.map_err(|_| KeyError::Malformed)?,
            random: SystemRandom::new(),
        })
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`]: RSA blinds its computation.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
                    .map_err(|_| KeyError::NoRandomness)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half, under its RFC 7638 thumbprint.
    pub fn jwk(&self) -> Jwk {
        let mut jwk = Jwk {
            kty: String::new(),
            r#use: "sig".to_owned(),
            alg: self.algorithm,
            kid: String::new(),
            n: None,
            e: None,
            crv: None,
            x: None,
        };
        // RFC 7638: the required members in alphabetical order, without spaces.
        let canonical = match &self.pair {
            Pair::Rsa(pair) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let (n, e) = (
                    BASE64_URL_SAFE_NO_PAD.encode(parts.n),
                    BASE64_URL_SAFE_NO_PAD.encode(parts.e),
                );
                let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
                (jwk.kty, jwk.n, jwk.e) = ("RSA".to_owned(), Some(n), Some(e));
                canonical
            }
            Pair::Ed25519(pair) => {
                let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
                (jwk.kty, jwk.crv, jwk.x) = ("OKP".to_owned(), Some("Ed25519".to_owned()), Some(x));
                canonical
            }
        };
        jwk.kid = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()));
        jwk
    }
}

/// The public half of a key that tokens may be signed with.
pub(crate) enum VerifyingKey {
    Rsa(PublicKeyComponents<Vec<u8>>),
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

impl VerifyingKey {
    fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let field = |value: &Option<String>| {
            let text = value.as_deref().ok_or(KeyError::Malformed)?;
            BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)
        };
        Ok(match jwk.alg {
            Algorithm::Rs256 => Self::Rsa(PublicKeyComponents {
                n: field(&jwk.n)?,
                e: field(&jwk.e)?,
            }),
            Algorithm::EdDsa => Self::Ed25519(UnparsedPublicKey::new(&ED25519, field(&jwk.x)?)),
        })
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
            Self::Ed25519(key) => key.verify(message, signature).is_ok(),
        }
    }
}

/// A key that tokens are verified with, and the one header that its tokens have.
pub(crate) struct TrustedKey {
    /// `{"alg":...,"typ":"JWT","kid":...}` in base64url. A token is matched with its key by comparing this text, so
    /// that nothing of a token is parsed, and no algorithm chosen, before its signature is verified.
    pub(crate) header: String,
    pub(crate) key: VerifyingKey,
}

/// What the root says of the current signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key's id.
    pub kid: String,
    /// The key's public half in PEM.
    pub public_key: String,
    /// The root's signature over `public_key`, in base64.
    pub root_signature: String,
    /// The root's statement about the key, a JWS.
    pub statement: String,
}

/// What signs tokens. [`SigningKey`] does, on ring, which the Lambda binaries have for TLS already; the local server has
/// one on AWS-LC, which signs RS256 in half the time.
pub trait Sign: Send + Sync {
    /// Signs `message` with the key and algorithm that this stands for.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`]; [`KeyError::Malformed`] of a key that was not looked at before.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

impl Sign for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::sign(self, message)
    }
}

/// A key pair that is parsed lazily, when it first signs: most functions never sign, and checking an RSA key takes a
/// tenth of a start.
struct Unopened {
    algorithm: Algorithm,
    pkcs8: Vec<u8>,
    opened: OnceLock<Result<SigningKey, KeyError>>,
}

impl Sign for Unopened {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let open = || SigningKey::from_pkcs8(self.algorithm, &self.pkcs8);
        self.opened
            .get_or_init(open)
            .as_ref()
            .map_err(|error| *error)?
            .sign(message)
    }
}

/// The keys of a running process: one that signs, and those whose tokens are still good.
pub struct KeyRing {
    signing: Box<dyn Sign>,
    /// The current key first.
    pub(crate) trusted: Vec<TrustedKey>,
    /// As [`TrustedKey::header`], of the answers that the current key signs. It is none of the tokens' headers, so that
    /// a signed answer is no token.
    pub(crate) answer_header: String,
    certificate: Certificate,
    jwks: Vec<Jwk>,
    /// As [`TrustedKey::header`], of the keys that were revoked.
    pub(crate) revoked: Vec<String>,
    verified: Verified,
}

impl KeyRing {
    /// The keys in `stored`; the newest that is not retired signs, and is looked at when it first does.
    ///
    /// # Errors
    /// [`KeyError::NoCurrentKey`]; [`KeyError::Malformed`] of what is not base64, and of public halves.
    pub fn new(stored: &[StoredKey]) -> Result<Self, KeyError> {
        Self::signing_with(stored, |algorithm, pkcs8| {
            Ok(Box::new(Unopened {
                algorithm,
                pkcs8: pkcs8.to_vec(),
                opened: OnceLock::new(),
            }))
        })
    }

    /// As [`KeyRing::new`], with a signer that `signer` makes of the signing key's algorithm and PKCS #8.
    pub fn signing_with(
        stored: &[StoredKey],
        signer: impl FnOnce(Algorithm, &[u8]) -> Result<Box<dyn Sign>, KeyError>,
    ) -> Result<Self, KeyError> {
        let in_use = stored.iter().filter(|key| key.is_in_use());
        let current = in_use.max_by_key(|key| key.created_at).ok_or(KeyError::NoCurrentKey)?;
        let pkcs8 = BASE64_STANDARD
            .decode(&current.private_key)
            .map_err(|_| KeyError::Malformed)?;
        let (revoked, good): (Vec<_>, Vec<_>) = stored.iter().partition(|key| key.revoked_at.is_some());
        let others = good.into_iter().filter(|key| key.jwk.kid != current.jwk.kid);
        let all: Vec<&StoredKey> = std::iter::once(current).chain(others).collect();
        Ok(Self {
            signing: signer(current.jwk.alg, &pkcs8)?,
            trusted: all
                .iter()
                .map(|key| {
                    Ok(TrustedKey {
                        header: header(&key.jwk, "JWT"),
                        key: VerifyingKey::from_jwk(&key.jwk)?,
                    })
                })
                .collect::<Result<_, KeyError>>()?,
            answer_header: header(&current.jwk, "keystead-answer+jws"),
            certificate: Certificate {
                kid: current.jwk.kid.clone(),
                public_key: current.public_key.clone(),
                root_signature: current.root_signature.clone(),
                statement: current.certificate.clone(),
            },
            jwks: all.iter().map(|key| key.jwk.clone()).collect(),
            revoked: revoked.into_iter().map(|key| header(&key.jwk, "JWT")).collect(),
            verified: Verified::default(),
        })
    }

    /// The certificate of the key that signs.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Every key whose tokens are still good, the current one first.
    pub fn jwks(&self) -> &[Jwk] {
        &self.jwks
    }

    /// The payload of a JWS whose header is that which `header` names of one of the trusted keys, letter for letter, and
    /// whose signature is that key's. Nothing of it is parsed before.
    pub(crate) fn opened<T: DeserializeOwned>(&self, jws: &str, header: impl Fn(&TrustedKey) -> &str) -> Option<T> {
        let payload = self.verified(jws, header)?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// The payload as it is in such a JWS, in base64url.
    fn verified<'a>(&self, jws: &'a str, header: impl Fn(&TrustedKey) -> &str) -> Option<&'a str> {
        let (message, signature) = jws.rsplit_once('.')?;
        let (shown, payload) = message.split_once('.')?;
        let trusted = self.trusted.iter().find(|key| header(key) == shown)?;
        let verifies = || {
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature);
            signature.is_ok_and(|signature| trusted.key.verifies(message.as_bytes(), &signature))
        };
        self.verified.or_else(jws, verifies).then_some(payload)
    }

    /// `payload` under one of the current key's headers, signed by it: a JWS in compact form.
    pub(crate) fn jws(&self, header: &str, payload: &impl Serialize) -> crate::Result<String> {
        let payload = serde_json::to_vec(payload).map_err(Error::internal)?;
        let mut jws = String::with_capacity(1024);
        jws.push_str(header);
        jws.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut jws);
        let signature = self.signing.sign(jws.as_bytes()).map_err(Error::internal)?;
        jws.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
        Ok(jws)
    }
}

/// The header of everything of one type that this key signs, as it is carried.
fn header(jwk: &Jwk, typ: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{}","typ":"{typ}","kid":"{}"}}"#, jwk.alg, jwk.kid))
}

#[cfg(test)]
mod tests {
    use wycheproof_ng_kdf_jose::json_web::{Test, TestName, TestSet};

    use super::*;

    /// Nobody signs with these keys: they only verify.
    struct Mute;

    impl Sign for Mute {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
            Err(KeyError::NoRandomness)
        }
    }

    /// A ring that trusts this key of the vectors, under `header`, or under our own where there is none.
    fn ring(key: &Value, header: Option<&str>) -> Option<KeyRing> {
        let field = |name: &str| key[name].as_str().map(str::to_owned);
        let jwk = Jwk {
            kty: field("kty")?,
            r#use: "sig".to_owned(),
            alg: Algorithm::Rs256,
            kid: field("kid").unwrap_or_default(),
            n: field("n"),
            e: field("e"),
            crv: None,
            x: None,
        };
        let of_ours = |r#type| super::header(&jwk, r#type);
        let trusted = TrustedKey {
            header: header.map_or_else(|| of_ours("JWT"), str::to_owned),
            key: VerifyingKey::from_jwk(&jwk).ok()?,
        };
        Some(KeyRing {
            signing: Box::new(Mute),
            trusted: vec![trusted],
            answer_header: String::new(),
            certificate: Certificate {
                kid: String::new(),
                public_key: String::new(),
                root_signature: String::new(),
                statement: String::new(),
            },
            jwks: Vec::new(),
            revoked: Vec::new(),
            verified: Verified::default(),
        })
    }

    /// Project Wycheproof's vectors for JSON web signatures: of those of our algorithm we let in the good ones alone, with
    /// their header pinned as ours is. None of any algorithm is let in under a header of ours.
    #[test]
    fn wycheproof_s_signatures_are_told_apart() {
        let vectors = TestSet::load(TestName::JsonWebSignature).expect("the vectors");
        let (mut good, mut bad, mut all) = (0, 0, 0);
        for group in &vectors.test_groups {
            let Some(key) = group.public_key.as_ref() else { continue };
            let jws = |test: &Test| test.jws.clone();
            for test in &group.tests {
                let Some(Value::String(jws)) = jws(test) else { continue };
                all += 1;
                if let Some(ring) = ring(key, None) {
                    assert_eq!(
                        ring.verified(&jws, |key| &key.header),
                        None,
                        "{} {}",
                        test.tc_id,
                        test.comment
                    );
                }
            }
            if key["alg"] != "RS256" {
                continue;
            }
            // What the group is about is not its header.
            let good_one = group.tests.iter().find(|test| !test.result.must_fail());
            let Some(Value::String(known)) = good_one.and_then(jws) else {
                continue;
            };
            let header = known.split('.').next().expect("a header");
            let ring = ring(key, Some(header)).expect("an RSA key");
            for test in &group.tests {
                let Some(Value::String(jws)) = jws(test) else { continue };
                let is_let_in = ring.verified(&jws, |key| &key.header).is_some();
                assert_eq!(is_let_in, !test.result.must_fail(), "{} {}", test.tc_id, test.comment);
                *(if is_let_in { &mut good } else { &mut bad }) += 1;
            }
        }
        assert!(
            good > 0 && bad > 200 && all > 300,
            "{good} good and {bad} bad of RS256, {all} in all"
        );
    }

    /// A function that signs nothing starts with such a key; one that does refuses to sign, each time.
    #[test]
    fn a_malformed_key_is_found_when_it_signs() {
        let stored = StoredKey {
            jwk: Jwk {
                kty: "OKP".to_owned(),
                r#use: "sig".to_owned(),
                alg: Algorithm::EdDsa,
                kid: "k".to_owned(),
                n: None,
                e: None,
                crv: Some("Ed25519".to_owned()),
                x: Some(BASE64_URL_SAFE_NO_PAD.encode([0; 32])),
            },
            public_key: String::new(),
            root_signature: String::new(),
            certificate: String::new(),
            created_at: Timestamp::from_millis(0),
            retired_at: None,
            prepared: false,
            revoked_at: None,
            private_key: BASE64_STANDARD.encode("no PKCS #8"),
            others: Map::new(),
        };
        let ring = KeyRing::new(&[stored]).expect("a ring");
        for _ in 0..2 {
            assert_eq!(ring.signing.sign(b"message"), Err(KeyError::Malformed));
        }
    }
}
