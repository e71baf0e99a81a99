//! Ids of a store: the sale that each leads to, or what is kept until it leads to one.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    sale::{fact::Fact, purchase::PurchaseKey},
    value::timestamp::DAY,
};

/// How long a fact about something that is not known is kept. Stores tell again for some days, and by hand for a month.
pub const KEPT: Duration = DAY.saturating_mul(60);

/// How many facts are kept under one id: a subscription of something else has its invoices, of which the newest count.
const MOST_KEPT: usize = 100;

/// An id of a store, as stored.
///
/// **Invariant**: it leads to a sale or it expires. A fact is kept on the condition that its ids lead nowhere, and a sale
/// takes an id over as it was read: so none is kept under an id that leads to a sale, but what the sale is yet to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreId {
    /// The id.
    #[serde(rename = "purchaseId")]
    pub key: PurchaseKey,
    /// The sale that it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<PurchaseKey>,
    /// What is kept under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, KeptFact>,
    /// When it may be forgotten, in seconds since 1970: the table's TTL. Never, when it leads to a sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// How often it has changed; 0 before it is stored.
    pub revision: u64,
}

/// A fact that names nothing known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFact {
    /// What was told.
    pub fact: Fact,
    /// When it was first told.
    pub at: Timestamp,
}

impl StoreId {
    /// One that is not stored yet.
    pub fn unknown(key: PurchaseKey) -> Self {
        Self {
            key,
            sale: None,
            kept: BTreeMap::new(),
            expires_at: None,
            revision: 0,
        }
    }

    /// The id with `fact` kept under it, and how many were given up for it. `None` when it is kept already.
    pub fn keeping(&self, fact: &Fact, now: Timestamp) -> Option<(Self, usize)> {
        let key = fact.key();
        let known = self.kept.get(&key);
        let kept = KeptFact {
            fact: known.map_or_else(|| fact.clone(), |known| known.fact.clone().merged(fact)),
            at: known.map_or(now, |known| known.at),
        };
        if known == Some(&kept) {
            return None;
        }
        let mut changed = Self {
            expires_at: Some((now + KEPT).seconds()),
            revision: self.revision + 1,
            ..self.clone()
        };
        changed.kept.insert(key.clone(), kept);
        let before = changed.kept.len();
        changed
            .kept
            .retain(|other, kept| *other == key || now.since(kept.at) < KEPT);
        while changed.kept.len() > MOST_KEPT {
            let others = changed.kept.iter().filter(|(other, _)| **other != key);
            let oldest = others.min_by_key(|(_, kept)| kept.at).map(|(oldest, _)| oldest.clone());
            let Some(oldest) = oldest else { break };
            changed.kept.remove(&oldest);
        }
        let given_up = before - changed.kept.len();
        Some((changed, given_up))
    }

    /// The id, which leads to this sale from now on, without the facts that the sale has read.
    #[must_use]
    pub fn leading_to<'a>(&self, sale: &PurchaseKey, read: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut changed = Self {
            sale: Some(sale.clone()),
            expires_at: None,
            revision: self.revision + 1,
            ..self.clone()
        };
        for fact in read {
            changed.kept.remove(&fact.key());
        }
        changed
    }
}
