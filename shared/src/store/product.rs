//! Products and their variants.

use aws_sdk_dynamodb::types::{ConditionCheck, Select, TransactWriteItem};
use futures_util::future::try_join_all;

use crate::{
    Error, Result,
    error::Noun,
    owner::{OwnerId, Scope},
    product::{
        Product, ProductId, ProductStatus,
        key_rules::KeyRules,
        variant::{Variant, VariantId},
    },
    store::{Item, Replaced, Store, WRITE_ATTEMPTS, decode, encode, schema, text, unexpected},
};

/// The sort key of a product itself.
const PRODUCT: &str = "#";

/// The one value of `kind`, by which the products of all owners are listed.
const KIND: &str = "product";

fn variant_key(variant: &VariantId) -> String {
    format!("variant#{variant}")
}

fn product_item(product: &Product) -> Result<Item> {
    let mut item = encode(product)?;
    item.insert("item".to_owned(), text(PRODUCT));
    item.insert("kind".to_owned(), text(KIND));
    item.insert(
        "ownerStatus".to_owned(),
        text(format!("{}#{}", product.owner_id, product.status)),
    );
    Ok(item)
}

fn variant_item(variant: &Variant) -> Result<Item> {
    let mut item = encode(variant)?;
    item.insert("item".to_owned(), text(variant_key(&variant.variant_id)));
    Ok(item)
}

