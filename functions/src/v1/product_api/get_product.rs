//! `GET /v1/products/{productId}`: the product of an API key.

use keystead_core::{Result, error::ErrorCode, owner::permission::Permission, product::Product};

use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::V1Keys,
        product::view::{NamesProduct, OneProduct},
    },
};

/// `GET /v1/products/{productId}`.
pub struct V1GetOwnProduct;

impl Endpoint for V1GetOwnProduct {
    const NAME: &'static str = "v1-get-own-product";
    const ROUTE: &'static str = "GET /v1/products/{productId}";
    const SUMMARY: &'static str = "Show the product of an API key.";
    const NEEDS: Needs = Needs::Permission(Permission::ProductRead);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesProduct;
    type Subject = Product;
    type Reply = OneProduct;

    async fn call(_: &Context, _: ProductKey, _: NamesProduct, product: Product) -> Result<OneProduct> {
        Ok(OneProduct::from(product))
    }
}
