//! `POST /createVariant`: sell a product in another edition.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Unique},
    ids::CreationId,
    license::seats::{LicenseType, SeatLimit},
    product::{
        Product, ProductId,
        variant::{Price, Variant, VariantId},
    },
    value::{days::Days, name::Name},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::Flag, subject::Names},
};

/// `POST /createVariant`.
pub struct CreateVariant;

/// The variant that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    name: Name,
    license_type: Option<LicenseType>,
    max_machines: Option<SeatLimit>,
    max_concurrent: Option<SeatLimit>,
    trial_days: Option<Days>,
    offline_days: Option<Days>,
    price: Option<Price>,
    active: Option<Flag>,
}

/// The variant that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// With the prefix `<productId>-`.
    variant_id: String,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for CreateVariant {
    const NAME: &'static str = "create-variant";
    const ROUTE: &'static str = "POST /createVariant";
    const SUMMARY: &'static str = "Sell a product in another edition.";
    const REQUIRED: &'static [&'static str] = &["productId", "name"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
        ErrorCode::VariantTaken,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, product: Product) -> Result<Reply> {
        product.writable()?;
        let audit = cx.audit(&caller.origin);
        let variant_id = VariantId::of_name(&request.name)
            .ok_or_else(|| Error::field("name", "a name with at least one letter or digit"))?;
        let variant = Variant {
            product_id: product.product_id,
            variant_id: variant_id.clone(),
            name: request.name,
            license_type: request.license_type.unwrap_or(LicenseType::PerMachine),
            max_machines: request.max_machines,
            max_concurrent: request.max_concurrent,
            trial_days: request.trial_days,
            offline_days: request.offline_days,
            price: request.price,
            creation: CreationId::new(&cx.ids)?,
            active: request.active.is_none_or(|flag| flag.0),
        };
        if !cx.store.variant_create(&variant, &product.owner_id, &audit).await? {
            return Err(Error::Taken(Unique::VariantId));
        }
        Ok(Reply {
            variant_id: variant.prefixed_id(),
        })
    }
}
