//! `GET|POST /listLicenses`: licenses, newest first.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    license::standing::LicenseStatus,
    owner::Scope,
    product::{Product, ProductId},
    store::license::list::{Cursor, LicenseFilter, LicenseState},
    value::email::Email,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    flat::{face::FlatAdmin, wire::LicenseView},
    frame::{
        callers::Admin, context::Context, cursor::invalid_cursor, endpoint::Endpoint, lenient::Limit, subject::Names,
    },
};

/// `GET|POST /listLicenses`.
pub struct ListLicenses;

/// Which licenses, and how many.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: Option<ProductId>,
    email: Option<Email>,
    /// One of the four statuses, or `expired`.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = ["active", "degraded", "suspended", "revoked", "expired", null])))]
    status: Option<String>,
    limit: Option<Limit>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A page of licenses.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<LicenseView<'static>>"))]
    licenses: Vec<Value>,
    count: usize,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// With more products than this, an API key must name one.
const MAX_PRODUCTS: usize = 30;

impl Names<Option<ProductId>> for Request {
    fn named(&self) -> &Option<ProductId> {
        &self.product_id
    }
}

impl Endpoint for ListLicenses {
    const NAME: &'static str = "list-licenses";
    const ROUTE: &'static str = "GET|POST /listLicenses";
    const SUMMARY: &'static str = "List licenses, newest first.";
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["productId"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::MissingFields];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Option<Product>;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, _: Option<Product>) -> Result<Reply> {
        let needs_product = request.product_id.is_none();
        let filter = LicenseFilter {
            owners: None,
            product: request.product_id,
            email: request.email,
            state: request.status.as_deref().map(state).transpose()?,
        };
        let seal = cx.credentials.get()?.sealing.seal_for("cursor")?;
        let opened = |text: &str| Cursor::open(text, &seal, &caller.scope, &filter).ok_or_else(invalid_cursor);
        let cursor = request.cursor.as_deref().map(opened).transpose()?;
        let limit = request.limit.map_or(Limit::DEFAULT, |limit| limit.0);
        let too_many = async {
            match &caller.scope {
                Scope::Owner(owner) if needs_product => cx.store.product_has_more_than(MAX_PRODUCTS, owner).await,
                Scope::Owner(_) | Scope::Everything => Ok(false),
            }
        };
        let (too_many, page) = tokio::try_join!(
            too_many,
            cx.store
                .license_list(&caller.scope, &filter, limit, cursor.as_ref(), cx.clock.now()),
        )?;
        if too_many {
            return Err(Error::Invalid(InvalidRequest::MissingFields(&["productId"])));
        }
        let page = page.ok_or_else(invalid_cursor)?;
        let next = page.next.map(|cursor| cursor.seal(&seal, &caller.scope, &filter));
        Ok(Reply {
            count: page.licenses.len(),
            licenses: page
                .licenses
                .iter()
                .map(|license| json!(LicenseView::from(license)))
                .collect(),
            next_cursor: next.transpose()?,
        })
    }
}

fn state(name: &str) -> Result<LicenseState> {
    if name == "expired" {
        return Ok(LicenseState::Expired);
    }
    LicenseStatus::parse(name)
        .map(LicenseState::Status)
        .ok_or_else(|| Error::field("status", ""))
}
