//! `POST /createDiscountCode` and `POST /createTrialCode`: make a code.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{ErrorCode, Unique},
    ids::CreationId,
    owner::{OwnerId, Scope},
    product::{Product, ProductId},
    sale::code::{Code, CodeName, Percent, UseLimit},
    value::days::Days,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::Admin,
        context::Context,
        endpoint::Endpoint,
        lenient::{Flag, blank_is_absent},
        subject::Names,
    },
};

/// `POST /createDiscountCode`.
pub struct CreateDiscountCode;

/// `POST /createTrialCode`.
pub struct CreateTrialCode;

/// The code that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    code: CodeName,
    /// Blank or absent: all products of the creator.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<ProductId>"))]
    product_id: Option<ProductId>,
    /// For the super admin, when there is no `productId`.
    creator_id: Option<OwnerId>,
    trial_days: Option<Days>,
    discount_percent: Option<Percent>,
    max_uses: Option<UseLimit>,
    expires_at: Option<Timestamp>,
    active: Option<Flag>,
}

/// The code that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    code: CodeName,
}

async fn create(cx: &Context, caller: Admin, request: Request, product: Option<Product>) -> Result<Reply> {
    cx.config.names.check_code(&caller.scope, &request.code)?;
    let audit = cx.audit(&caller.origin);
    if let Some(product) = &product {
        product.writable()?;
    }
    let code = Code {
        name: request.code,
        owner_id: owner(caller.scope, product.as_ref(), request.creator_id)?,
        product_id: request.product_id,
        trial_days: request.trial_days,
        discount_percent: request.discount_percent,
        max_uses: request.max_uses.unwrap_or(UseLimit::Unlimited),
        expires_at: request.expires_at,
        created_at: cx.clock.now(),
        active: request.active.is_none_or(|flag| flag.0),
        used_count: 0,
        revision: 0,
        creation: CreationId::new(&cx.ids)?,
    };
    if !cx.store.code_create(&code, &audit).await? {
        return Err(Error::Taken(Unique::CodeName));
    }
    Ok(Reply { code: code.name })
}

/// Whose the code is: the product's owner's or, of one for all products, the API key's or whoever's the admin names.
fn owner(scope: Scope, product: Option<&Product>, named: Option<OwnerId>) -> Result<OwnerId> {
    let (owner, expected) = match (product, scope) {
        (Some(product), _) => (product.owner_id.clone(), "the product's own creator"),
        (None, Scope::Owner(own)) => (own, "the API key's own creator"),
        (None, Scope::Everything) => {
            return named.ok_or(Error::Invalid(InvalidRequest::MissingFields(&["creatorId"])));
        }
    };
    if named.is_some_and(|named| named != owner) {
        return Err(Error::field("creatorId", expected));
    }
    Ok(owner)
}

impl Names<Option<ProductId>> for Request {
    fn named(&self) -> &Option<ProductId> {
        &self.product_id
    }
}

impl Endpoint for CreateDiscountCode {
    const NAME: &'static str = "create-discount-code";
    const ROUTE: &'static str = "POST /createDiscountCode";
    const SUMMARY: &'static str = "Make a discount code.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["creatorId"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
        ErrorCode::MissingFields,
        ErrorCode::CodeTaken,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Option<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, product: Option<Product>) -> Result<Reply> {
        create(cx, caller, request, product).await
    }
}

impl Endpoint for CreateTrialCode {
    const NAME: &'static str = "create-trial-code";
    const ROUTE: &'static str = "POST /createTrialCode";
    const SUMMARY: &'static str = "Make a trial code.";
    const REQUIRED: &'static [&'static str] = &["code"];
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["creatorId"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
        ErrorCode::MissingFields,
        ErrorCode::CodeTaken,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Option<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, mut request: Request, product: Option<Product>) -> Result<Reply> {
        request.trial_days.get_or_insert(Days::TRIAL);
        create(cx, caller, request, product).await
    }
}
