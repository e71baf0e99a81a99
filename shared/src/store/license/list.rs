//! Pages of licenses, newest first.
//!
//! A page is read from the one index that narrows it most, of which several partitions may be merged (a list without a
//! status merges the four statuses'). The indexes hold keys only, so that counting a seat does not touch them; the
//! licenses themselves are then read together. What a page costs grows with its length, never with the table.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    license::{License, key::LicenseKey, standing::LicenseStatus},
    owner::{OwnerId, Scope},
    product::ProductId,
    signing::sealing::Seal,
    store::{
        Store,
        item::{Item, decode, text},
        license::item::{EXPIRING, owner_email},
        schema::{self, Index},
        unexpected,
    },
    value::{days::Days, email::Email},
};

/// Which licenses.
#[derive(Clone, Debug, Default)]
pub struct LicenseFilter {
    /// Of any of these owners, within the scope.
    pub owners: Option<Vec<OwnerId>>,
    /// Of this product.
    pub product: Option<ProductId>,
    /// Of this customer, in any letter case.
    pub email: Option<Email>,
    /// In this state.
    pub state: Option<LicenseState>,
}

/// A state that licenses can be listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenseState {
    /// They have this status.
    Status(LicenseStatus),
    /// Their end has passed, whatever their status.
    Expired,
    /// They work: neither blocked nor at their end.
    Works,
    /// Their end has passed, and nothing else stops them.
    Ended,
    /// They are suspended, and no grace is left.
    Stopped,
    /// They work, and end within so many days.
    Expiring(Days),
}

/// Some licenses, and where the next ones begin.
#[derive(Clone, Debug)]
pub struct LicensePage {
    /// The licenses, newest first; of a list of expired ones, the last to expire first; of one of those that expire soon, the
    /// first.
    pub licenses: Vec<License>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Cursor>,
}

/// Where a page begins: per partition of the index that is read, the last key that was taken from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    positions: Vec<Position>,
    /// How many licenses the list had, and whether that was all, where its first page has counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<(usize, bool)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    /// Nothing was taken yet.
    Start,
    /// The sort key and the license key of what was taken last.
    After(String, String),
    /// Everything was taken.
    End,
}

impl Cursor {
    /// The cursor of a list that was counted.
    #[must_use]
    pub fn with_total(self, count: usize, is_exact: bool) -> Self {
        Self {
            total: Some((count, is_exact)),
            ..self
        }
    }

    /// The cursor as clients carry it: sealed, because it holds license keys and is part of addresses. It leads on in the
    /// list for which it was made; in another, it would skip some licenses unnoticed.
    pub fn seal(&self, seal: &Seal, scope: &Scope, filter: &LicenseFilter) -> Result<String> {
        seal.seal(&filter.list(scope), &self.to_bytes())
    }

    /// The cursor that a client carried; `None` when it is none of ours, or of another list.
    pub fn open(text: &str, seal: &Seal, scope: &Scope, filter: &LicenseFilter) -> Option<Self> {
        Self::from_bytes(&seal.open(&filter.list(scope), text)?)
    }

    /// What is sealed of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The cursor of which this was sealed. An older version of the service may have done so.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let cursor: Self = serde_json::from_slice(bytes).ok()?;
        // Of what can't be a key, DynamoDB makes an error.
        let sound = |position: &Position| match position {
            Position::Start | Position::End => true,
            Position::After(sort, key) => {
                Timestamp::parse(sort).is_some_and(|time| time.to_string() == *sort)
                    && LicenseKey::parse(key).is_some_and(|parsed| parsed.as_str() == key)
            }
        };
        cursor.positions.iter().all(sound).then_some(cursor)
    }
}

/// How many times a page that a filter leaves short is read on. Then the client is given what there is, and a cursor.
const MAX_READS: usize = 5;

/// A search for licenses by a part of their keys.
#[derive(Debug)]
pub struct KeySearch<'a, F> {
    /// What is anywhere in the keys, in any letter case.
    pub part: &'a str,
    /// How many licenses are wanted at most.
    pub wanted: usize,
    /// Whether the search has to stop where it is.
    pub is_late: F,
}

/// How many keys a search reads at most, and how many of them in one step.
const WALKED_AT_MOST: usize = 20_000;
const WALKED_AT_ONCE: usize = 1000;

