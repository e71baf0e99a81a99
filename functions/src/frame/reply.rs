//! What an endpoint answers, as it goes over the wire.

use http::StatusCode;
use keystead_core::{Error, Result, Timestamp};
use serde::Serialize;

use crate::frame::face::Refusal;
#[cfg(feature = "openapi")]
use crate::frame::openapi::schema::schema;

/// What most endpoints answer, and every refusal.
pub(crate) const JSON: &str = "application/json";

/// Rows for spreadsheets (RFC 4180).
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

/// A reply's body.
pub trait Body {
    /// The header `Content-Type`.
    const CONTENT_TYPE: &'static str;
    /// Another one that it may have, of a text.
    const ALSO: Option<&'static str> = None;

    /// Which of them this one has.
    fn content_type(&self) -> &'static str {
        Self::CONTENT_TYPE
    }

    /// The bytes to send.
    ///
    /// # Errors
    /// [`Error::Internal`] when it can't be written down.
    fn to_bytes(&self) -> Result<Vec<u8>>;
}

impl<T: Serialize> Body for T {
    const CONTENT_TYPE: &'static str = JSON;

    fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }
}

/// That it is done, and nothing beside.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Done {}

/// A flag that is true wherever it is there.
#[derive(Debug, Default)]
pub(crate) struct True;

impl Serialize for True {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

#[cfg(feature = "openapi")]
schema!(True, { "const": true });

/// What a good reply says beside its body.
#[derive(Debug)]
pub struct Head {
    /// Its status.
    pub status: StatusCode,
    /// The cookies that it sets, each as a header `Set-Cookie` has it.
    pub cookies: Vec<String>,
    /// The name of the file that it is to be saved as.
    pub attachment: Option<&'static str>,
    /// What to ask for more with, of a body that has no place for it.
    pub next_cursor: Option<String>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            cookies: Vec::new(),
            attachment: None,
            next_cursor: None,
        }
    }
}

impl Head {
    /// Of what was made.
    pub(crate) fn created() -> Self {
        Self {
            status: StatusCode::CREATED,
            ..Self::default()
        }
    }
}

/// How long a reply may be kept by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Not at all.
    Never,
    /// Five minutes: as long as a new signing key takes to be seen everywhere.
    FiveMinutes,
}

/// What an endpoint answered, and what the log should know of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) cache: Cache,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
    /// The cookies to set.
    pub(crate) cookies: Vec<String>,
    /// [`Head::attachment`].
    pub(crate) attachment: Option<&'static str>,
    /// [`Head::next_cursor`].
    pub(crate) next_cursor: Option<String>,
    /// Whether it is the answer to the same request before.
    pub(crate) replayed: bool,
    /// Who asked, as the log names them, if they were known.
    pub(crate) actor: Option<String>,
    /// Why it refused.
    pub(crate) code: Option<&'static str>,
    /// What went wrong inside.
    pub(crate) cause: Option<String>,
}

impl Answer {
    /// Of JSON, with nothing beside.
    pub(crate) fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: JSON,
            body,
            cache: Cache::Never,
            retry_after: None,
            cookies: Vec::new(),
            attachment: None,
            next_cursor: None,
            replayed: false,
            actor: None,
            code: None,
            cause: None,
        }
    }

    /// That a request is refused at `now`, because of `error`, in these words.
    pub(crate) fn refusing(error: &Error, refusal: Refusal, now: Timestamp) -> Self {
        Self {
            // Rounded up: who comes back on the second is let in.
            retry_after: error.retry_at().map(|at| at.since(now).as_secs() + 1),
            code: Some(error.code().as_str()),
            cause: if let Error::Internal(cause) = error {
                Some(cause.to_string())
            } else {
                None
            },
            ..Self::new(refusal.status, refusal.body)
        }
    }

    /// Whether the same request should get the same answer: not one that asks to come again.
    pub(crate) fn is_final(&self) -> bool {
        !self.status.is_server_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }
}
