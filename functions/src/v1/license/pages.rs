//! Pages of licenses: listed newest first, or searched for.

use std::{collections::HashMap, time::Duration};

use keystead_core::{
    Error, Result, Timestamp,
    license::{
        License,
        key::{LicenseId, LicenseKey},
        standing::LicenseStatus,
    },
    owner::{OwnerId, Scope, member::Role},
    product::{Product, ProductId},
    signing::sealing::SealingRoot,
    store::license::{
        list::{Cursor, KeySearch, LicenseFilter, LicensePage, LicenseState},
        tally::LicenseTally,
    },
    value::{
        email::Email,
        page::{PageNumber, PageSize},
        search::Search,
    },
};
use serde::Serialize;

use super::view::{LicenseView, State};
use crate::frame::{context::Context, cursor::invalid_cursor};

/// A page of licenses.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LicensePage"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    licenses: Vec<LicenseView>,
    /// How many there are, counted up to 10,000 when the first page was asked for; of a search, how many this page has.
    total: usize,
    /// Whether that is all, and counted now.
    total_exact: bool,
    page: u32,
    page_size: u32,
    total_pages: usize,
    /// What to ask for the next page with; null on the last.
    next_cursor: Option<String>,
    /// Of a search, whether it came to its end: otherwise it goes on with `nextCursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    search_complete: Option<bool>,
}

/// How many licenses a page has at most.
const LARGEST_PAGE: u32 = 1000;

/// How deep pages go by their numbers, and how far licenses are counted.
const DEEPEST: usize = 10_000;

/// How many of an owner's products of each status are read beside the licenses.
const PRODUCTS: i32 = 100;

/// How long a search goes on.
const SEARCHED_FOR: Duration = Duration::from_secs(1);

impl From<State> for LicenseState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Works,
            State::Expired => Self::Ended,
            State::Revoked => Self::Status(LicenseStatus::Revoked),
            State::Frozen => Self::Stopped,
        }
    }
}

/// Which page of a list.
pub(super) struct Page<'a> {
    pub(super) number: Option<PageNumber>,
    pub(super) size: Option<PageSize>,
    pub(super) cursor: Option<&'a str>,
}

impl Page<'_> {
    fn size(&self) -> u32 {
        self.size.unwrap_or_default().number().min(LARGEST_PAGE)
    }

    fn wide(&self) -> usize {
        usize::try_from(self.size()).unwrap_or(usize::MAX)
    }

    fn number(&self) -> u32 {
        self.number.unwrap_or_default().number()
    }
}

/// A page as it was fetched.
pub(super) struct Fetched {
    listed: Option<LicensePage>,
    /// Products of theirs, as far as they could be told beforehand.
    products: HashMap<ProductId, Product>,
    total: usize,
    total_exact: bool,
}

/// A list of licenses, to who may see them.
///
/// **Invariant**: a product in its filter is one of the scope's. Its index has licenses of any, and how many there are is not for
/// others to know.
pub(super) struct List<'a> {
    pub(super) cx: &'a Context,
    pub(super) sealing: &'a SealingRoot,
    pub(super) scope: Scope,
    pub(super) filter: LicenseFilter,
    /// What the caller may do in the team of each owner.
    pub(super) roles: HashMap<OwnerId, Role>,
    pub(super) now: Timestamp,
}

