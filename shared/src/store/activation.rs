//! Activations and their sessions, and with them the counters of their license.
//!
//! Every write here keeps what the service promises: `machinesUsed` is the number of activation items, `sessionsOpen`
//! the number of those that hold a lease, and neither is ever raised past its limit. So an item and its counter change
//! in one transaction, whose conditions repeat what the decision was made on.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{
        AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
        builders::UpdateBuilder,
    },
};
use serde::Deserialize;

use super::{Item, Refusal, Store, WRITE_ATTEMPTS, Written, decode, encode, number, pause, schema, text, unexpected};
use crate::{
    Error, Result, Timestamp,
    activation::{Activation, Admission, Arrival, Fingerprint, SESSION_TIMEOUT},
    config::TokenPolicy,
    event::{Event, VALIDATED_INTERVAL},
    ids,
    license::{License, LicenseKey, SeatLimit},
    product::ProductId,
};

/// What a heartbeat found.
#[derive(Debug)]
pub enum Beat {
    /// The session was there, and holds until this time.
    Extended(Timestamp),
    /// There is no session; the machine's activation, if it has one.
    NoSession(Option<Activation>),
}

/// How many activations one transaction removes: DynamoDB takes a hundred actions, of which one is the license's and
/// one the event's.
const RESET_BATCH: i32 = 98;

impl Store {
    /// Lets a machine in, once the license and its activation, if it has one, are read. The activation is noted to have
    /// been given a token of the life that `policy` and the license allow.
    ///
    /// # Errors
    /// The refusals of [`License::opens`] and [`License::admit`]; [`Error::LicenseNotFound`] when the license is deleted
    /// meanwhile; [`Error::Internal`].
    pub async fn admit(
        &self,
        license: License,
        known: Option<Activation>,
        product: &ProductId,
        arrival: &Arrival,
        policy: &TokenPolicy,
        event: &Event,
    ) -> Result<(License, Activation)> {
        self.seat(license, known, product, arrival, Purpose::Activate(policy, event))
            .await
    }

    /// Keeps a machine in that has an activation: notes what `arrival` tells and, of a floating license, extends its
    /// session or takes one again. Of a validation there is an `event`, which is noted unless one was not long ago.
    ///
    /// # Errors
    /// As for [`Store::admit`], and [`Error::MachineNotActivated`] when the activation is removed meanwhile.
    pub async fn keep(
        &self,
        license: License,
        known: Activation,
        product: &ProductId,
        arrival: &Arrival,
        event: Option<&Event>,
    ) -> Result<(License, Activation)> {
        self.seat(license, Some(known), product, arrival, Purpose::Keep(event))
            .await
    }

