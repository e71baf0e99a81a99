//! A request as it comes in, from API Gateway or from a socket.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};
use keystead_core::activation::Country;

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// A request as it comes in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// What follows the path's question mark.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `None` when it is longer than [`MAX_BODY`], and was not read.
    pub body: Option<Bytes>,
    /// Who sent it, as far as the network tells.
    pub ip: Option<IpAddr>,
}

impl Incoming {
    /// A header's value, should it be text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The client's country, as the proxy tells it that the operator trusts.
    pub(crate) fn country(&self, trusted_header: &str) -> Option<Country> {
        if trusted_header.is_empty() {
            None
        } else {
            Country::parse(self.header(trusted_header)?)
        }
    }
}
