//! What is sold, as the client API needs it: kept for a while, so that no request waits for it.
//!
//! A license is read for every request, and a revocation is seen by the next one. A product's rules change seldom, and
//! may be a minute late.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Store;
use crate::{
    Result, Timestamp,
    product::{Product, ProductId},
    variant::{Variant, VariantId},
};

/// How many products are kept: more than a vendor has. Whoever asks for others makes room for them.
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
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(id.clone(), (now, found.clone()));
        Ok(found)
    }

    /// Keeps a product no longer: it was changed here.
    pub(super) fn forget_catalog(&self, id: &ProductId) {
        self.kept().remove(id);
    }

    fn kept(&self) -> MutexGuard<'_, Products> {
        self.catalog.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
