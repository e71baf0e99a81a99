//! `POST /v1/api-keys`: make an API key of any product.

use http::StatusCode;
use keystead_core::{Result, error::ErrorCode, product::Product};

use crate::{
    frame::{callers::Operator, context::Context, endpoint::Endpoint, reply::Head},
    v1::{
        api_key::{
            create::{Request, create},
            view::{NewApiKey, granted},
        },
        face::V1Operators,
    },
};

/// `POST /v1/api-keys`.
pub struct V1OperatorCreateApiKey;

impl Endpoint for V1OperatorCreateApiKey {
    const NAME: &'static str = "v1-operator-create-api-key";
    const ROUTE: &'static str = "POST /v1/api-keys";
    const SUMMARY: &'static str = "Make an API key of any product. Its secret is shown this once.";
    const REQUIRED: &'static [&'static str] = &["productId", "name"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = V1Operators;
    type Caller = Operator;
    type Request = Request;
    type Subject = Product;
    type Reply = NewApiKey;

    fn head(_: &Context, _: &NewApiKey) -> Head {
        Head::created()
    }

    fn check(_: &Context, request: &Request) -> Result<()> {
        granted(request.permissions()).map(drop)
    }

    async fn call(cx: &Context, caller: Operator, request: Request, product: Product) -> Result<NewApiKey> {
        create(cx, &caller.origin, request, product).await
    }
}
