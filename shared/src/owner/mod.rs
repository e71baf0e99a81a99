//! Owners: the tenants to whom products and licenses belong, and the scope of a caller.

pub mod api_key;
pub mod invite;
pub mod member;
pub mod names;
pub mod organisation;
pub mod permission;
pub mod product_key;

use crate::value::text::{is_name, text_value};

text_value!(
    /// The tenant: the owner of products, licenses, codes and API keys. The flat API's *creator*, an organisation, a
    /// store's seller.
    ///
    /// It holds no `#`, which separates the parts of index keys.
    OwnerId,
    "a string of 1 to 128 characters without #",
    |text| {
        let text = text.trim();
        (is_name(text, 128) && !text.contains('#')).then(|| text.to_owned())
    },
    r"^[\t-\r ]*[^#\x00-\x1f\x7f-\x9f]*[^#\s\x00-\x1f\x7f-\x9f][^#\x00-\x1f\x7f-\x9f]*[\t-\r ]*$"
);

/// Tenancy: whose records a caller may see. Every finder of an owner's records takes one; one that does not is named
/// `_unscoped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One owner's: an API key.
    Owner(OwnerId),
    /// Everybody's: the admin secret.
    Everything,
}

impl Scope {
    /// Whether records of `owner` may be seen. Those that may not are not found, rather than forbidden.
    pub fn covers(&self, owner: &OwnerId) -> bool {
        match self {
            Self::Owner(own) => own == owner,
            Self::Everything => true,
        }
    }
}
