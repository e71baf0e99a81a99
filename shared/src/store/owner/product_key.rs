//! Product keys: API keys of `/v1`, in the table of all API keys.

use std::{
    collections::HashMap,
    ops::ControlFlow::{Break, Continue},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::{Denial, Noun},
    event::{Event, EventType},
    owner::{
        Scope,
        api_key::{KeyHash, KeyPurpose, RawApiKey},
        product_key::{ProductKey, ProductKeyChange, ProductKeyId},
    },
    product::ProductId,
    store::{
        Store,
        item::{Item, decode, encode, text},
        owner::api_key::KIND,
        schema, unexpected,
        write::{Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried, update},
    },
};

/// Some keys of a product, and where the next ones begin.
#[derive(Clone, Debug)]
pub struct ProductKeyPage {
    /// The keys, newest first.
    pub keys: Vec<ProductKey>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<ProductKeyPosition>,
}

/// The key after which a page begins. An API seals it for its clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductKeyPosition {
    created_at: Timestamp,
    key_hash: KeyHash,
}

fn product_key_item(key: &ProductKey) -> Result<Item> {
    let mut item = encode(key)?;
    item.insert("kind".to_owned(), text(KIND));
    Ok(item)
}

impl Store {
    /// How many keys a page has at most: what one BatchGetItem reads.
    pub const PRODUCT_KEY_PAGE: usize = 100;

    /// The product key whose secret has this hash: one read of one item. Keys for something else are not found.
    ///
    /// **Unscoped**: the secret, of which this is the hash, is the credential.
    pub async fn product_key_by_hash_unscoped(&self, hash: &KeyHash) -> Result<Option<ProductKey>> {
        let found = self.get_item(&schema::API_KEYS, hash.as_str(), None).await?;
        found.filter(is_product_key).map(decode).transpose()
    }

    /// The product key with this id, if `scope` covers its owner. It is looked up in an index, which may not know yet of a key
    /// or a secret that was made within the last second, and then read.
    pub async fn product_key_get(&self, scope: &Scope, id: &ProductKeyId) -> Result<Option<ProductKey>> {
        let page = self
            .query_index(&schema::API_KEYS, &schema::API_KEYS_BY_ID, id.as_str())
            .send()
            .await
            .map_err(unexpected)?;
        // Two, while the index has the old hash of a key beside the new one.
        let hashes: Vec<String> = page.items.iter().flatten().filter_map(hash_of).collect();
        let found = self.product_key_get_each(&hashes).await?;
        Ok(found.into_iter().find(|key| scope.covers(&key.owner_id)))
    }

    /// A page of at most `limit` keys of a product, revoked ones too, newest first: of those whose owner `scope` covers.
    pub async fn product_key_list(
        &self,
        scope: &Scope,
        product: &ProductId,
        limit: usize,
        after: Option<&ProductKeyPosition>,
    ) -> Result<ProductKeyPage> {
        let index = &schema::API_KEYS_BY_PRODUCT;
        let limit = limit.clamp(1, Self::PRODUCT_KEY_PAGE);
        let mut query = self
            .query_index(&schema::API_KEYS, index, product.as_str())
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(after) = after {
            query = query
                .exclusive_start_key(index.partition, text(product))
                .exclusive_start_key(index.sort.unwrap_or_default(), text(after.created_at))
                .exclusive_start_key(schema::API_KEYS.partition, text(after.key_hash.as_str()));
        }
        let page = query.send().await.map_err(unexpected)?;
        let next = page.last_evaluated_key.map(decode).transpose()?;
        let hashes: Vec<String> = page.items.iter().flatten().filter_map(hash_of).collect();
        let mut keys = self.product_key_get_each(&hashes).await?;
        keys.retain(|key| scope.covers(&key.owner_id) && key.product_id == *product);
        Ok(ProductKeyPage { keys, next })
    }

