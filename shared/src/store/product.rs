//! Products and their variants.

pub(in crate::store) mod blacklist;

use std::{
    collections::HashMap,
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use aws_sdk_dynamodb::types::Select;
use futures_util::future::try_join_all;

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    owner::{OwnerId, Scope},
    product::{
        Product, ProductId, ProductStatus,
        variant::{Variant, VariantId},
    },
    store::{
        Store,
        cache::{CacheLookup, Catalog},
        item::{Item, decode, encode, text},
        read::{all, all_of},
        schema, unexpected,
        write::{Refusal, UpdateExpression, retried, update},
    },
};

/// With what the sort keys begin of what every request for a license of the product needs: the product and its variants.
/// Whatever else stands in its partition begins with its kind.
const CATALOG: &str = "#";

/// The sort key of a product itself.
const PRODUCT: &str = CATALOG;

fn variant_key(variant: &VariantId) -> String {
    format!("{CATALOG}variant#{variant}")
}

fn product_item(product: &Product) -> Result<Item> {
    let mut item = encode(product)?;
    item.insert("item".to_owned(), text(PRODUCT));
    // A product that was deleted is in no list of its owner's.
    if product.deleted_at.is_none() {
        let listed = format!("{}#{}", product.owner_id, product.status);
        item.insert("ownerStatus".to_owned(), text(listed));
    }
    Ok(item)
}

fn variant_item(variant: &Variant) -> Result<Item> {
    let mut item = encode(variant)?;
    item.insert("item".to_owned(), text(variant_key(&variant.variant_id)));
    Ok(item)
}

impl Store {
    /// Stores a new product. Answers whether its slug was free.
    pub async fn product_create(&self, product: &Product, audit: &Audit) -> Result<bool> {
        let entry = audit
            .entry(
                EventType::ProductCreated,
                &product.owner_id,
                product.product_id.as_str(),
            )?
            .with("name", product.name.as_str());
        let created = self
            .create_noted(&schema::PRODUCTS, product_item(product)?, &entry)
            .await?;
        self.products.invalidate(&product.product_id);
        Ok(created)
    }

    /// Stores a new variant of this owner's product. Answers whether its id was free in its product.
    pub async fn variant_create(&self, variant: &Variant, owner: &OwnerId, audit: &Audit) -> Result<bool> {
        let entry = audit
            .entry(EventType::VariantCreated, owner, &variant.prefixed_id())?
            .with("name", variant.name.as_str());
        let created = self
            .create_noted(&schema::PRODUCTS, variant_item(variant)?, &entry)
            .await?;
        self.products.invalidate(&variant.product_id);
        Ok(created)
    }

    /// The product with this id, unless it was deleted.
    ///
    /// **Unscoped**: the caller must check the owner.
    pub async fn product_get_unscoped(&self, id: &ProductId) -> Result<Option<Product>> {
        let product: Option<Product> = self.get(&schema::PRODUCTS, id.as_str(), Some(PRODUCT)).await?;
        Ok(product.and_then(Product::present))
    }

    /// The product with this id, should `scope` cover it.
    ///
    /// # Errors
    /// [`Noun::Product`].
    pub async fn product_get(&self, scope: &Scope, id: &ProductId) -> Result<Product> {
        let product = self.product_get_unscoped(id).await?;
        product
            .filter(|product| scope.covers(&product.owner_id))
            .ok_or(Error::NotFound(Noun::Product))
    }

    /// The product with this id and all its variants, unless it was deleted.
    ///
    /// **Unscoped**: the caller must check the owner.
    pub async fn product_get_with_variants_unscoped(&self, id: &ProductId) -> Result<Option<(Product, Vec<Variant>)>> {
        let (mut product, mut variants) = (None, Vec::new());
        for item in all(self.query_prefix(&schema::PRODUCTS, id.as_str(), CATALOG)).await? {
            if item.get("item") == Some(&text(PRODUCT)) {
                product = decode::<Product>(item)?.present();
            } else {
                variants.push(decode(item)?);
            }
        }
        Ok(product.map(|product| (product, variants)))
    }

    /// The products with these ids that exist and were not deleted, by their ids: at most a thousand.
    ///
    /// **Unscoped**: the caller must check the owner of each, or has their ids from records of the owner.
    pub async fn product_list_by_id_unscoped(&self, ids: &[&ProductId]) -> Result<HashMap<ProductId, Product>> {
        let batches = ids.chunks(100).map(async |ids| {
            let keys = ids.iter().map(|id| schema::PRODUCTS.key(id.as_str(), Some(PRODUCT)));
            let mut found = self.get_batch(vec![(&schema::PRODUCTS, keys.collect())]).await?;
            found.take(&schema::PRODUCTS).into_iter().map(decode).collect()
        });
        let found: Vec<Vec<Product>> = try_join_all(batches).await?;
        let found = found.into_iter().flatten().filter_map(Product::present);
        Ok(found.map(|product| (product.product_id.clone(), product)).collect())
    }

