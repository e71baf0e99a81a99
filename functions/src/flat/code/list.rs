//! `GET|POST /listDiscountCodes` and `GET|POST /listTrialCodes`: the codes of an owner, or of all.

use keystead_core::{
    Result, Timestamp,
    error::ErrorCode,
    owner::{OwnerId, Scope},
    product::{Product, ProductId},
    sale::code::{Code, CodeName, Percent},
    value::days::Days,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::blank_is_absent, subject::Names},
};

/// `GET|POST /listDiscountCodes`.
pub struct ListDiscountCodes;

/// `GET|POST /listTrialCodes`.
pub struct ListTrialCodes;

/// Which codes.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Those that this product can be had with; all, when blank or absent.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<ProductId>"))]
    product_id: Option<ProductId>,
}

/// A list of codes, trial and discount codes alike; the newest is first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    codes: Vec<CodeView>,
    count: usize,
}

/// A code as the flat API shows it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Code"))]
#[serde(rename_all = "camelCase")]
struct CodeView {
    code: CodeName,
    /// Empty when it is for all products of the creator.
    product_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_days: Option<Days>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_percent: Option<Percent>,
    /// Null when unlimited.
    max_uses: Option<u32>,
    used_count: u64,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    active: bool,
    creator_id: OwnerId,
}

impl From<Code> for CodeView {
    fn from(code: Code) -> Self {
        Self {
            code: code.name,
            product_id: code.product_id.map(|id| id.to_string()).unwrap_or_default(),
            trial_days: code.trial_days,
            discount_percent: code.discount_percent,
            max_uses: code.max_uses.limit(),
            used_count: code.used_count,
            expires_at: code.expires_at,
            created_at: code.created_at,
            active: code.active,
            creator_id: code.owner_id,
        }
    }
}

async fn list(cx: &Context, caller: Admin, product: Option<Product>) -> Result<Reply> {
    let codes = match product {
        None => cx.store.code_list(&caller.scope).await?,
        Some(product) => {
            let mut codes = cx.store.code_list(&Scope::Owner(product.owner_id)).await?;
            codes.retain(|code| code.product_id.as_ref().is_none_or(|own| *own == product.product_id));
            codes
        }
    };
    let codes: Vec<CodeView> = codes.into_iter().map(CodeView::from).collect();
    Ok(Reply {
        count: codes.len(),
        codes,
    })
}

impl Names<Option<ProductId>> for Request {
    fn named(&self) -> &Option<ProductId> {
        &self.product_id
    }
}

impl Endpoint for ListDiscountCodes {
    const NAME: &'static str = "list-discount-codes";
    const ROUTE: &'static str = "GET|POST /listDiscountCodes";
    const SUMMARY: &'static str = "List codes, trial and discount codes alike.";
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Option<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, product: Option<Product>) -> Result<Reply> {
        list(cx, caller, product).await
    }
}

impl Endpoint for ListTrialCodes {
    const NAME: &'static str = "list-trial-codes";
    const ROUTE: &'static str = "GET|POST /listTrialCodes";
    const SUMMARY: &'static str = "List codes, trial and discount codes alike.";
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Option<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, product: Option<Product>) -> Result<Reply> {
        list(cx, caller, product).await
    }
}
