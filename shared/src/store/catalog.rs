//! What is sold, as the client API needs it: kept for a while, so that no request waits for it.
//!
//! A license is read for every request, and a revocation is seen by the next one. A product's rules change seldom, and
//! may be a minute late.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::try_join_all;

use super::Store;
use crate::{
    Result, Timestamp,
    product::{Product, ProductId},
    variant::{Variant, VariantId},
};

/// How many products are kept: more than a vendor has. Whoever asks for others makes room for them.
const MOST: usize = 1000;

/// How many products are read before any of them is asked for, and again once they were kept too long: all that most
/// vendors have, for a read unit each.
const FORESEEN: usize = 25;

/// How long a request waits for what it may not need. A read takes a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(100);

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

/// What is kept, and since when. A product that is not there is kept as well.
type Products = HashMap<ProductId, (Timestamp, Option<Arc<Catalog>>)>;

/// What is kept, and for how long.
#[derive(Clone)]
pub(super) struct Kept {
    products: Arc<Mutex<Products>>,
    duration: Duration,
}

impl Kept {
    /// Nothing yet.
    pub(super) fn none(duration: Duration) -> Self {
        Self {
            products: Arc::default(),
            duration,
        }
    }
}

impl Store {
    /// The product with this id and its variants, as they are or were within the last minute, for whoever holds a license
    /// of it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn kept_catalog(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Catalog>>> {
        if let Some((since, catalog)) = self.kept().get(id)
            && now.since(*since) < self.catalog.duration
        {
            return Ok(catalog.clone());
        }
        let found = self.product_with_variants(id).await?;
        let found = found.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        self.keep_catalog(id.clone(), now, found.clone());
        Ok(found)
    }

    /// Reads the products again that were kept too long. For whoever does not know yet which product it will be, and reads
    /// something else meanwhile: then no request waits for a product alone.
    ///
    /// What can't be read soon is read when it is asked for.
    pub async fn refresh_catalogs(&self, now: Timestamp) {
        let old = {
            let mut kept = self.kept();
            let is_old = |since: Timestamp| now.since(since) >= self.catalog.duration;
            let old = kept.iter().filter(|(_, (since, _))| is_old(*since));
            let mut old: Vec<(Timestamp, ProductId)> = old.map(|(id, (since, _))| (*since, id.clone())).collect();
            // Of those that are too many, nobody asked lately. They are not to be met at each request.
            old.sort_by(|a, b| b.cmp(a));
            for (_, id) in old.drain(old.len().min(FORESEEN)..) {
                kept.remove(&id);
            }
            old
        };
        let refreshed = try_join_all(old.iter().map(|(_, id)| self.kept_catalog(id, now)));
        let _late_or_failed = tokio::time::timeout(PATIENCE, refreshed).await;
    }

    /// Reads the newest products, before any is asked for. Of a vendor with more of them, the others are read when they are
    /// asked for.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn read_first_catalogs(&self, now: Timestamp) -> Result<()> {
        let newest = self.newest_products(FORESEEN).await?;
        let read = newest.iter().map(|product| self.kept_catalog(&product.product_id, now));
        try_join_all(read).await.map(drop)
    }

    fn keep_catalog(&self, id: ProductId, since: Timestamp, catalog: Option<Arc<Catalog>>) {
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(id, (since, catalog));
    }

    /// Keeps a product no longer: it was changed here.
    pub(super) fn forget_catalog(&self, id: &ProductId) {
        self.kept().remove(id);
    }

    fn kept(&self) -> MutexGuard<'_, Products> {
        self.catalog.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
