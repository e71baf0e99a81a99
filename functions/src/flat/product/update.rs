//! `POST /updateProduct`: rename a product, change whether it is sold, or set its rules.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    license::{seats::SeatLimit, watch::DetectionOverrides},
    product::{
        GraceDays, Image, Product, ProductChanges, ProductId, ProductStatus,
        key_rules::{KeyPrefix, KeyRuleChanges},
        quantity::QuantityMeans,
    },
    value::{name::Name, patch::Patch},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::Admin,
        context::Context,
        endpoint::Endpoint,
        lenient::{Flag, object_patch},
        subject::Names,
    },
};

/// `POST /updateProduct`.
pub struct UpdateProduct;

/// Which product, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    name: Option<Name>,
    status: Option<ProductStatus>,
    /// False archives it; true makes an archived one live again. `status` says more, and wins.
    active: Option<Flag>,
    /// What its licenses are caught at. Null: as usual.
    #[serde(default, deserialize_with = "object_patch")]
    enforcement: Patch<DetectionOverrides>,
    /// Null: as usual.
    #[serde(default)]
    grace_days: Patch<GraceDays>,
    /// Null: none.
    #[serde(default)]
    image: Patch<Image>,
    /// Of this and the following, null: as usual.
    #[serde(default)]
    quantity_means: Patch<QuantityMeans>,
    #[serde(default)]
    allow_buyer_shuffle: Patch<Flag>,
    #[serde(default)]
    allow_buyer_reset: Patch<Flag>,
    #[serde(default)]
    require_hwid: Patch<Flag>,
    #[serde(default)]
    key_prefix: Patch<KeyPrefix>,
    #[serde(default)]
    max_activations: Patch<SeatLimit>,
    #[serde(default)]
    deactivate_needs_token: Patch<Flag>,
}

/// The product is changed.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    product_id: ProductId,
    status: ProductStatus,
}

impl Request {
    fn changes(&self) -> ProductChanges {
        ProductChanges {
            name: self.name.clone(),
            status: self.status,
            enforcement: self.enforcement.clone(),
            grace_days: self.grace_days,
            image: self.image.clone(),
            quantity_means: self.quantity_means,
            keys: KeyRuleChanges {
                allow_buyer_shuffle: self.allow_buyer_shuffle.map(|flag| flag.0),
                allow_buyer_reset: self.allow_buyer_reset.map(|flag| flag.0),
                require_hwid: self.require_hwid.map(|flag| flag.0),
                key_prefix: self.key_prefix.clone(),
                max_activations: self.max_activations,
                deactivate_needs_token: self.deactivate_needs_token.map(|flag| flag.0),
            },
            description: Patch::Keep,
            default_policy: Patch::Keep,
        }
    }
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for UpdateProduct {
    const NAME: &'static str = "update-product";
    const ROUTE: &'static str = "POST /updateProduct";
    const SUMMARY: &'static str = "Rename a product, change whether it is sold, or set its rules.";
    const REQUIRED: &'static [&'static str] = &["productId"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::NothingToUpdate,
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    fn check(cx: &Context, request: &Request) -> Result<()> {
        let changes = request.changes();
        if changes == ProductChanges::default() && request.active.is_none() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        if let Patch::Set(overrides) = &changes.enforcement {
            cx.config.enforcement.with(overrides).sound()?;
        }
        Ok(())
    }

    async fn call(cx: &Context, caller: Admin, request: Request, product: Product) -> Result<Reply> {
        let changes = request.changes();
        let product = cx
            .store
            .product_change(product, &cx.audit(&caller.origin), |product| {
                let status = changes.status.or_else(|| match request.active {
                    Some(Flag(false)) => Some(ProductStatus::Archived),
                    Some(Flag(true)) if !product.active() => Some(ProductStatus::Live),
                    Some(Flag(true)) | None => None,
                });
                product.change(&ProductChanges {
                    status,
                    ..changes.clone()
                })
            })
            .await?;
        Ok(Reply {
            product_id: product.product_id,
            status: product.status,
        })
    }
}
