//! Products and their variants.

use super::{Item, Store, decode, encode, schema, text, unexpected};
use crate::{
    Result,
    owner::Scope,
    product::{Product, ProductId, ProductStatus},
    variant::{Variant, VariantId},
};

/// The sort key of a product itself.
const PRODUCT: &str = "#";

fn variant_key(variant: &VariantId) -> String {
    format!("variant#{variant}")
}

fn product_item(product: &Product) -> Result<Item> {
    let mut item = encode(product)?;
    item.insert("item".to_owned(), text(PRODUCT));
    item.insert(
        "ownerStatus".to_owned(),
        text(format!("{}#{}", product.owner_id, product.status)),
    );
    Ok(item)
}

impl Store {
    /// Stores a new product. Answers whether its slug was free.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn create_product(&self, product: &Product) -> Result<bool> {
        self.create(&schema::PRODUCTS, product_item(product)?).await
    }

    /// Stores a new variant. Answers whether its id was free in its product.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn create_variant(&self, variant: &Variant) -> Result<bool> {
        let mut item = encode(variant)?;
        item.insert("item".to_owned(), text(variant_key(&variant.variant_id)));
        self.create(&schema::PRODUCTS, item).await
    }

    /// The products with these ids that exist, whoever owns them, and one variant of the first: all in one call.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn products_with_variant(
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
    /// [`crate::Error::Internal`].
    pub async fn products(&self, scope: &Scope, statuses: &[ProductStatus]) -> Result<Vec<Product>> {
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

    async fn products_in(&self, scope: &Scope, status: ProductStatus) -> Result<Vec<Product>> {
        let (index, partition) = match scope {
            Scope::Nothing => return Ok(Vec::new()),
            Scope::Owner(owner) => (&schema::PRODUCTS_BY_OWNER, format!("{owner}#{status}")),
            Scope::Everything => (&schema::PRODUCTS_BY_STATUS, status.to_string()),
        };
        let mut pages = self
            .client
            .query()
            .table_name(self.table(&schema::PRODUCTS))
            .index_name(index.name)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_values(":partition", text(partition))
            .into_paginator()
            .items()
            .send();
        let mut products = Vec::new();
        while let Some(item) = pages.next().await {
            products.push(decode(item.map_err(unexpected)?)?);
        }
        Ok(products)
    }
}
