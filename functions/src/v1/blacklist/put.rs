//! `POST /v1/dashboard/blacklists/products/{productId}`, and the same to an API key: put something on a product's blacklist.

use http::StatusCode;
use keystead_core::{
    Result,
    audit::Origin,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
    product::{Product, ProductId, blacklist::BlacklistType},
    value::reference::Reference,
};
use serde::{Deserialize, Serialize};

use super::view::{EntryView, parse};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::{InTeam, Names},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

/// Of which product, and what.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "PutBlacklistEntryRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    r#type: BlacklistType,
    value: String,
    /// Why, which is what the person in front of the machine is told.
    reason: Option<Reference>,
}

/// The entry: with 201 when it is new, with 200 when it has a new reason.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "PutBlacklistEntry")
)]
pub struct Reply {
    entry: EntryView,
    #[serde(skip)]
    is_new: bool,
}

impl Reply {
    fn head(&self) -> Head {
        if self.is_new { Head::created() } else { Head::default() }
    }
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

async fn put(cx: &Context, origin: &Origin, request: Request, product: &Product) -> Result<Reply> {
    let value = parse(request.r#type, &request.value, "value")?;
    let (entry, is_new) = cx
        .store
        .blacklist_put(product, &value, request.reason, &cx.audit(origin))
        .await?;
    Ok(Reply {
        entry: EntryView::from(entry),
        is_new,
    })
}

/// `POST /v1/dashboard/blacklists/products/{productId}`.
pub struct V1PutBlacklistEntry;

impl Endpoint for V1PutBlacklistEntry {
    const NAME: &'static str = "v1-put-blacklist-entry";
    const ROUTE: &'static str = "POST /v1/dashboard/blacklists/products/{productId}";
    const SUMMARY: &'static str = "Put a machine or an address on a blacklist, or give it another reason.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["type", "value"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED, StatusCode::OK];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        reply.head()
    }

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<Reply> {
        put(cx, &caller.origin, request, &product.subject).await
    }
}

/// `POST /v1/products/{productId}/blacklist`.
pub struct V1PutOwnBlacklistEntry;

impl Endpoint for V1PutOwnBlacklistEntry {
    const NAME: &'static str = "v1-put-own-blacklist-entry";
    const ROUTE: &'static str = "POST /v1/products/{productId}/blacklist";
    const SUMMARY: &'static str = "Put a machine or an address on a blacklist, or give it another reason.";
    const NEEDS: Needs = Needs::Permission(Permission::BlacklistWrite);
    const REQUIRED: &'static [&'static str] = &["type", "value"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED, StatusCode::OK];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ForeignProduct, ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = Product;
    type Reply = Reply;

    fn head(_: &Context, reply: &Reply) -> Head {
        reply.head()
    }

    async fn call(cx: &Context, caller: ProductKey, request: Request, product: Product) -> Result<Reply> {
        put(cx, &caller.origin, request, &product).await
    }
}
