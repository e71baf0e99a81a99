//! Purchases: what became of each, which makes a store's notice idempotent.

use crate::{
    Result,
    sale::purchase::{Purchase, PurchaseKey},
    store::{
        Store,
        item::encode,
        schema,
        write::{Action, put},
    },
};

impl Store {
    /// What came of the notice with this key. The holder of the key is a store that was let in.
    pub async fn purchase_get(&self, key: &PurchaseKey) -> Result<Option<Purchase>> {
        self.get(&schema::PURCHASES, key.as_str(), None).await
    }
}

/// That something came of a notice: it is why the notice is acted on.
pub(in crate::store) fn purchase_creation(purchase: &Purchase) -> Result<Action> {
    // **Race**: a notice that is told twice at once is acted on once.
    Ok(put(&schema::PURCHASES, encode(purchase)?).when("attribute_not_exists(purchaseId)", []))
}
