//! What is sold, as the client API needs it: kept for a while, so that no request waits for it.
//!
//! A license is read for every request, and a revocation is seen by the next one. A product's rules change seldom, and
//! may be a minute late.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;

use crate::store::Store;
use crate::{
    Result, Timestamp,
    product::{
        Product, ProductId,
        key_rules::KeyRules,
        variant::{Variant, VariantId},
    },
};

/// How many products are kept: more than a vendor has. Whoever asks for others makes room for them.
const MOST: usize = 1000;

/// How many of the newest products are read before any of them is asked for, and how many of the others again: all that
/// most vendors have.
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
pub(in crate::store) struct Kept {
    duration: Duration,
    /// How often a product was changed here. What was read before and arrives after is not kept.
    changes: AtomicU64,
    catalogs: Mutex<Known<Catalog>>,
    products: Mutex<Known<Product>>,
    newest: Mutex<Newest>,
}

/// What was asked for. What is not there is kept as well.
type Known<T> = HashMap<ProductId, Entry<T>>;

struct Entry<T> {
    /// When it was read.
    since: Timestamp,
    found: Option<Arc<T>>,
    /// Whether anybody asked for it since.
    wanted: bool,
}

/// The newest products, as an index has them, and when they were read.
#[derive(Default)]
struct Newest {
    since: Option<Timestamp>,
    products: HashMap<ProductId, Offer>,
}

/// How many changes there were when something was begun to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Before(u64);

/// A product, should there be one.
#[derive(Clone)]
pub(in crate::store) struct Offer {
    pub(in crate::store) product: Option<Arc<Product>>,
    /// Whether what it says of keys is from its table, and not from an index alone.
    pub(in crate::store) confirmed: bool,
}

/// What [`Store::kept_product`] answers.
impl From<Option<Arc<Product>>> for Offer {
    fn from(product: Option<Arc<Product>>) -> Self {
        Self {
            product,
            confirmed: true,
        }
    }
}

impl Offer {
    fn unconfirmed(product: Product) -> Self {
        Self {
            product: Some(Arc::new(product)),
            confirmed: false,
        }
    }

    /// What it says of its licenses' keys.
    pub(in crate::store) fn rules(&self) -> KeyRules {
        let product = self.product.as_ref();
        product.map(|product| product.keys.clone()).unwrap_or_default()
    }
}

impl Kept {
    /// Nothing yet.
    pub(in crate::store) fn none(duration: Duration) -> Self {
        Self {
            duration,
            changes: AtomicU64::default(),
            catalogs: Mutex::default(),
            products: Mutex::default(),
            newest: Mutex::default(),
        }
    }

    /// To be asked before something is read that is to be kept.
    pub(in crate::store) fn before(&self) -> Before {
        Before(self.changes.load(Ordering::SeqCst))
    }

    /// Keeps a product no longer: it was changed here.
    pub(in crate::store) fn forget(&self, id: &ProductId) {
        // First, so that what is being read can't come after what is removed.
        self.changes.fetch_add(1, Ordering::SeqCst);
        lock(&self.catalogs).remove(id);
        lock(&self.products).remove(id);
        lock(&self.newest).products.remove(id);
    }