/// How many parts of an index are read at once: the owners of a list may have hundreds.
pub(super) const READS_AT_ONCE: usize = 16;

/// A part of an index.
pub(super) struct Partition {
    pub(super) index: &'static Index,
    pub(super) value: String,
    pub(super) range: Range,
}

/// Which keys of a partition are read.
#[derive(Clone, Copy)]
pub(super) enum Range {
    /// All, the last first.
    Whole,
    /// Those that sort up to this, the last first.
    Until(Timestamp),
    /// Those between these, the first first.
    Between(Timestamp, Timestamp),
}

impl Range {
    fn is_ascending(self) -> bool {
        matches!(self, Self::Between(..))
    }
}

/// A key that was found, and the partition it was found in.
pub(super) struct Found {
    partition: usize,
    pub(super) sort: String,
    pub(super) key: String,
}

impl Store {
    /// Whether an owner has licenses that are not revoked, as an index has it: for a question that is asked before something
    /// is deleted, and decides about no access.
    pub async fn license_exists_unrevoked(&self, owner: &OwnerId, now: Timestamp) -> Result<bool> {
        let scope = Scope::Owner(owner.clone());
        let any = LicenseStatus::ALL
            .iter()
            .filter(|status| **status != LicenseStatus::Revoked);
        let found = any.map(async |status| {
            let filter = LicenseFilter {
                state: Some(LicenseState::Status(*status)),
                ..LicenseFilter::default()
            };
            self.license_list(&scope, &filter, 1, None, now).await
        });
        let found = try_join_all(found).await?;
        Ok(found.into_iter().flatten().any(|page| !page.licenses.is_empty()))
    }

    /// A page of at most `limit` licenses that `scope` covers. `None` when `cursor` was made for a list of another shape.
    pub async fn license_list(
        &self,
        scope: &Scope,
        filter: &LicenseFilter,
        limit: usize,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<Option<LicensePage>> {
        let partitions = partitions(scope, filter, now);
        let Some(mut positions) = positions_of(cursor, &partitions) else {
            return Ok(None);
        };
        let mut licenses = Vec::new();
        for _ in 0..MAX_READS {
            let wanted = limit - licenses.len();
            let keys = self.license_list_keys(&partitions, &mut positions, wanted).await?;
            let read = self.license_get_each_unscoped(&keys).await?;
            licenses.extend(read.into_iter().filter(|license| filter.admits(license, scope, now)));
            if licenses.len() >= limit || positions.iter().all(|position| *position == Position::End) {
                break;
            }
        }
        let more = positions.iter().any(|position| *position != Position::End);
        Ok(Some(LicensePage {
            licenses,
            next: more.then_some(Cursor { positions, total: None }),
        }))
    }

    /// Where a list of licenses goes on after so many: by their keys alone. `None` when there are fewer.
    pub async fn license_list_skip(
        &self,
        scope: &Scope,
        filter: &LicenseFilter,
        count: usize,
        now: Timestamp,
    ) -> Result<Option<Cursor>> {
        let partitions = partitions(scope, filter, now);
        let mut positions = vec![Position::Start; partitions.len()];
        let mut left = count;
        while left > 0 {
            let taken = self.license_list_keys(&partitions, &mut positions, left).await?;
            left -= taken.len();
            if taken.is_empty() && positions.iter().all(|position| *position == Position::End) {
                return Ok(None);
            }
        }
        Ok(Some(Cursor { positions, total: None }))
    }

    /// The licenses of a list that are searched for by a part of their keys, as far as a walk over the keys alone comes: over
    /// 20,000 of them at most. `None` as for [`Store::license_list`].
    pub async fn license_search(
        &self,
        scope: &Scope,
        filter: &LicenseFilter,
        search: KeySearch<'_, impl Fn() -> bool>,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<Option<LicensePage>> {
        let KeySearch { part, wanted, is_late } = search;
        let partitions = partitions(scope, filter, now);
        let Some(mut positions) = positions_of(cursor, &partitions) else {
            return Ok(None);
        };
        let part = part.to_lowercase();
        let mut keys: Vec<String> = Vec::new();
        let mut walked = 0;
        while keys.len() < wanted && walked < WALKED_AT_MOST && !is_late() {
            let before = positions.clone();
            let read = self
                .license_list_keys(&partitions, &mut positions, WALKED_AT_ONCE)
                .await?;
            walked += read.len();
            let fits = |(_, key): &(usize, &String)| key.to_lowercase().contains(&part);
            let fitting: Vec<usize> = read.iter().enumerate().filter(fits).map(|(place, _)| place).collect();
            let room = wanted - keys.len();
            if let Some(beyond) = fitting.get(room) {
                // The next page goes on behind what this one has: read again, up to there.
                positions = before;
                let _: Vec<String> = self.license_list_keys(&partitions, &mut positions, *beyond).await?;
            }
            keys.extend(fitting.iter().take(room).map(|place| read[*place].clone()));
            if positions.iter().all(|position| *position == Position::End) {
                break;
            }
        }
        let mut licenses = self.license_get_each_unscoped(&keys).await?;
        licenses.retain(|license| filter.admits(license, scope, now));
        let more = positions.iter().any(|position| *position != Position::End);
        Ok(Some(LicensePage {
            licenses,
            next: more.then_some(Cursor { positions, total: None }),
        }))
    }

    /// How many licenses a list has, as the indexes have it: counted up to `most`, and whether that is all.
    pub async fn license_count(
        &self,
        scope: &Scope,
        filter: &LicenseFilter,
        most: usize,
        now: Timestamp,
    ) -> Result<(usize, bool)> {
        let partitions = partitions(scope, filter, now);
        let counted = AtomicUsize::new(0);
        let all = &counted;
        let counts = stream::iter(partitions)
            .map(|partition: Partition| async move { self.license_count_in(&partition, most, all).await });
        let are_all: Vec<bool> = counts.buffer_unordered(READS_AT_ONCE).try_collect().await?;
        let count = counted.into_inner().min(most);
        Ok((count, are_all.into_iter().all(|is_all| is_all)))
    }

    /// Counts the keys of a part of an index into `counted`, unless that has come to `most`. Answers whether all were.
    async fn license_count_in(&self, partition: &Partition, most: usize, counted: &AtomicUsize) -> Result<bool> {
        let mut start = None;
        loop {
            if counted.load(Ordering::Relaxed) >= most {
                return Ok(false);
            }
            let wanted = most - counted.load(Ordering::Relaxed).min(most - 1);
            let query = self.license_keys_query(partition, wanted).select(Select::Count);
            let page = query.set_exclusive_start_key(start).send().await.map_err(unexpected)?;
            counted.fetch_add(usize::try_from(page.count).unwrap_or_default(), Ordering::Relaxed);
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(true);
            }
        }
    }