impl Store {
    /// Stores a new product. Answers whether its slug was free.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn product_create(&self, product: &Product) -> Result<bool> {
        let created = self.create(&schema::PRODUCTS, product_item(product)?).await?;
        self.kept.forget(&product.product_id);
        Ok(created)
    }

    /// Stores a new variant. Answers whether its id was free in its product.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn variant_create(&self, variant: &Variant) -> Result<bool> {
        let created = self.create(&schema::PRODUCTS, variant_item(variant)?).await?;
        self.kept.forget(&variant.product_id);
        Ok(created)
    }

    /// The product with this id, for whoever is then asked whether they may see it.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn product_get_unscoped(&self, id: &ProductId) -> Result<Option<Product>> {
        self.get(&schema::PRODUCTS, id.as_str(), Some(PRODUCT)).await
    }

    /// That a product still says this of its licenses' keys.
    pub(super) fn still_rules(&self, id: &ProductId, rules: &KeyRules) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(self.table(&schema::PRODUCTS))
            .set_key(Some(schema::PRODUCTS.key(id.as_str(), Some(PRODUCT))))
            .condition_expression("#keys = :keys")
            .expression_attribute_names("#keys", "keys")
            .expression_attribute_values(
                ":keys",
                serde_dynamo::to_attribute_value(rules).map_err(Error::internal)?,
            )
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// The product with this id, should `scope` cover it.
    ///
    /// # Errors
    /// [`Noun::Product`], [`Error::Internal`].
    pub async fn product_get(&self, scope: &Scope, id: &ProductId) -> Result<Product> {
        let product = self.product_get_unscoped(id).await?;
        product
            .filter(|product| scope.covers(&product.owner_id))
            .ok_or(Error::NotFound(Noun::Product))
    }

    /// The product with this id and all its variants, for whoever is then asked whether they may see it.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn product_get_with_variants(&self, id: &ProductId) -> Result<Option<(Product, Vec<Variant>)>> {
        let (mut product, mut variants) = (None, Vec::new());
        for item in self.partition_items(&schema::PRODUCTS, id.as_str()).await? {
            if item.get("item") == Some(&text(PRODUCT)) {
                product = Some(decode(item)?);
            } else {
                variants.push(decode(item)?);
            }
        }
        Ok(product.map(|product| (product, variants)))
    }

    /// Changes a product by `change`, which is called again on the product as it is then, should another change come
    /// between. Answers the product as it is afterwards.
    ///
    /// # Errors
    /// Those of `change`, [`Noun::Product`], [`Error::Internal`].
    pub async fn product_change(
        &self,
        mut product: Product,
        change: impl Fn(&Product) -> Result<Product>,
    ) -> Result<Product> {
        let mut stored = product_item(&product)?;
        for _ in 0..WRITE_ATTEMPTS {
            let changed = change(&product)?;
            let replaced = self.replace(&schema::PRODUCTS, &stored, product_item(&changed)?);
            match replaced.await? {
                Replaced::Done => {
                    self.kept.forget(&changed.product_id);
                    return Ok(changed);
                }
                // As it is stored: an earlier version may have given it fewer attributes.
                Replaced::Changed(now) => {
                    stored = now.ok_or(Error::NotFound(Noun::Product))?;
                    product = decode(stored.clone())?;
                }
            }
        }
        Err(Error::internal("a product was changed by others all the time"))
    }

    /// Changes a variant, as [`Store::product_change`] does a product.
    ///
    /// # Errors
    /// [`Noun::Variant`], [`Error::Internal`].
    pub async fn variant_change(&self, mut variant: Variant, change: impl Fn(&Variant) -> Variant) -> Result<Variant> {
        let mut stored = variant_item(&variant)?;
        for _ in 0..WRITE_ATTEMPTS {
            let changed = change(&variant);
            let replaced = self.replace(&schema::PRODUCTS, &stored, variant_item(&changed)?);
            match replaced.await? {
                Replaced::Done => {
                    self.kept.forget(&changed.product_id);
                    return Ok(changed);
                }
                Replaced::Changed(now) => {
                    stored = now.ok_or(Error::NotFound(Noun::Variant))?;
                    variant = decode(stored.clone())?;
                }
            }
        }
        Err(Error::internal("a variant was changed by others all the time"))
    }

    /// The products with these ids that exist, whoever owns them, and one variant of the first: all in one call.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn product_list_with_variant(
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
        let mut found = self.get_together(vec![(&schema::PRODUCTS, keys)]).await?;
        let (mut products, mut variant) = (Vec::new(), None);
        for item in found.remove(&self.table(&schema::PRODUCTS)).unwrap_or_default() {
            if item.get("item") == Some(&text(PRODUCT)) {
                products.push(decode(item)?);
            } else {
                variant = Some(decode(item)?);
            }
        }
        Ok((products, variant))
    }

    /// The products that `scope` covers in any of `statuses`, newest first. One query a status, all at once.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn product_list(&self, scope: &Scope, statuses: &[ProductStatus]) -> Result<Vec<Product>> {
        let mut products = match statuses {
            [] => Vec::new(),
            [only] => self.products_in(scope, *only).await?,
            _ => {
                let in_status = |wanted: ProductStatus| async move {
                    if statuses.contains(&wanted) {
                        self.products_in(scope, wanted).await
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
    ///
    /// # Errors
    /// [`Error::Internal`].
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

    /// The newest products of all owners, so many at most, as an index has them.
    pub(super) async fn newest_products(&self, most: usize) -> Result<Vec<Product>> {
        let page = self
            .query_index(&schema::PRODUCTS, &schema::PRODUCTS_ALL, KIND)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(unexpected)?;
        // One that is not as it should be is told of by whoever reads it alone.
        let items = page.items.unwrap_or_default().into_iter();
        Ok(items.filter_map(|item| decode(item).ok()).collect())
    }

    async fn products_in(&self, scope: &Scope, status: ProductStatus) -> Result<Vec<Product>> {
        let (index, partition) = match scope {
            Scope::Nothing => return Ok(Vec::new()),
            Scope::Owner(owner) => (&schema::PRODUCTS_BY_OWNER, format!("{owner}#{status}")),
            Scope::Everything => (&schema::PRODUCTS_BY_STATUS, status.to_string()),
        };
        self.index_partition(&schema::PRODUCTS, index, &partition).await
    }
}
