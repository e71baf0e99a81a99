//! `GET /v1/dashboard/orgs`: the organisations in whose teams the caller is.

use keystead_core::{
    Result,
    value::page::{PageNumber, PageSize},
};
use serde::{Deserialize, Serialize};

use super::view::OrganisationView;
use crate::{
    frame::{context::Context, endpoint::Endpoint},
    v1::{face::V1, page::part, person::Person},
};

/// `GET /v1/dashboard/orgs`.
pub struct V1ListOrganisations;

/// Which page.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
}

/// A page of organisations, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    orgs: Vec<OrganisationView>,
    total: usize,
    page: u32,
    page_size: u32,
    total_pages: usize,
}

impl Endpoint for V1ListOrganisations {
    const NAME: &'static str = "v1-list-organisations";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs";
    const SUMMARY: &'static str = "List the organisations that the caller is a member of.";

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, (): ()) -> Result<Reply> {
        let mut all = cx.store.membership_list(&caller.account).await?;
        all.sort_by(|a, b| {
            let key = |of: &keystead_core::owner::organisation::Membership| {
                (of.organisation.created_at, of.organisation.owner_id.clone())
            };
            key(b).cmp(&key(a))
        });
        let page = part(all, request.page, request.page_size);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            orgs: page.items.into_iter().map(OrganisationView::from).collect(),
        })
    }
}
