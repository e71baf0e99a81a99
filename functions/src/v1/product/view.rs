//! Products, as requests name them and replies show them.

use keystead_core::{
    Timestamp,
    license::policy::Policy,
    owner::OwnerId,
    product::{Description, Product, ProductId},
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::frame::subject::Names;

/// A product.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OrganisationProduct")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView {
    /// A UUID or, of a product that another API made, its slug.
    id: ProductId,
    org_id: OwnerId,
    name: Name,
    description: Option<Description>,
    /// What its licenses allow that have no policy of their own. Null: everything.
    default_license_policy: Option<Policy>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            id: product.product_id,
            org_id: product.owner_id,
            name: product.name,
            description: product.description,
            default_license_policy: product.default_policy,
            created_at: product.created_at,
            updated_at: product.updated_at.unwrap_or(product.created_at),
        }
    }
}

/// A reply with one product.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OneProduct {
    product: ProductView,
}

impl From<Product> for OneProduct {
    fn from(product: Product) -> Self {
        Self {
            product: ProductView::from(product),
        }
    }
}

/// A request that names a product and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesProduct {
    product_id: ProductId,
}

impl Names<ProductId> for NamesProduct {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}
