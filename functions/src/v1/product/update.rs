//! `PATCH /v1/dashboard/products/{productId}`: change a product.

use keystead_core::{
    Error, InvalidRequest, Result,
    audit::Origin,
    error::ErrorCode,
    owner::member::Role,
    product::{Description, Product, ProductChanges, ProductId},
    value::{name::Name, patch::Patch},
};
use serde::Deserialize;

use super::view::OneProduct;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{face::V1, person::Person, policy::GivenPolicy},
};

/// `PATCH /v1/dashboard/products/{productId}`.
pub struct V1UpdateProduct;

/// Which product, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    name: Option<Name>,
    /// Null: none.
    #[serde(default)]
    description: Patch<Description>,
    /// What licenses allow that have no policy of their own. Null: everything.
    #[serde(default)]
    default_license_policy: Patch<GivenPolicy>,
    /// The same under a shorter name; the longer one wins.
    #[serde(default)]
    policy: Patch<GivenPolicy>,
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for V1UpdateProduct {
    const NAME: &'static str = "v1-update-product";
    const ROUTE: &'static str = "PATCH /v1/dashboard/products/{productId}";
    const SUMMARY: &'static str = "Change a product.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::Forbidden,
        ErrorCode::NothingToUpdate,
        ErrorCode::InvalidPolicy,
        ErrorCode::ProductArchived,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = OneProduct;

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<OneProduct> {
        update(cx, &caller.origin, request, product.subject).await
    }
}

/// Changes a product that the caller may change.
pub(crate) async fn update(cx: &Context, origin: &Origin, request: Request, product: Product) -> Result<OneProduct> {
    let (field, policy) = match (request.default_license_policy, request.policy) {
        (Patch::Keep, policy) => ("policy", policy),
        (policy, _) => ("defaultLicensePolicy", policy),
    };
    let changes = ProductChanges {
        name: request.name,
        description: request.description,
        default_policy: policy.map(|policy| policy.parse(field)).transpose()?,
        ..ProductChanges::default()
    };
    if changes == ProductChanges::default() {
        return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
    }
    let audit = cx.audit(origin);
    let change = |product: &Product| product.change(&changes);
    cx.store
        .product_change(product, &audit, change)
        .await
        .map(OneProduct::from)
}
