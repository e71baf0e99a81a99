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
    Timestamp,
    product::{
        Product, ProductId,
        variant::{Variant, VariantId},
    },
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

/// What the cache answers.
pub(super) enum CacheLookup {
    /// The product, or that there is none, as it was read within the TTL.
    Hit(Option<Arc<Catalog>>),
    /// It must be read; [`ProductCache::insert`] wants to know the version since when.
    Miss(CacheVersion),
}

/// How often this process had changed a product when the cache was asked.
#[derive(Clone, Copy)]
pub(super) struct CacheVersion(u64);

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

    /// What is kept of a product at `now`.
    pub(super) fn get(&self, id: &ProductId, now: Timestamp) -> CacheLookup {
        let entries = self.entries();
        let fresh = |entry: &&Entry| now.since(entry.read_at) < self.ttl;
        entries.by_id.get(id).filter(fresh).map_or_else(
            || CacheLookup::Miss(CacheVersion(entries.changes)),
            |entry| CacheLookup::Hit(entry.catalog.clone()),
        )
    }

    /// Whether there was a product with this id when this process last looked.
    pub(super) fn knows(&self, id: &ProductId) -> bool {
        self.entries()
            .by_id
            .get(id)
            .is_some_and(|entry| entry.catalog.is_some())
    }

    /// Keeps what was read of a product after a miss.
    pub(super) fn insert(
        &self,
        id: &ProductId,
        catalog: Option<Arc<Catalog>>,
        version: CacheVersion,
        read_at: Timestamp,
    ) {
        let mut entries = self.entries();
        // **Race**: what was read before this process changed a product, and arrives after, is not kept.
        if entries.changes == version.0 {
            if entries.by_id.len() >= MOST {
                entries.by_id.clear();
            }
            entries.by_id.insert(id.clone(), Entry { read_at, catalog });
        }
    }

    /// Forgets a product that this process changed.
    pub(super) fn invalidate(&self, id: &ProductId) {
        let mut entries = self.entries();
        entries.changes += 1;
        entries.by_id.remove(id);
    }
}
