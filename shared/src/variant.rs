//! Variants: the editions in which a product is sold, and the defaults of their licenses.

use serde::{Deserialize, Serialize};

use crate::{
    license::{LicenseType, SeatLimit},
    product::{Name, ProductId},
    text::{is_plain, text_value},
};

text_value!(
    /// A variant's id within its product, such as `indie`. Clients may write it with the prefix `<productId>-`; it is
    /// stored and compared without ([`VariantId::within`]).
    VariantId,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

impl VariantId {
    /// This id without the prefix `<productId>-`, should it have one.
    #[must_use]
    pub fn within(self, product: &ProductId) -> Self {
        let stripped = self
            .0
            .strip_prefix(product.as_str())
            .and_then(|rest| rest.strip_prefix('-'));
        match stripped {
            Some(id) if !id.is_empty() => Self(id.to_owned()),
            Some(_) | None => self,
        }
    }
}

/// A variant, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// The product it is a variant of.
    pub product_id: ProductId,
    /// Its id within the product.
    pub variant_id: VariantId,
    /// Its name for people.
    pub name: Name,
    /// What its licenses allow, unless they say otherwise.
    pub license_type: LicenseType,
    /// How many machines its licenses allow, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_machines: Option<SeatLimit>,
    /// How many floating sessions its licenses allow at once, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<SeatLimit>,
}

#[cfg(test)]
mod tests {
    use super::{ProductId, VariantId};

    #[test]
    fn the_product_s_prefix_is_stripped_once_and_nothing_else_is() {
        let product = ProductId::parse("demo").expect("a product id");
        for (written, stored) in [
            ("demo-indie", "indie"),
            ("indie", "indie"),
            ("demo-", "demo-"),
            ("demo", "demo"),
            ("demo-demo-x", "demo-x"),
        ] {
            let id = VariantId::parse(written).expect("a variant id").within(&product);
            assert_eq!(id.as_str(), stored, "{written}");
        }
    }
}