    /// The product keys with these hashes, in their order. One that is gone meanwhile is left out.
    async fn product_key_get_each(&self, hashes: &[String]) -> Result<Vec<ProductKey>> {
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let keys = hashes.iter().map(|hash| schema::API_KEYS.key(hash, None)).collect();
        let mut found = self.get_batch(vec![(&schema::API_KEYS, keys)]).await?;
        let found = found.take(&schema::API_KEYS).into_iter().filter(is_product_key);
        let mut by_hash: HashMap<String, Item> = found.filter_map(|item| Some((hash_of(&item)?, item))).collect();
        hashes
            .iter()
            .filter_map(|hash| by_hash.remove(hash))
            .map(decode)
            .collect()
    }

    /// Stores a new product key. Should its hash be there already, then it is this key's, which the same request made before.
    pub async fn product_key_create(&self, key: &ProductKey, audit: &Audit) -> Result<()> {
        let entry = entry(audit, EventType::ApiKeyCreated, key)?.with("purpose", key.purpose.as_str());
        self.create_noted(&schema::API_KEYS, product_key_item(key)?, &entry)
            .await
            .map(drop)
    }

    /// Gives a product key another name or other permissions. Answers the key as it is afterwards.
    ///
    /// # Errors
    /// [`Noun::ApiKey`] when it was deleted, or its secret replaced, since it was read.
    pub async fn product_key_change(
        &self,
        key: ProductKey,
        change: &ProductKeyChange,
        audit: &Audit,
    ) -> Result<ProductKey> {
        self.product_key_replace(key, EventType::ApiKeyUpdated, audit, |key| key.changed(change))
            .await
    }

    /// Lets nobody in any more by this product key; that is seen by the next request. A second time changes nothing. Answers
    /// the key as it is afterwards.
    ///
    /// # Errors
    /// [`Noun::ApiKey`] when it was deleted, or its secret replaced, since it was read.
    pub async fn product_key_revoke(&self, key: ProductKey, audit: &Audit) -> Result<ProductKey> {
        self.product_key_replace(key, EventType::ApiKeyRevoked, audit, |key| {
            if key.active {
                key.revoked(audit.now)
            } else {
                key.clone()
            }
        })
        .await
    }

    /// Puts what `change` makes of a product key in its place: again on the key as it is then, should another change come
    /// between. What is no change is not written.
    async fn product_key_replace(
        &self,
        key: ProductKey,
        r#type: EventType,
        audit: &Audit,
        change: impl Fn(&ProductKey) -> ProductKey,
    ) -> Result<ProductKey> {
        let (change, stored) = (&change, product_key_item(&key)?);
        let event = &audit.event_id()?;
        retried("an API key", (key, stored), |_, (key, stored)| async move {
            let changed = change(&key);
            if changed == key {
                return Ok(Break(key));
            }
            let id = key.key_id.as_str();
            let entry = Event {
                event_id: event.clone(),
                ..audit.entry_of_change(r#type, &key.owner_id, id, (&key, &changed))?
            };
            let entry = entry
                .with("name", changed.name.as_str())
                .with("productId", changed.product_id.as_str());
            // **Race**: of two changes at once, the second is made of what the first has left. So a key that is revoked
            // meanwhile stays revoked, and what another has changed stays changed.
            let new = product_key_item(&changed)?;
            match self.replace_noted(&schema::API_KEYS, &stored, new, &entry).await? {
                Refusal::None => Ok(Break(changed)),
                // As it is stored: its last use may have been noted, and a later version may have given it more attributes.
                Refusal::By(now) => {
                    let stored = now.ok_or(Error::NotFound(Noun::ApiKey))?;
                    Ok(Continue((decode(stored.clone())?, stored)))
                }
            }
        })
        .await
    }

    /// Puts another secret in the place of the one that a product key has, which is good for nothing from then on. The key
    /// keeps its id. Answers the key as it is afterwards.
    ///
    /// # Errors
    /// [`Denial::ApiKeyRevoked`], also of a key that is revoked meanwhile; [`Noun::ApiKey`] when it was deleted, or its secret
    /// replaced, since it was read.
    pub async fn product_key_rotate(&self, key: ProductKey, secret: &RawApiKey, audit: &Audit) -> Result<ProductKey> {
        let event = &audit.event_id()?;
        // The same request did it before, and makes the same secret again.
        if key.key_hash == secret.hash() {
            return Ok(key);
        }
        let stored = product_key_item(&key)?;
        retried("an API key", (key, stored), |attempt, (key, stored)| async move {
            if !key.active {
                return Err(Error::Denied(Denial::ApiKeyRevoked));
            }
            let rotated = key.with_secret(secret);
            let entry = Event {
                event_id: event.clone(),
                ..entry(audit, EventType::ApiKeyRotated, &key)?
            };
            // **Race**: the old item goes only if it is as it was read. A key that is revoked meanwhile is not put back under
            // another hash, where it would let in again; of two secrets that are made at once, one finds the key gone.
            let old =
                delete(&schema::API_KEYS, schema::API_KEYS.key(key.key_hash.as_str(), None)).when_unchanged(&stored);
            // What a later version of the service has stored with the key moves along.
            let moved = stored.clone().into_iter().chain(product_key_item(&rotated)?).collect();
            let new = put(&schema::API_KEYS, moved).when("attribute_not_exists(keyHash)", []);
            let transaction = Transaction::of([old, new]).with_event(&entry)?;
            match self.commit(transaction).await? {
                WriteOutcome::Done => Ok(Break(rotated)),
                WriteOutcome::Refused([Refusal::By(now), _]) => {
                    let stored = now.ok_or(Error::NotFound(Noun::ApiKey))?;
                    Ok(Continue((decode(stored.clone())?, stored)))
                }
                WriteOutcome::Refused([Refusal::None, _]) => Err(Error::internal("two API keys have one secret")),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Ok(Continue((key, stored)))
                }
            }
        })
        .await
    }

