//! `DELETE /v1/dashboard/products/{productId}`: hide a product, and all that it has.

use keystead_core::{Result, error::ErrorCode, owner::member::Role, product::Product};

use super::view::NamesProduct;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::InTeam,
    },
    v1::{deleted::Deleted, face::V1, person::Person},
};

/// `DELETE /v1/dashboard/products/{productId}`.
pub struct V1DeleteProduct;

impl Endpoint for V1DeleteProduct {
    const NAME: &'static str = "v1-delete-product";
    const ROUTE: &'static str = "DELETE /v1/dashboard/products/{productId}";
    const SUMMARY: &'static str = "Delete a product, and all that it has: its licenses work no more within a minute.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesProduct;
    type Subject = InTeam<Product>;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: Person, _: NamesProduct, product: InTeam<Product>) -> Result<Deleted> {
        cx.store
            .product_delete(&product.subject, &cx.audit(&caller.origin))
            .await?;
        Ok(Deleted::default())
    }
}
