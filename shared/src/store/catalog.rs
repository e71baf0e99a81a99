//! What is sold, as the client API needs it: kept for a while, so that no request waits for it.
//!
//! A license is read for every request, and a revocation is seen by the next one. A product's rules change seldom, and
//! may be a minute late.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;

use super::{Store, product::products_of, schema, unexpected};
use crate::{
    Result, Timestamp,
    product::{Product, ProductId},
    variant::{Variant, VariantId},
};

/// How many products are kept: more than a vendor has. Whoever asks for others makes room for them.
const MOST: usize = 1000;

/// How many items of products are read before the first request: all that most vendors have, in a few read units.
const FIRST: i32 = 100;

/// How many products are read again in the guess that they are asked for: those that were asked for last.
const GUESSED: usize = 4;

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

/// What is kept of a product.
struct Entry {
    /// When it was read.
    since: Timestamp,
    /// When it was asked for last.
    asked: Timestamp,
    /// It; a product that is not there is kept as well.
    catalog: Option<Arc<Catalog>>,
}

type Products = HashMap<ProductId, Entry>;

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
        if let Some(entry) = self.kept().get_mut(id)
            && now.since(entry.since) < self.catalog.duration
        {
            entry.asked = now;
            return Ok(entry.catalog.clone());
        }
        self.read_catalog(id, now, now).await
    }

    /// Reads products again that were kept too long: those that were asked for last. For whoever does not know yet which
    /// product it will be, and reads something else meanwhile: then no request waits for a product alone.
    ///
    /// What can't be read is read when it is asked for.
    pub async fn refresh_catalogs(&self, now: Timestamp) {
        let mut old: Vec<(Timestamp, ProductId)> = self
            .kept()
            .iter()
            .filter(|(_, entry)| now.since(entry.since) >= self.catalog.duration)
            .map(|(id, entry)| (entry.asked, id.clone()))
            .collect();
        old.sort_by(|a, b| b.cmp(a));
        old.truncate(GUESSED);
        join_all(old.iter().map(|(asked, id)| self.read_catalog(id, now, *asked))).await;
    }

    /// Reads the first products there are, before any is asked for. Of a vendor with more of them, the others are read when
    /// they are asked for.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn read_first_catalogs(&self, now: Timestamp) -> Result<()> {
        let page = self
            .client
            .scan()
            .table_name(self.table(&schema::PRODUCTS))
            .consistent_read(true)
            .limit(FIRST)
            .send()
            .await
            .map_err(unexpected)?;
        let mut products = products_of(page.items.unwrap_or_default())?;
        if page.last_evaluated_key.is_some() {
            // Variants of the last one may be on the next page.
            products.pop();
        }
        for (product, variants) in products {
            let id = product.product_id.clone();
            self.keep_catalog(&id, now, now, Some(Arc::new(Catalog { product, variants })));
        }
        Ok(())
    }

    async fn read_catalog(&self, id: &ProductId, now: Timestamp, asked: Timestamp) -> Result<Option<Arc<Catalog>>> {
        let found = self.product_with_variants(id).await?;
        let found = found.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        self.keep_catalog(id, now, asked, found.clone());
        Ok(found)
    }

    fn keep_catalog(&self, id: &ProductId, since: Timestamp, asked: Timestamp, catalog: Option<Arc<Catalog>>) {
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(id.clone(), Entry { since, asked, catalog });
    }

    /// Keeps a product no longer: it was changed here.
    pub(super) fn forget_catalog(&self, id: &ProductId) {
        self.kept().remove(id);
    }

    fn kept(&self) -> MutexGuard<'_, Products> {
        self.catalog.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
