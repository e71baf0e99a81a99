//! Signed answers: how an application knows that an answer is ours, and answers what it has just asked.
//!
//! A request may carry a [`Nonce`], which nobody can foresee. Its answer then carries a signature over the nonce and over
//! itself, so that neither a forged answer nor one that was recorded earlier passes for it; ADR 17 has the choices.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Error, Result, Timestamp, signing::keys::KeyRing, value::text::text_value};

text_value!(
    /// What a client made up for one request, and finds in its answer. Exactly as it came: the client compares it.
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

/// What the signature of an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerClaims {
    /// That of the request.
    nonce: Nonce,
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
    /// What is to be signed of an answer with these `fields`. A number that is no integer has no canonical form here, and fails.
    pub fn new(
        nonce: Nonce,
        path: &'static str,
        status: u16,
        fields: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self> {
        let mut text = String::with_capacity(2048);
        write_object(fields, &mut text)?;
        Ok(Self {
            nonce,
            path,
            status,
            sha256: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes())),
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

/// Appends `value` as RFC 8785 has it: the one canonical text, the same for signing and for verifying.
fn write(value: &Value, text: &mut String) -> Result<()> {
    match value {
        Value::Object(fields) => return write_object(fields, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        // A fraction is written in as many ways as there are languages. A signature that only some can verify is worse
        // than none.
        Value::Number(number) if number.is_f64() => return Err(Error::internal("a signed answer holds a fraction")),
        // These, serde_json writes as RFC 8785 does.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
    Ok(())
}

fn write_object(fields: &Map<String, Value>, text: &mut String) -> Result<()> {
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    // RFC 8785 sorts by UTF-16's units. That `Map` is sorted already depends on which features others want of serde_json.
    fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    text.push('{');
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        write(value, text)?;
    }
    text.push('}');
    Ok(())
}
