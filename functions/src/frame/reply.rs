//! What an endpoint answers, as it goes over the wire.

use keystead_core::{Error, Result};
use serde::Serialize;

/// What most endpoints answer, and every refusal.
pub(crate) const JSON: &str = "application/json";

/// A reply's body.
pub trait Body {
    /// The header `Content-Type`.
    const CONTENT_TYPE: &'static str;

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
