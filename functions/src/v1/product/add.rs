//! `POST /v1/dashboard/orgs/{orgId}/products`: make a product for an organisation, or find it there.

use http::StatusCode;
use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    owner::{OwnerId, Scope, member::Role, organisation::Membership},
    product::{Description, ProductId},
    value::name::Name,
};
use serde::Deserialize;

use super::{
    create::{NewProduct, create},
    view::OneProduct,
};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::Names,
    },
    v1::{face::V1, person::Person, policy::GivenPolicy},
};

/// `POST /v1/dashboard/orgs/{orgId}/products`.
pub struct V1AddProduct;

/// The product that is wanted, or one that the organisation has.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    /// One that the organisation has already; the other fields say nothing then.
    product_id: Option<ProductId>,
    /// Required, unless there is a `productId`.
    name: Option<Name>,
    description: Option<Description>,
    default_license_policy: Option<GivenPolicy>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1AddProduct {
    const NAME: &'static str = "v1-add-product";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/products";
    const SUMMARY: &'static str = "Make a product for an organisation.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["name"]];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ProductNotFound,
        ErrorCode::MissingFields,
        ErrorCode::InvalidPolicy,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = OneProduct;

    fn head(_: &Context, _: &OneProduct) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<OneProduct> {
        let owner = of.organisation.owner_id;
        if let Some(id) = &request.product_id {
            return cx
                .store
                .product_get(&Scope::Owner(owner), id)
                .await
                .map(OneProduct::from);
        }
        let name = request
            .name
            .ok_or(Error::Invalid(InvalidRequest::MissingFields(&["name"])))?;
        let wanted = NewProduct {
            name,
            description: request.description,
            policy: request.default_license_policy,
        };
        create(cx, &caller.origin, owner, wanted).await
    }
}
