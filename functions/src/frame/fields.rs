//! A request's fields, from its body or its query, on their way to a typed request.

use std::collections::HashSet;

use http::Method;
use keystead_core::{
    Error, InvalidRequest, Result,
    license::key::LicenseKey,
    signing::signed_answer::{Nonce, Question},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::frame::{
    body::{BodyMode, RequestBody},
    notes,
    request::{Incoming, Parameters},
};

/// A request's fields, before they are parsed.
#[derive(Clone)]
pub enum Fields {
    /// Those of a JSON body.
    Body(Map<String, Value>),
    /// Those of a query.
    Query(Vec<(String, String)>),
}

impl Fields {
    /// The fields of a request: of a GET those in its query, else those in its body. An empty body has no fields, nor
    /// has one that is a stream: they are in the query then. So they are of a DELETE without a body, which not every client
    /// or proxy sends on.
    pub(crate) fn of(incoming: &Incoming, mode: BodyMode) -> Result<Self> {
        if incoming.method == Method::GET {
            return Ok(Self::Query(query(incoming)));
        }
        if incoming.is_encoded() {
            return Err(Error::Invalid(InvalidRequest::Encoded));
        }
        let body = match &incoming.body {
            RequestBody::Stream(_) => return Ok(Self::Query(query(incoming))),
            RequestBody::Whole(body) => body.as_ref(),
            RequestBody::TooLong => return Err(Error::Invalid(InvalidRequest::TooLarge { limit: mode.limit() })),
        };
        // Who reads JSON may pass over the mark of UTF-8 before it (RFC 8259, section 8.1).
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(if incoming.method == Method::DELETE {
                Self::Query(query(incoming))
            } else {
                Self::none()
            });
        }
        serde_json::from_slice(body)
            .or_else(|_| notes::object(body))
            .map(Self::Body)
            .map_err(|_| Error::Invalid(InvalidRequest::NotAnObject))
    }

    /// No fields.
    pub(crate) fn none() -> Self {
        Self::Body(Map::new())
    }

    /// The fields, and beside them those of the path, which win.
    pub(crate) fn with(mut self, parameters: Parameters) -> Self {
        for (name, value) in parameters {
            match &mut self {
                Self::Body(fields) => {
                    fields.insert(name, Value::String(value));
                }
                // Of a parameter that is there twice, the first counts.
                Self::Query(fields) => fields.insert(0, (name, value)),
            }
        }
        self
    }

    /// Takes a credential out, so that it goes no further. What is not text is no credential.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        match self {
            Self::Body(fields) => match fields.remove(name)? {
                Value::String(text) => Some(text),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
            },
            Self::Query(fields) => {
                let place = fields.iter().position(|(field, _)| field == name)?;
                Some(fields.swap_remove(place).1)
            }
        }
    }

    /// Takes out the nonce for which the answer is to be signed, and notes what was asked beside it. A query holds none:
    /// its answers may be kept by others.
    pub(crate) fn question(&mut self) -> Result<Option<Question>> {
        match self {
            Self::Body(fields) => {
                let nonce = Nonce::of_field(fields.remove("nonce"))?;
                nonce.map(|nonce| Question::new(nonce, fields)).transpose()
            }
            Self::Query(_) => Ok(None),
        }
    }

    /// A field's text, which stays where it is.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self {
            Self::Body(fields) => fields.get(name)?.as_str().map(str::to_owned),
            Self::Query(fields) => fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, text)| text.clone()),
        }
    }

    /// These fields, and beside them those in which the license key is the one of our own making that it reads like, if it
    /// is written otherwise. A request that must name a license names one that is there; to others, a key is what they say
    /// it is.
    pub(crate) fn respelled(self, required: &[&str]) -> (Self, Option<Self>) {
        const KEY: &str = "licenseKey";
        let written = if required.contains(&KEY) { self.text(KEY) } else { None };
        let Some((written, ours)) = written.and_then(|text| LicenseKey::ours(&text).map(|ours| (text, ours))) else {
            return (self, None);
        };
        let exact = LicenseKey::parse(&written);
        if exact.as_ref() == Some(&ours) {
            return (self, None);
        }
        let mut respelled = self.clone();
        match &mut respelled {
            Self::Body(fields) => {
                fields.insert(KEY.to_owned(), Value::String(ours.to_string()));
            }
            Self::Query(fields) => {
                let named = fields.iter_mut().filter(|(field, _)| field == KEY);
                named.for_each(|(_, value)| *value = ours.to_string());
            }
        }
        // What can be no key as it is written, such as one over two lines, is meant to be that one.
        if exact.is_some() {
            (self, Some(respelled))
        } else {
            (respelled, None)
        }
    }

    /// The license key that they name, if they name one.
    pub(crate) fn license_key(&self) -> Option<LicenseKey> {
        LicenseKey::parse(&self.text("licenseKey")?)
    }

    /// All fields, always in one order: what tells one request from another.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Body(fields) => serde_json::to_vec(fields),
            Self::Query(fields) => serde_json::to_vec(fields),
        }
        .map_err(Error::internal)
    }

    /// Parses the fields, of which those in `required` must be there.
    pub(crate) fn parse<T: DeserializeOwned>(self, required: &'static [&'static str]) -> Result<T> {
        if required.iter().any(|name| self.lacks(name)) {
            return Err(Error::Invalid(InvalidRequest::MissingFields(required)));
        }
        match self {
            Self::Body(fields) => parse(fields),
            Self::Query(mut fields) => {
                // A blank parameter says nothing: `?status=&limit=10`.
                fields.retain(|(_, value)| !value.trim().is_empty());
                // Of a parameter that is there twice, the first counts.
                let mut seen = HashSet::new();
                fields.retain(|(name, _)| seen.insert(name.clone()));
                let query = serde_html_form::to_string(fields).map_err(Error::internal)?;
                let form = serde_html_form::Deserializer::from_bytes(query.as_bytes());
                serde_path_to_error::deserialize(form).map_err(refused)
            }
        }
    }

    /// Whether a field is absent, null or blank.
    fn lacks(&self, name: &str) -> bool {
        match self {
            Self::Body(fields) => match fields.get(name) {
                None | Some(Value::Null) => true,
                Some(value) => is_blank(value),
            },
            Self::Query(fields) => !fields
                .iter()
                .any(|(field, value)| field == name && !value.trim().is_empty()),
        }
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Parses some fields of a body.
pub(crate) fn parse<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(refused)
}

/// The parameters in a request's query; none when it can't be read.
pub(crate) fn query(incoming: &Incoming) -> Vec<(String, String)> {
    serde_html_form::from_str(incoming.query.as_deref().unwrap_or_default()).unwrap_or_default()
}

/// Names the field that could not be parsed, and what it must be. Nothing that the client wrote goes into it: neither the
/// value, which may be a secret, nor a name that is none of ours.
fn refused<E: std::fmt::Display>(error: serde_path_to_error::Error<E>) -> Error {
    // Serde's messages end so: `invalid type: integer `5`, expected a string of 1 to 128 characters`. What comes before
    // may be a client's text, and hold the same words.
    let message = error.inner().to_string();
    let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    let path = error.path().to_string();
    if !message.starts_with("unknown field ") {
        return Error::field(&path, expected);
    }
    let known = path.rsplit_once('.').map_or("request", |(object, _)| object);
    Error::field(known, &format!("an object of {expected}"))
}
