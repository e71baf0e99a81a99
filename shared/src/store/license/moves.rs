//! Moves: one machine leaves a license and another comes, in one transaction.

use std::ops::ControlFlow::{Break, Continue};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{
        License,
        activation::{Activation, Admission, Remover},
        key::LicenseKey,
        machine::{Fingerprint, MachineId},
        moves::{MovePlan, MoveRequest, MoveVerdict, NamedBy, admit_in_place},
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
            seats::admission_counted,
        },
        request::rate_limit::{attempt_of_newcomer, attempt_refusal, attempt_shift},
        schema, unexpected,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

impl Store {
    /// The machine of a license that is to leave: it is named by its fingerprint, or as it is shown.
    ///
    /// The license's key was found good: as it is shown, the machine is looked for among the others.
    pub async fn activation_get_leaving(&self, key: &LicenseKey, named: &Fingerprint) -> Result<Option<Activation>> {
        if let Some(shown) = MachineId::typed(named.as_str())
            && let Some(machine) = self.activation_shown_as(key, &shown).await?
        {
            return Ok(Some(machine));
        }
        // It may be called so.
        let id = MachineId::of(named);
        self.get(&schema::ACTIVATIONS, key.as_str(), Some(id.as_str())).await
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
            let leave = match request.named {
                NamedBy::Fingerprint => leave,
                NamedBy::Shown => if_idle(leave, &license, now),
            };
            let count = move_count(&license, &plan)?;
            let outcome = if plan.admission == Admission::NewMachine {
                let attempt = attempt_of_newcomer(key, request.network, now);
                let transaction = Transaction::of([count, leave, comes, attempt]).with_event(deactivated)?;
                self.commit(transaction.with_event(activated)?).await?
            } else {
                let transaction = Transaction::of([count, leave, comes]).with_event(deactivated)?;
                match self.commit(transaction).await? {
                    WriteOutcome::Done => WriteOutcome::Done,
                    WriteOutcome::Contended => WriteOutcome::Contended,
                    WriteOutcome::Refused([by_license, by_leaving, by_coming]) => {
                        WriteOutcome::Refused([by_license, by_leaving, by_coming, Refusal::None])
                    }
                }
            };
            Ok(match outcome {
                WriteOutcome::Done => Break((plan.license, plan.activation)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue((license, leaving, coming))
                }
                WriteOutcome::Refused([_, _, _, Refusal::By(found)]) => {
                    return Err(attempt_refusal(found.as_ref(), now));
                }
                WriteOutcome::Refused([by_license, by_leaving, by_coming, Refusal::None]) => Continue((
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
fn move_count(license: &License, plan: &MovePlan) -> Result<Action> {
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
        count = admission_counted(count, license, plan.license.seats.admissions)?;
    }
    if let Some(SeatLimit::Limited(limit)) = license.seats.session_limit().filter(|_| plan.taken > 0) {
        // **Race**: as when a session is taken, the last one is given once; that of the machine that leaves is free.
        count = count.when("seats.sessionsOpen < :limit", [(":limit", number(limit + plan.freed))]);
    }
    Ok(update(&schema::LICENSES, license_key(&license.license_key), count))
}

/// `removal` on the condition that the machine can't run by itself at `now`: [`Activation::may_run_until`].
fn if_idle(removal: Action, license: &License, now: Timestamp) -> Action {
    // **Race**: since it was read, it may have shown itself.
    let removal = removal.when("tokenExpiry <= :idleSince", [(":idleSince", text(now))]);
    if license.seats.session_limit().is_some() {
        return removal.when(
            "attribute_not_exists(leaseUntil) OR leaseUntil <= :lapsedSince",
            [(":lapsedSince", text(now))],
        );
    }
    removal
}

/// The half of a move that is the activation of the machine that comes, when it has one.
fn activation_arrival(license: &License, plan: &MovePlan) -> Action {
    let activation = &plan.activation;
    let floating = license.seats.session_limit().is_some();
    let expression = activation_update(activation, &plan.arrival, floating);
    let expression = attempt_shift(expression, "attempts.", plan.arrival.now);
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
