//! `GET|POST /listProducts`: the products of an owner, or of all.

use keystead_core::{
    Error, Result, Timestamp,
    license::watch::DetectionOverrides,
    owner::{OwnerId, Scope},
    product::{GraceDays, Image, Product, ProductStatus, key_rules::KeyRules, quantity::QuantityMeans},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::Flag},
};

/// `GET|POST /listProducts`.
pub struct ListProducts;

/// Which products.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Statuses, separated by commas.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = r"^\s*((live|unlisted|archived)?\s*,\s*)*(live|unlisted|archived)?\s*$")))]
    status: Option<String>,
    /// Whether to list products in every status.
    #[serde(default)]
    include_all: Option<Flag>,
    /// For the super admin only.
    creator_id: Option<OwnerId>,
}

/// A list of products.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    count: usize,
    products: Vec<ProductView>,
}

/// A product as the flat API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Product"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView {
    product_id: String,
    name: String,
    slug: String,
    creator_id: String,
    status: ProductStatus,
    active: bool,
    created_at: Timestamp,
    /// What it has of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_days: Option<GraceDays>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforcement: Option<DetectionOverrides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity_means: Option<QuantityMeans>,
    #[serde(flatten)]
    keys: KeyRules,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            product_id: product.product_id.to_string(),
            name: product.name.to_string(),
            slug: product.product_id.to_string(),
            creator_id: product.owner_id.to_string(),
            status: product.status,
            active: product.active(),
            created_at: product.created_at,
            grace_days: product.grace_days,
            enforcement: product.enforcement,
            image: product.image,
            quantity_means: product.quantity_means,
            keys: product.keys,
        }
    }
}

impl Endpoint for ListProducts {
    const NAME: &'static str = "list-products";
    const ROUTE: &'static str = "GET|POST /listProducts";
    const SUMMARY: &'static str = "List products.";

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, (): ()) -> Result<Reply> {
        // Parsed also when all are asked for, so that a mistake in it is refused.
        let named = statuses(request.status.as_deref())?;
        let statuses = if request.include_all.is_some_and(|flag| flag.0) {
            ProductStatus::ALL.to_vec()
        } else {
            named
        };
        let scope = match (caller.scope, request.creator_id) {
            (Scope::Everything, Some(owner)) => Scope::Owner(owner),
            (scope, _) => scope,
        };
        let products: Vec<ProductView> = cx
            .store
            .product_list(&scope, &statuses)
            .await?
            .into_iter()
            .map(ProductView::from)
            .collect();
        Ok(Reply {
            count: products.len(),
            products,
        })
    }
}

/// The statuses in a list like `live,unlisted`; those on sale, without one.
fn statuses(list: Option<&str>) -> Result<Vec<ProductStatus>> {
    let mut statuses = Vec::new();
    for name in list
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let status = ProductStatus::parse(name).ok_or_else(|| Error::field("status", ""))?;
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    if statuses.is_empty() {
        statuses.push(ProductStatus::Live);
    }
    Ok(statuses)
}
