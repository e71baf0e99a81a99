//! API keys.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::AttributeValue};

use crate::{
    Error, Result,
    error::Noun,
    owner::{
        Scope,
        api_key::{ApiKey, KeyHash},
    },
    store::{Item, Store, WRITE_ATTEMPTS, encode, pause, schema, text, unexpected},
};

/// The one value of `kind`, under which all keys are listed.
const KIND: &str = "api-key";

fn item(key: &ApiKey) -> Result<Item> {
    let mut item = encode(key)?;
    item.insert("kind".to_owned(), text(KIND));
    Ok(item)
}

impl Store {
    /// The API key with this hash. Whoever shows the raw key is its owner, so no scope is asked for.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn api_key_by_hash_unscoped(&self, hash: &KeyHash) -> Result<Option<ApiKey>> {
        self.get(&schema::API_KEYS, hash.as_str(), None).await
    }

    /// Stores a new API key. Should its hash be there already, then it is this key's, which the same request made before.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn api_key_create(&self, key: &ApiKey) -> Result<()> {
        self.create(&schema::API_KEYS, item(key)?).await.map(drop)
    }

    /// The API keys that `scope` covers, revoked ones too, newest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn api_key_list(&self, scope: &Scope) -> Result<Vec<ApiKey>> {
        let (index, partition) = match scope {
            Scope::Nothing => return Ok(Vec::new()),
            Scope::Owner(owner) => (&schema::API_KEYS_BY_OWNER, owner.as_str()),
            Scope::Everything => (&schema::API_KEYS_ALL, KIND),
        };
        self.index_partition(&schema::API_KEYS, index, partition).await
    }

    /// Lets nobody in any more by the API key with this hash; that is seen by the next request. Once is enough: a second
    /// time changes nothing.
    ///
    /// # Errors
    /// [`Noun::ApiKey`], [`Error::Internal`].
    pub async fn api_key_revoke(&self, hash: &KeyHash) -> Result<()> {
        for attempt in 0..WRITE_ATTEMPTS {
            let outcome = self
                .client
                .update_item()
                .table_name(self.table(&schema::API_KEYS))
                .set_key(Some(schema::API_KEYS.key(hash.as_str(), None)))
                .update_expression("SET active = :no")
                .condition_expression("attribute_exists(keyHash)")
                .expression_attribute_values(":no", AttributeValue::Bool(false))
                .send()
                .await;
            let Err(error) = outcome else { return Ok(()) };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Err(Error::NotFound(Noun::ApiKey)),
                Some(UpdateItemError::TransactionConflictException(_)) => pause(attempt).await,
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("an API key was in use by others all the time"))
    }
}
