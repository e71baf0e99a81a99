//! Blacklists: beside their product, each entry under its type and the hash of its value.

use std::{
    collections::HashMap,
    ops::ControlFlow::{Break, Continue},
};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    product::{
        Product, ProductId,
        blacklist::{BlacklistEntry, BlacklistEntryId, BlacklistType, BlacklistValue},
    },
    store::{
        Store,
        item::{Item, decode, decode_all, encode},
        schema, unexpected,
        write::{Action, Transaction, WriteOutcome, delete, put, retried},
    },
    value::reference::Reference,
};

/// With what the sort keys of blacklist entries begin.
const BLACKLIST: &str = "blacklist#";

/// How many entries one transaction puts: DynamoDB takes a hundred actions, and each has its line in the audit log.
const ENTRIES_AT_ONCE: usize = 50;

/// How many entries are read in one call.
const READ_AT_ONCE: usize = 100;

/// The sort key of an entry.
pub(in crate::store) fn blacklist_sort(id: &BlacklistEntryId) -> String {
    format!("{BLACKLIST}{id}")
}

/// The key of an entry.
pub(in crate::store) fn blacklist_key(product: &ProductId, id: &BlacklistEntryId) -> Item {
    schema::PRODUCTS.key(product.as_str(), Some(&blacklist_sort(id)))
}

fn blacklist_item(entry: &BlacklistEntry) -> Result<Item> {
    let mut item = encode(entry)?;
    item.extend(blacklist_key(&entry.product_id, &entry.id()));
    Ok(item)
}

impl Store {
    /// Puts a machine or an address on the blacklist of a product that the caller was found to own. One that is there gets the
    /// new reason. Answers the entry, and whether it is new.
    pub async fn blacklist_put(
        &self,
        product: &Product,
        value: &BlacklistValue,
        reason: Option<Reference>,
        audit: &Audit,
    ) -> Result<(BlacklistEntry, bool)> {
        let mut put = self
            .blacklist_put_many(product, &[(value.clone(), reason)], audit)
            .await?;
        put.pop().ok_or_else(|| Error::internal("no blacklist entry was put"))
    }

    /// As [`Store::blacklist_put`], of several: at most 200. What is named twice is put once, with the last reason. Answers
    /// the entries, and whether each is new, in the order in which they are named first.
    ///
    /// Of two requests that put the same value at once, both may say that it is new.
    pub async fn blacklist_put_many(
        &self,
        product: &Product,
        values: &[(BlacklistValue, Option<Reference>)],
        audit: &Audit,
    ) -> Result<Vec<(BlacklistEntry, bool)>> {
        let mut entries: Vec<BlacklistEntry> = Vec::with_capacity(values.len());
        let mut places: HashMap<BlacklistEntryId, usize> = HashMap::new();
        for (value, reason) in values {
            let entry = BlacklistEntry::new(&product.product_id, value, reason.clone(), audit.now);
            match places.get(&entry.id()) {
                Some(place) => entries[*place].reason = entry.reason,
                None => {
                    places.insert(entry.id(), entries.len());
                    entries.push(entry);
                }
            }
        }
        let mut put: Vec<(BlacklistEntry, bool)> = entries.into_iter().map(|entry| (entry, true)).collect();
        for some in put.chunks_mut(READ_AT_ONCE) {
            let keys = some
                .iter()
                .map(|(entry, _)| blacklist_key(&product.product_id, &entry.id()));
            let keys = keys.collect();
            let found = self
                .get_batch(vec![(&schema::PRODUCTS, keys)])
                .await?
                .take(&schema::PRODUCTS);
            for known in found {
                let known: BlacklistEntry = decode(known)?;
                if let Some((entry, is_new)) = some.iter_mut().find(|(entry, _)| entry.id() == known.id()) {
                    entry.created_at = known.created_at;
                    *is_new = false;
                }
            }
        }
        let mut lines: Vec<Event> = Vec::with_capacity(put.len());
        for (entry, is_new) in &put {
            let line = audit.entry(
                EventType::BlacklistEntryPut,
                &product.owner_id,
                product.product_id.as_str(),
            )?;
            let line = told_of(line, entry).with("new", *is_new);
            lines.push(line);
        }
        for (some, lines) in put.chunks(ENTRIES_AT_ONCE).zip(lines.chunks(ENTRIES_AT_ONCE)) {
            retried("a blacklist", (), |attempt, ()| async move {
                let mut transaction = Transaction::of([]);
                for ((entry, _), line) in some.iter().zip(lines) {
                    transaction = transaction.with(put_entry(entry)?).with_event(line)?;
                }
                Ok(match self.commit_all(transaction).await? {
                    WriteOutcome::Done | WriteOutcome::Refused(_) => Break(()),
                    WriteOutcome::Contended => {
                        attempt.back_off().await;
                        Continue(())
                    }
                })
            })
            .await?;
        }
        Ok(put)
    }

    /// A page of the blacklist of a product that the caller was found to own: of this type, at most `limit`, of those after
    /// `after`. Beside them the entry after which the next page begins.
    pub async fn blacklist_list(
        &self,
        product: &Product,
        r#type: Option<BlacklistType>,
        limit: usize,
        after: Option<&BlacklistEntryId>,
    ) -> Result<(Vec<BlacklistEntry>, Option<BlacklistEntryId>)> {
        let prefix = r#type.map_or_else(|| BLACKLIST.to_owned(), |r#type| format!("{BLACKLIST}{type}#"));
        let page = self
            .query_prefix(&schema::PRODUCTS, product.product_id.as_str(), &prefix)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|after| blacklist_key(&product.product_id, after)))
            .send()
            .await
            .map_err(unexpected)?;
        let entries: Vec<BlacklistEntry> = decode_all(page.items)?;
        let next = page.last_evaluated_key.and(entries.last()).map(BlacklistEntry::id);
        Ok((entries, next))
    }

    /// Takes an entry off the blacklist of a product that the caller was found to own.
    ///
    /// # Errors
    /// [`Noun::BlacklistEntry`].
    pub async fn blacklist_delete(&self, product: &Product, id: &BlacklistEntryId, audit: &Audit) -> Result<()> {
        let (table, sort) = (&schema::PRODUCTS, blacklist_sort(id));
        let entry: Option<BlacklistEntry> = self.get(table, product.product_id.as_str(), Some(&sort)).await?;
        let entry = entry.ok_or(Error::NotFound(Noun::BlacklistEntry))?;
        let line = audit.entry(
            EventType::BlacklistEntryDeleted,
            &product.owner_id,
            product.product_id.as_str(),
        )?;
        let deletion = delete(table, blacklist_key(&product.product_id, id));
        self.commit_noted("a blacklist entry", deletion, &told_of(line, &entry))
            .await
            .map(drop)
    }
}

fn put_entry(entry: &BlacklistEntry) -> Result<Action> {
    Ok(put(&schema::PRODUCTS, blacklist_item(entry)?))
}

fn told_of(line: Event, entry: &BlacklistEntry) -> Event {
    let line = line
        .with("entryId", entry.id().shown())
        .with("type", entry.r#type.as_str());
    match &entry.reason {
        Some(reason) => line.with("reason", reason.as_str()),
        None => line,
    }
}
