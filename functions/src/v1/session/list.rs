//! `GET /v1/dashboard/licenses/{id}/sessions`, and the same to an API key: the sessions of a license.

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    license::{License, key::LicenseId, session::SessionId},
    owner::{member::Role, permission::Permission},
    product::ProductId,
    store::license::session::SessionFilter,
    value::page::PageSize,
};
use serde::{Deserialize, Serialize};

use super::view::SessionView;
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        lenient::Flag,
        subject::Names,
    },
    v1::{
        face::{V1, V1Keys},
        license::view::{ManagedLicense, NOT_FOUND, OWN_NOT_FOUND, names_own_license},
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

/// The page of sessions that a team or a back end wants.
struct Page<'a> {
    all: Option<Flag>,
    size: Option<PageSize>,
    cursor: Option<&'a str>,
}

impl Page<'_> {
    async fn of(self, cx: &Context, license: &License) -> Result<Reply> {
        let now = cx.clock.now();
        let filter = match self.all {
            Some(Flag(true)) => SessionFilter::All,
            Some(Flag(false)) | None => SessionFilter::Live(now),
        };
        let size = self.size.unwrap_or_default().number().min(LARGEST_PAGE);
        let after = self.cursor.map(|cursor| {
            // A session's id says nothing of it, so the cursor is not sealed.
            SessionId::parse(cursor).ok_or(Error::field("cursor", "the nextCursor of the page before"))
        });
        let after = after.transpose()?;
        let wide = usize::try_from(size).unwrap_or(usize::MAX);
        let (sessions, next) = cx.store.session_list(license, filter, wide, after.as_ref()).await?;
        let view = |session| SessionView::new(session, &license.license_id, now);
        Ok(Reply {
            sessions: sessions.into_iter().map(view).collect(),
            next_cursor: next.map(|next| next.to_string()),
        })
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
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: Request, of: ManagedLicense) -> Result<Reply> {
        let page = Page {
            all: request.all,
            size: request.page_size,
            cursor: request.cursor.as_deref(),
        };
        page.of(cx, &of.license).await
    }
}

/// `GET /v1/products/{productId}/licenses/{id}/sessions`.
pub struct V1ListOwnLicenseSessions;

/// Of which license of a product's, and which sessions.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListOwnLicenseSessionsRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    product_id: ProductId,
    id: LicenseId,
    /// Whether those that are over are wanted as well.
    all: Option<Flag>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

names_own_license!(OwnRequest);

impl Endpoint for V1ListOwnLicenseSessions {
    const NAME: &'static str = "v1-list-own-license-sessions";
    const ROUTE: &'static str = "GET /v1/products/{productId}/licenses/{id}/sessions";
    const SUMMARY: &'static str = V1ListLicenseSessions::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRead);
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = OwnRequest;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, _: ProductKey, request: OwnRequest, of: ManagedLicense) -> Result<Reply> {
        let page = Page {
            all: request.all,
            size: request.page_size,
            cursor: request.cursor.as_deref(),
        };
        page.of(cx, &of.license).await
    }
}
