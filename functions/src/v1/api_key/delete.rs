//! `DELETE /v1/dashboard/api-keys/{keyId}`: delete an API key for good.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, product_key::ProductKey},
};

use super::view::NamesApiKey;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::InTeam,
    },
    v1::{deleted::Deleted, face::V1, person::Person},
};

/// `DELETE /v1/dashboard/api-keys/{keyId}`.
pub struct V1DeleteApiKey;

impl Endpoint for V1DeleteApiKey {
    const NAME: &'static str = "v1-delete-api-key";
    const ROUTE: &'static str = "DELETE /v1/dashboard/api-keys/{keyId}";
    const SUMMARY: &'static str = "Delete an API key. It lets nobody in from the next request on.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ApiKeyNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesApiKey;
    type Subject = InTeam<ProductKey>;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: Person, _: NamesApiKey, key: InTeam<ProductKey>) -> Result<Deleted> {
        cx.store
            .product_key_delete(&key.subject, &cx.audit(&caller.origin))
            .await?;
        Ok(Deleted::default())
    }
}
