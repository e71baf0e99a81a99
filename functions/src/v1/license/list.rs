//! `GET /v1/dashboard/orgs/{orgId}/licenses`, and the same to an API key: licenses, newest first. Those that expire soon are
//! listed by `GET /v1/dashboard/orgs/{orgId}/licenses/expiring`, those of all one's organisations by `GET /v1/dashboard/licenses`.

use std::collections::HashMap;

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    owner::{OwnerId, Scope, member::Role, organisation::Membership, permission::Permission},
    product::{Product, ProductId},
    store::license::list::{LicenseFilter, LicenseState},
    value::{
        days::Days,
        page::{PageNumber, PageSize},
        search::Search,
    },
};
use serde::Deserialize;

use super::{
    pages::{Fetched, List, Page, Reply},
    view::State,
};
use crate::{
    frame::{
        callers::{ProductKey, Source},
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::{Names, Subject},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

/// A request for a list of a team's licenses.
trait Lists: Names<OwnerId> {
    /// Which licenses.
    fn filter(&self) -> Result<LicenseFilter>;

    /// Which page of them.
    fn page(&self) -> Page<'_>;

    /// What is searched for among them.
    fn search(&self) -> Option<&Search> {
        None
    }

    /// The list, to who is this in the team.
    fn list<'a>(&self, cx: &'a Context, caller: &'a Person, role: Role) -> Result<List<'a>> {
        let owner = self.named();
        Ok(List {
            cx,
            sealing: &caller.sealing,
            roles: HashMap::from([(owner.clone(), role)]),
            scope: Scope::Owner(owner.clone()),
            filter: self.filter()?,
            now: cx.clock.now(),
        })
    }
}

/// A page of a team's licenses. For who was found to be a member lately it is fetched beside the check that they still are: that
/// saves a round trip. No stranger has a team's licenses read.
pub struct Listing {
    of: Membership,
    /// `None` of a search, which goes by what the member may see.
    fetched: Option<Fetched>,
}

impl<R: Lists + Sync> Subject<R, Person> for Listing {
    type Prefetched = ();

    async fn prefetch(_: &Context, _: &R, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &Person, request: &R, (): ()) -> Result<Self> {
        let fetch = async {
            let list = request.list(cx, caller, Role::Viewer)?;
            if let Some(product) = &list.filter.product {
                cx.store.product_get(&list.scope, product).await?;
            }
            if request.search().is_some() {
                return Ok(None);
            }
            list.fetch(&request.page()).await.map(Some)
        };
        let member = (caller.account.account_id.clone(), request.named().clone());
        let membership = cx.store.membership_get(request.named(), &caller.account);
        if !cx.known_members.contains(&member) {
            let of = membership.await?;
            cx.known_members.insert(&member);
            let fetched = fetch.await?;
            return Ok(Self { of, fetched });
        }
        let (of, fetched) = tokio::join!(membership, fetch);
        let of = of.inspect_err(|_| cx.known_members.remove(&member))?;
        Ok(Self { of, fetched: fetched? })
    }

    fn owner(&self) -> Option<&OwnerId> {
        Some(&self.of.organisation.owner_id)
    }

    fn role(&self) -> Option<Role> {
        Some(self.of.member.role)
    }
}

impl Listing {
    async fn reply(self, cx: &Context, caller: &Person, request: &impl Lists) -> Result<Reply> {
        let list = request.list(cx, caller, self.of.member.role)?;
        match self.fetched {
            Some(fetched) => list.reply(fetched, &request.page()).await,
            None => list.asked(request.search(), &request.page()).await,
        }
    }
}

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
    /// A whole id, key or address of a customer; or any part of a key, unless one is a viewer, who sees none.
    search: Option<Search>,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before, in the place of a page's number.
    cursor: Option<String>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Lists for Request {
    fn filter(&self) -> Result<LicenseFilter> {
        Ok(LicenseFilter {
            product: self.product_id.clone(),
            state: self.status.map(LicenseState::from),
            ..LicenseFilter::default()
        })
    }

    fn page(&self) -> Page<'_> {
        Page {
            number: self.page,
            size: self.page_size,
            cursor: self.cursor.as_deref(),
        }
    }

    fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }
}

impl Endpoint for V1ListLicenses {
    const NAME: &'static str = "v1-list-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/licenses";
    const SUMMARY: &'static str = "List licenses, newest first.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::ProductNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Listing;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, listing: Listing) -> Result<Reply> {
        listing.reply(cx, &caller, &request).await
    }
}

