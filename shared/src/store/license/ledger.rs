//! The ledger of a license: its machines, sessions and addresses, which stand in one partition, and how they leave it.
//!
//! Machines are filed under capital letters and digits, addresses under `ip#`, sessions under `session#`.

use std::ops::{
    Add,
    ControlFlow::{Break, Continue},
};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::Deserialize;

use crate::{
    Result, Timestamp,
    event::Event,
    license::{
        License,
        address::ADDRESSES,
        key::LicenseKey,
        seats::Seats,
        session::{Session, SessionId},
    },
    store::{
        Store,
        item::{Item, decode_all, encode, text},
        schema, unexpected,
        write::{Action, Attempt, Transaction, UpdateExpression, WriteOutcome, delete, retried, update},
    },
};

/// With what the sort keys of sessions begin.
pub(in crate::store) const SESSIONS: &str = "session#";

/// Before what the sort keys of machines are, and no others.
const MACHINES_END: &str = "a";

/// How many entries one transaction removes: DynamoDB takes a hundred actions, of which one is the license's, one the
/// event's and one the audit log's.
pub(in crate::store) const ENTRIES_AT_ONCE: usize = 97;

/// A part of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum LedgerPart {
    /// The activations.
    Machines,
    /// The sessions of `/v1` that hold a lease.
    Sessions,
    /// The addresses.
    Addresses,
}

/// As much of an entry as its removal needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct LedgerEntry {
    /// What it is filed under.
    pub(in crate::store) machine_id: String,
    /// Until when it holds a lease, if it does.
    pub(in crate::store) lease_until: Option<Timestamp>,
    /// Of a session: when it was revoked.
    pub(in crate::store) revoked_at: Option<Timestamp>,
    /// When it was last seen.
    pub(in crate::store) last_seen: Option<Timestamp>,
}

/// What of an entry [`LedgerEntry`] has.
const PROJECTION: &str = "machineId, leaseUntil, revokedAt, lastSeen";

/// What the license's counters lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Counters {
    pub(in crate::store) machines: u32,
    pub(in crate::store) sessions: u32,
    pub(in crate::store) addresses: u32,
}

impl Add for Counters {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            machines: self.machines + more.machines,
            sessions: self.sessions + more.sessions,
            addresses: self.addresses + more.addresses,
        }
    }
}

impl Counters {
    /// Those of a license.
    pub(in crate::store) fn of(license: &License) -> Self {
        Self {
            machines: license.seats.machines_used,
            sessions: license.seats.sessions_open,
            addresses: license.seats.addresses_bound,
        }
    }

    /// What these entries are counted as.
    pub(in crate::store) fn of_entries(entries: &[LedgerEntry]) -> Self {
        let counts = entries.iter().map(LedgerEntry::counts);
        counts.fold(Self::default(), |all, entry| all + entry)
    }

    /// What these entries give back when they are reaped: a machine whose lease ends stays on its license.
    pub(in crate::store) fn of_reaped(entries: &[LedgerEntry]) -> Self {
        Self {
            machines: 0,
            ..Self::of_entries(entries)
        }
    }

    /// `license` without these.
    pub(in crate::store) fn taken_off(self, license: License) -> License {
        License {
            seats: Seats {
                machines_used: license.seats.machines_used.saturating_sub(self.machines),
                sessions_open: license.seats.sessions_open.saturating_sub(self.sessions),
                addresses_bound: license.seats.addresses_bound.saturating_sub(self.addresses),
                ..license.seats
            },
            ..license
        }
    }
}

impl LedgerEntry {
    fn part(&self) -> LedgerPart {
        if self.machine_id.starts_with(SESSIONS) {
            LedgerPart::Sessions
        } else if self.machine_id.starts_with(ADDRESSES) {
            LedgerPart::Addresses
        } else {
            LedgerPart::Machines
        }
    }

    fn counts(&self) -> Counters {
        let part = self.part();
        Counters {
            machines: u32::from(part == LedgerPart::Machines),
            sessions: u32::from(self.lease_until.is_some()),
            addresses: u32::from(part == LedgerPart::Addresses),
        }
    }

    /// Its key.
    pub(in crate::store) fn key(&self, license: &LicenseKey) -> Item {
        ledger_key(license, &self.machine_id)
    }

    /// The entry's half of its removal: unless it is gone, or its lease began or ended meanwhile, which changes what the
    /// counters lose.
    pub(in crate::store) fn removal(&self, license: &LicenseKey) -> Action {
        let removal = delete(&schema::ACTIVATIONS, self.key(license));
        if self.lease_until.is_some() {
            removal.when("attribute_exists(machineId) AND attribute_exists(leaseUntil)", [])
        } else {
            removal.when("attribute_exists(machineId) AND attribute_not_exists(leaseUntil)", [])
        }
    }

