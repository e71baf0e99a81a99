//! A request as it comes in, from API Gateway or from a socket.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method, header};
use keystead_core::{
    license::machine::Country,
    owner::api_key::{KeyPurpose, RawApiKey},
    request::{client_address::ClientAddress, id::RequestId, trusted_proxy::TrustedProxy},
};

use crate::frame::body::RequestBody;

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
    /// Its body, as its endpoint takes it.
    pub body: RequestBody,
    /// Who sent it, as the network tells: the client, or a proxy.
    pub peer: ClientAddress,
    /// Its id, if what runs the service has made one. No header of the client's is one.
    pub id: Option<RequestId>,
}

impl Incoming {
    /// What may be a product's key: in `Authorization: Bearer` or, where nothing like one stands there, in `X-Api-Key`. Not in a
    /// query, which logs keep.
    pub(crate) fn product_key(&self) -> Option<RawApiKey> {
        let bearer = self.bearer().and_then(RawApiKey::parse);
        let header = || self.header("x-api-key").and_then(RawApiKey::parse);
        let is_key = |key: &RawApiKey| key.may_be_for(KeyPurpose::Product);
        bearer.filter(is_key).or_else(|| header().filter(is_key))
    }

    /// A header's value, should it be text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether its body is compressed, or otherwise not as it was written (RFC 9110, section 8.4).
    pub(crate) fn is_encoded(&self) -> bool {
        let codings = self.headers.get_all(header::CONTENT_ENCODING);
        let mut codings = codings
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        codings.any(|coding| {
            let coding = coding.trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
        })
    }

    /// The token in `Authorization: Bearer`, whose scheme is read in any case (RFC 9110, section 11.1).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// The values of the cookies with this name (RFC 6265, section 4.2).
    pub(crate) fn cookies<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers.get_all(header::COOKIE);
        let pairs = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        let cookies = pairs.filter_map(|pair| pair.trim().split_once('='));
        cookies.filter(move |(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Where the client is: its address, which is that of the peer unless a trusted proxy tells another; and its country, if
    /// a trusted proxy tells one.
    ///
    /// What a trusted proxy does not tell, or tells illegibly, is not taken from anybody else: then the peer's address is the
    /// client's, and all who come through that proxy are counted together.
    pub(crate) fn whereabouts(&self, proxy: &TrustedProxy) -> (ClientAddress, Option<Country>) {
        let shown = self.headers.get_all(TrustedProxy::SECRET_HEADER).iter();
        if !proxy.is(self.peer, shown.filter_map(|value| value.to_str().ok())) {
            return (self.peer, None);
        }
        let address = self.told(&proxy.address_header).and_then(|told| {
            let port_is_last = proxy.address_header == VIEWER_ADDRESS;
            address(told, port_is_last)
        });
        let country = self.told(&proxy.country_header).and_then(Country::parse);
        (address.map_or(self.peer, ClientAddress::from), country)
    }

    /// The last value of the last of a header's lines. Each proxy adds what it knows at the end, to the last line or in a
    /// line of its own (RFC 9110, section 5.3), so the last is the word of the proxy that sent the request.
    fn told(&self, header: &str) -> Option<&str> {
        if header.is_empty() {
            return None;
        }
        let last_line = self.headers.get_all(header).iter().next_back()?;
        Some(last_line.to_str().ok()?.rsplit(',').next()?.trim())
    }
}

/// Where CloudFront tells a client's address: always with its port, of IPv6 without brackets.
const VIEWER_ADDRESS: &str = "cloudfront-viewer-address";

/// An address that is written with or without a port.
fn address(told: &str, port_is_last: bool) -> Option<IpAddr> {
    let without_port = || told.rsplit_once(':')?.0.parse().ok();
    let plain = || told.trim_start_matches('[').trim_end_matches(']').parse().ok();
    if let Ok(with_port) = told.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    if port_is_last {
        without_port().or_else(plain)
    } else {
        plain().or_else(without_port)
    }
}