    /// The products with these ids that exist and were not deleted, and one variant of the first: all in one call.
    ///
    /// **Unscoped**: the caller must check the owner of each.
    pub async fn product_list_with_variant_unscoped(
        &self,
        ids: &[&ProductId],
        variant: &VariantId,
    ) -> Result<(Vec<Product>, Option<Variant>)> {
        let mut keys: Vec<Item> = ids
            .iter()
            .map(|id| schema::PRODUCTS.key(id.as_str(), Some(PRODUCT)))
            .collect();
        if let Some(first) = ids.first() {
            keys.push(schema::PRODUCTS.key(first.as_str(), Some(&variant_key(variant))));
        }
        let (mut products, mut variant) = (Vec::new(), None);
        for item in self
            .get_batch(vec![(&schema::PRODUCTS, keys)])
            .await?
            .take(&schema::PRODUCTS)
        {
            if item.get("item") == Some(&text(PRODUCT)) {
                products.extend(decode::<Product>(item)?.present());
            } else {
                variant = Some(decode(item)?);
            }
        }
        Ok((products, variant))
    }

    /// Changes a product by `change`, which is called again on the product as it is then, should another change come
    /// between. Answers the product as it is afterwards.
    ///
    /// # Errors
    /// Those of `change`, and [`Noun::Product`] when the product is deleted meanwhile.
    pub async fn product_change(
        &self,
        product: Product,
        audit: &Audit,
        change: impl Fn(&Product) -> Result<Product>,
    ) -> Result<Product> {
        let (change, stored) = (&change, product_item(&product)?);
        let event = &audit.event_id()?;
        retried("a product", (product, stored), |_, (product, stored)| async move {
            // **Race**: a product that is deleted meanwhile does not come back.
            let product = product.present().ok_or(Error::NotFound(Noun::Product))?;
            let changed = change(&product)?;
            let target = product.product_id.as_str();
            let entry = Event {
                event_id: event.clone(),
                ..audit.entry_of_change(
                    EventType::ProductUpdated,
                    &product.owner_id,
                    target,
                    (&product, &changed),
                )?
            };
            // Not in the entry, which says by itself when that was.
            let changed = Product {
                updated_at: Some(audit.now),
                ..changed
            };
            match self
                .replace_noted(&schema::PRODUCTS, &stored, product_item(&changed)?, &entry)
                .await?
            {
                Refusal::None => {
                    self.products.invalidate(&changed.product_id);
                    Ok(Break(changed))
                }
                // As it is stored: an earlier version may have given it fewer attributes.
                Refusal::By(now) => {
                    let stored = now.ok_or(Error::NotFound(Noun::Product))?;
                    Ok(Continue((decode(stored.clone())?, stored)))
                }
            }
        })
        .await
    }

    /// Hides a product, and everything that it has, from everybody: from lists at once, and from who asks for its licenses
    /// once the product caches have forgotten it. A second time changes nothing.
    pub async fn product_delete(&self, product: &Product, audit: &Audit) -> Result<()> {
        let target = product.product_id.as_str();
        let entry = audit
            .entry(EventType::ProductDeleted, &product.owner_id, target)?
            .with("name", product.name.as_str());
        let gone = UpdateExpression::default()
            .set("deletedAt", text(audit.now))
            .remove("ownerStatus")
            .when("attribute_exists(productId) AND attribute_not_exists(deletedAt)", []);
        let gone = update(&schema::PRODUCTS, schema::PRODUCTS.key(target, Some(PRODUCT)), gone);
        let outcome = self.commit_noted("a product", gone, &entry).await;
        self.products.invalidate(&product.product_id);
        outcome.map(drop)
    }

    /// Changes a variant of this owner's product, as [`Store::product_change`] does a product.
    ///
    /// # Errors
    /// [`Noun::Variant`] when the variant is deleted meanwhile.
    pub async fn variant_change(
        &self,
        variant: Variant,
        owner: &OwnerId,
        audit: &Audit,
        change: impl Fn(&Variant) -> Variant,
    ) -> Result<Variant> {
        let (change, stored) = (&change, variant_item(&variant)?);
        let event = &audit.event_id()?;
        retried("a variant", (variant, stored), |_, (variant, stored)| async move {
            let changed = change(&variant);
            let target = variant.prefixed_id();
            let entry = Event {
                event_id: event.clone(),
                ..audit.entry_of_change(EventType::VariantUpdated, owner, &target, (&variant, &changed))?
            };
            match self
                .replace_noted(&schema::PRODUCTS, &stored, variant_item(&changed)?, &entry)
                .await?
            {
                Refusal::None => {
                    self.products.invalidate(&changed.product_id);
                    Ok(Break(changed))
                }
                Refusal::By(now) => {
                    let stored = now.ok_or(Error::NotFound(Noun::Variant))?;
                    Ok(Continue((decode(stored.clone())?, stored)))
                }
            }
        })
        .await
    }