    /// The query for the next keys of a part of an index.
    fn license_keys_query(&self, partition: &Partition, wanted: usize) -> QueryFluentBuilder {
        let index = partition.index;
        let sort = index.sort.unwrap_or_default();
        let query = self
            .query_index(&schema::LICENSES, index, &partition.value)
            .limit(i32::try_from(wanted).unwrap_or(i32::MAX));
        match partition.range {
            Range::Whole => query,
            Range::Until(until) => query
                .key_condition_expression("#partition = :partition AND #sort <= :until")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":until", text(until)),
            Range::Between(from, until) => query
                .key_condition_expression("#partition = :partition AND #sort BETWEEN :from AND :until")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":until", text(until))
                .scan_index_forward(true),
        }
    }

    /// Takes the next keys from all partitions, newest first, and moves the positions on.
    async fn license_list_keys(
        &self,
        partitions: &[Partition],
        positions: &mut [Position],
        wanted: usize,
    ) -> Result<Vec<String>> {
        let places: Vec<(usize, Position)> = positions.iter().cloned().enumerate().collect();
        let reads = stream::iter(places).map(|(number, position): (usize, Position)| async move {
            match partitions.get(number) {
                Some(partition) if position != Position::End => {
                    self.license_read_keys(number, partition, &position, wanted).await
                }
                Some(_) | None => Ok((Vec::new(), false)),
            }
        });
        let read: Vec<(Vec<Found>, bool)> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        // What there is beyond the keys that were read.
        let mut left: Vec<(usize, bool)> = read.iter().map(|(found, more)| (found.len(), *more)).collect();
        let mut found: Vec<Found> = read.into_iter().flat_map(|(found, _)| found).collect();
        // Stable, so that keys of one time stay in the index's own order, on which the positions rely.
        if partitions.iter().any(|partition| partition.range.is_ascending()) {
            found.sort_by(|a, b| a.sort.cmp(&b.sort));
        } else {
            found.sort_by(|a, b| b.sort.cmp(&a.sort));
        }
        found.truncate(wanted);
        for taken in &found {
            left[taken.partition].0 -= 1;
            positions[taken.partition] = Position::After(taken.sort.clone(), taken.key.clone());
        }
        for (position, (unread, more)) in positions.iter_mut().zip(left) {
            if unread == 0 && !more {
                *position = Position::End;
            }
        }
        Ok(found.into_iter().map(|taken| taken.key).collect())
    }

    pub(super) async fn license_read_keys(
        &self,
        number: usize,
        partition: &Partition,
        position: &Position,
        wanted: usize,
    ) -> Result<(Vec<Found>, bool)> {
        let index = partition.index;
        let sort = index.sort.unwrap_or_default();
        let mut query = self.license_keys_query(partition, wanted);
        // A position beyond the end, where a clock is behind the one that made it, is before everything that is left; and
        // DynamoDB takes no start that its condition leaves out.
        let is_within = |last: &String| match partition.range {
            Range::Whole => true,
            Range::Until(until) => *last <= until.to_string(),
            Range::Between(from, until) => *last >= from.to_string() && *last <= until.to_string(),
        };
        if let Position::After(last, key) = position
            && is_within(last)
        {
            query = query
                .exclusive_start_key(index.partition, text(&partition.value))
                .exclusive_start_key(sort, text(last))
                .exclusive_start_key(schema::LICENSES.partition, text(key));
        }
        let page = query.send().await.map_err(unexpected)?;
        let more = page.last_evaluated_key.is_some();
        let string = |item: &Item, name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
        let found = page.items.unwrap_or_default().into_iter().map(|item| Found {
            partition: number,
            sort: string(&item, sort),
            key: string(&item, schema::LICENSES.partition),
        });
        Ok((found.collect(), more))
    }

    /// The licenses with these keys, in their order. One that was deleted meanwhile is left out.
    ///
    /// **Unscoped**: the keys come of an index, and the caller looks whose the licenses are.
    pub(super) async fn license_get_each_unscoped(&self, keys: &[String]) -> Result<Vec<License>> {
        let batches = keys.chunks(100).map(|keys| async {
            let keys = keys.iter().map(|key| schema::LICENSES.key(key, None)).collect();
            let mut found = self.get_batch(vec![(&schema::LICENSES, keys)]).await?;
            Ok::<_, crate::Error>(found.take(&schema::LICENSES))
        });
        let mut by_key = std::collections::HashMap::new();
        for item in try_join_all(batches).await?.into_iter().flatten() {
            if let Some(AttributeValue::S(key)) = item.get(schema::LICENSES.partition) {
                by_key.insert(key.clone(), item);
            }
        }
        keys.iter().filter_map(|key| by_key.remove(key)).map(decode).collect()
    }
}