    /// The decision is made on what was read; the write repeats it as conditions. When another request came between,
    /// DynamoDB hands back the items as they are, and the decision is made again on those.
    async fn seat(
        &self,
        mut license: License,
        mut known: Option<Activation>,
        product: &ProductId,
        arrival: &Arrival,
        purpose: Purpose<'_>,
    ) -> Result<(License, Activation)> {
        let mut collisions = 0;
        while collisions < WRITE_ATTEMPTS {
            license.opens(product, arrival.now)?;
            let admission = match license.admit(known.as_ref()) {
                Ok(admission) => admission,
                Err(full @ (Error::SessionLimitReached { .. } | Error::MachineLimitReached { .. })) => {
                    let floating = license.session_limit().is_some();
                    // A seat is really taken only while its session is alive.
                    if floating && self.reap_a_lapsed_session(&license.license_key, arrival.now).await? {
                        (license, known) = self.reread(&license.license_key, &arrival.fingerprint).await?;
                        continue;
                    }
                    // The license and the activation were read at two moments, between which it may have been this very
                    // machine, by another request, that took the last seat.
                    known = self.activation(&license.license_key, &arrival.fingerprint).await?;
                    if license.admit(known.as_ref()).is_err() {
                        return Err(full);
                    }
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            let mut arrival = arrival.clone();
            match purpose {
                Purpose::Activate(policy, _) => arrival.token_expiry = Some(license.token_expiry(arrival.now, policy)),
                Purpose::Keep(_) if known.is_none() => return Err(Error::MachineNotActivated),
                Purpose::Keep(_) => {}
            }
            let due = |event: &Event| known.as_ref().is_some_and(|known| known.validation_is_due(event.at));
            let validated = match purpose {
                Purpose::Keep(Some(event)) if due(event) => Some(event),
                Purpose::Keep(_) | Purpose::Activate(..) => None,
            };
            let mut next = Activation::after(known.as_ref(), &license, &arrival);
            if let Some(event) = validated {
                next.validated_at = Some(event.at);
            }
            let written = match (admission, purpose) {
                (Admission::NewMachine, Purpose::Activate(_, event)) => {
                    self.add_machine(&license, &next, event).await?
                }
                // Of a machine without an activation there is nothing to keep.
                (Admission::NewMachine, Purpose::Keep(_)) => return Err(Error::MachineNotActivated),
                (Admission::Refresh, _) => match validated {
                    None => self.refresh(&license, &next, &arrival).await?,
                    Some(event) => self.refresh_with_event(&license, &next, &arrival, event).await?,
                },
                (Admission::OpenSession, _) => self.open_session(&license, &next, &arrival, validated).await?,
            };
            match written {
                Written::Done => return Ok((counted(license, admission), next)),
                Written::Contended => pause(collisions).await,
                Written::Refused([by_license, by_activation]) => {
                    if let Refusal::By(found) = by_license {
                        license = decode(found.ok_or(Error::LicenseNotFound)?)?;
                    }
                    if let Refusal::By(found) = by_activation {
                        known = found.map(decode).transpose()?;
                    }
                }
            }
            collisions += 1;
        }
        Err(Error::internal("a license was in use by others all the time"))
    }

    /// A machine's first activation, which takes a slot and, of a floating license, a session.
    async fn add_machine(&self, license: &License, activation: &Activation, event: &Event) -> Result<Written<2>> {
        let floating = license.session_limit().is_some();
        let take = if floating {
            "SET machinesUsed = machinesUsed + :one, sessionsOpen = sessionsOpen + :one"
        } else {
            "SET machinesUsed = machinesUsed + :one"
        };
        self.transact_with_event([self.take(license, take)?, self.add(activation)?], event)
            .await
    }

    /// The activation's half of taking a slot.
    pub(super) fn add(&self, activation: &Activation) -> Result<TransactWriteItem> {
        let slot = Put::builder()
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_item(Some(item(activation)?))
            // One machine that activates twice at once holds one slot.
            .condition_expression("attribute_not_exists(fingerprint)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(slot).build())
    }

    /// A known machine's session, after its last one was reaped.
    async fn open_session(
        &self,
        license: &License,
        activation: &Activation,
        arrival: &Arrival,
        validated: Option<&Event>,
    ) -> Result<Written<2>> {
        let mut change = Change::of(activation, arrival, true);
        if let Some(event) = validated {
            change.set_validated_at(event.at);
        }
        let session = change
            .apply(Update::builder())
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(&activation.license_key, &activation.fingerprint)))
            // One machine that asks twice at once holds one session.
            .condition_expression("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        let actions = [
            self.take(license, "SET sessionsOpen = sessionsOpen + :one")?,
            TransactWriteItem::builder().update(session).build(),
        ];
        match validated {
            None => self.transact(actions).await,
            Some(event) => self.transact_with_event(actions, event).await,
        }
    }

    /// The license's half of taking a seat: the counters go up by `take`, unless the limit is reached or the license is
    /// not what was decided on.
    fn take(&self, license: &License, take: &str) -> Result<TransactWriteItem> {
        let (counter, limit) = match license.session_limit() {
            Some(limit) => ("sessionsOpen", limit),
            None => ("machinesUsed", license.machine_limit()),
        };
        let mut update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            .update_expression(take)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":revision", number(license.revision))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update = match limit {
            SeatLimit::Unlimited => update.condition_expression("revision = :revision"),
            // Closes the race for the last seat.
            SeatLimit::Limited(limit) => update
                .condition_expression(format!("revision = :revision AND {counter} < :limit"))
                .expression_attribute_values(":limit", number(limit)),
        };
        Ok(TransactWriteItem::builder()
            .update(update.build().map_err(Error::internal)?)
            .build())
    }

