//! `DELETE /v1/dashboard/orgs/{orgId}/products/{productId}`: the same as deleting the product, which is no other organisation's.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::ProductId,
};
use serde::Deserialize;

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{deleted::Removed, face::V1, person::Person},
};

/// `DELETE /v1/dashboard/orgs/{orgId}/products/{productId}`.
pub struct V1RemoveProduct;

/// Which product, of which organisation.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    product_id: ProductId,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1RemoveProduct {
    const NAME: &'static str = "v1-remove-product";
    const ROUTE: &'static str = "DELETE /v1/dashboard/orgs/{orgId}/products/{productId}";
    const SUMMARY: &'static str = "Delete a product of an organisation, and all that it has.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ProductNotFound,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Removed;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Removed> {
        let scope = Scope::Owner(of.organisation.owner_id);
        let product = cx.store.product_get(&scope, &request.product_id).await?;
        cx.store.product_delete(&product, &cx.audit(&caller.origin)).await?;
        Ok(Removed::default())
    }
}