    /// Deletes a product key for good, revoked or not; it lets nobody in from the next request on. A second time changes
    /// nothing.
    ///
    /// # Errors
    /// [`Noun::ApiKey`] when it was deleted, or its secret replaced, since it was read.
    pub async fn product_key_delete(&self, key: &ProductKey, audit: &Audit) -> Result<()> {
        let entry = entry(audit, EventType::ApiKeyDeleted, key)?;
        // **Race**: a key whose secret was replaced meanwhile is under another hash, and would go on to let in: its deletion
        // must not be told as done.
        let gone = delete(&schema::API_KEYS, schema::API_KEYS.key(key.key_hash.as_str(), None))
            .when("keyId = :id", [(":id", text(&key.key_id))]);
        match self.commit_noted("an API key", gone, &entry).await? {
            Refusal::None => Ok(()),
            Refusal::By(_) => Err(Error::NotFound(Noun::ApiKey)),
        }
    }

    /// Notes that a product key was used now.
    ///
    /// **Best effort**: nothing is decided by it, and the request that used the key must not fail for it. The first use of a
    /// key that is being changed at the same moment may go unnoted.
    pub async fn product_key_use(&self, key: &ProductKey, now: Timestamp) {
        // **Race**: a key that was deleted meanwhile, or has another secret, does not come back; and of those who use it at
        // once, one writes.
        let used = UpdateExpression::default()
            .set("lastUsedAt", text(now))
            .when("keyId = :id", [(":id", text(&key.key_id))])
            .when(
                "attribute_not_exists(lastUsedAt) OR lastUsedAt <= :due",
                [(":due", text(now - ProductKey::LAST_USED_PRECISION))],
            );
        let used = update(
            &schema::API_KEYS,
            schema::API_KEYS.key(key.key_hash.as_str(), None),
            used,
        );
        let _: Result<Refusal> = self.write_retried("an API key", used).await;
    }
}

fn entry(audit: &Audit, r#type: EventType, key: &ProductKey) -> Result<Event> {
    let entry = audit.entry(r#type, &key.owner_id, key.key_id.as_str())?;
    Ok(entry
        .with("name", key.name.as_str())
        .with("productId", key.product_id.as_str()))
}

/// Whether it is a key of this kind, of those in the table.
fn is_product_key(item: &Item) -> bool {
    item.get("purpose") == Some(&text(KeyPurpose::Product))
}

fn hash_of(item: &Item) -> Option<String> {
    item.get(schema::API_KEYS.partition)?.as_s().ok().cloned()
}