    /// Notes that the table says of keys what an index said, if that is still what is kept of the index.
    pub(in crate::store) fn confirm(&self, offer: &Offer) {
        let Some(product) = &offer.product else { return };
        let mut newest = lock(&self.newest);
        let kept = newest.products.get_mut(&product.product_id);
        let is_meant = |kept: &Offer| kept.product.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, product));
        if let Some(kept) = kept.filter(|kept| is_meant(kept)) {
            kept.confirmed = true;
        }
    }

    /// Whether what was read then may still be used.
    fn is_fresh(&self, since: Timestamp, now: Timestamp) -> bool {
        now.since(since) < self.duration
    }

    fn find<T>(&self, known: &Mutex<Known<T>>, id: &ProductId, now: Timestamp) -> Option<Option<Arc<T>>> {
        let mut known = lock(known);
        let entry = known.get_mut(id)?;
        entry.wanted = true;
        self.is_fresh(entry.since, now).then(|| entry.found.clone())
    }

    fn keep<T>(&self, known: &Mutex<Known<T>>, id: &ProductId, before: Before, entry: Entry<T>) {
        let mut known = lock(known);
        if before != self.before() {
            return;
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id.clone(), entry);
    }

    fn find_newest(&self, id: &ProductId, now: Timestamp) -> Option<Offer> {
        let newest = lock(&self.newest);
        let fresh = self.are_fresh(&newest, now);
        newest.products.get(id).filter(|_| fresh).cloned()
    }

    fn are_fresh(&self, newest: &Newest, now: Timestamp) -> bool {
        newest.since.is_some_and(|since| self.is_fresh(since, now))
    }

    fn keep_newest(&self, found: Vec<Product>, before: Before, now: Timestamp) {
        let mut newest = lock(&self.newest);
        if before != self.before() {
            return;
        }
        let found = found.into_iter();
        *newest = Newest {
            since: Some(now),
            products: found
                .map(|product| (product.product_id.clone(), Offer::unconfirmed(product)))
                .collect(),
        };
    }

    /// Does without the newest products until they are read again, should they be old.
    fn give_newest_up(&self, now: Timestamp) {
        let mut newest = lock(&self.newest);
        if !self.are_fresh(&newest, now) {
            *newest = Newest {
                since: Some(now),
                products: HashMap::new(),
            };
        }
    }

    /// The products that were kept too long and that somebody asked for meanwhile: those that were read last, so that
    /// they are never too many to read. The others that were kept too long are forgotten.
    fn wanted_again(&self, now: Timestamp) -> HashSet<ProductId> {
        let mut products = lock(&self.products);
        let old = products.iter().filter(|(_, entry)| !self.is_fresh(entry.since, now));
        let mut wanted: Vec<(Timestamp, ProductId)> = old
            .filter(|(_, entry)| entry.wanted)
            .map(|(id, entry)| (entry.since, id.clone()))
            .collect();
        wanted.sort_by(|a, b| b.cmp(a));
        wanted.truncate(FORESEEN);
        let wanted: HashSet<ProductId> = wanted.into_iter().map(|(_, id)| id).collect();
        products.retain(|id, entry| wanted.contains(id) || self.is_fresh(entry.since, now));
        wanted
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        let before = self.kept.before();
        let found = self.product_get_with_variants(id).await?;
        let found = found.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        let entry = Entry {
            since: now,
            found: found.clone(),
            wanted: true,
        };
        self.kept.keep(&self.kept.catalogs, id, before, entry);
        Ok(found)
    }

    /// The product with this id, as it is or was within the last minute, for whoever holds a license of it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn kept_product(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Product>>> {
        match self.kept.find(&self.kept.products, id, now) {
            Some(known) => Ok(known),
            None => self.read_product(id, now, true).await,
        }
    }

    pub(in crate::store) async fn read_product(
        &self,
        id: &ProductId,
        now: Timestamp,
        wanted: bool,
    ) -> Result<Option<Arc<Product>>> {
        let before = self.kept.before();
        let found = self.product_get_unscoped(id).await?.map(Arc::new);
        let entry = Entry {
            since: now,
            found: found.clone(),
            wanted,
        };
        self.kept.keep(&self.kept.products, id, before, entry);
        Ok(found)
    }

    /// As [`Store::kept_product`]; but a product that is not kept may be as an index had it.
    pub(in crate::store) async fn foreseen_product(&self, id: &ProductId, now: Timestamp) -> Result<Offer> {
        if let Some(known) = self.kept.find(&self.kept.products, id, now) {
            return Ok(known.into());
        }
        match self.kept.find_newest(id, now) {
            Some(offer) => Ok(offer),
            None => self.kept_product(id, now).await.map(Offer::from),
        }
    }

    /// Reads the products that a license may be of and that are not kept, or too long: the newest, as an index has them,
    /// and those that somebody asked for. For whoever does not know yet which it will be, and reads the license meanwhile:
    /// then no request waits for a product alone.
    ///
    /// What can't be read soon is read when it is asked for.
    pub async fn foresee_products(&self, now: Timestamp) {
        let newest = async {
            let fresh = self.kept.are_fresh(&lock(&self.kept.newest), now);
            if !fresh {
                let before = self.kept.before();
                if let Ok(found) = self.newest_products(FORESEEN).await {
                    self.kept.keep_newest(found, before, now);
                }
            }
        };
        let others = self.kept.wanted_again(now);
        let others = join_all(others.iter().map(|id| self.read_product(id, now, false)));
        let _late = tokio::time::timeout(PATIENCE, async { tokio::join!(newest, others) }).await;
        // Late or failed: tried again in a minute, and not by each request.
        self.kept.give_newest_up(now);
    }
}
