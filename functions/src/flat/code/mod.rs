//! Trial and discount codes: one store and one set of fields under two names.

mod create;
mod delete;
mod list;
mod redeem;
mod update;

use keystead_core::{
    Error, Result,
    error::Noun,
    product::{Product, ProductId},
};

use crate::frame::{context::Context, endpoint::Caller};

pub use create::{CreateDiscountCode, CreateTrialCode};
pub use delete::{DeleteDiscountCode, DeleteTrialCode};
pub use list::{ListDiscountCodes, ListTrialCodes};
pub use redeem::RedeemTrialCode;
pub use update::{UpdateDiscountCode, UpdateTrialCode};

/// The product that a request names, if it names one, for [`seen_product`].
async fn named_product(cx: &Context, id: Option<&ProductId>) -> Result<Option<Product>> {
    match id {
        Some(id) => cx.store.product_get_unscoped(id).await,
        None => Ok(None),
    }
}

/// The product that was fetched for `id`, should its caller see it; `None` when the request names none.
fn seen_product(id: Option<&ProductId>, product: Option<Product>, caller: &Caller) -> Result<Option<Product>> {
    if id.is_none() {
        return Ok(None);
    }
    let seen = product.filter(|product| caller.scope.covers(&product.owner_id));
    seen.ok_or(Error::NotFound(Noun::Product)).map(Some)
}
