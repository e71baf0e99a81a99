//! API keys.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::EventType,
    owner::{
        Scope,
        api_key::{ApiKey, KeyHash, KeyPurpose},
    },
    store::{
        Store,
        item::{Item, encode, text},
        read::all_of,
        schema,
        write::{Refusal, UpdateExpression, update},
    },
};

/// The one value of `kind`, under which all keys are listed.
pub(super) const KIND: &str = "api-key";

fn api_key_item(key: &ApiKey) -> Result<Item> {
    let mut item = encode(key)?;
    item.insert("kind".to_owned(), text(KIND));
    Ok(item)
}

impl Store {
    /// The API key with this hash.
    ///
    /// **Unscoped**: the raw key, of which this is the hash, is the credential. Elsewhere, the caller must check the owner.
    pub async fn api_key_by_hash_unscoped(&self, hash: &KeyHash) -> Result<Option<ApiKey>> {
        self.get(&schema::API_KEYS, hash.as_str(), None).await
    }

    /// Stores a new API key. Should its hash be there already, then it is this key's, which the same request made before.
    pub async fn api_key_create(&self, key: &ApiKey, audit: &Audit) -> Result<()> {
        let entry = audit
            .entry(EventType::ApiKeyCreated, &key.owner_id, key.short_id())?
            .with("name", key.name.as_str())
            .with("purpose", key.purpose.as_str());
        self.create_noted(&schema::API_KEYS, api_key_item(key)?, &entry)
            .await
            .map(drop)
    }

    /// The API keys that `scope` covers, revoked ones too, newest first.
    pub async fn api_key_list(&self, scope: &Scope) -> Result<Vec<ApiKey>> {
        let (index, partition) = match scope {
            Scope::Owner(owner) => (&schema::API_KEYS_BY_OWNER, owner.as_str()),
            Scope::Everything => (&schema::API_KEYS_ALL, KIND),
        };
        all_of(self.query_index(&schema::API_KEYS, index, partition)).await
    }

    /// Puts another sealed secret in the place of the one that an address for Stripe has.
    ///
    /// # Errors
    /// [`Noun::ApiKey`], also of a key for something else and of one that was revoked.
    pub async fn api_key_replace_secret(&self, hash: &KeyHash, sealed: &str, audit: &Audit) -> Result<()> {
        let key = self.api_key_by_hash_unscoped(hash).await?;
        let key = key.filter(|key| key.purpose == KeyPurpose::Stripe);
        let key = key.ok_or(Error::NotFound(Noun::ApiKey))?;
        let entry = audit.entry(EventType::StripeSecretReplaced, &key.owner_id, key.short_id())?;
        let entry = entry.with("name", key.name.as_str());
        // **Race**: a key that is revoked meanwhile stays so.
        let replaced = UpdateExpression::default().set("sealedSecret", text(sealed)).when(
            "purpose = :stripe AND active = :true",
            [
                (":stripe", text(KeyPurpose::Stripe)),
                (":true", AttributeValue::Bool(true)),
            ],
        );
        let replaced = update(&schema::API_KEYS, schema::API_KEYS.key(hash.as_str(), None), replaced);
        match self.commit_noted("an API key", replaced, &entry).await? {
            Refusal::None => Ok(()),
            Refusal::By(_) => Err(Error::NotFound(Noun::ApiKey)),
        }
    }

    /// Lets nobody in any more by the API key with this hash; that is seen by the next request. Once is enough: a second
    /// time changes nothing.
    ///
    /// # Errors
    /// [`Noun::ApiKey`].
    pub async fn api_key_revoke(&self, hash: &KeyHash, audit: &Audit) -> Result<()> {
        let key = self.api_key_by_hash_unscoped(hash).await?;
        let key = key.ok_or(Error::NotFound(Noun::ApiKey))?;
        if !key.active {
            return Ok(());
        }
        let entry = audit.entry(EventType::ApiKeyRevoked, &key.owner_id, key.short_id())?;
        let entry = entry.with("name", key.name.as_str());
        let revocation = UpdateExpression::default()
            .set("active", AttributeValue::Bool(false))
            .set("revokedAt", text(audit.now))
            .when("attribute_exists(keyHash)", []);
        let revocation = update(&schema::API_KEYS, schema::API_KEYS.key(hash.as_str(), None), revocation);
        match self.commit_noted("an API key", revocation, &entry).await? {
            Refusal::None => Ok(()),
            Refusal::By(_) => Err(Error::NotFound(Noun::ApiKey)),
        }
    }
}
