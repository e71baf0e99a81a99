//! Reads: by key, by partition, by index.
//!
//! All but those of indexes are strongly consistent: a revocation is seen by the next request. An index is late, so
//! nothing that decides about money or access is read from one.

use std::{
    collections::HashMap,
    ops::ControlFlow::{Break, Continue},
};

use aws_sdk_dynamodb::{
    operation::{query::builders::QueryFluentBuilder, transact_get_items::TransactGetItemsError},
    types::{Get, KeysAndAttributes, TransactGetItem},
};
use serde::de::DeserializeOwned;

use crate::{
    Error, Result,
    store::{
        Store,
        item::{Item, decode, text},
        schema::{Index, Table},
        unexpected,
        write::{is_contended, retried},
    },
};

/// What one BatchGetItem found, by the tables' full names.
pub(super) struct Batch<'a> {
    store: &'a Store,
    items: HashMap<String, Vec<Item>>,
}

impl Batch<'_> {
    /// Takes out the items of a table, in no order.
    pub(super) fn take(&mut self, table: &Table) -> Vec<Item> {
        self.items.remove(&self.store.table(table)).unwrap_or_default()
    }

    /// Takes out the one item that a table was asked for.
    pub(super) fn take_one<T: DeserializeOwned>(&mut self, table: &Table) -> Result<Option<T>> {
        self.take(table).pop().map(decode).transpose()
    }
}

impl Store {
    /// The item with this key.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        table: &Table,
        partition: &str,
        sort: Option<&str>,
    ) -> Result<Option<T>> {
        self.get_item(table, partition, sort).await?.map(decode).transpose()
    }

    /// As [`Store::get`], as it is stored: where a table has items of several kinds.
    pub(super) async fn get_item(&self, table: &Table, partition: &str, sort: Option<&str>) -> Result<Option<Item>> {
        let found = self
            .client
            .get_item()
            .table_name(self.table(table))
            .set_key(Some(table.key(partition, sort)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unexpected)?;
        Ok(found.item)
    }

    /// The items with these keys, of one or more tables: at most 100, in one call, each as it is at a moment of its own.
    pub(super) async fn get_batch(&self, keys: Vec<(&Table, Vec<Item>)>) -> Result<Batch<'_>> {
        let mut wanted = HashMap::with_capacity(keys.len());
        for (table, keys) in keys {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            wanted.insert(self.table(table), keys.map_err(Error::internal)?);
        }
        let items = retried(
            "a batch of items",
            (wanted, HashMap::new()),
            |attempt, state| async move {
                let (wanted, mut items): (_, HashMap<String, Vec<Item>>) = state;
                let page = self
                    .client
                    .batch_get_item()
                    .set_request_items(Some(wanted))
                    .send()
                    .await
                    .map_err(unexpected)?;
                for (table, found) in page.responses.unwrap_or_default() {
                    items.entry(table).or_default().extend(found);
                }
                // DynamoDB leaves keys out when it is throttled.
                let wanted = page.unprocessed_keys.unwrap_or_default();
                if wanted.is_empty() {
                    return Ok(Break(items));
                }
                attempt.back_off().await;
                Ok(Continue((wanted, items)))
            },
        );
        Ok(Batch {
            store: self,
            items: items.await?,
        })
    }

    /// The items with these keys as they are at one moment, in one TransactGetItems. It costs twice as much as
    /// [`Store::get_batch`], and is for decisions that no condition makes again.
    pub(super) async fn get_transactional<const N: usize>(
        &self,
        keys: [(&Table, Item); N],
    ) -> Result<[Option<Item>; N]> {
        let mut gets = Vec::with_capacity(N);
        for (table, key) in keys {
            let get = Get::builder().table_name(self.table(table)).set_key(Some(key));
            let get = get.build().map_err(Error::internal)?;
            gets.push(TransactGetItem::builder().get(get).build());
        }
        retried("an item", gets, |attempt, gets| async move {
            let outcome = self
                .client
                .transact_get_items()
                .set_transact_items(Some(gets.clone()))
                .send()
                .await;
            let error = match outcome {
                Ok(found) => {
                    let found = found.responses.unwrap_or_default();
                    let items: Vec<Option<Item>> = found.into_iter().map(|found| found.item).collect();
                    let items = items.try_into();
                    return items
                        .map(Break)
                        .map_err(|_| Error::internal("DynamoDB gave another number of items than were asked for"));
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                // One of the items is being written.
                Some(TransactGetItemsError::TransactionCanceledException(cancelled))
                    if is_contended(cancelled.cancellation_reasons()) =>
                {
                    attempt.back_off().await;
                    Ok(Continue(gets))
                }
                Some(_) | None => Err(unexpected(error)),
            }
        })
        .await
    }

    /// A query of a partition, in the order of the sort key.
    pub(super) fn query(&self, table: &Table, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.table(table))
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", table.partition)
            .expression_attribute_values(":partition", text(partition))
            .consistent_read(true)
    }

    /// As [`Store::query`], of those items whose sort key begins with `prefix`.
    ///
    /// **Invariant**: where a partition holds several kinds of items, each kind has its prefix, and no read decodes the
    /// partition without one. So further kinds can be added beside those that are there.
    pub(super) fn query_prefix(&self, table: &Table, partition: &str, prefix: &str) -> QueryFluentBuilder {
        self.query(table, partition)
            .key_condition_expression("#partition = :partition AND begins_with(#sort, :prefix)")
            .expression_attribute_names("#sort", table.sort.unwrap_or_default())
            .expression_attribute_values(":prefix", text(prefix))
    }

    /// A query of a partition of an index; the newest first.
    pub(super) fn query_index(&self, table: &Table, index: &Index, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.table(table))
            .index_name(index.name)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_values(":partition", text(partition))
            .scan_index_forward(false)
    }
}

/// Every item that a query finds, page by page.
pub(super) async fn all(query: QueryFluentBuilder) -> Result<Vec<Item>> {
    let mut pages = query.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.map_err(unexpected)?);
    }
    Ok(items)
}

/// As [`all`], where a query finds one kind of items only.
pub(super) async fn all_of<T: DeserializeOwned>(query: QueryFluentBuilder) -> Result<Vec<T>> {
    all(query).await?.into_iter().map(decode).collect()
}
