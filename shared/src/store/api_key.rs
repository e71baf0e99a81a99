//! API keys.

use super::{Store, encode, schema};
use crate::{
    Result,
    api_key::{ApiKey, KeyHash},
};

impl Store {
    /// The API key with this hash. Whoever shows the raw key is its owner, so no scope is asked for.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn shown_api_key(&self, hash: &KeyHash) -> Result<Option<ApiKey>> {
        self.get(&schema::API_KEYS, hash.as_str(), None).await
    }

    /// Stores a new API key. Answers whether there was none with its hash.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn create_api_key(&self, key: &ApiKey) -> Result<bool> {
        self.create(&schema::API_KEYS, encode(key)?).await
    }
}