    /// Brings the activation of a machine that needs nothing new up to date, unless it is gone or its session was
    /// reaped meanwhile.
    async fn refresh(&self, license: &License, activation: &Activation, arrival: &Arrival) -> Result<Written<2>> {
        let floating = license.session_limit().is_some();
        let change = Change::of(activation, arrival, floating);
        let outcome = self
            .client
            .update_item()
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(&activation.license_key, &activation.fingerprint)))
            .update_expression(change.expression)
            .set_expression_attribute_values(Some(change.values))
            .condition_expression(if floating {
                "attribute_exists(leaseUntil)"
            } else {
                "attribute_exists(fingerprint)"
            })
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = outcome else { return Ok(Written::Done) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Written::Refused([Refusal::None, Refusal::By(refused.item.clone())]))
            }
            Some(UpdateItemError::TransactionConflictException(_)) => Ok(Written::Contended),
            Some(_) | None => Err(unexpected(error)),
        }
    }

    /// As [`Store::refresh`], and notes that the machine's token was validated: unless another request has noted that
    /// since the activation was read.
    async fn refresh_with_event(
        &self,
        license: &License,
        activation: &Activation,
        arrival: &Arrival,
        event: &Event,
    ) -> Result<Written<2>> {
        let floating = license.session_limit().is_some();
        let mut change = Change::of(activation, arrival, floating);
        change.set_validated_at(event.at);
        let still = if floating { "leaseUntil" } else { "fingerprint" };
        let update = change
            .apply(Update::builder())
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(&activation.license_key, &activation.fingerprint)))
            .condition_expression(format!(
                "attribute_exists({still}) AND (attribute_not_exists(validatedAt) OR validatedAt <= :due)"
            ))
            .expression_attribute_values(":due", text(event.at - VALIDATED_INTERVAL))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        let update = TransactWriteItem::builder().update(update).build();
        Ok(match self.transact_with_event([update], event).await? {
            Written::Done => Written::Done,
            Written::Refused([by_activation]) => Written::Refused([Refusal::None, by_activation]),
            Written::Contended => Written::Contended,
        })
    }

    /// Extends a machine's session, in one conditional write that needs nothing to be read first. A session that has
    /// lapsed is still the machine's own until it is reaped, so it is extended as well.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn heartbeat(&self, key: &LicenseKey, fingerprint: &Fingerprint, now: Timestamp) -> Result<Beat> {
        let until = now + SESSION_TIMEOUT;
        for attempt in 0..WRITE_ATTEMPTS {
            let outcome = self
                .client
                .update_item()
                .table_name(self.table(&schema::ACTIVATIONS))
                .set_key(Some(activation_key(key, fingerprint)))
                .update_expression("SET leaseUntil = :until, lastSeen = :now")
                .condition_expression("attribute_exists(leaseUntil)")
                .expression_attribute_values(":until", text(until))
                .expression_attribute_values(":now", text(now))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(error) = outcome else {
                return Ok(Beat::Extended(until));
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    return Ok(Beat::NoSession(refused.item.clone().map(decode).transpose()?));
                }
                Some(UpdateItemError::TransactionConflictException(_)) => pause(attempt).await,
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("an activation was in use by others all the time"))
    }

    /// Takes the seat of one session that has lapsed, so that another machine can have it. Answers whether there was
    /// one, be it that another request reaped it at the same time.
    pub(super) async fn reap_a_lapsed_session(&self, key: &LicenseKey, now: Timestamp) -> Result<bool> {
        let mut pages = self
            .client
            .query()
            .table_name(self.table(&schema::ACTIVATIONS))
            .key_condition_expression("licenseKey = :key")
            .filter_expression("leaseUntil <= :now")
            .projection_expression("fingerprint, leaseUntil")
            .expression_attribute_values(":key", text(key))
            .expression_attribute_values(":now", text(now))
            .consistent_read(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let lapsed = page.map_err(unexpected)?.items.unwrap_or_default();
            // Those who reap at once begin at different sessions, so that they collide less.
            let Some(first) = ids::pick(&lapsed) else { continue };
            let session: Lapsed = decode(first.clone())?;
            let end = Update::builder()
                .table_name(self.table(&schema::ACTIVATIONS))
                .set_key(Some(activation_key(key, &session.fingerprint)))
                .update_expression("REMOVE leaseUntil, sessionStarted")
                // A sign of life that came since keeps the session.
                .condition_expression("leaseUntil = :seen")
                .expression_attribute_values(":seen", text(session.lease_until))
                .build()
                .map_err(Error::internal)?;
            let free = Counters {
                machines: 0,
                sessions: 1,
            };
            let ended = TransactWriteItem::builder().update(end).build();
            return match self.transact([self.give_back(key, free)?, ended]).await? {
                Written::Done | Written::Refused(_) => Ok(true),
                Written::Contended => {
                    pause(0).await;
                    Ok(true)
                }
            };
        }
        Ok(false)
    }

    /// Removes a machine's activation, and gives its slot and session back. Answers the license with the counters as
    /// they then are.
    ///
    /// # Errors
    /// [`Error::ActivationNotFound`], [`Error::LicenseNotFound`], [`Error::Internal`].
    pub async fn release(
        &self,
        mut license: License,
        mut activation: Option<Activation>,
        event: &Event,
    ) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            let leaving = activation.as_ref().ok_or(Error::ActivationNotFound)?;
            let counters = Counters {
                machines: 1,
                sessions: u32::from(leaving.lease_until.is_some()),
            };
            let remove = self.remove(
                &leaving.license_key,
                &leaving.fingerprint,
                leaving.lease_until.is_some(),
            )?;
            match self
                .transact_with_event([self.give_back(&license.license_key, counters)?, remove], event)
                .await?
            {
                Written::Done => {
                    license.machines_used = license.machines_used.saturating_sub(counters.machines);
                    license.sessions_open = license.sessions_open.saturating_sub(counters.sessions);
                    return Ok(license);
                }
                Written::Contended => pause(attempt).await,
                Written::Refused([by_license, by_activation]) => {
                    if let Refusal::By(_) = by_license {
                        return Err(Error::LicenseNotFound);
                    }
                    if let Refusal::By(found) = by_activation {
                        activation = found.map(decode).transpose()?;
                    }
                }
            }
        }
        Err(Error::internal("an activation was in use by others all the time"))
    }

    /// Removes every activation of a license, and gives their slots and sessions back: as many as fit in a transaction
    /// at a time, each true to the counters. Answers how many. The event is noted with the first that are removed.
    ///
    /// # Errors
    /// [`Error::LicenseNotFound`], [`Error::Internal`]; what was removed until then stays removed.
    pub async fn reset_activations(&self, license: &License, event: &Event) -> Result<u32> {
        let (mut removed, mut collisions) = (0, 0);
        while collisions < WRITE_ATTEMPTS {
            let page = self
                .client
                .query()
                .table_name(self.table(&schema::ACTIVATIONS))
                .key_condition_expression("licenseKey = :key")
                .projection_expression("fingerprint, leaseUntil")
                .expression_attribute_values(":key", text(&license.license_key))
                .consistent_read(true)
                .limit(RESET_BATCH)
                .send()
                .await
                .map_err(unexpected)?;
            let leaving: Vec<Leaving> = page
                .items
                .unwrap_or_default()
                .into_iter()
                .map(decode)
                .collect::<Result<_>>()?;
            if leaving.is_empty() {
                return Ok(removed);
            }
            let counters = Counters {
                machines: count(leaving.iter()),
                sessions: count(leaving.iter().filter(|machine| machine.lease_until.is_some())),
            };
            let mut actions = vec![self.give_back(&license.license_key, counters)?];
            for machine in &leaving {
                actions.push(self.remove(
                    &license.license_key,
                    &machine.fingerprint,
                    machine.lease_until.is_some(),
                )?);
            }
            if removed == 0 {
                actions.push(self.note(event)?);
            }
            match self.transact_many(actions).await? {
                Written::Done => {
                    removed += counters.machines;
                    collisions = 0;
                }
                Written::Contended | Written::Refused(_) => {
                    pause(collisions).await;
                    collisions += 1;
                }
            }
        }
        Err(Error::internal(
            "a license's activations were in use by others all the time",
        ))
    }

    /// Every activation of a license. Its key is the credential, or the caller was found to own the license.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn activations(&self, key: &LicenseKey) -> Result<Vec<Activation>> {
        self.partition(&schema::ACTIVATIONS, key.as_str()).await
    }

    pub(super) async fn activation(&self, key: &LicenseKey, fingerprint: &Fingerprint) -> Result<Option<Activation>> {
        self.get(&schema::ACTIVATIONS, key.as_str(), Some(fingerprint.as_str()))
            .await
    }

    async fn reread(&self, key: &LicenseKey, fingerprint: &Fingerprint) -> Result<(License, Option<Activation>)> {
        let (license, activation) = self.held_license_with_activation(key, fingerprint).await?;
        Ok((license.ok_or(Error::LicenseNotFound)?, activation))
    }

    /// The license's half of giving seats back.
    fn give_back(&self, key: &LicenseKey, counters: Counters) -> Result<TransactWriteItem> {
        let update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(key.as_str(), None)))
            .update_expression("SET machinesUsed = machinesUsed - :machines, sessionsOpen = sessionsOpen - :sessions")
            .condition_expression("attribute_exists(licenseKey)")
            .expression_attribute_values(":machines", number(counters.machines))
            .expression_attribute_values(":sessions", number(counters.sessions))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The activation's half of giving a seat back: unless it is gone, or its session began or ended meanwhile, which
    /// changes what the counters lose.
    pub(super) fn remove(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
        in_session: bool,
    ) -> Result<TransactWriteItem> {
        let session = if in_session {
            "attribute_exists(leaseUntil)"
        } else {
            "attribute_not_exists(leaseUntil)"
        };
        let delete = Delete::builder()
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(key, fingerprint)))
            .condition_expression(format!("attribute_exists(fingerprint) AND {session}"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// Why a machine shows itself.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// To be let in, and be given a token of the life that this policy allows. Taking a slot is an event.
    Activate(&'a TokenPolicy, &'a Event),
    /// To stay in. A validation is an event, at times.
    Keep(Option<&'a Event>),
}

/// What the license's counters lose.
#[derive(Clone, Copy)]
struct Counters {
    machines: u32,
    sessions: u32,
}

/// As much of an activation as its removal needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Leaving {
    fingerprint: Fingerprint,
    lease_until: Option<Timestamp>,
}

/// As much of an activation as reaping its session needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lapsed {
    fingerprint: Fingerprint,
    lease_until: Timestamp,
}

