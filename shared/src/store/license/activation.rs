//! Activations and their sessions as they are stored, and how they end. How they begin is in [`crate::store::seat`].

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{
        AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
        builders::UpdateBuilder,
    },
};
use serde::Deserialize;

use crate::{
    Error, Result, Timestamp,
    error::Noun,
    event::Event,
    ids,
    license::{
        License,
        activation::{Activation, Arrival, SESSION_TIMEOUT},
        key::LicenseKey,
        machine::Fingerprint,
    },
    store::{Item, Refusal, Store, WRITE_ATTEMPTS, Written, decode, encode, number, pause, schema, text, unexpected},
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
    /// Extends a machine's session, in one conditional write that needs nothing to be read first. A session that has
    /// lapsed is still the machine's own until it is reaped, so it is extended as well.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn activation_heartbeat(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
        now: Timestamp,
    ) -> Result<Beat> {
        let until = now + SESSION_TIMEOUT;
        for attempt in 0..WRITE_ATTEMPTS {
            let outcome = self
                .client
                .update_item()
                .table_name(self.table(&schema::ACTIVATIONS))
                .set_key(Some(activation_key(key, fingerprint)))
                .update_expression("SET leaseUntil = :until, lastSeen = :now")
                // There is a session, and no other request has made it hold for longer.
                .condition_expression("leaseUntil <= :until")
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
                    let found: Option<Activation> = refused.item.clone().map(decode).transpose()?;
                    let held = found.as_ref().and_then(|activation| activation.lease_until);
                    return Ok(held.map_or(Beat::NoSession(found), Beat::Extended));
                }
                Some(UpdateItemError::TransactionConflictException(_)) => pause(attempt).await,
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("an activation was in use by others all the time"))
    }

    /// Takes the seat of one session that has lapsed, so that another machine can have it. Answers whether there was
    /// one, be it that another request reaped it at the same time.
    pub(in crate::store) async fn reap_a_lapsed_session(&self, key: &LicenseKey, now: Timestamp) -> Result<bool> {
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

    /// Removes a machine's activation, and gives its slot and session back. Answers the license as it was read, with
    /// these taken off its counters.
    ///
    /// # Errors
    /// [`Noun::Activation`], [`Noun::License`], [`Error::Internal`].
    pub async fn activation_release(
        &self,
        mut license: License,
        mut activation: Option<Activation>,
        event: &Event,
    ) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            let leaving = activation.as_ref().ok_or(Error::NotFound(Noun::Activation))?;
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
                        return Err(Error::NotFound(Noun::License));
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
    /// [`Noun::License`], [`Error::Internal`]; what was removed until then stays removed.
    pub async fn activation_reset(&self, license: &License, event: &Event) -> Result<u32> {
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
    pub async fn activation_list(&self, key: &LicenseKey) -> Result<Vec<Activation>> {
        self.partition(&schema::ACTIVATIONS, key.as_str()).await
    }

    /// The activation's half of taking a slot.
    pub(in crate::store) fn add(&self, activation: &Activation) -> Result<TransactWriteItem> {
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
    pub(in crate::store) fn remove(
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

/// That an activation, or its session, is still there, and that the session holds for no longer than it would now.
pub(in crate::store) fn still_there(floating: bool) -> &'static str {
    if floating {
        "leaseUntil <= :until"
    } else {
        "attribute_exists(fingerprint)"
    }
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
pub(in crate::store) struct Change {
    pub(in crate::store) expression: String,
    pub(in crate::store) values: Item,
}

impl Change {
    /// To `activation`, of which `arrival` told. The session is left alone unless `floating`.
    pub(in crate::store) fn of(activation: &Activation, arrival: &Arrival, floating: bool) -> Self {
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
    pub(in crate::store) fn set_validated_at(&mut self, at: Timestamp) {
        // After `SET `, with which every change begins.
        self.expression.insert_str(4, "validatedAt = :validatedAt, ");
        self.values.insert(":validatedAt".to_owned(), text(at));
    }

    pub(in crate::store) fn apply(self, update: UpdateBuilder) -> UpdateBuilder {
        update
            .update_expression(self.expression)
            .set_expression_attribute_values(Some(self.values))
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

pub(in crate::store) fn activation_key(key: &LicenseKey, fingerprint: &Fingerprint) -> Item {
    schema::ACTIVATIONS.key(key.as_str(), Some(fingerprint.as_str()))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
