//! `POST /v1/dashboard/api-keys`: make an API key of a product.

use http::StatusCode;
use keystead_core::{
    Error, Result, Timestamp,
    audit::Origin,
    error::ErrorCode,
    owner::{
        api_key::{KeyPurpose, RawApiKey},
        member::Role,
        permission::{Permission, Permissions},
        product_key::{NewProductKey, ProductKey, ProductKeyId},
    },
    product::{Product, ProductId},
    value::{name::Name, patch::Patch},
};
use serde::Deserialize;

use super::view::{NewApiKey, granted};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::{InTeam, Names},
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/api-keys`.
pub struct V1CreateApiKey;

/// The key that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    product_id: ProductId,
    name: Name,
    /// What it lets its holder do: everything, when it is left out.
    #[serde(default)]
    permissions: Patch<Vec<Permission>>,
    /// From when on it lets nobody in.
    expires_at: Option<Timestamp>,
}

impl Request {
    pub(crate) fn permissions(&self) -> &Patch<Vec<Permission>> {
        &self.permissions
    }
}

impl Names<ProductId> for Request {
    fn named(&self) -> &ProductId {
        &self.product_id
    }
}

impl Endpoint for V1CreateApiKey {
    const NAME: &'static str = "v1-create-api-key";
    const ROUTE: &'static str = "POST /v1/dashboard/api-keys";
    const SUMMARY: &'static str = "Make an API key of a product. Its secret is shown this once.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const REQUIRED: &'static [&'static str] = &["productId", "name"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<Product>;
    type Reply = NewApiKey;

    fn head(_: &Context, _: &NewApiKey) -> Head {
        Head::created()
    }

    fn check(_: &Context, request: &Request) -> Result<()> {
        granted(&request.permissions).map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: Request, product: InTeam<Product>) -> Result<NewApiKey> {
        create(cx, &caller.origin, request, product.subject).await
    }
}

/// Makes an API key of `product`.
pub(crate) async fn create(cx: &Context, origin: &Origin, request: Request, product: Product) -> Result<NewApiKey> {
    let now = cx.clock.now();
    if request.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::field("expiresAt", "a time that is yet to come"));
    }
    let new = NewProductKey {
        owner_id: product.owner_id,
        product_id: product.product_id,
        name: request.name,
        permissions: granted(&request.permissions)?.unwrap_or(Permissions::All),
        expires_at: request.expires_at,
    };
    let secret = RawApiKey::new_for(KeyPurpose::Product, &cx.ids)?;
    let key = ProductKey::new(ProductKeyId::new(&cx.ids)?, &secret, new, now);
    cx.store.product_key_create(&key, &cx.audit(origin)).await?;
    Ok(NewApiKey::new(key, &secret, now))
}
