//! Moves: one machine leaves a license and another comes, in one transaction.

use std::ops::ControlFlow::{Break, Continue};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{
        License,
        activation::{Activation, Admission, Remover},
        key::LicenseKey,
        machine::{Fingerprint, MachineId, MachineMark},
        moves::{MovePlan, MoveRequest, MoveVerdict, admit_in_place},
        seats::SeatLimit,
    },
    store::{
        Store,
        item::{decode, decode_all, number, text},
        license::{
            activation::{
                activation_creation, activation_key, activation_removal, activation_update, if_removable, while_there,
            },
            item::license_key,
        },
        schema, unexpected,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

/// A license that is to be moved, as far as it was found.
#[derive(Debug, Default)]
pub struct MoveSubjects {
    /// The license.
    pub license: Option<License>,
    /// Its activation of the machine that leaves.
    pub leaving: Option<Activation>,
    /// Its activation of the machine that comes, which may have one.
    pub coming: Option<Activation>,
}

impl Store {
    /// The license with this key, and its activations of the machine that comes and of the one that leaves, which is named
    /// by its fingerprint or as it is shown: all at once.
    ///
    /// **Unscoped**: the key is the credential.
    pub async fn license_get_to_move_unscoped(
        &self,
        key: &LicenseKey,
        coming: &Fingerprint,
        leaving: &Fingerprint,
    ) -> Result<MoveSubjects> {
        let shown_id = MachineId::typed(leaving.as_str());
        let mut machines = vec![coming];
        // A batch names no item twice.
        if leaving != coming && shown_id.is_none() {
            machines.push(leaving);
        }
        let keys = machines
            .into_iter()
            .map(|machine| activation_key(key, machine))
            .collect();
        let together = self.get_batch(vec![
            (&schema::LICENSES, vec![license_key(key)]),
            (&schema::ACTIVATIONS, keys),
        ]);
        let shown = async {
            let Some(shown) = &shown_id else { return Ok(None) };
            match self.activation_shown_as(key, shown).await? {
                Some(machine) => Ok(Some(machine)),
                // It may be called so.
                None => {
                    let id = MachineId::of(leaving);
                    self.get(&schema::ACTIVATIONS, key.as_str(), Some(id.as_str())).await
                }
            }
        };
        let (mut found, shown) = tokio::try_join!(together, shown)?;
        let machines = found.take(&schema::ACTIVATIONS).into_iter().map(decode);
        let machines: Vec<Activation> = machines.collect::<Result<_>>()?;
        let one = |fingerprint: &Fingerprint| {
            let found = machines.iter().find(|machine| machine.fingerprint == *fingerprint);
            found.cloned()
        };
        Ok(MoveSubjects {
            license: found.take_one(&schema::LICENSES)?,
            leaving: shown.or_else(|| one(leaving)),
            coming: one(coming),
        })
    }

    /// The one machine of a license that is shown so. Of two, neither is meant.
    async fn activation_shown_as(&self, key: &LicenseKey, shown: &str) -> Result<Option<Activation>> {
        let page = self
            .query_prefix(&schema::ACTIVATIONS, key.as_str(), shown)
            .limit(2)
            .send()
            .await
            .map_err(unexpected)?;
        let mut machines: Vec<Activation> = decode_all(page.items)?;
        Ok(machines.pop().filter(|_| machines.is_empty()))
    }

    /// Moves a license: removes the activation of the machine that leaves, and lets in the one that comes, which may have
    /// an activation, in one transaction. They are two machines.
    ///
    /// Optimistic concurrency: the decision is made on what was read, and again on what DynamoDB hands back when another
    /// request came between.
    ///
    /// # Errors
    /// The refusals of [`admit_in_place`]; [`Error::Full`]; [`Noun::License`] when the license is deleted meanwhile.
    pub async fn license_move(
        &self,
        license: License,
        leaving: Activation,
        coming: Option<Activation>,
        request: &MoveRequest<'_>,
        audit: &Audit,
    ) -> Result<(License, Activation)> {
        let now = request.arrival.now;
        let (key, leaver) = (&leaving.license_key.clone(), &leaving.fingerprint.clone());
        let deactivated = audit.machine_event(EventType::Deactivated, &license, leaver)?;
        let activated = audit.machine_event(EventType::Activated, &license, &request.arrival.fingerprint)?;
        let (deactivated, activated) = &in_order(deactivated, activated);
        let state = (license, Some(leaving), coming);
        retried("a license", state, |attempt, state| async move {
            let (mut license, mut leaving, mut coming) = state;
            let plan = loop {
                let full = match admit_in_place(&license, leaving.as_ref(), coming.as_ref(), request)? {
                    MoveVerdict::Write(plan) => break plan,
                    MoveVerdict::Full(full) => full,
                };
                // A session is really taken only while it is alive.
                let reaped = self.session_reap_lapsed(key, now).await?;
                // License and activations were read by separate reads. Before refusing for want of a session, read all
                // in one TransactGetItems.
                let seen = license.revision;
                let keys = [
                    (&schema::LICENSES, license_key(key)),
                    (&schema::ACTIVATIONS, activation_key(key, leaver)),
                    (&schema::ACTIVATIONS, activation_key(key, &request.arrival.fingerprint)),
                ];
                let [found, leaves, comes] = self.get_transactional(keys).await?;
                license = decode(found.ok_or(Error::NotFound(Noun::License))?)?;
                leaving = leaves.map(decode).transpose()?;
                coming = comes.map(decode).transpose()?;
                if reaped {
                    continue;
                }
                let leaves = leaving.as_ref().ok_or(Error::NotFound(Noun::Activation))?;
                if license.revision == seen && license.admit_in_place_of(leaves, coming.as_ref()).is_err() {
                    return Err(full);
                }
                return Ok(Continue((license, leaving, coming)));
            };
            let comes = match plan.admission {
                Admission::NewMachine => activation_creation(&plan.activation)?,
                Admission::Refresh | Admission::OpenSession => activation_arrival(&license, &plan),
            };
            let leave = activation_removal(key, leaver, plan.freed > 0);
            let leave = if_removable(leave, Remover::Customer(request.arrival.via));
            let count = move_count(&license, &plan);
            let mut transaction = Transaction::of([count, leave, comes]).with_event(deactivated)?;
            if plan.admission == Admission::NewMachine {
                transaction = transaction.with_event(activated)?;
            }
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break((plan.license, plan.activation)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue((license, leaving, coming))
                }
                WriteOutcome::Refused([by_license, by_leaving, by_coming]) => Continue((
                    match by_license {
                        Refusal::By(found) => decode(found.ok_or(Error::NotFound(Noun::License))?)?,
                        Refusal::None => license,
                    },
                    match by_leaving {
                        Refusal::By(found) => found.map(decode).transpose()?,
                        Refusal::None => leaving,
                    },
                    match by_coming {
                        Refusal::By(found) => found.map(decode).transpose()?,
                        Refusal::None => coming,
                    },
                )),
            })
        })
        .await
    }
}