    /// The entry's half of the end of its lease: a machine stays, a session goes.
    fn reaping(&self, license: &LicenseKey) -> Action {
        let seen = [(":seen", self.lease_until.map_or_else(|| text(""), text))];
        // **Race**: a sign of life that came since keeps the lease.
        const CONDITION: &str = "leaseUntil = :seen";
        match self.part() {
            LedgerPart::Machines => {
                let end = UpdateExpression::default()
                    .remove("leaseUntil")
                    .remove("sessionStarted")
                    .when(CONDITION, seen);
                update(&schema::ACTIVATIONS, self.key(license), end)
            }
            LedgerPart::Sessions | LedgerPart::Addresses => {
                delete(&schema::ACTIVATIONS, self.key(license)).when(CONDITION, seen)
            }
        }
    }
}

/// The key of an entry.
pub(in crate::store) fn ledger_key(license: &LicenseKey, entry: &str) -> Item {
    schema::ACTIVATIONS.key(license.as_str(), Some(entry))
}

/// The key of a session.
pub(in crate::store) fn session_key(license: &LicenseKey, id: &SessionId) -> Item {
    ledger_key(license, &format!("{SESSIONS}{id}"))
}

/// The license's half of giving back what it counts.
pub(in crate::store) fn give_back(key: &LicenseKey, counters: Counters) -> Action {
    let freed = given_back(UpdateExpression::default(), counters).when("attribute_exists(licenseKey)", []);
    update(&schema::LICENSES, schema::LICENSES.key(key.as_str(), None), freed)
}

/// `update`, and what the license counts given back.
pub(in crate::store) fn given_back(update: UpdateExpression, counters: Counters) -> UpdateExpression {
    let update = update
        .decrease("seats.machinesUsed", counters.machines)
        .decrease("seats.sessionsOpen", counters.sessions);
    // A license that was never authorized by `/v1` has no such counter.
    if counters.addresses == 0 {
        return update;
    }
    update.decrease("seats.addressesBound", counters.addresses)
}

impl Store {
    /// A query of the machines of a license, and of nothing else in its partition.
    pub(in crate::store) fn activation_query(&self, key: &LicenseKey) -> QueryFluentBuilder {
        self.query(&schema::ACTIVATIONS, key.as_str())
            .key_condition_expression("#partition = :partition AND machineId < :machinesEnd")
            .expression_attribute_values(":machinesEnd", text(MACHINES_END))
    }

    fn query_ledger(&self, key: &LicenseKey, part: LedgerPart) -> QueryFluentBuilder {
        let query = match part {
            LedgerPart::Machines => self.activation_query(key),
            LedgerPart::Sessions => self
                .query_prefix(&schema::ACTIVATIONS, key.as_str(), SESSIONS)
                .filter_expression("attribute_exists(leaseUntil)"),
            LedgerPart::Addresses => self.query_prefix(&schema::ACTIVATIONS, key.as_str(), ADDRESSES),
        };
        query.projection_expression(PROJECTION)
    }

    /// The first entries of a part that there are, at most as many as a transaction removes.
    pub(in crate::store) async fn ledger_first(&self, key: &LicenseKey, part: LedgerPart) -> Result<Vec<LedgerEntry>> {
        let limit = i32::try_from(ENTRIES_AT_ONCE).unwrap_or(i32::MAX);
        first_of(self.query_ledger(key, part).limit(limit), |_| true).await
    }

    /// The entries of a part that are `meant`, of the first page that has any.
    pub(in crate::store) async fn ledger_find(
        &self,
        key: &LicenseKey,
        part: LedgerPart,
        meant: impl Fn(&LedgerEntry) -> bool,
    ) -> Result<Vec<LedgerEntry>> {
        first_of(self.query_ledger(key, part), meant).await
    }

    /// Every entry that is counted of a license with no more than `most`; `None` if there are more.
    pub(in crate::store) async fn ledger_list(
        &self,
        key: &LicenseKey,
        most: usize,
    ) -> Result<Option<Vec<LedgerEntry>>> {
        let enough = i32::try_from(most + 1).unwrap_or(i32::MAX);
        let query = self.query(&schema::ACTIVATIONS, key.as_str());
        let query = query.projection_expression(PROJECTION).limit(enough);
        let mut pages = query.into_paginator().send();
        let mut entries: Vec<LedgerEntry> = Vec::new();
        while let Some(page) = pages.next().await {
            let page: Vec<LedgerEntry> = decode_all(page.map_err(unexpected)?.items)?;
            // That a session was revoked is remembered until it expires, and counts nothing.
            entries.extend(page.into_iter().filter(|entry| entry.revoked_at.is_none()));
            if entries.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(entries))
    }

