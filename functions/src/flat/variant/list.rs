//! `GET|POST /listVariants`: the editions of a product.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    license::seats::{LicenseType, SeatLimit},
    product::{
        ProductId,
        variant::{Price, Variant},
    },
    value::days::Days,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::{Admin, Sees, Source},
        context::Context,
        endpoint::Endpoint,
        subject::Subject,
    },
};

/// `GET|POST /listVariants`.
pub struct ListVariants;

/// Of which product.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
}

/// A product's variants, those that are switched off too.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    variants: Vec<VariantView>,
    count: usize,
}

/// A variant as the flat API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Variant"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantView {
    variant_id: String,
    product_id: String,
    name: String,
    license_type: LicenseType,
    max_machines: Option<SeatLimit>,
    max_concurrent: Option<SeatLimit>,
    trial_days: Option<Days>,
    offline_days: Option<Days>,
    price: Option<Price>,
    active: bool,
}

impl From<Variant> for VariantView {
    fn from(variant: Variant) -> Self {
        Self {
            variant_id: variant.prefixed_id(),
            product_id: variant.product_id.to_string(),
            name: variant.name.to_string(),
            license_type: variant.license_type,
            max_machines: variant.max_machines,
            max_concurrent: variant.max_concurrent,
            trial_days: variant.trial_days,
            offline_days: variant.offline_days,
            price: variant.price,
            active: variant.active,
        }
    }
}

/// The variants of the product that is asked for.
pub struct Editions(Vec<Variant>);

impl Subject<Request, Admin> for Editions {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &Request, _: &Source) -> Result<()> {
        Ok(())
    }

    /// The product and its variants are one partition.
    async fn admit(cx: &Context, caller: &Admin, request: &Request, (): ()) -> Result<Self> {
        let found = cx.store.product_get_with_variants_unscoped(&request.product_id).await?;
        found
            .filter(|(product, _)| caller.sees(&product.owner_id))
            .map(|(_, variants)| Self(variants))
            .ok_or(Error::NotFound(Noun::Product))
    }
}

impl Endpoint for ListVariants {
    const NAME: &'static str = "list-variants";
    const ROUTE: &'static str = "GET|POST /listVariants";
    const SUMMARY: &'static str = "List the editions of a product.";
    const REQUIRED: &'static [&'static str] = &["productId"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Editions;
    type Reply = Reply;

    async fn call(_: &Context, _: Admin, _: Request, editions: Editions) -> Result<Reply> {
        let variants: Vec<VariantView> = editions.0.into_iter().map(VariantView::from).collect();
        Ok(Reply {
            count: variants.len(),
            variants,
        })
    }
}
