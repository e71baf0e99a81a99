//! `POST /updateVariant`: change what an edition's next licenses allow.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::{ErrorCode, Noun},
    license::seats::{LicenseType, SeatLimit},
    product::{
        ProductId,
        variant::{Price, VariantChanges, VariantId},
    },
    value::{days::Days, name::Name, patch::Patch},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::Flag},
};

/// `POST /updateVariant`.
pub struct UpdateVariant;

/// Which variant, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// With the prefix `<productId>-`; without it, `productId` is needed.
    variant_id: Option<VariantId>,
    product_id: Option<ProductId>,
    /// The variant's new name or, without a `variantId`, the name that it is found by.
    name: Option<Name>,
    license_type: Option<LicenseType>,
    #[serde(default)]
    max_machines: Patch<SeatLimit>,
    #[serde(default)]
    max_concurrent: Patch<SeatLimit>,
    #[serde(default)]
    trial_days: Patch<Days>,
    #[serde(default)]
    offline_days: Patch<Days>,
    #[serde(default)]
    price: Patch<Price>,
    active: Option<Flag>,
}

/// The variant is changed.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// With the prefix `<productId>-`.
    variant_id: String,
}

impl Endpoint for UpdateVariant {
    const NAME: &'static str = "update-variant";
    const ROUTE: &'static str = "POST /updateVariant";
    const SUMMARY: &'static str = "Change what an edition's next licenses allow.";
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["variantId"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::MissingFields,
        ErrorCode::NothingToUpdate,
        ErrorCode::VariantNotFound,
        ErrorCode::ProductArchived,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, (): ()) -> Result<Reply> {
        let (variant_id, name) = match (request.variant_id, request.name) {
            (Some(id), name) => (id, name),
            // Found by its name, which therefore does not change.
            (None, Some(name)) => (VariantId::of_name(&name).ok_or(Error::NotFound(Noun::Variant))?, None),
            (None, None) => return Err(Error::Invalid(InvalidRequest::MissingFields(&["variantId"]))),
        };
        let changes = VariantChanges {
            name,
            license_type: request.license_type,
            max_machines: request.max_machines,
            max_concurrent: request.max_concurrent,
            trial_days: request.trial_days,
            offline_days: request.offline_days,
            price: request.price,
            active: request.active.map(|flag| flag.0),
        };
        if changes == VariantChanges::default() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        // A product's id may itself hold hyphens, so a prefix can be cut in several places; the longest product wins.
        let candidates = match request.product_id {
            Some(product) => vec![(product.clone(), variant_id.within(&product))],
            None => variant_id.splits(),
        };
        for (product_id, variant_id) in candidates {
            let Some((product, variants)) = cx.store.product_get_with_variants_unscoped(&product_id).await? else {
                continue;
            };
            if !caller.scope.covers(&product.owner_id) {
                continue;
            }
            let Some(variant) = variants.into_iter().find(|variant| variant.variant_id == variant_id) else {
                continue;
            };
            product.writable()?;
            let variant = cx
                .store
                .variant_change(variant, &product.owner_id, &cx.audit(&caller.origin), |variant| {
                    variant.change(&changes)
                })
                .await?;
            return Ok(Reply {
                variant_id: variant.prefixed_id(),
            });
        }
        Err(Error::NotFound(Noun::Variant))
    }
}
