//! `GET /v1/whoami`: what an API key opens.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{OwnerId, permission::Permission, product_key::ProductKeyId},
    product::ProductId,
    value::name::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{callers::ProductKey, context::Context, endpoint::Endpoint},
    v1::face::V1Keys,
};

/// `GET /v1/whoami`.
pub struct V1Whoami;

/// Nothing is asked.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {}

/// What the API key opens.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    api_key: KeyShown,
    product: ProductShown,
    org: OrganisationShown,
}

/// The API key.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WhoamiKey"))]
struct KeyShown {
    id: ProductKeyId,
    name: Name,
    permissions: Vec<Permission>,
}

/// Its product.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "WhoamiProduct")
)]
struct ProductShown {
    id: ProductId,
    name: Name,
}

/// The product's organisation.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "WhoamiOrganisation")
)]
struct OrganisationShown {
    id: OwnerId,
    /// Its name; of an owner that is no organisation yet, its id.
    name: String,
}

impl Endpoint for V1Whoami {
    const NAME: &'static str = "v1-whoami";
    const ROUTE: &'static str = "GET /v1/whoami";
    const SUMMARY: &'static str = "Tell what an API key opens.";
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, _: Request, (): ()) -> Result<Reply> {
        let (product, organisation) = caller.product(cx).await?;
        let name = organisation.map(|organisation| organisation.name.to_string());
        Ok(Reply {
            api_key: KeyShown {
                permissions: caller.key.permissions.listed(),
                id: caller.key.key_id,
                name: caller.key.name,
            },
            org: OrganisationShown {
                name: name.unwrap_or_else(|| product.owner_id.to_string()),
                id: product.owner_id,
            },
            product: ProductShown {
                id: product.product_id,
                name: product.name,
            },
        })
    }
}