/// The license's half of a move: its counters and the list of its moves.
fn move_count(license: &License, plan: &MovePlan) -> Action {
    let mut count = UpdateExpression::default()
        .increase("seats.machinesUsed", i64::from(plan.came) - 1)
        .increase("seats.sessionsOpen", i64::from(plan.taken) - i64::from(plan.freed))
        .set(
            "seats.moves",
            AttributeValue::L(plan.license.seats.moves.iter().map(text).collect()),
        )
        .set("revision", number(license.revision + 1))
        // **Race**: two moves at once are counted as two, and neither is made of a license that was revoked meanwhile.
        .when("revision = :seen", [(":seen", number(license.revision))]);
    if plan.came > 0 {
        // A machine that comes this way counts among the new ones; the next one that comes is held against it.
        let mark = MachineMark::of(&plan.arrival.fingerprint);
        count = count
            .set(
                &format!("watch.arrivals.{}", mark.as_str()),
                number(plan.arrival.now.seconds()),
            )
            .increase("watch.arrived", 1);
    }
    if let Some(SeatLimit::Limited(limit)) = license.seats.session_limit().filter(|_| plan.taken > 0) {
        // **Race**: as when a session is taken, the last one is given once; that of the machine that leaves is free.
        count = count.when("seats.sessionsOpen < :limit", [(":limit", number(limit + plan.freed))]);
    }
    update(&schema::LICENSES, license_key(&license.license_key), count)
}

/// The half of a move that is the activation of the machine that comes, when it has one.
fn activation_arrival(license: &License, plan: &MovePlan) -> Action {
    let activation = &plan.activation;
    let floating = license.seats.session_limit().is_some();
    let expression = activation_update(activation, &plan.arrival, floating);
    let expression = match plan.admission {
        // **Race**: one machine that asks twice at once holds one session.
        Admission::OpenSession => {
            expression.when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", [])
        }
        Admission::Refresh | Admission::NewMachine => while_there(expression, activation, floating),
    };
    let key = activation_key(&activation.license_key, &activation.fingerprint);
    update(&schema::ACTIVATIONS, key, expression)
}

/// These events with ids in the order in which they are told: ids of one millisecond are in none.
fn in_order(first: Event, second: Event) -> (Event, Event) {
    if first.event_id <= second.event_id {
        return (first, second);
    }
    let (earlier, later) = (second.event_id.clone(), first.event_id.clone());
    let first = Event {
        event_id: earlier,
        ..first
    };
    let second = Event {
        event_id: later,
        ..second
    };
    (first, second)
}
