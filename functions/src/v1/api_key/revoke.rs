//! `POST /v1/dashboard/api-keys/{keyId}/revoke`: let nobody in any more by an API key, which stays in the list.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, product_key::ProductKey},
};

use super::view::{NamesApiKey, OneApiKey};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::InTeam,
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/api-keys/{keyId}/revoke`.
pub struct V1RevokeApiKey;

impl Endpoint for V1RevokeApiKey {
    const NAME: &'static str = "v1-revoke-api-key";
    const ROUTE: &'static str = "POST /v1/dashboard/api-keys/{keyId}/revoke";
    const SUMMARY: &'static str = "Let nobody in any more by an API key, for good.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ApiKeyNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesApiKey;
    type Subject = InTeam<ProductKey>;
    type Reply = OneApiKey;

    async fn call(cx: &Context, caller: Person, _: NamesApiKey, key: InTeam<ProductKey>) -> Result<OneApiKey> {
        let audit = cx.audit(&caller.origin);
        let key = cx.store.product_key_revoke(key.subject, &audit).await?;
        Ok(OneApiKey::new(key, audit.now))
    }
}
