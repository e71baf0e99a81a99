//! Activations and their sessions as they are stored, and how they end. How they begin is in
//! [`crate::store::license::seats`].

use std::ops::ControlFlow::{Break, Continue};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::Noun,
    event::EventType,
    ids,
    license::{
        License,
        activation::{Activation, Api, Arrival, Remover, SESSION_TIMEOUT},
        key::{LicenseId, LicenseKey},
        machine::{Fingerprint, MachineId},
    },
    signing::sealing::Seal,
    store::{
        Store,
        item::{Item, decode, decode_all, encode, text},
        license::ledger::{Counters, LedgerPart, give_back},
        schema, unexpected,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried, update},
    },
};

/// What a heartbeat found.
#[derive(Debug)]
pub enum HeartbeatOutcome {
    /// The session was there, and holds until this time.
    Extended(Timestamp),
    /// There is no session; the machine's activation, if it has one.
    NoSession(Option<Box<Activation>>),
}

/// How many activations a list has at most.
pub const ACTIVATIONS_A_PAGE: usize = 1000;

/// Where a page of activations begins: after this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationCursor(String);

impl ActivationCursor {
    fn at(key: &Item) -> Option<Self> {
        let machine = key.get("machineId")?.as_s().ok()?;
        Some(Self(machine.clone()))
    }

    /// The cursor as clients carry it, sealed for the list of this license's machines.
    pub fn seal(&self, seal: &Seal, license: &LicenseId) -> Result<String> {
        seal.seal(&list_of(license), self.0.as_bytes())
    }

    /// The cursor that a client carried; `None` when it is none of ours, or of another list.
    pub fn open(text: &str, seal: &Seal, license: &LicenseId) -> Option<Self> {
        String::from_utf8(seal.open(&list_of(license), text)?).ok().map(Self)
    }
}

fn list_of(license: &LicenseId) -> String {
    format!("activations#{license}")
}

impl Store {
    /// Extends a machine's session, in one conditional write that needs nothing to be read first. A session that has
    /// lapsed is still the machine's own until it is reaped, so it is extended as well.
    pub async fn activation_heartbeat(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let until = now + SESSION_TIMEOUT;
        let extension = UpdateExpression::default()
            .set("leaseUntil", text(until))
            .set("lastSeen", text(now))
            // There is a session, and no other request has made it hold for longer.
            .when("leaseUntil <= :until", [(":until", text(until))]);
        let extension = update(&schema::ACTIVATIONS, activation_key(key, fingerprint), extension);
        match self.write_retried("an activation", extension).await? {
            Refusal::None => Ok(HeartbeatOutcome::Extended(until)),
            Refusal::By(found) => {
                let found: Option<Box<Activation>> = found.map(decode).transpose()?;
                let held = found.as_ref().and_then(|activation| activation.lease_until);
                Ok(held.map_or(HeartbeatOutcome::NoSession(found), HeartbeatOutcome::Extended))
            }
        }
    }

    /// Takes the seat of one session that has lapsed, so that another can have it. Answers whether there was one, also when
    /// another request reaped it at the same time.
    pub(in crate::store) async fn session_reap_lapsed(&self, key: &LicenseKey, now: Timestamp) -> Result<bool> {
        let lapsed = self.lease_list_lapsed(key, now, usize::MAX).await?;
        // Those who reap at once choose different sessions, so that they collide less.
        let Some(entry) = ids::pick(&lapsed) else {
            return Ok(false);
        };
        self.ledger_reap(key, std::slice::from_ref(entry)).await?;
        Ok(true)
    }

    /// Removes a machine's activation, if `remover` may, and gives its slot and session back. Answers the license as it was
    /// read, with these taken off its counters.
    ///
    /// # Errors
    /// [`Noun::Activation`], [`Noun::License`].
    pub async fn activation_release(
        &self,
        license: License,
        activation: Option<Activation>,
        remover: Remover,
        audit: &Audit,
    ) -> Result<License> {
        let removable = |activation: &&Activation| activation.may_be_removed_by(remover);
        let machine = activation.as_ref().filter(removable);
        let machine = machine.ok_or(Error::NotFound(Noun::Activation))?;
        let event = &audit.machine_event(EventType::Deactivated, &license, &machine.fingerprint)?;
        let key = &license.license_key;
        let freed = retried("an activation", activation, |attempt, activation| async move {
            let leaving = activation.as_ref().filter(removable);
            let leaving = leaving.ok_or(Error::NotFound(Noun::Activation))?;
            let in_session = leaving.lease_until.is_some();
            let counters = Counters {
                machines: 1,
                sessions: u32::from(in_session),
                addresses: 0,
            };
            let removal = activation_removal(&leaving.license_key, &leaving.fingerprint, in_session);
            let removal = if_removable(removal, remover);
            let transaction = Transaction::of([give_back(key, counters), removal]).with_event(event)?;
            match self.commit(transaction).await? {
                WriteOutcome::Done => Ok(Break(counters)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Ok(Continue(activation))
                }
                WriteOutcome::Refused([Refusal::By(_), _]) => Err(Error::NotFound(Noun::License)),
                WriteOutcome::Refused([Refusal::None, Refusal::By(found)]) => {
                    Ok(Continue(found.map(decode).transpose()?))
                }
                WriteOutcome::Refused([Refusal::None, Refusal::None]) => Ok(Continue(activation)),
            }
        })
        .await?;
        Ok(freed.taken_off(license))
    }

