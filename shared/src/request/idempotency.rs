//! Idempotency: of a request that arrives twice, the second gets the answer of the first.
//!
//! A client that has no answer does not know whether its request took effect. If it named the request with an
//! `Idempotency-Key`, it may ask again. The first request leaves an [`Attempt`], which holds its answer once there is
//! one; ADR 13 has how that holds when the process dies in between.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::{aead, hmac};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    ids::{CreationId, Ids},
    value::text::{is_plain, text_value},
};

text_value!(
    /// The header `Idempotency-Key`, by which a client names a request.
    IdempotencyKey,
    "1 to 255 printable ASCII characters",
    |text| {
        let text = text.trim();
        (is_plain(text, 255) && text.is_ascii()).then(|| text.to_owned())
    }
);

/// How long an answer is kept.
pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a duplicate waits for the first request's answer: longer than API Gateway lets a request take. After
/// that, the first is taken for dead.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// An idempotent request, as far as it is known before it runs.
pub struct Repeatable {
    /// Derived from the credential and the client's key; nothing else derives it.
    secret: hmac::Key,
    /// The key under which its attempt is stored.
    request_id: String,
    /// A digest of what it asks for.
    asked: String,
}

impl Repeatable {
    /// The request that the holder of `credential` calls `key`, and that asks `route` for `fields`.
    ///
    /// Everything is derived from the credential, so that nobody can ask for the answer to somebody else's request, and
    /// so that the tables alone do not tell what it was.
    pub fn new(credential: &str, key: &IdempotencyKey, route: &str, fields: &[u8]) -> Self {
        let of_credential = hmac::Key::new(hmac::HMAC_SHA256, credential.as_bytes());
        let of_request = hmac::sign(&of_credential, key.as_str().as_bytes());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, of_request.as_ref());
        Self {
            request_id: hex::encode(derived(&secret, "request", &[])),
            asked: hex::encode(derived(&secret, "asked", &[route.as_bytes(), b"\n", fields])),
            secret,
        }
    }

    /// Its first attempt.
    pub fn begin(&self, ids: &Ids, now: Timestamp) -> Result<Attempt> {
        Ok(Attempt {
            request_id: self.request_id.clone(),
            asked: self.asked.clone(),
            salt: CreationId::new(ids)?,
            began_at: now,
            held_until: now + LONGEST_REQUEST,
            answer: None,
            expires_at: (now + RETENTION).seconds(),
        })
    }

    /// The source of the request's ids: the same ids on each retry, so that a record made twice is one. They can't be
    /// guessed without the credential.
    pub fn ids(&self, attempt: &Attempt) -> Ids {
        Ids::derived(&derived(&self.secret, "ids", &[attempt.salt.as_str().as_bytes()]))
    }

    /// An answer as it may be stored: some hold an API key in clear, which is in no table.
    pub fn seal(&self, attempt: &Attempt, status: u16, body: &[u8]) -> Result<SealedAnswer> {
        let nonce = crate::ids::nonce()?;
        let mut sealed = body.to_vec();
        self.cipher(attempt)?
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(status.to_be_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::internal("an answer could not be sealed"))?;
        Ok(SealedAnswer {
            status,
            nonce: BASE64_STANDARD.encode(nonce),
            body: BASE64_STANDARD.encode(sealed),
        })
    }

    /// The body of an answer that was stored.
    pub fn open(&self, attempt: &Attempt, answer: &SealedAnswer) -> Result<Vec<u8>> {
        let broken = || Error::internal("a stored answer can't be read");
        let bytes = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| broken());
        let nonce = aead::Nonce::try_assume_unique_for_key(&bytes(&answer.nonce)?).map_err(|_| broken())?;
        let mut sealed = bytes(&answer.body)?;
        let status = aead::Aad::from(answer.status.to_be_bytes());
        let body = self.cipher(attempt)?.open_in_place(nonce, status, &mut sealed);
        Ok(body.map_err(|_| broken())?.to_vec())
    }

    fn cipher(&self, attempt: &Attempt) -> Result<aead::LessSafeKey> {
        let key = derived(&self.secret, "answer", &[attempt.salt.as_str().as_bytes()]);
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, &key);
        Ok(aead::LessSafeKey::new(
            key.map_err(|_| Error::internal("a key of 256 bits is refused"))?,
        ))
    }
}

/// What `secret` gives for a purpose.
fn derived(secret: &hmac::Key, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(secret);
    context.update(purpose.as_bytes());
    // Ends the purpose, of which none is the beginning of another.
    context.update(b"\n");
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

/// The deduplication record of a request that runs or ran, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which request.
    pub request_id: String,
    /// A digest of what it asks for.
    pub asked: String,
    /// What its ids and the key of its answer are derived from, beside what the client knows.
    pub salt: CreationId,
    /// When it was first made; it takes this for the time, whenever it is carried out.
    pub began_at: Timestamp,
    /// Until when a repeated request waits for this one's answer; one that comes later is carried out anew.
    pub held_until: Timestamp,
    /// Its answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<SealedAnswer>,
    /// When it may be forgotten, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

/// An answer, encrypted under a key that only the credential and the client's key derive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// What AES-GCM needs to be told once more.
    nonce: String,
    /// Its body, sealed.
    body: String,
}
