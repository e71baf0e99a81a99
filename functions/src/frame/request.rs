//! A request as it comes in, from API Gateway or from a socket.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use keystead_core::license::machine::Country;

/// The longest body that is read, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

/// What a request's path holds where its route has a name in braces.
pub(crate) type Parameters = Vec<(String, String)>;

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
    /// Its body; `None` when it is longer than [`BODY_LIMIT`], and was not read.
    pub body: Option<Bytes>,
    /// Who sent it, as far as the network tells.
    pub ip: Option<IpAddr>,
}

impl Incoming {
    /// A header's value, should it be text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token in `Authorization: Bearer`, whose scheme is read in any case (RFC 9110, section 11.1).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// A cookie's value (RFC 6265, section 4.2).
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.headers.get_all(header::COOKIE);
        let pairs = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        let mut cookies = pairs.filter_map(|pair| pair.trim().split_once('='));
        cookies.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The client's address, as the proxy tells it that the operator trusts, and otherwise as the network does.
    ///
    /// Of a list, to which each proxy adds whom it got the request from, the last is the proxy's own word. A port may
    /// follow, as CloudFront has it.
    pub(crate) fn address(&self, trusted_header: &str) -> Option<IpAddr> {
        if trusted_header.is_empty() {
            return self.ip;
        }
        let told = self.header(trusted_header)?.rsplit(',').next()?.trim();
        let without_port = || told.rsplit_once(':')?.0.parse().ok();
        let with_port = || Some(told.parse::<SocketAddr>().ok()?.ip());
        told.parse().ok().or_else(with_port).or_else(without_port)
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
