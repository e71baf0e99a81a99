//! `GET /v1/dashboard/orgs/{orgId}/members`: the members of a team.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{OwnerId, member::Role, organisation::Membership},
    value::page::{PageNumber, PageSize},
};
use serde::{Deserialize, Serialize};

use super::view::MemberView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, page::part, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/members`.
pub struct V1ListMembers;

/// Of which organisation, and which page.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
}

/// A page of members, those who were added last first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    members: Vec<MemberView>,
    total: usize,
    page: u32,
    page_size: u32,
    total_pages: usize,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1ListMembers {
    const NAME: &'static str = "v1-list-members";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/members";
    const SUMMARY: &'static str = "List the members of an organisation.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: Request, of: Membership) -> Result<Reply> {
        let mut all = cx.store.member_list(&of.organisation.owner_id).await?;
        all.sort_by(|a, b| (b.added_at, &b.member_id).cmp(&(a.added_at, &a.member_id)));
        let page = part(all, request.page, request.page_size);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            members: page.items.into_iter().map(MemberView::from).collect(),
        })
    }
}