    /// Removes every entry of a part, and gives back what they are counted as: as many as fit in a transaction at a time,
    /// each true to the counters. The event, if there is one, is noted with the first that are removed.
    pub(in crate::store) async fn ledger_remove(
        &self,
        license: &License,
        part: LedgerPart,
        event: Option<&Event>,
    ) -> Result<Counters> {
        let mut removed = Counters::default();
        loop {
            let event = event.filter(|_| removed == Counters::default());
            match self.ledger_remove_some(&license.license_key, part, event).await? {
                Some(more) => removed = removed + more,
                None => return Ok(removed),
            }
        }
    }

    /// Removes as many entries as fit in a transaction. `None` when there are none.
    async fn ledger_remove_some(
        &self,
        key: &LicenseKey,
        part: LedgerPart,
        event: Option<&Event>,
    ) -> Result<Option<Counters>> {
        retried("the ledger of a license", (), |attempt, ()| async move {
            let leaving = self.ledger_first(key, part).await?;
            if leaving.is_empty() {
                return Ok(Break(None));
            }
            let counters = Counters::of_entries(&leaving);
            let mut transaction = Transaction::of([give_back(key, counters)]);
            for entry in &leaving {
                transaction = transaction.with(entry.removal(key));
            }
            if let Some(event) = event {
                transaction = transaction.with_event(event)?;
            }
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(Some(counters)),
                WriteOutcome::Contended | WriteOutcome::Refused(_) => {
                    attempt.back_off().await;
                    Continue(())
                }
            })
        })
        .await
    }

    /// Takes `reaped` off a license, which were found to count no more: leases that have lapsed end, addresses go. When one
    /// of them was seen since, none is taken; whoever wants room looks again.
    pub(in crate::store) async fn ledger_reap(&self, key: &LicenseKey, reaped: &[LedgerEntry]) -> Result<()> {
        let mut transaction = Transaction::of([give_back(key, Counters::of_reaped(reaped))]);
        for entry in reaped {
            transaction = transaction.with(match entry.part() {
                LedgerPart::Machines | LedgerPart::Sessions => entry.reaping(key),
                LedgerPart::Addresses => {
                    let seen = entry.last_seen.map_or_else(|| text(""), text);
                    // **Race**: an address that was seen since stays.
                    entry.removal(key).when("lastSeen = :seen", [(":seen", seen)])
                }
            });
        }
        match self.commit(transaction).await? {
            WriteOutcome::Done | WriteOutcome::Refused(_) => Ok(()),
            WriteOutcome::Contended => {
                Attempt::FIRST.back_off().await;
                Ok(())
            }
        }
    }

    /// Leases of a license that have lapsed at `now`, of machines and of sessions: those of the first of at most `pages` pages
    /// that has any.
    pub(in crate::store) async fn lease_list_lapsed(
        &self,
        key: &LicenseKey,
        now: Timestamp,
        pages: usize,
    ) -> Result<Vec<LedgerEntry>> {
        let mut found = self
            .query(&schema::ACTIVATIONS, key.as_str())
            .filter_expression("leaseUntil <= :now")
            .projection_expression(PROJECTION)
            .expression_attribute_values(":now", text(now))
            .into_paginator()
            .send();
        for _ in 0..pages {
            let Some(page) = found.next().await else { break };
            let lapsed: Vec<LedgerEntry> = decode_all(page.map_err(unexpected)?.items)?;
            if !lapsed.is_empty() {
                return Ok(lapsed);
            }
        }
        Ok(Vec::new())
    }
}

/// The entries that are `meant` of the first page of a query that has any.
async fn first_of(query: QueryFluentBuilder, meant: impl Fn(&LedgerEntry) -> bool) -> Result<Vec<LedgerEntry>> {
    let mut pages = query.into_paginator().send();
    while let Some(page) = pages.next().await {
        let mut entries: Vec<LedgerEntry> = decode_all(page.map_err(unexpected)?.items)?;
        entries.retain(&meant);
        if !entries.is_empty() {
            return Ok(entries);
        }
    }
    Ok(Vec::new())
}

/// A session as stored.
pub(in crate::store) fn session_item(session: &Session) -> Result<Item> {
    let mut item = encode(session)?;
    item.extend(session_key(&session.license_key, &session.id()));
    Ok(item)
}
