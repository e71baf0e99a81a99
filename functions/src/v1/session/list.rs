//! `GET /v1/dashboard/licenses/{id}/sessions`: the sessions of a license.

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    license::{key::LicenseId, session::SessionId},
    owner::member::Role,
    store::license::session::SessionFilter,
    value::page::PageSize,
};
use serde::{Deserialize, Serialize};

use super::view::SessionView;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        lenient::Flag,
        subject::Names,
    },
    v1::{
        face::V1,
        license::view::{NOT_FOUND, TeamLicense},
        person::Person,
    },
};

/// `GET /v1/dashboard/licenses/{id}/sessions`.
pub struct V1ListLicenseSessions;

/// Of which license, and which sessions.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListLicenseSessionsRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    id: LicenseId,
    /// Whether those that are over are wanted as well.
    all: Option<Flag>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of sessions, by their ids.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseSessions")
)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    sessions: Vec<SessionView>,
    /// What to ask for the next page with; null on the last.
    next_cursor: Option<String>,
}

/// How many sessions a page has at most.
const LARGEST_PAGE: u32 = 200;

impl Names<LicenseId> for Request {
    fn named(&self) -> &LicenseId {
        &self.id
    }
}

impl Endpoint for V1ListLicenseSessions {
    const NAME: &'static str = "v1-list-license-sessions";
    const ROUTE: &'static str = "GET /v1/dashboard/licenses/{id}/sessions";
    const SUMMARY: &'static str = "List the sessions of a license.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = TeamLicense;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: Request, of: TeamLicense) -> Result<Reply> {
        let now = cx.clock.now();
        let filter = match request.all {
            Some(Flag(true)) => SessionFilter::All,
            Some(Flag(false)) | None => SessionFilter::Live(now),
        };
        let size = request.page_size.unwrap_or_default().number().min(LARGEST_PAGE);
        let after = request.cursor.as_deref().map(|cursor| {
            // A session's id says nothing of it, so the cursor is not sealed.
            SessionId::parse(cursor).ok_or(Error::field("cursor", "the nextCursor of the page before"))
        });
        let after = after.transpose()?;
        let wide = usize::try_from(size).unwrap_or(usize::MAX);
        let (sessions, next) = cx.store.session_list(&of.license, filter, wide, after.as_ref()).await?;
        let view = |session| SessionView::new(session, &of.license.license_id, now);
        Ok(Reply {
            sessions: sessions.into_iter().map(view).collect(),
            next_cursor: next.map(|next| next.to_string()),
        })
    }
}
