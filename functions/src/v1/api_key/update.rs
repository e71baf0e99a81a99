//! `PATCH /v1/dashboard/api-keys/{keyId}`: give an API key another name or other permissions.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    owner::{
        member::Role,
        permission::Permission,
        product_key::{ProductKey, ProductKeyChange, ProductKeyId},
    },
    value::{name::Name, patch::Patch},
};
use serde::Deserialize;

use super::view::{OneApiKey, granted};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::{InTeam, Names},
    },
    v1::{face::V1, person::Person},
};

/// `PATCH /v1/dashboard/api-keys/{keyId}`.
pub struct V1UpdateApiKey;

/// Which key, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    key_id: ProductKeyId,
    name: Option<Name>,
    /// What it lets its holder do from now on: they stay, when it is left out.
    #[serde(default)]
    permissions: Patch<Vec<Permission>>,
}

impl Names<ProductKeyId> for Request {
    fn named(&self) -> &ProductKeyId {
        &self.key_id
    }
}

impl Endpoint for V1UpdateApiKey {
    const NAME: &'static str = "v1-update-api-key";
    const ROUTE: &'static str = "PATCH /v1/dashboard/api-keys/{keyId}";
    const SUMMARY: &'static str = "Give an API key another name or other permissions.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::NothingToUpdate,
        ErrorCode::ApiKeyNotFound,
        ErrorCode::Forbidden,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = InTeam<ProductKey>;
    type Reply = OneApiKey;

    fn check(_: &Context, request: &Request) -> Result<()> {
        let permissions = granted(&request.permissions)?;
        if request.name.is_none() && permissions.is_none() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        Ok(())
    }

    async fn call(cx: &Context, caller: Person, request: Request, key: InTeam<ProductKey>) -> Result<OneApiKey> {
        let change = ProductKeyChange {
            name: request.name,
            permissions: granted(&request.permissions)?,
        };
        let audit = cx.audit(&caller.origin);
        let key = cx.store.product_key_change(key.subject, &change, &audit).await?;
        Ok(OneApiKey::new(key, audit.now))
    }
}
