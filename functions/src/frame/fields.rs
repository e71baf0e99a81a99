//! A request's fields, from its body or its query, on their way to a typed request.

use std::collections::HashSet;

use http::Method;
use keystead_core::{
    Error, InvalidRequest, Result,
    signing::signed_answer::{Nonce, Question},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::frame::request::{Incoming, Parameters};

/// A request's fields, before they are parsed.
pub enum Fields {
    /// Those of a JSON body.
    Body(Map<String, Value>),
    /// Those of a query.
    Query(Vec<(String, String)>),
}

impl Fields {
    /// The fields of a request: of a GET those in its query, else those in its body. An empty body has no fields.
    pub(crate) fn of(incoming: &Incoming, limit: usize) -> Result<Self> {
        if incoming.method == Method::GET {
            return Ok(Self::Query(query(incoming)));
        }
        let body = incoming
            .body
            .as_ref()
            .filter(|body| body.len() <= limit)
            .ok_or(Error::Invalid(InvalidRequest::TooLarge { limit }))?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::none());
        }
        serde_json::from_slice(body)
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

/// Names the field that could not be parsed, and what it must be. The value itself goes nowhere: it may be a secret.
fn refused<E: std::fmt::Display>(error: serde_path_to_error::Error<E>) -> Error {
    // Serde's messages end so: `invalid type: integer `5`, expected a string of 1 to 128 characters`.
    let message = error.inner().to_string();
    let expected = message.split_once(", expected ").map_or("", |(_, expected)| expected);
    Error::field(&error.path().to_string(), expected)
}
