//! What this API shows of a license, in its own words.

use keystead_core::{Timestamp, license::License, product::Product};
use serde::Serialize;

/// What a key is for, as people see it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyProduct"))]
pub(super) struct ProductView {
    name: String,
    slug: String,
    image: Option<String>,
}

impl From<&Product> for ProductView {
    fn from(product: &Product) -> Self {
        Self {
            name: product.name.to_string(),
            slug: product.product_id.to_string(),
            image: product.image.as_ref().map(ToString::to_string),
        }
    }
}

/// How a license stands, in this API's words.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "KeyStatus"))]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    /// It works.
    Active,
    /// It is revoked; or it is suspended, and its grace is over: the contract has no word of its own for that.
    Revoked,
    /// Its end has passed.
    Expired,
}

impl Status {
    /// How `license` stands now.
    pub(super) fn of(license: &License, now: Timestamp) -> Self {
        if license.standing.is_blocked(now) {
            Self::Revoked
        } else if license.has_expired(now) {
            Self::Expired
        } else {
            Self::Active
        }
    }
}
