//! `GET /v1/dashboard/api-keys`: the API keys of a product.

use keystead_core::{
    Error, Result,
    error::ErrorCode,
    owner::{Scope, member::Role},
    product::{Product, ProductId},
    signing::sealing::SealingRoot,
    store::{Store, owner::product_key::ProductKeyPosition},
    value::page::PageSize,
};
use serde::{Deserialize, Serialize};

use super::view::ApiKeyView;
use crate::{
    frame::{
        context::Context,
        cursor::invalid_cursor,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/api-keys`.
pub struct V1ListApiKeys;

/// Of which product, and which page.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    page_size: Option<PageSize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of API keys, revoked ones too, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_keys: Vec<ApiKeyView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for V1ListApiKeys {
    const NAME: &'static str = "v1-list-api-keys";
    const ROUTE: &'static str = "GET /v1/dashboard/api-keys";
    const SUMMARY: &'static str = "List the API keys of a product, without their secrets.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REQUIRED: &'static [&'static str] = &["productId"];
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

/// A page of the keys of a product that the caller may see. Its cursor is sealed by `root`, for that caller alone.
pub(crate) async fn list(cx: &Context, root: &SealingRoot, request: Request, product: &Product) -> Result<Reply> {
    let seal = root.seal_for("cursor")?;
    let of = format!("api-keys#{}", product.product_id);
    let opened = |cursor: &str| -> Option<ProductKeyPosition> {
        let bytes = seal.open(&of, cursor)?;
        serde_json::from_slice(&bytes).ok()
    };
    let cursor = request.cursor.as_deref();
    let after = cursor
        .map(|cursor| opened(cursor).ok_or_else(invalid_cursor))
        .transpose()?;
    let size = usize::try_from(request.page_size.unwrap_or_default().number());
    let size = size.unwrap_or(Store::PRODUCT_KEY_PAGE);
    let scope = Scope::Owner(product.owner_id.clone());
    let page = cx
        .store
        .product_key_list(&scope, &product.product_id, size, after.as_ref())
        .await?;
    let sealed = |position: ProductKeyPosition| {
        let bytes = serde_json::to_vec(&position).map_err(Error::internal)?;
        seal.seal(&of, &bytes)
    };
    let now = cx.clock.now();
    Ok(Reply {
        next_cursor: page.next.map(sealed).transpose()?,
        api_keys: page.keys.into_iter().map(|key| ApiKeyView::new(key, now)).collect(),
    })
}
