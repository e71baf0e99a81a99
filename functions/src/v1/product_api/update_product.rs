//! `PATCH /v1/products/{productId}`: change the product of an API key.

use keystead_core::{Result, error::ErrorCode, owner::permission::Permission, product::Product};

use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::V1Keys,
        product::{
            update::{Request, update},
            view::OneProduct,
        },
    },
};

/// `PATCH /v1/products/{productId}`.
pub struct V1UpdateOwnProduct;

impl Endpoint for V1UpdateOwnProduct {
    const NAME: &'static str = "v1-update-own-product";
    const ROUTE: &'static str = "PATCH /v1/products/{productId}";
    const SUMMARY: &'static str = "Change the product of an API key.";
    const NEEDS: Needs = Needs::Permission(Permission::ProductWrite);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        ErrorCode::NothingToUpdate,
        ErrorCode::InvalidPolicy,
        ErrorCode::ProductArchived,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = OneProduct;

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<OneProduct> {
        update(cx, &caller.origin, request, product).await
    }
}
