//! `GET /v1/dashboard/orgs/{orgId}/products`: the products of an organisation.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{Scope, member::Role, organisation::Membership},
    product::ProductStatus,
};
use serde::Serialize;

use super::view::ProductView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, page::OrganisationPage, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/products`.
pub struct V1ListProducts;

/// A page of products, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    products: Vec<ProductView>,
    total: usize,
    page: u32,
    page_size: u32,
    total_pages: usize,
}

impl Endpoint for V1ListProducts {
    const NAME: &'static str = "v1-list-products";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/products";
    const SUMMARY: &'static str = "List the products of an organisation.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = OrganisationPage;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: OrganisationPage, of: Membership) -> Result<Reply> {
        let scope = Scope::Owner(of.organisation.owner_id);
        let all = cx.store.product_list(&scope, ProductStatus::ALL).await?;
        let page = request.of(all);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            products: page.items.into_iter().map(ProductView::from).collect(),
        })
    }
}