/// Where a walk begins; `None` when `cursor` was made for a list of another shape.
fn positions_of(cursor: Option<&Cursor>, partitions: &[Partition]) -> Option<Vec<Position>> {
    match cursor {
        Some(cursor) => (cursor.positions.len() == partitions.len()).then(|| cursor.positions.clone()),
        None => Some(vec![Position::Start; partitions.len()]),
    }
}

/// The parts of the index that narrows a list most.
pub(super) fn partitions(scope: &Scope, filter: &LicenseFilter, now: Timestamp) -> Vec<Partition> {
    if let Some(owners) = &filter.owners {
        let of_each = LicenseFilter {
            owners: None,
            ..filter.clone()
        };
        let owners = owners.iter().filter(|owner| scope.covers(owner));
        let each = owners.map(|owner| partitions(&Scope::Owner(owner.clone()), &of_each, now));
        return each.flatten().collect();
    }
    let whole = |index, value: String| Partition {
        index,
        value,
        range: Range::Whole,
    };
    let statuses = match filter.state {
        Some(LicenseState::Status(status)) => vec![status],
        Some(LicenseState::Works) => vec![LicenseStatus::Active, LicenseStatus::Degraded, LicenseStatus::Suspended],
        Some(LicenseState::Stopped) => vec![LicenseStatus::Suspended],
        Some(LicenseState::Expired | LicenseState::Ended | LicenseState::Expiring(_)) | None => {
            LicenseStatus::ALL.to_vec()
        }
    };
    let each = |index, prefix: &str| {
        statuses
            .iter()
            .map(|status| whole(index, format!("{prefix}{status}")))
            .collect::<Vec<_>>()
    };
    let by_expiry = match filter.state {
        Some(LicenseState::Expired | LicenseState::Ended) => Some(Range::Until(now)),
        Some(LicenseState::Expiring(within)) => Some(Range::Between(now, now + within.duration())),
        Some(LicenseState::Status(_) | LicenseState::Works | LicenseState::Stopped) | None => None,
    };
    match (&filter.email, &filter.product, scope) {
        (Some(email), _, Scope::Owner(owner)) => {
            vec![whole(&schema::LICENSES_BY_OWNER_EMAIL, owner_email(owner, email))]
        }
        (Some(email), _, Scope::Everything) => vec![whole(&schema::LICENSES_BY_EMAIL, email.folded())],
        (None, product, scope) if let Some(range) = by_expiry => {
            let (index, value) = match (product, scope) {
                (Some(product), _) => (&schema::LICENSES_BY_PRODUCT_EXPIRY, product.to_string()),
                (None, Scope::Owner(owner)) => (&schema::LICENSES_BY_OWNER_EXPIRY, owner.to_string()),
                (None, Scope::Everything) => (&schema::LICENSES_BY_EXPIRY, EXPIRING.to_owned()),
            };
            vec![Partition { index, value, range }]
        }
        (None, Some(product), _) => each(&schema::LICENSES_BY_PRODUCT, &format!("{product}#")),
        (None, None, Scope::Owner(owner)) => each(&schema::LICENSES_BY_OWNER, &format!("{owner}#")),
        (None, None, Scope::Everything) => each(&schema::LICENSES_BY_STATUS, ""),
    }
}

