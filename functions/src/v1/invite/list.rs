//! `GET /v1/dashboard/orgs/{orgId}/invites`: the invites that wait to be accepted.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{OwnerId, member::Role, organisation::Membership},
    value::page::{PageNumber, PageSize},
};
use serde::{Deserialize, Serialize};

use super::view::InviteView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, page::part, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/invites`.
pub struct V1ListInvites;

/// Of which organisation, and which page.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
}

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

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1ListInvites {
    const NAME: &'static str = "v1-list-invites";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/invites";
    const SUMMARY: &'static str = "List the invites that wait to be accepted.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: Request, of: Membership) -> Result<Reply> {
        let now = cx.clock.now();
        let mut open = cx.store.invite_list(&of.organisation.owner_id).await?;
        open.retain(|invite| invite.is_open(now));
        let page = part(open, request.page, request.page_size);
        Ok(Reply {
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            total_pages: page.total_pages,
            invites: page.items.into_iter().map(InviteView::from).collect(),
        })
    }
}