/// How a known machine's activation changes.
pub(super) struct Change {
    expression: String,
    values: Item,
}

impl Change {
    /// To `activation`, of which `arrival` told. The session is left alone unless `floating`.
    pub(super) fn of(activation: &Activation, arrival: &Arrival, floating: bool) -> Self {
        let mut sets = vec!["lastSeen = :now"];
        let mut values = Item::from([(":now".to_owned(), text(arrival.now))]);
        let mut set = |assignment: &'static str, placeholder: &str, value: AttributeValue| {
            sets.push(assignment);
            values.insert(placeholder.to_owned(), value);
        };
        if arrival.hostname.is_some() {
            set("hostname = :hostname", ":hostname", text(&activation.hostname));
        }
        if arrival.token_expiry.is_some() {
            set(
                "tokenExpiry = :tokenExpiry",
                ":tokenExpiry",
                text(activation.token_expiry),
            );
        }
        if let Some(country) = &arrival.country {
            set("lastCountry = :country", ":country", text(country));
        }
        if let (true, Some(until)) = (floating, activation.lease_until) {
            set("leaseUntil = :until", ":until", text(until));
        }
        if let (true, Some(started)) = (floating, activation.session_started) {
            set("sessionStarted = :started", ":started", text(started));
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if let Some(country) = &arrival.country {
            // A set, so that two countries that are told at once are both kept.
            expression.push_str(" ADD countries :countries");
            values.insert(":countries".to_owned(), AttributeValue::Ss(vec![country.to_string()]));
        }
        Self { expression, values }
    }

