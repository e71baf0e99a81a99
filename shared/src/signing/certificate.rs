//! Certificates: what the root states about a signing key.
//!
//! The signature over the bare public key says that the key was ours once, and never ends. A certificate says what the key
//! may sign, and from when until when, so that one that leaked is good for nothing once its certificate has ended.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{Timestamp, signing::keys::KeyError, value::text::choice};

/// How long a certificate is good. A key that is not rotated for so long gets another one ([`RENEWAL_WINDOW`]).
pub const LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// With less than this left, a certificate is renewed by whoever has the root key and looks: the bootstrap function at
/// each deployment, the local server at each start, `keystead keys certify`.
pub const RENEWAL_WINDOW: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// How much sooner than now a certificate begins: an application's clock may be behind.
pub const LEEWAY: Duration = Duration::from_secs(24 * 60 * 60);

choice!(
    /// What a key may sign for applications.
    KeyUse {
        /// Tokens of licenses.
        License = "license",
        /// Answers to requests with a nonce.
        Answer = "answer",
    }
);

/// What a certificate states, in the words of RFC 7519 where it has some: `nbf` is X.509's *notBefore*, `exp` its
/// *notAfter*. So any library for JWTs checks both by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateClaims {
    /// The key's id.
    pub kid: String,
    /// The key: the base64 of a SubjectPublicKeyInfo (RFC 5280), as it is in its PEM.
    pub spki: String,
    /// What it may sign.
    pub r#use: Vec<KeyUse>,
    /// The certificate's serial number: 128 random bits in hex.
    pub serial: String,
    /// From when on it is good, in seconds since 1970.
    pub nbf: i64,
    /// From when on it is no longer good, in seconds since 1970.
    pub exp: i64,
}

impl CertificateClaims {
    /// A certificate of the key with this public half in PEM, from `now` on.
    pub fn new(kid: &str, public_key: &str, serial: String, now: Timestamp) -> Self {
        Self {
            kid: kid.to_owned(),
            spki: public_key.lines().filter(|line| !line.starts_with("-----")).collect(),
            r#use: KeyUse::ALL.to_vec(),
            serial,
            nbf: (now - LEEWAY).seconds(),
            exp: (now + LIFE).seconds(),
        }
    }

    /// What is signed: header and claims, as a JWS has them. The root's key is RSA.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], which does not happen.
    pub fn message(&self, root_kid: &str) -> Result<String, KeyError> {
        let header = format!(r#"{{"alg":"RS256","typ":"keystead-certificate+jwt","kid":"{root_kid}"}}"#);
        let claims = serde_json::to_vec(self).map_err(|_| KeyError::Malformed)?;
        Ok(format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(header),
            BASE64_URL_SAFE_NO_PAD.encode(claims)
        ))
    }

    /// What this certificate of our own states; its signature is not looked at.
    pub fn read(certificate: &str) -> Option<Self> {
        let claims = certificate.split('.').nth(1)?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// When it ends.
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}
