//! The trusted proxy: who may tell a client's address and country in headers, and how it proves itself.

use crate::{
    request::client_address::{AddressBlock, ClientAddress},
    signing::secrets::SecretHash,
};

/// Who may tell a client's address and country: nobody, unless the operator says so.
///
/// A header proves nothing by itself, for any client can send it. It counts in a request that comes from one of the
/// proxy's own addresses, or that shows a secret which only the proxy knows.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxy {
    /// The addresses that the proxy connects from (`KEYSTEAD_TRUSTED_PROXIES`: CIDR blocks, with commas between).
    pub addresses: Vec<AddressBlock>,
    /// What the proxy shows in the header [`TrustedProxy::SECRET_HEADER`] (`KEYSTEAD_EDGE_SECRET`).
    pub secret: Option<SecretHash>,
    /// The header in which it tells the client's address (`KEYSTEAD_ADDRESS_HEADER`); in none, if empty.
    pub address_header: String,
    /// The header in which it tells the client's country (`KEYSTEAD_COUNTRY_HEADER`); in none, if empty.
    pub country_header: String,
}

impl TrustedProxy {
    /// The header in which a proxy shows its secret.
    pub const SECRET_HEADER: &'static str = "x-keystead-edge";

    /// Whether a header is named in which nobody is believed: there is no proxy that could prove itself.
    pub fn lacks_proof(&self) -> bool {
        let has_headers = !self.address_header.is_empty() || !self.country_header.is_empty();
        has_headers && self.addresses.is_empty() && self.secret.is_none()
    }

    /// Whether `peer` is the proxy, or what is `shown` is its secret.
    pub fn is(&self, peer: ClientAddress, mut shown: impl Iterator<Item = impl AsRef<str>>) -> bool {
        self.addresses.iter().any(|block| block.contains(peer))
            || self
                .secret
                .as_ref()
                .is_some_and(|secret| shown.any(|shown| secret.matches(shown.as_ref())))
    }
}