impl List<'_> {
    fn opened(&self, cursor: Option<&str>) -> Result<Option<Cursor>> {
        let seal = self.sealing.seal_for("cursor")?;
        let opened = |text| Cursor::open(text, &seal, &self.scope, &self.filter).ok_or_else(invalid_cursor);
        cursor.map(opened).transpose()
    }

    /// The page of the list, or of what `search` finds in it.
    pub(super) async fn asked(&self, search: Option<&Search>, page: &Page<'_>) -> Result<Reply> {
        match search {
            Some(search) => self.search(search, page).await,
            None => self.page(page).await,
        }
    }

    /// The page of the list.
    pub(super) async fn page(&self, page: &Page<'_>) -> Result<Reply> {
        self.reply(self.fetch(page).await?, page).await
    }

    /// Fetches a page, and how many licenses the list has.
    pub(super) async fn fetch(&self, page: &Page<'_>) -> Result<Fetched> {
        let Self {
            cx, scope, filter, now, ..
        } = self;
        let wide = page.wide();
        let before = usize::try_from(page.number() - 1)
            .unwrap_or(usize::MAX)
            .saturating_mul(wide);
        if before.saturating_add(wide) > DEEPEST && page.cursor.is_none() {
            return Err(Error::field(
                "page",
                "within the first 10,000 records: beyond them, go on with cursor",
            ));
        }
        let start = self.opened(page.cursor)?;
        // Who walks on is told what was counted at the beginning.
        let counted = start.as_ref().and_then(|start| start.total);
        let counted = counted.map(|(total, _)| (total, false));
        let listed = async {
            let start = match (start, before) {
                (Some(start), _) => Some(start),
                (None, 0) => None,
                (None, before) => match cx.store.license_list_skip(scope, filter, before, *now).await? {
                    Some(start) => Some(start),
                    None => return Ok(None),
                },
            };
            cx.store.license_list(scope, filter, wide, start.as_ref(), *now).await
        };
        let products = async {
            match (&filter.product, scope) {
                (Some(product), _) => cx.store.product_list_by_id_unscoped(&[product]).await,
                (None, Scope::Owner(owner)) => cx.store.product_list_some(owner, PRODUCTS).await,
                (None, Scope::Everything) => Ok(HashMap::new()),
            }
        };
        let count = async {
            match counted {
                Some(total) => Ok(total),
                None => self.count().await,
            }
        };
        let (listed, products, (total, total_exact)) = tokio::try_join!(listed, products, count)?;
        Ok(Fetched {
            listed,
            products,
            total,
            total_exact,
        })
    }

    /// How many licenses the list has, counted up to [`DEEPEST`], and whether that is all.
    async fn count(&self) -> Result<(usize, bool)> {
        let Self {
            cx, scope, filter, now, ..
        } = self;
        let of_state = match filter.state {
            Some(LicenseState::Works) => |tally: &LicenseTally| tally.active,
            Some(LicenseState::Ended) => |tally: &LicenseTally| tally.expired,
            Some(LicenseState::Stopped) => |tally: &LicenseTally| tally.suspended,
            // The index that they are listed by has these and no others.
            Some(LicenseState::Status(_) | LicenseState::Expired | LicenseState::Expiring(_)) | None => {
                return cx.store.license_count(scope, filter, DEEPEST, *now).await;
            }
        };
        let tally = cx.store.license_tally(scope, filter, DEEPEST, *now).await?;
        let count = of_state(&tally);
        Ok((count.min(DEEPEST), tally.is_exact && count <= DEEPEST))
    }

    /// The reply with what was fetched.
    pub(super) async fn reply(&self, fetched: Fetched, page: &Page<'_>) -> Result<Reply> {
        let counted = |next: Cursor| next.with_total(fetched.total, fetched.total_exact);
        let listed = fetched.listed.map(|listed| LicensePage {
            next: listed.next.map(counted),
            ..listed
        });
        let shown = self.shown(listed, fetched.products, page).await?;
        Ok(Reply {
            total: fetched.total,
            total_exact: fetched.total_exact,
            total_pages: fetched.total.div_ceil(page.wide()),
            ..shown
        })
    }

    /// What `search` finds: by a whole id, key or address, or by a part of a key.
    async fn search(&self, search: &Search, page: &Page<'_>) -> Result<Reply> {
        let Self {
            cx, scope, filter, now, ..
        } = self;
        let start = self.opened(page.cursor)?;
        let named = if start.is_none() {
            self.named(search.as_str()).await?
        } else {
            None
        };
        let found = if let Some(license) = named {
            Some(LicensePage {
                licenses: vec![license],
                next: None,
            })
        } else if let Some(email) = Email::parse(search.as_str()) {
            let filter = LicenseFilter {
                email: Some(email),
                ..filter.clone()
            };
            cx.store
                .license_list(scope, &filter, page.wide(), start.as_ref(), *now)
                .await?
        } else if self.roles.values().all(|role| role.includes(Role::Dev)) {
            let until = *now + SEARCHED_FOR;
            let search = KeySearch {
                part: search.as_str(),
                wanted: page.wide(),
                is_late: || cx.clock.now() > until,
            };
            cx.store
                .license_search(scope, filter, search, start.as_ref(), *now)
                .await?
        } else {
            // Who finds keys by their parts finds out the keys.
            Some(LicensePage {
                licenses: Vec::new(),
                next: None,
            })
        };
        // The cursor of a search for something else has another shape.
        let found = found.ok_or_else(invalid_cursor)?;
        let shown = self.shown(Some(found), HashMap::new(), page).await?;
        Ok(Reply {
            search_complete: Some(shown.next_cursor.is_none()),
            ..shown
        })
    }

    /// The license whose whole id or key `text` is.
    async fn named(&self, text: &str) -> Result<Option<License>> {
        let by_id = async {
            match LicenseId::parse(text) {
                Some(id) => self.cx.store.license_by_id_unscoped(&id).await,
                None => Ok(None),
            }
        };
        let by_key = async {
            match LicenseKey::parse(text) {
                Some(key) => self.cx.store.license_get_typed_unscoped(&key).await,
                None => Ok(None),
            }
        };
        let (by_id, by_key) = tokio::try_join!(by_id, by_key)?;
        let found = by_id.or(by_key);
        Ok(found.filter(|license| self.filter.admits(license, &self.scope, self.now)))
    }

    async fn shown(
        &self,
        listed: Option<LicensePage>,
        mut products: HashMap<ProductId, Product>,
        page: &Page<'_>,
    ) -> Result<Reply> {
        let (licenses, next) = listed.map_or((Vec::new(), None), |page| (page.licenses, page.next));
        let ids = licenses.iter().map(|license| &license.product_id);
        let mut ids: Vec<&ProductId> = ids.filter(|id| !products.contains_key(id)).collect();
        ids.sort();
        ids.dedup();
        products.extend(self.cx.store.product_list_by_id_unscoped(&ids).await?);
        let view = |license: &License| {
            let product = products.get(&license.product_id)?;
            let role = self.roles.get(&license.owner_id)?;
            Some(LicenseView::new(license, product, *role, self.now))
        };
        // A license whose product is gone is gone with it.
        let licenses: Vec<LicenseView> = licenses.iter().filter_map(view).collect();
        let seal = self.sealing.seal_for("cursor")?;
        Ok(Reply {
            total: licenses.len(),
            total_exact: next.is_none(),
            page: page.number(),
            page_size: page.size(),
            total_pages: usize::from(!licenses.is_empty()),
            next_cursor: next
                .map(|next| next.seal(&seal, &self.scope, &self.filter))
                .transpose()?,
            search_complete: None,
            licenses,
        })
    }
}
