//! `GET /v1/dashboard/orgs/{orgId}/members`: the members of a team.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, organisation::Membership},
};
use serde::Serialize;

use super::view::MemberView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, page::OrganisationPage, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/members`.
pub struct V1ListMembers;

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

impl Endpoint for V1ListMembers {
    const NAME: &'static str = "v1-list-members";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/members";
    const SUMMARY: &'static str = "List the members of an organisation.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = OrganisationPage;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: OrganisationPage, of: Membership) -> Result<Reply> {
        let mut all = cx.store.member_list(&of.organisation.owner_id).await?;
        all.sort_by(|a, b| (b.added_at, &b.member_id).cmp(&(a.added_at, &a.member_id)));
        let page = request.of(all);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            members: page.items.into_iter().map(MemberView::from).collect(),
        })
    }
}