impl LicenseFilter {
    /// What tells this list from every other one.
    fn list(&self, scope: &Scope) -> String {
        let owner = match scope {
            Scope::Everything => "",
            Scope::Owner(owner) => owner.as_str(),
        };
        let product = self.product.as_ref().map_or("", ProductId::as_str);
        let email = self.email.as_ref().map(Email::folded).unwrap_or_default();
        let state = match self.state {
            None => String::new(),
            Some(LicenseState::Status(status)) => status.to_string(),
            Some(LicenseState::Expired) => "expired".to_owned(),
            Some(LicenseState::Works) => "works".to_owned(),
            Some(LicenseState::Ended) => "ended".to_owned(),
            Some(LicenseState::Stopped) => "stopped".to_owned(),
            Some(LicenseState::Expiring(within)) => format!("expiring {}", within.number()),
        };
        let owners = self.owners.iter().flatten().map(OwnerId::as_str);
        // None of them holds a line break.
        let list = ["licenses", owner, product, &email, &state].into_iter().chain(owners);
        list.collect::<Vec<_>>().join("\n")
    }

    /// Whether a license is meant, however it was found: an index may be late, and narrows by some conditions only.
    pub fn admits(&self, license: &License, scope: &Scope, now: Timestamp) -> bool {
        scope.covers(&license.owner_id)
            && self
                .owners
                .as_ref()
                .is_none_or(|owners| owners.contains(&license.owner_id))
            && self
                .product
                .as_ref()
                .is_none_or(|product| *product == license.product_id)
            && self
                .email
                .as_ref()
                .is_none_or(|email| email.folded() == license.email.folded())
            && self.state.is_none_or(|state| match state {
                LicenseState::Status(status) => license.standing.status == status,
                LicenseState::Expired => license.has_expired(now),
                LicenseState::Works => !license.standing.is_blocked(now) && !license.has_expired(now),
                LicenseState::Ended => !license.standing.is_blocked(now) && license.has_expired(now),
                LicenseState::Stopped => {
                    license.standing.status == LicenseStatus::Suspended && license.standing.is_blocked(now)
                }
                LicenseState::Expiring(within) => {
                    let ends = |end: Timestamp| end > now && end <= now + within.duration();
                    !license.standing.is_blocked(now) && license.expires_at().is_some_and(ends)
                }
            })
    }
}
