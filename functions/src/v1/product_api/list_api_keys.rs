//! `GET /v1/products/{productId}/api-keys`: the API keys of the product of an API key.

use keystead_core::{Result, error::ErrorCode, owner::permission::Permission, product::Product};

use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        api_key::list::{Reply, Request, list},
        face::V1Keys,
    },
};

/// `GET /v1/products/{productId}/api-keys`.
pub struct V1ListOwnApiKeys;

impl Endpoint for V1ListOwnApiKeys {
    const NAME: &'static str = "v1-list-own-api-keys";
    const ROUTE: &'static str = "GET /v1/products/{productId}/api-keys";
    const SUMMARY: &'static str = "List the API keys of a product, without their secrets.";
    const NEEDS: Needs = Needs::Permission(Permission::ApiKeyRead);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<Reply> {
        list(cx, &caller.sealing, request, &product).await
    }
}
