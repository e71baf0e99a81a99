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

/// How many products of a status are read before any of them is asked for: all that most vendors have.
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

/// What is kept of a process's products, and for how long.
pub(super) struct Kept {
    duration: Duration,
    catalogs: Mutex<Known<Catalog>>,
    products: Mutex<Known<Product>>,
    newest: Mutex<Newest>,
}

/// What was asked for, and when it was read. What is not there is kept as well.
type Known<T> = HashMap<ProductId, (Timestamp, Option<Arc<T>>)>;

/// The newest products, as an index has them, and when they were read.
#[derive(Default)]
struct Newest {
    since: Option<Timestamp>,
    products: HashMap<ProductId, Arc<Product>>,
}

impl Kept {
    /// Nothing yet.
    pub(super) fn none(duration: Duration) -> Self {
        Self {
            duration,
            catalogs: Mutex::default(),
            products: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// Whether what was read then may still be used.
    fn is_fresh(&self, since: Timestamp, now: Timestamp) -> bool {
        now.since(since) < self.duration
    }

    fn find<T>(&self, known: &Mutex<Known<T>>, id: &ProductId, now: Timestamp) -> Option<Option<Arc<T>>> {
        let known = lock(known);
        let (since, found) = known.get(id)?;
        self.is_fresh(*since, now).then(|| found.clone())
    }

    fn find_product(&self, id: &ProductId, now: Timestamp) -> Option<Option<Arc<Product>>> {
        self.find(&self.products, id, now).or_else(|| {
            let newest = lock(&self.newest);
            let fresh = newest.since.is_some_and(|since| self.is_fresh(since, now));
            newest
                .products
                .get(id)
                .filter(|_| fresh)
                .map(|found| Some(Arc::clone(found)))
        })
    }

    /// Those products that were asked for and kept too long, the latest at most. Of the others nobody asked lately: they
    /// are forgotten, not to be met at each request.
    fn old_products(&self, now: Timestamp) -> Vec<ProductId> {
        let mut products = lock(&self.products);
        let old = products.iter().filter(|(_, (since, _))| !self.is_fresh(*since, now));
        let mut old: Vec<(Timestamp, ProductId)> = old.map(|(id, (since, _))| (*since, id.clone())).collect();
        old.sort_by(|a, b| b.cmp(a));
        for (_, id) in old.drain(old.len().min(FORESEEN)..) {
            products.remove(&id);
        }
        old.into_iter().map(|(_, id)| id).collect()
    }

    fn keep_newest(&self, found: Vec<Product>, now: Timestamp) {
        let mut products = lock(&self.products);
        let found = found
            .into_iter()
            .map(|product| (product.product_id.clone(), Arc::new(product)));
        let newest = Newest {
            since: Some(now),
            products: found.collect(),
        };
        products.retain(|id, _| !newest.products.contains_key(id));
        *lock(&self.newest) = newest;
    }

    /// Keeps a product no longer: it was changed here.
    pub(super) fn forget(&self, id: &ProductId) {
        lock(&self.catalogs).remove(id);
        lock(&self.products).remove(id);
        lock(&self.newest).products.remove(id);
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep<T>(known: &Mutex<Known<T>>, id: &ProductId, since: Timestamp, found: Option<Arc<T>>) {
    let mut known = lock(known);
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(id.clone(), (since, found));
}

impl Store {
    /// The product with this id and its variants, as they are or were within the last minute, for whoever holds a license
    /// of it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn kept_catalog(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Catalog>>> {
        if let Some(known) = self.kept.find(&self.kept.catalogs, id, now) {
            return Ok(known);
        }
        let found = self.product_with_variants(id).await?;
        let found = found.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        keep(&self.kept.catalogs, id, now, found.clone());
        Ok(found)
    }

    /// The product with this id, as it is or was within the last minute, for whoever holds a license of it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn kept_product(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Product>>> {
        if let Some(known) = self.kept.find_product(id, now) {
            return Ok(known);
        }
        let found = self.catalog_product(id).await?.map(Arc::new);
        keep(&self.kept.products, id, now, found.clone());
        Ok(found)
    }

    /// Reads what [`Store::kept_product`] may be asked for and is not kept, or too long: the newest products, and those
    /// that were asked for before. For whoever does not know yet which product it will be, and reads something else
    /// meanwhile: then no request waits for a product alone.
    ///
    /// What can't be read soon is read when it is asked for.
    pub async fn foresee_products(&self, now: Timestamp) {
        let newest = async {
            if lock(&self.kept.newest)
                .since
                .is_some_and(|since| self.kept.is_fresh(since, now))
            {
                return;
            }
            let found = tokio::time::timeout(PATIENCE, self.newest_products(FORESEEN)).await;
            // Late or failed: tried again in a minute, not by each request.
            let found = found.ok().and_then(Result::ok).unwrap_or_default();
            self.kept.keep_newest(found, now);
        };
        let others = async {
            let others = self.kept.old_products(now);
            let read = try_join_all(others.iter().map(|id| self.kept_product(id, now)));
            let _late_or_failed = tokio::time::timeout(PATIENCE, read).await;
        };
        tokio::join!(newest, others);
    }
}
