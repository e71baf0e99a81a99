//! `GET /v1/dashboard/products/{productId}`: one product.

use keystead_core::{Result, error::ErrorCode, owner::member::Role, product::Product};

use super::view::{NamesProduct, OneProduct};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::InTeam,
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/products/{productId}`.
pub struct V1GetProduct;

impl Endpoint for V1GetProduct {
    const NAME: &'static str = "v1-get-product";
    const ROUTE: &'static str = "GET /v1/dashboard/products/{productId}";
    const SUMMARY: &'static str = "Show a product.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = NamesProduct;
    type Subject = InTeam<Product>;
    type Reply = OneProduct;

    async fn call(_: &Context, _: Person, _: NamesProduct, product: InTeam<Product>) -> Result<OneProduct> {
        Ok(OneProduct::from(product.subject))
    }
}
