//! `GET /v1/dashboard/orgs/{orgId}/licenses/analytics`: how many licenses there are, by status and product.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keystead_core::{
    Error, Result,
    error::ErrorCode,
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::{Product, ProductId, ProductStatus},
    store::license::{list::LicenseFilter, tally::LicenseTally},
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}/licenses/analytics`.
pub struct V1CountLicenses;

/// Whose licenses.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "CountLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    /// Of this product alone.
    product_id: Option<ProductId>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// How many licenses there are.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseCounts")
)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    total: usize,
    /// Whether that is all: of a product, up to 10,000 licenses of each status are counted.
    total_exact: bool,
    by_status: ByStatus,
    by_product: Vec<OfProduct>,
}

/// How many licenses are in each state. Each is in one.
#[derive(Default, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesByStatus")
)]
#[serde(rename_all = "UPPERCASE")]
struct ByStatus {
    active: usize,
    expired: usize,
    revoked: usize,
    frozen: usize,
}

/// How many licenses of a product there are.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesOfProduct")
)]
#[serde(rename_all = "camelCase")]
struct OfProduct {
    product_id: ProductId,
    name: Name,
    total: usize,
    by_status: ByStatus,
}

/// How far licenses of a product and a status are counted.
const DEEPEST: usize = 10_000;

/// How many products are counted at once.
const AT_ONCE: usize = 8;

impl From<LicenseTally> for ByStatus {
    fn from(tally: LicenseTally) -> Self {
        Self {
            active: tally.active,
            expired: tally.expired,
            revoked: tally.revoked,
            frozen: tally.suspended,
        }
    }
}

impl ByStatus {
    fn add(&mut self, tally: &LicenseTally) {
        self.active += tally.active;
        self.expired += tally.expired;
        self.revoked += tally.revoked;
        self.frozen += tally.suspended;
    }
}

impl Endpoint for V1CountLicenses {
    const NAME: &'static str = "v1-count-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/licenses/analytics";
    const SUMMARY: &'static str = "Count licenses by status and product.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::ProductNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    async fn call(cx: &Context, _: Person, request: Request, of: Membership) -> Result<Reply> {
        let scope = Scope::Owner(of.organisation.owner_id);
        let products = match &request.product_id {
            Some(id) => vec![cx.store.product_get(&scope, id).await?],
            None => cx.store.product_list(&scope, ProductStatus::ALL).await?,
        };
        let (now, scope) = (cx.clock.now(), &scope);
        let counts = stream::iter(products).map(async |product: Product| {
            let filter = LicenseFilter {
                product: Some(product.product_id.clone()),
                ..LicenseFilter::default()
            };
            let tally = cx.store.license_tally(scope, &filter, DEEPEST, now).await?;
            Ok::<_, Error>((product, tally))
        });
        let counts: Vec<(Product, LicenseTally)> = counts.buffered(AT_ONCE).try_collect().await?;
        let mut by_status = ByStatus::default();
        for (_, tally) in &counts {
            by_status.add(tally);
        }
        Ok(Reply {
            total: counts.iter().map(|(_, tally)| tally.total()).sum(),
            total_exact: counts.iter().all(|(_, tally)| tally.is_exact),
            by_status,
            by_product: counts
                .into_iter()
                .map(|(product, tally)| OfProduct {
                    product_id: product.product_id,
                    name: product.name,
                    total: tally.total(),
                    by_status: ByStatus::from(tally),
                })
                .collect(),
        })
    }
}
