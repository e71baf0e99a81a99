//! `GET /v1/dashboard/orgs/{orgId}/invites`: the invites that wait to be accepted.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, organisation::Membership},
};
use serde::Serialize;

use super::view::InviteView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, page::OrganisationPage, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/invites`.
pub struct V1ListInvites;

/// A page of invites, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    invites: Vec<InviteView>,
    total: usize,
    page: u32,
    page_size: u32,
    total_pages: usize,
}

impl Endpoint for V1ListInvites {
    const NAME: &'static str = "v1-list-invites";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/invites";
    const SUMMARY: &'static str = "List the invites that wait to be accepted.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = OrganisationPage;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: OrganisationPage, of: Membership) -> Result<Reply> {
        let now = cx.clock.now();
        let mut open = cx.store.invite_list(&of.organisation.owner_id).await?;
        open.retain(|invite| invite.is_open(now));
        let page = request.of(open);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            invites: page.items.into_iter().map(InviteView::from).collect(),
        })
    }
}