/// `GET /v1/products/{productId}/licenses`.
pub struct V1ListOwnLicenses;

/// Which licenses of a product, and which page of them.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListOwnLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    product_id: ProductId,
    status: Option<State>,
    /// A whole id, key or address of a customer; or any part of a key.
    search: Option<Search>,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before, in the place of a page's number.
    cursor: Option<String>,
}

impl Names<ProductId> for OwnRequest {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for V1ListOwnLicenses {
    const NAME: &'static str = "v1-list-own-licenses";
    const ROUTE: &'static str = "GET /v1/products/{productId}/licenses";
    const SUMMARY: &'static str = V1ListLicenses::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRead);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = OwnRequest;
    type Subject = Product;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, request: OwnRequest, product: Product) -> Result<Reply> {
        let list = List {
            cx,
            sealing: &caller.sealing,
            roles: HashMap::from([(product.owner_id.clone(), Role::Dev)]),
            scope: Scope::Owner(product.owner_id),
            filter: LicenseFilter {
                product: Some(product.product_id),
                state: request.status.map(LicenseState::from),
                ..LicenseFilter::default()
            },
            now: cx.clock.now(),
        };
        let page = Page {
            number: request.page,
            size: request.page_size,
            cursor: request.cursor.as_deref(),
        };
        list.asked(request.search.as_ref(), &page).await
    }
}

/// `GET /v1/dashboard/licenses`.
pub struct V1ListAllLicenses;

/// Which page.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListAllLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct AllRequest {
    status: Option<State>,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before, in the place of a page's number.
    cursor: Option<String>,
}

impl Endpoint for V1ListAllLicenses {
    const NAME: &'static str = "v1-list-all-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/licenses";
    const SUMMARY: &'static str = "List the licenses of all one's organisations, newest first.";

    type Face = V1;
    type Caller = Person;
    type Request = AllRequest;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: AllRequest, (): ()) -> Result<Reply> {
        let teams = cx.store.membership_list(&caller.account).await?;
        let teams = teams.into_iter().map(|of| (of.organisation.owner_id, of.member.role));
        let roles: HashMap<OwnerId, Role> = teams.collect();
        let mut owners: Vec<OwnerId> = roles.keys().cloned().collect();
        owners.sort();
        let list = List {
            cx,
            sealing: &caller.sealing,
            roles,
            scope: Scope::Everything,
            filter: LicenseFilter {
                owners: Some(owners),
                state: request.status.map(LicenseState::from),
                ..LicenseFilter::default()
            },
            now: cx.clock.now(),
        };
        let page = Page {
            number: request.page,
            size: request.page_size,
            cursor: request.cursor.as_deref(),
        };
        list.page(&page).await
    }
}

/// `GET /v1/dashboard/orgs/{orgId}/licenses/expiring`.
pub struct V1ListExpiringLicenses;

/// Within how long, and which page.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListExpiringLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct ExpiringRequest {
    org_id: OwnerId,
    /// Within how many days they expire: 1 to 365, 30 if absent.
    days: Option<Days>,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before, in the place of a page's number.
    cursor: Option<String>,
}

impl Names<OwnerId> for ExpiringRequest {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl ExpiringRequest {
    fn within(&self) -> Result<Days> {
        const USUAL: i64 = 30;
        const MOST: u32 = 365;
        let days = self.days.or(Days::parse(USUAL)).filter(|days| days.number() <= MOST);
        days.ok_or_else(|| Error::field("days", "a whole number of days from 1 to 365"))
    }
}

impl Lists for ExpiringRequest {
    fn filter(&self) -> Result<LicenseFilter> {
        Ok(LicenseFilter {
            state: Some(LicenseState::Expiring(self.within()?)),
            ..LicenseFilter::default()
        })
    }

    fn page(&self) -> Page<'_> {
        Page {
            number: self.page,
            size: self.page_size,
            cursor: self.cursor.as_deref(),
        }
    }
}

impl Endpoint for V1ListExpiringLicenses {
    const NAME: &'static str = "v1-list-expiring-licenses";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}/licenses/expiring";
    const SUMMARY: &'static str = "List the licenses that work and expire soon, the first to expire first.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = ExpiringRequest;
    type Subject = Listing;
    type Reply = Reply;

    fn check(_: &Context, request: &ExpiringRequest) -> Result<()> {
        request.within().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: ExpiringRequest, listing: Listing) -> Result<Reply> {
        listing.reply(cx, &caller, &request).await
    }
}
