//! `GET /v1/dashboard/blacklists/products/{productId}`, and the same to an API key: what is on a product's blacklist.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
    product::{
        Product, ProductId,
        blacklist::{BlacklistEntryId, BlacklistType},
    },
    signing::sealing::SealingRoot,
    value::page::PageSize,
};
use serde::{Deserialize, Serialize};

use super::view::EntryView;
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        cursor::invalid_cursor,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

/// Of which product, and which page.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ListBlacklistRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    /// Of this type alone.
    r#type: Option<BlacklistType>,
    /// 1,000 unless fewer are asked for.
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of blacklist entries, the newest of the page first.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "BlacklistPage")
)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    entries: Vec<EntryView>,
    /// What to ask for the next page with; null on the last.
    next_cursor: Option<String>,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

/// How many entries a page has at most.
const LARGEST_PAGE: u32 = 1000;

async fn list(cx: &Context, root: &SealingRoot, request: Request, product: &Product) -> Result<Reply> {
    let seal = root.seal_for("cursor")?;
    let r#type = request.r#type.map_or("", BlacklistType::as_str);
    let of = format!("blacklist#{}#{type}", product.product_id);
    let opened = |cursor: &str| -> Option<BlacklistEntryId> {
        let bytes = seal.open(&of, cursor)?;
        BlacklistEntryId::parse(std::str::from_utf8(&bytes).ok()?)
    };
    let cursor = request.cursor.as_deref();
    let after = cursor
        .map(|cursor| opened(cursor).ok_or_else(invalid_cursor))
        .transpose()?;
    let size = request
        .page_size
        .map_or(LARGEST_PAGE, PageSize::number)
        .min(LARGEST_PAGE);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (mut entries, next) = cx
        .store
        .blacklist_list(product, request.r#type, size, after.as_ref())
        .await?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.created_at));
    let sealed = |id: BlacklistEntryId| seal.seal(&of, id.as_str().as_bytes());
    Ok(Reply {
        next_cursor: next.map(sealed).transpose()?,
        entries: entries.into_iter().map(EntryView::from).collect(),
    })
}

/// `GET /v1/dashboard/blacklists/products/{productId}`.
pub struct V1ListBlacklist;

impl Endpoint for V1ListBlacklist {
    const NAME: &'static str = "v1-list-blacklist";
    const ROUTE: &'static str = "GET /v1/dashboard/blacklists/products/{productId}";
    const SUMMARY: &'static str = "List the machines and addresses on which no license of a product runs.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<Reply> {
        list(cx, &caller.sealing, request, &product.subject).await
    }
}

/// `GET /v1/products/{productId}/blacklist`.
pub struct V1ListOwnBlacklist;

impl Endpoint for V1ListOwnBlacklist {
    const NAME: &'static str = "v1-list-own-blacklist";
    const ROUTE: &'static str = "GET /v1/products/{productId}/blacklist";
    const SUMMARY: &'static str = "List the machines and addresses on which no license of a product runs.";
    const NEEDS: Needs = Needs::Permission(Permission::BlacklistRead);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<Reply> {
        list(cx, &caller.sealing, request, &product).await
    }
}