    /// The product with this id and its variants, as they are or were within the last minute: so long, a product that was
    /// deleted may still be there.
    ///
    /// **Unscoped**: for the holder of a license of the product. Elsewhere, the caller must check the owner.
    pub async fn product_cached_unscoped(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Catalog>>> {
        let version = match self.products.get(id, now) {
            CacheLookup::Hit(catalog) => return Ok(catalog),
            CacheLookup::Miss(version) => version,
        };
        let found = self.product_get_with_variants_unscoped(id).await?;
        let catalog = found.map(|(product, variants)| Arc::new(Catalog { product, variants }));
        self.products.insert(id, catalog.clone(), version, now);
        Ok(catalog)
    }

    /// As [`Store::product_cached_unscoped`], beside the license for which the product is named. One that this process does not
    /// know yet is not looked for, and is `None`: made-up keys and products cause no reads of products.
    ///
    /// **Unscoped**: likewise.
    pub async fn product_prefetch_unscoped(&self, id: &ProductId, now: Timestamp) -> Result<Option<Arc<Catalog>>> {
        if self.products.knows(id) {
            self.product_cached_unscoped(id, now).await
        } else {
            Ok(None)
        }
    }

    /// The products that `scope` covers in any of `statuses`, newest first. One query a status, all at once.
    pub async fn product_list(&self, scope: &Scope, statuses: &[ProductStatus]) -> Result<Vec<Product>> {
        let mut products = match statuses {
            [] => Vec::new(),
            [only] => self.product_list_in(scope, *only).await?,
            _ => {
                let in_status = |wanted: ProductStatus| async move {
                    if statuses.contains(&wanted) {
                        self.product_list_in(scope, wanted).await
                    } else {
                        Ok(Vec::new())
                    }
                };
                let (live, unlisted, archived) = tokio::try_join!(
                    in_status(ProductStatus::Live),
                    in_status(ProductStatus::Unlisted),
                    in_status(ProductStatus::Archived)
                )?;
                [live, unlisted, archived].concat()
            }
        };
        products.sort_by(|a, b| {
            b.created_at
                .cmp(&a.created_at)
                .then_with(|| a.product_id.cmp(&b.product_id))
        });
        Ok(products)
    }

    /// Whether an owner has more products than `limit`, whatever their status. No more are looked at than it takes to
    /// tell.
    pub async fn product_has_more_than(&self, limit: usize, owner: &OwnerId) -> Result<bool> {
        let enough = i32::try_from(limit + 1).unwrap_or(i32::MAX);
        let count = |status: ProductStatus| async move {
            let index = &schema::PRODUCTS_BY_OWNER;
            let counted = self
                .query_index(&schema::PRODUCTS, index, &format!("{owner}#{status}"))
                .select(Select::Count)
                .limit(enough)
                .send()
                .await
                .map_err(unexpected)?;
            Ok::<_, Error>(usize::try_from(counted.count).unwrap_or(0))
        };
        let counts = try_join_all(ProductStatus::ALL.iter().copied().map(count)).await?;
        Ok(counts.into_iter().sum::<usize>() > limit)
    }

    /// Some products of an owner that were not deleted, by their ids: at most so many of each status, in one round.
    pub async fn product_list_some(&self, owner: &OwnerId, most: i32) -> Result<HashMap<ProductId, Product>> {
        let of_status = async |status: &ProductStatus| -> Result<Vec<Product>> {
            let partition = format!("{owner}#{status}");
            let query = self.query_index(&schema::PRODUCTS, &schema::PRODUCTS_BY_OWNER, &partition);
            let page = query.limit(most).send().await.map_err(unexpected)?;
            page.items.unwrap_or_default().into_iter().map(decode).collect()
        };
        let found = try_join_all(ProductStatus::ALL.iter().map(of_status)).await?;
        let found = found.into_iter().flatten().filter_map(Product::present);
        Ok(found.map(|product| (product.product_id.clone(), product)).collect())
    }

    async fn product_list_in(&self, scope: &Scope, status: ProductStatus) -> Result<Vec<Product>> {
        let (index, partition) = match scope {
            Scope::Owner(owner) => (&schema::PRODUCTS_BY_OWNER, format!("{owner}#{status}")),
            Scope::Everything => (&schema::PRODUCTS_BY_STATUS, status.to_string()),
        };
        let listed: Vec<Product> = all_of(self.query_index(&schema::PRODUCTS, index, &partition)).await?;
        Ok(listed.into_iter().filter_map(Product::present).collect())
    }
}
