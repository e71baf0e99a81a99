//! `POST /v1/dashboard/blacklists/products/{productId}/bulk`, and the same to an API key: put many on a product's blacklist.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
    product::{Product, ProductId},
};
use serde::{Deserialize, Serialize};

use super::view::{EntryView, Given};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

/// Of which product, and what: 1 to 200 entries.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "PutBlacklistEntriesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = 200)))]
    entries: Vec<Given>,
}

/// The entries, in the order in which they were named first.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "PutBlacklistEntries")
)]
pub struct Reply {
    entries: Vec<EntryView>,
    count: usize,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

/// How many entries one request has at most.
const MOST: usize = 200;

async fn put_many(cx: &Context, origin: &Origin, request: &Request, product: &Product) -> Result<Reply> {
    if !(1..=MOST).contains(&request.entries.len()) {
        return Err(Error::field("entries", &format!("a list of 1 to {MOST} entries")));
    }
    let given = request.entries.iter().enumerate();
    let values = given.map(|(place, given)| given.parse(place));
    let values = values.collect::<Result<Vec<_>>>()?;
    let put = cx.store.blacklist_put_many(product, &values, &cx.audit(origin)).await?;
    Ok(Reply {
        count: put.len(),
        entries: put.into_iter().map(|(entry, _)| EntryView::from(entry)).collect(),
    })
}

/// `POST /v1/dashboard/blacklists/products/{productId}/bulk`.
pub struct V1PutBlacklistEntries;

impl Endpoint for V1PutBlacklistEntries {
    const NAME: &'static str = "v1-put-blacklist-entries";
    const ROUTE: &'static str = "POST /v1/dashboard/blacklists/products/{productId}/bulk";
    const SUMMARY: &'static str = "Put many machines and addresses on a blacklist.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["entries"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<Reply> {
        put_many(cx, &caller.origin, &request, &product.subject).await
    }
}

/// `POST /v1/products/{productId}/blacklist/bulk`.
pub struct V1PutOwnBlacklistEntries;

impl Endpoint for V1PutOwnBlacklistEntries {
    const NAME: &'static str = "v1-put-own-blacklist-entries";
    const ROUTE: &'static str = "POST /v1/products/{productId}/blacklist/bulk";
    const SUMMARY: &'static str = "Put many machines and addresses on a blacklist.";
    const NEEDS: Needs = Needs::Permission(Permission::BlacklistWrite);
    const REQUIRED: &'static [&'static str] = &["entries"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<Reply> {
        put_many(cx, &caller.origin, &request, &product).await
    }
}
