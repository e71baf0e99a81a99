//! `POST /v1/dashboard/api-keys/{keyId}/rotate`: give an API key another secret.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{
        api_key::{KeyPurpose, RawApiKey},
        member::Role,
        product_key::ProductKey,
    },
};

use super::view::{NamesApiKey, NewApiKey};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::InTeam,
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/api-keys/{keyId}/rotate`.
pub struct V1RotateApiKey;

impl Endpoint for V1RotateApiKey {
    const NAME: &'static str = "v1-rotate-api-key";
    const ROUTE: &'static str = "POST /v1/dashboard/api-keys/{keyId}/rotate";
    const SUMMARY: &'static str =
        "Give an API key another secret, which is shown this once. The old one lets nobody in any more.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ApiKeyNotFound,
        ErrorCode::Forbidden,
        ErrorCode::ApiKeyRevoked,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = NamesApiKey;
    type Subject = InTeam<ProductKey>;
    type Reply = NewApiKey;

    async fn call(cx: &Context, caller: Person, _: NamesApiKey, key: InTeam<ProductKey>) -> Result<NewApiKey> {
        let secret = RawApiKey::new_for(KeyPurpose::Product, &cx.ids)?;
        let audit = cx.audit(&caller.origin);
        let key = cx.store.product_key_rotate(key.subject, &secret, &audit).await?;
        Ok(NewApiKey::new(key, &secret, audit.now))
    }
}