    /// Removes every activation of a license, through whichever API they came, ends its sessions, and gives their slots and
    /// sessions back: as many as fit in a transaction at a time, each true to the counters. Answers how many activations. The
    /// event is noted with the first that are removed. Addresses stay: `/v1` resets them.
    ///
    /// # Errors
    /// [`Noun::License`], [`Error::Internal`]; what was removed until then stays removed.
    pub async fn activation_reset(&self, license: &License, audit: &Audit) -> Result<u32> {
        let event = &audit.event(EventType::Reset, license)?;
        let machines = self.ledger_remove(license, LedgerPart::Machines, Some(event)).await?;
        let event = (machines.machines == 0).then_some(event);
        self.ledger_remove(license, LedgerPart::Sessions, event).await?;
        Ok(machines.machines)
    }

    /// A page of a license's activations, in the order of the fingerprints: at most [`ACTIVATIONS_A_PAGE`], of those after
    /// `after` if that is given. Its key was found good, or the caller was found to own the license.
    pub async fn activation_list(
        &self,
        key: &LicenseKey,
        after: Option<&ActivationCursor>,
    ) -> Result<(Vec<Activation>, Option<ActivationCursor>)> {
        let mut machines: Vec<Activation> = Vec::new();
        let mut after = after.cloned();
        loop {
            let wanted = i32::try_from(ACTIVATIONS_A_PAGE - machines.len()).unwrap_or(i32::MAX);
            let mut query = self.activation_query(key).limit(wanted);
            if let Some(ActivationCursor(machine)) = &after {
                let start = schema::ACTIVATIONS.key(key.as_str(), Some(machine));
                query = query.set_exclusive_start_key(Some(start));
            }
            let page = query.send().await.map_err(unexpected)?;
            machines.extend(decode_all::<Activation>(page.items)?);
            after = page.last_evaluated_key.and_then(|last| ActivationCursor::at(&last));
            if after.is_none() || machines.len() >= ACTIVATIONS_A_PAGE {
                machines.sort_unstable_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
                return Ok((machines, after));
            }
        }
    }
}

/// The activation's half of taking a slot.
pub(in crate::store) fn activation_creation(activation: &Activation) -> Result<Action> {
    let slot = put(&schema::ACTIVATIONS, activation_item(activation)?);
    // **Race**: one machine that activates twice at once holds one slot.
    Ok(slot.when("attribute_not_exists(fingerprint)", []))
}

/// The activation's half of giving a seat back: unless it is gone, or its session began or ended meanwhile, which
/// changes what the counters lose.
pub(in crate::store) fn activation_removal(key: &LicenseKey, fingerprint: &Fingerprint, in_session: bool) -> Action {
    let removal = delete(&schema::ACTIVATIONS, activation_key(key, fingerprint));
    if in_session {
        removal.when("attribute_exists(fingerprint) AND attribute_exists(leaseUntil)", [])
    } else {
        removal.when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", [])
    }
}

/// `removal` on the condition of [`Activation::may_be_removed_by`].
pub(in crate::store) fn if_removable(removal: Action, remover: Remover) -> Action {
    // **Race**: since it was read, the machine may have left and come through another API.
    match remover {
        Remover::Customer(Api::Flat) => removal.when("attribute_not_exists(via)", []),
        Remover::Customer(api @ (Api::LicenseKeys | Api::V1)) => removal.when("via = :via", [(":via", text(api))]),
        Remover::Vendor => removal,
    }
}

/// How a known machine's activation is brought up to date, of which `arrival` told. The session is left alone unless
/// `floating`.
pub(in crate::store) fn activation_update(
    activation: &Activation,
    arrival: &Arrival,
    floating: bool,
) -> UpdateExpression {
    let mut update = UpdateExpression::default().set("lastSeen", text(arrival.now));
    if arrival.hostname.is_some() {
        update = update.set("hostname", text(&activation.hostname));
    }
    if arrival.token_expiry.is_some() {
        update = update.set("tokenExpiry", text(activation.token_expiry));
    }
    if let Some(country) = &arrival.country {
        update = update
            .set("lastCountry", text(country))
            // A set, so that two countries that are told at once are both kept.
            .add("countries", AttributeValue::Ss(vec![country.to_string()]));
    }
    if let (true, Some(until)) = (floating, activation.lease_until) {
        update = update.set("leaseUntil", text(until));
    }
    if let (true, Some(started)) = (floating, activation.session_started) {
        update = update.set("sessionStarted", text(started));
    }
    update
}

/// `update` on the condition that the activation is still there and, when `floating`, that its session is and holds for no
/// longer than it will then.
pub(in crate::store) fn while_there(
    update: UpdateExpression,
    activation: &Activation,
    floating: bool,
) -> UpdateExpression {
    match activation.lease_until.filter(|_| floating) {
        Some(until) => update.when("leaseUntil <= :until", [(":until", text(until))]),
        None => update.when("attribute_exists(fingerprint)", []),
    }
}

/// An activation as stored: its countries are a set, which can be added to.
fn activation_item(activation: &Activation) -> Result<Item> {
    let mut item = encode(activation)?;
    item.extend(activation_key(&activation.license_key, &activation.fingerprint));
    if !activation.countries.is_empty() {
        let countries = activation.countries.iter().map(ToString::to_string).collect();
        item.insert("countries".to_owned(), AttributeValue::Ss(countries));
    }
    Ok(item)
}

pub(in crate::store) fn activation_key(key: &LicenseKey, fingerprint: &Fingerprint) -> Item {
    schema::ACTIVATIONS.key(key.as_str(), Some(MachineId::of(fingerprint).as_str()))
}
