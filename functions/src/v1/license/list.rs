//! `GET /v1/dashboard/orgs/{orgId}/licenses`: licenses, newest first.

use std::collections::HashMap;

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    license::{License, standing::LicenseStatus},
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::{Product, ProductId},
    store::license::list::{Cursor, LicenseFilter, LicenseState},
    value::page::{PageNumber, PageSize},
};
use serde::{Deserialize, Serialize};

use super::view::{LicenseView, State};
use crate::{
    frame::{
        context::Context,
        cursor::invalid_cursor,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/licenses`.
pub struct V1ListLicenses;

/// Which licenses, and which page of them.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListOrganisationLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    product_id: Option<ProductId>,
    status: Option<State>,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before, in the place of a page's number.
    cursor: Option<String>,
}

/// A page of licenses.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LicensePage"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    licenses: Vec<LicenseView>,
    /// How many there are, counted up to 10,000.
    total: usize,
    /// Whether that is all.
    total_exact: bool,
    page: u32,
    page_size: u32,
    total_pages: usize,
    /// What to ask for the next page with; null on the last.
    next_cursor: Option<String>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// How many licenses a page has at most.
const LARGEST_PAGE: u32 = 1000;

/// How deep pages go by their numbers, and how far licenses are counted.
const DEEPEST: usize = 10_000;

impl From<State> for LicenseState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Status(LicenseStatus::Active),
            State::Expired => Self::Expired,
            State::Revoked => Self::Status(LicenseStatus::Revoked),
            State::Frozen => Self::Status(LicenseStatus::Suspended),
        }
    }
}

impl Endpoint for V1ListLicenses {
    const NAME: &'static str = "v1-list-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/licenses";
    const SUMMARY: &'static str = "List licenses, newest first.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let now = cx.clock.now();
        let scope = Scope::Owner(of.organisation.owner_id.clone());
        let filter = LicenseFilter {
            product: request.product_id,
            email: None,
            state: request.status.map(LicenseState::from),
        };
        let page = request.page.unwrap_or_default().number();
        let page_size = request.page_size.unwrap_or_default().number().min(LARGEST_PAGE);
        let wide = usize::try_from(page_size).unwrap_or(usize::MAX);
        let before = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(wide);
        if before.saturating_add(wide) > DEEPEST && request.cursor.is_none() {
            return Err(Error::field(
                "page",
                "within the first 10,000 records: beyond them, go on with cursor",
            ));
        }
        let seal = caller.sealing.seal_for("cursor")?;
        let start = match &request.cursor {
            Some(text) => Some(Cursor::open(text, &seal, &scope, &filter).ok_or_else(invalid_cursor)?),
            None => None,
        };
        let listed = async {
            let start = match (start, before) {
                (Some(start), _) => Some(start),
                (None, 0) => None,
                (None, before) => match cx.store.license_list_skip(&scope, &filter, before, now).await? {
                    Some(start) => Some(start),
                    None => return Ok(None),
                },
            };
            cx.store.license_list(&scope, &filter, wide, start.as_ref(), now).await
        };
        let (listed, (total, total_exact)) =
            tokio::try_join!(listed, cx.store.license_count(&scope, &filter, DEEPEST, now))?;
        let (licenses, next) = listed.map_or((Vec::new(), None), |page| (page.licenses, page.next));
        let mut ids: Vec<&ProductId> = licenses.iter().map(|license| &license.product_id).collect();
        ids.sort();
        ids.dedup();
        let products: HashMap<ProductId, Product> = cx.store.product_list_by_id_unscoped(&ids).await?;
        let view = |license: &License| {
            let product = products.get(&license.product_id)?;
            Some(LicenseView::new(license, product, of.member.role, now))
        };
        Ok(Reply {
            // A license whose product is gone is gone with it.
            licenses: licenses.iter().filter_map(view).collect(),
            total,
            total_exact,
            page,
            page_size,
            total_pages: total.div_ceil(wide),
            next_cursor: next.map(|next| next.seal(&seal, &scope, &filter)).transpose()?,
        })
    }
}
