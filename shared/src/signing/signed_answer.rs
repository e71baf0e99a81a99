//! Signed answers: protection against forged and replayed answers.
//!
//! A request may carry a [`Nonce`], which nobody can foresee. Its answer then carries a signature over the nonce and over
//! itself, so that neither a forged answer nor one that was recorded earlier passes for it; ADR 17 has the choices.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Error, Result, Timestamp, signing::keys::KeyRing, value::text::text_value};

text_value!(
    /// A client's nonce: made up for one request, and returned in its answer exactly as it came, because the client
    /// compares it.
    Nonce,
    "16 to 128 characters",
    |text| {
        // Characters and not bytes: it is not stored.
        let right = (16..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        right.then(|| text.to_owned())
    }
);

impl Nonce {
    /// The nonce in a field. One that is absent or null asks for no signature.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything but a text of 16 to 128 characters.
    pub fn of_field(field: Option<Value>) -> Result<Option<Self>> {
        match field {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str().and_then(Self::parse) {
                Some(nonce) => Ok(Some(nonce)),
                None => Err(Error::field("nonce", "16 to 128 characters")),
            },
        }
    }
}

/// A question, as its answer's signature names it: which request was sent, and what it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    nonce: Nonce,
    digest: String,
}

impl Question {
    /// The question of a request with these fields beside its nonce, as they were sent.
    ///
    /// Without them, whoever stands between could have another question answered under the same nonce: about another
    /// license, or another product.
    pub fn new(nonce: Nonce, fields: &Map<String, Value>) -> Result<Self> {
        Ok(Self {
            nonce,
            digest: digest(fields)?,
        })
    }
}

/// What the signature of an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerClaims {
    /// The request's nonce.
    nonce: Nonce,
    /// SHA-256 over the request's fields, without the nonce, in canonical JSON, in base64url.
    request: String,
    /// What was asked: `/validate`.
    path: &'static str,
    /// The answer's HTTP status.
    status: u16,
    /// SHA-256 over the answer's fields in canonical JSON, in base64url.
    sha256: String,
    /// When it was signed, in seconds since 1970.
    iat: i64,
}

impl AnswerClaims {
    /// What is to be signed of an answer with these `fields`, whose numbers are integers.
    pub fn new(
        question: Question,
        path: &'static str,
        status: u16,
        fields: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self> {
        // A client may write a fraction otherwise than RFC 8785 does. A signature that only some can verify is worse than
        // none. What a client sends, it writes itself.
        if fields.values().any(holds_fraction) {
            return Err(Error::internal("a signed answer holds a fraction"));
        }
        Ok(Self {
            nonce: question.nonce,
            request: question.digest,
            path,
            status,
            sha256: digest(fields)?,
            iat: now.seconds(),
        })
    }
}

impl KeyRing {
    /// Signs an answer: a compact JWS (RFC 7515) by the current key, which no token can be taken for, nor it for a token.
    pub fn sign_answer(&self, claims: &AnswerClaims) -> Result<String> {
        self.jws(&self.answer_header, claims)
    }
}

/// SHA-256, in base64url, over the one text that RFC 8785 has for `fields`, whoever writes it.
fn digest(fields: &Map<String, Value>) -> Result<String> {
    let text = serde_json_canonicalizer::to_vec(fields).map_err(Error::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
}

fn holds_fraction(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(holds_fraction),
        Value::Array(items) => items.iter().any(holds_fraction),
        Value::Number(number) => number.is_f64(),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
