//! The product cache: each process keeps products, with their variants, for a minute.
//!
//! A license is read for every request, and a revocation is seen by the next one. A product's rules change seldom, and
//! may be a minute late.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    Result, Timestamp,
    product::{
        Product, ProductId,
        variant::{Variant, VariantId},
    },
    store::Store,
};

/// How many products a process keeps: more than a vendor has. At one more, it begins anew.
const MOST: usize = 1000;

/// A product and its variants.
#[derive(Debug)]
pub struct Catalog {
    /// The product.
    pub product: Product,
    /// Its variants.
    pub variants: Vec<Variant>,
}

impl Catalog {
    /// The variant with this id.
    pub fn variant(&self, id: &VariantId) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.variant_id == *id)
    }
}

/// A TTL cache. That there is no product with an id is kept as well; an error is not.
pub(super) struct ProductCache {
    ttl: Duration,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<ProductId, Entry>,
    /// How often this process changed a product.
    changes: u64,
}

struct Entry {
    read_at: Timestamp,
    catalog: Option<Arc<Catalog>>,
}

impl ProductCache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a product that this process changed.
    pub(super) fn invalidate(&self, id: &ProductId) {
        let mut entries = self.entries();
        entries.changes += 1;
        entries.by_id.remove(id);
    }
}

impl Store {
    /// The product with this id and its variants, as they are or were within the last minute.
    ///
    /// **Unscoped**: for the holder of a license of the product. Elsewhere, the caller must check the owner.
    pub async fn product_cached_unscoped(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Catalog>>> {
        let cache = &self.products;
        let changes = {
            let entries = cache.entries();
            let fresh = |entry: &&Entry| now.since(entry.read_at) < cache.ttl;
            if let Some(entry) = entries.by_id.get(id).filter(fresh) {
                return Ok(entry.catalog.clone());
            }
            entries.changes
        };
        let catalog = self.product_get_with_variants_unscoped(id).await?;
        let catalog = catalog.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        let mut entries = cache.entries();
        // **Race**: what was read before this process changed a product, and arrives after, is not kept.
        if entries.changes == changes {
            if entries.by_id.len() >= MOST {
                entries.by_id.clear();
            }
            let entry = Entry {
                read_at: now,
                catalog: catalog.clone(),
            };
            entries.by_id.insert(id.clone(), entry);
        }
        Ok(catalog)
    }
}