    /// Notes when a validation was last an event.
    fn set_validated_at(&mut self, at: Timestamp) {
        // After `SET `, with which every change begins.
        self.expression.insert_str(4, "validatedAt = :validatedAt, ");
        self.values.insert(":validatedAt".to_owned(), text(at));
    }

    pub(super) fn apply(self, update: UpdateBuilder) -> UpdateBuilder {
        update
            .update_expression(self.expression)
            .set_expression_attribute_values(Some(self.values))
    }
}

/// The license with its counters as `admission` leaves them.
fn counted(license: License, admission: Admission) -> License {
    let floating = u32::from(license.session_limit().is_some());
    let (machines, sessions) = match admission {
        Admission::NewMachine => (1, floating),
        Admission::OpenSession => (0, 1),
        Admission::Refresh => (0, 0),
    };
    License {
        machines_used: license.machines_used + machines,
        sessions_open: license.sessions_open + sessions,
        ..license
    }
}

/// An activation as stored: its countries are a set, which can be added to.
fn item(activation: &Activation) -> Result<Item> {
    let mut item = encode(activation)?;
    if !activation.countries.is_empty() {
        let countries = activation.countries.iter().map(ToString::to_string).collect();
        item.insert("countries".to_owned(), AttributeValue::Ss(countries));
    }
    Ok(item)
}

pub(super) fn activation_key(key: &LicenseKey, fingerprint: &Fingerprint) -> Item {
    schema::ACTIVATIONS.key(key.as_str(), Some(fingerprint.as_str()))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
