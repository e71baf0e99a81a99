//! `POST /v1/products`: make a product of any organisation.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    owner::{OwnerId, organisation::Organisation},
    product::Description,
    value::name::Name,
};
use serde::Deserialize;

use crate::{
    frame::{
        callers::{Operator, Source},
        context::Context,
        endpoint::Endpoint,
        reply::Head,
        subject::Subject,
    },
    v1::{
        face::V1Operators,
        policy::GivenPolicy,
        product::{
            create::{NewProduct, create},
            view::OneProduct,
        },
    },
};

/// `POST /v1/products`.
pub struct V1OperatorCreateProduct;

/// The product that is wanted, and for which organisation.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OperatorCreateProductRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    name: Name,
    description: Option<Description>,
    default_license_policy: Option<GivenPolicy>,
}

/// The organisation, if it was not deleted.
pub struct Home(Organisation);

impl Subject<Request, Operator> for Home {
    type Prefetched = Option<Organisation>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Organisation>> {
        cx.store.organisation_get_unscoped(&request.org_id).await
    }

    async fn admit(_: &Context, _: &Operator, _: &Request, found: Option<Organisation>) -> Result<Self> {
        let found = found.ok_or(Error::NotFound(Noun::Organisation))?;
        found.present().map(Self)
    }
}

impl Endpoint for V1OperatorCreateProduct {
    const NAME: &'static str = "v1-operator-create-product";
    const ROUTE: &'static str = "POST /v1/products";
    const SUMMARY: &'static str = "Make a product of any organisation.";
    const REQUIRED: &'static [&'static str] = &["orgId", "name"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::InvalidPolicy];

    type Face = V1Operators;
    type Caller = Operator;
    type Request = Request;
    type Subject = Home;
    type Reply = OneProduct;

    fn head(_: &Context, _: &OneProduct) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Operator, request: Request, Home(of): Home) -> Result<OneProduct> {
        let wanted = NewProduct {
            name: request.name,
            description: request.description,
            policy: request.default_license_policy,
        };
        create(cx, &caller.origin, of.owner_id, wanted).await
    }
}
