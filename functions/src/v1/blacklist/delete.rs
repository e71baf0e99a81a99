//! `DELETE /v1/dashboard/blacklists/products/{productId}/{entryId}`, and the same to an API key: take something off a
//! product's blacklist.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
    product::{Product, ProductId, blacklist::BlacklistEntryId},
};
use serde::Deserialize;

use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{
        deleted::Deleted,
        face::{V1, V1Keys},
        person::Person,
    },
};

/// Which entry of which product.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "DeleteBlacklistEntryRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    entry_id: BlacklistEntryId,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

/// `DELETE /v1/dashboard/blacklists/products/{productId}/{entryId}`.
pub struct V1DeleteBlacklistEntry;

impl Endpoint for V1DeleteBlacklistEntry {
    const NAME: &'static str = "v1-delete-blacklist-entry";
    const ROUTE: &'static str = "DELETE /v1/dashboard/blacklists/products/{productId}/{entryId}";
    const SUMMARY: &'static str = "Take a machine or an address off a blacklist.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::Forbidden,
        ErrorCode::BlacklistEntryNotFound,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<Deleted> {
        let audit = cx.audit(&caller.origin);
        cx.store
            .blacklist_delete(&product.subject, &request.entry_id, &audit)
            .await?;
        Ok(Deleted::default())
    }
}

/// `DELETE /v1/products/{productId}/blacklist/{entryId}`.
pub struct V1DeleteOwnBlacklistEntry;

impl Endpoint for V1DeleteOwnBlacklistEntry {
    const NAME: &'static str = "v1-delete-own-blacklist-entry";
    const ROUTE: &'static str = "DELETE /v1/products/{productId}/blacklist/{entryId}";
    const SUMMARY: &'static str = "Take a machine or an address off a blacklist.";
    const NEEDS: Needs = Needs::Permission(Permission::BlacklistWrite);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        ErrorCode::BlacklistEntryNotFound,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<Deleted> {
        let audit = cx.audit(&caller.origin);
        cx.store.blacklist_delete(&product, &request.entry_id, &audit).await?;
        Ok(Deleted::default())
    }
}
