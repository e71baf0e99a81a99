//! Seats: which machine is let in, and what is news of its license.
//!
//! Every write here keeps what the service promises: `machinesUsed` is the number of activation items, `sessionsOpen`
//! the number of those that hold a lease, and neither is ever raised past its limit. So an item and its counter change
//! in one transaction, whose conditions repeat what the decision was made on.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::{Denial, Noun, Resource, Throttle},
    event::{Event, EventType},
    license::{
        License,
        activation::{Activation, Admission, VALIDATED_INTERVAL},
        admission::{Plan, Purpose, SeatRequest, Verdict, admit},
        detection::Consequence,
        key::LicenseKey,
        machine::Fingerprint,
        seats::{Admissions, SeatLimit},
        violation::{Violation, ViolationId},
    },
    store::{
        Store,
        item::{attribute, decode, number, text},
        license::{
            activation::{activation_creation, activation_key, activation_update, while_there},
            item::{license_difference, license_key},
            violation::{violation_creation, violation_growth},
        },
        request::rate_limit::{attempt_of_newcomer, attempt_refusal, attempt_shift},
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

impl Store {
    /// Lets a machine in, or keeps it in, as [`admit`] decides, once the license and its activation, if it has one, are
    /// read. Answers both as they are afterwards.
    ///
    /// Optimistic concurrency: the decision is made on what was read, and the write repeats it as conditions. When another
    /// request came between, DynamoDB hands back the items as they are, and the decision is made again on those.
    ///
    /// # Errors
    /// The refusals of [`admit`]; [`Error::Full`]; [`Noun::License`] when the license is deleted meanwhile.
    pub async fn activation_admit(
        &self,
        license: License,
        known: Option<Activation>,
        request: &SeatRequest<'_>,
        audit: &Audit,
    ) -> Result<(License, Activation)> {
        let machine = &request.arrival.fingerprint;
        let event = request.purpose.event();
        let event = event.map(|event| audit.machine_event(event, &license, machine));
        let event = &event.transpose()?;
        retried("a license", (license, known), |attempt, (license, known)| async move {
            let (license, known, plan) = match self.seat_plan(license, known, request).await? {
                (license, Some(known), None) => return Ok(Break((license, known))),
                (_, None, None) => return Err(Error::Denied(Denial::MachineNotActivated)),
                (license, known, Some(plan)) => (license, known, plan),
            };
            let event = event.as_ref().filter(|_| plan.is_event);
            match self.write_plan(&license, &plan, request, event, audit).await? {
                WriteOutcome::Done => Ok(Break((plan.license, plan.activation))),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Ok(Continue((license, known)))
                }
                WriteOutcome::Refused([_, _, Refusal::By(found)]) => {
                    Err(attempt_refusal(found.as_ref(), request.arrival.now))
                }
                WriteOutcome::Refused(_) if !attempt.retries_at_once() => {
                    attempt.back_off().await;
                    Ok(Continue(self.reread(&license.license_key, machine).await?))
                }
                WriteOutcome::Refused([by_license, by_activation, Refusal::None]) => Ok(Continue((
                    match by_license {
                        Refusal::By(found) => decode(found.ok_or(Error::NotFound(Noun::License))?)?,
                        Refusal::None => license,
                    },
                    match by_activation {
                        Refusal::By(found) => found.map(decode).transpose()?,
                        Refusal::None => known,
                    },
                ))),
            }
        })
        .await
    }

    /// Decides about a machine, and reads what else the decision takes. Answers the license and the activation that it was
    /// made on, and what is to be written, if anything is.
    async fn seat_plan(
        &self,
        mut license: License,
        mut known: Option<Activation>,
        request: &SeatRequest<'_>,
    ) -> Result<(License, Option<Activation>, Option<Box<Plan>>)> {
        let (now, machine) = (request.arrival.now, &request.arrival.fingerprint);
        let mut violations: Option<Vec<Violation>> = None;
        let mut at_one_moment = false;
        loop {
            match admit(&license, known.as_ref(), request, violations.as_deref())? {
                Verdict::Nothing => return Ok((license, known, None)),
                Verdict::Write(plan) => return Ok((license, known, Some(plan))),
                Verdict::ReadViolations => violations = Some(self.violation_list(&license).await?),
                Verdict::Full(full) if at_one_moment => return Err(full),
                Verdict::Full(full) => {
                    violations = None;
                    // A seat is really taken only while its session is alive.
                    if of_sessions(&full) && self.session_reap_lapsed(&license.license_key, now).await? {
                        (license, known) = self.reread(&license.license_key, machine).await?;
                        continue;
                    }
                    // The two items were read by separate reads. Before refusing for want of a seat, read both in one
                    // TransactGetItems: a concurrent request of this same machine may have made the pair inconsistent.
                    (license, known) = self
                        .license_with_activation_at_once(&license.license_key, machine)
                        .await?;
                    at_one_moment = true;
                }
            }
        }
    }

    /// Writes a plan, all as one: the license with its counters and with what was observed, unless a limit is reached or
    /// the license is not what was decided on; the machine's activation; its attempt, unless there were too many; the
    /// violations; and the events.
    ///
    /// Of what was refused, tells the license, the activation, and the counter of newcomers' attempts.
    async fn write_plan(
        &self,
        license: &License,
        plan: &Plan,
        request: &SeatRequest<'_>,
        event: Option<&Event>,
        audit: &Audit,
    ) -> Result<WriteOutcome<[Refusal; 3]>> {
        let activation = &plan.activation;
        let is_observed = !plan.detection.observation.is_empty();
        let action = match plan.admission {
            Admission::Refresh => refreshed(license, plan, event),
            Admission::NewMachine => activation_creation(activation)?,
            Admission::OpenSession => opened(plan, event),
        };
        if let (Admission::NewMachine, Purpose::Activate { network, .. }) = (plan.admission, request.purpose) {
            let attempt = attempt_of_newcomer(&license.license_key, network, plan.arrival.now);
            let transaction = Transaction::of([license_taking(license, plan)?, action, attempt]);
            return self
                .commit(with_events(transaction, license, plan, event, audit)?)
                .await;
        }
        if plan.admission != Admission::Refresh || is_observed {
            let transaction = Transaction::of([license_taking(license, plan)?, action]);
            let outcome = self
                .commit(with_events(transaction, license, plan, event, audit)?)
                .await?;
            return Ok(match outcome {
                WriteOutcome::Done => WriteOutcome::Done,
                WriteOutcome::Contended => WriteOutcome::Contended,
                WriteOutcome::Refused([by_license, by_activation]) => {
                    WriteOutcome::Refused([by_license, by_activation, Refusal::None])
                }
            });
        }
        let by_activation = match event {
            None => match self.write(action).await? {
                WriteOutcome::Done => return Ok(WriteOutcome::Done),
                WriteOutcome::Contended => return Ok(WriteOutcome::Contended),
                WriteOutcome::Refused(found) => Refusal::By(found),
            },
            Some(event) => match self.commit(Transaction::of([action]).with_event(event)?).await? {
                WriteOutcome::Done => return Ok(WriteOutcome::Done),
                WriteOutcome::Contended => return Ok(WriteOutcome::Contended),
                WriteOutcome::Refused([by_activation]) => by_activation,
            },
        };
        Ok(WriteOutcome::Refused([Refusal::None, by_activation, Refusal::None]))
    }

    /// Counts an attempt to let a machine in that came to nothing: by the machine if the license
    /// knows it, else by the `network` that it came from. Answers what it is refused for: that there were too many goes before all else.
    pub async fn activation_count_refused(
        &self,
        key: &LicenseKey,
        known: Option<&Fingerprint>,
        network: &str,
        now: Timestamp,
        refusal: Error,
    ) -> Error {
        if !is_attempt(&refusal) {
            return refusal;
        }
        match self.attempt_count(key, known, network, now).await {
            Ok(()) => refusal,
            Err(too_many) => too_many,
        }
    }

    async fn attempt_count(
        &self,
        key: &LicenseKey,
        known: Option<&Fingerprint>,
        network: &str,
        now: Timestamp,
    ) -> Result<()> {
        if let Some(machine) = known {
            let count = attempt_shift(UpdateExpression::default(), "attempts.", now)
                // It may have left since it was read: then it is new.
                .when("attribute_exists(fingerprint)", []);
            let count = update(&schema::ACTIVATIONS, activation_key(key, machine), count);
            match self.write_retried("an activation", count).await? {
                Refusal::None => return Ok(()),
                Refusal::By(Some(found)) => return decode::<Activation>(found)?.attempts.admit(now),
                Refusal::By(None) => {}
            }
        }
        let count = attempt_of_newcomer(key, network, now);
        match self.write_retried("a rate limit", count).await? {
            Refusal::None => Ok(()),
            Refusal::By(found) => Err(attempt_refusal(found.as_ref(), now)),
        }
    }

    /// A license and its activation of a machine, both as they are at one moment.
    async fn license_with_activation_at_once(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
    ) -> Result<(License, Option<Activation>)> {
        let keys = [
            (&schema::LICENSES, license_key(key)),
            (&schema::ACTIVATIONS, activation_key(key, fingerprint)),
        ];
        let [license, activation] = self.get_transactional(keys).await?;
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        Ok((decode(license)?, activation.map(decode).transpose()?))
    }

    async fn reread(&self, key: &LicenseKey, fingerprint: &Fingerprint) -> Result<(License, Option<Activation>)> {
        let (license, activation) = self.license_get_with_activation_unscoped(key, fingerprint).await?;
        Ok((license.ok_or(Error::NotFound(Noun::License))?, activation))
    }
}

/// Whether what was refused so counts as an attempt. What was refused for too many does not, so that who tries too often does
/// not push the end of the wait ahead.
fn is_attempt(refusal: &Error) -> bool {
    match refusal {
        Error::Denied(_) | Error::Full { .. } | Error::NotFound(_) => true,
        Error::Throttled { by, .. } => *by != Throttle::Activations,
        Error::Invalid(_)
        | Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::Taken(_)
        | Error::Conflict(_)
        | Error::Internal(_) => false,
    }
}

/// Whether it is sessions for which there is no room.
fn of_sessions(full: &Error) -> bool {
    matches!(
        full,
        Error::Full {
            of: Resource::Session,
            ..
        }
    )
}

/// Also the events, and what becomes of the violations.
fn with_events<const N: usize>(
    mut transaction: Transaction<N>,
    license: &License,
    plan: &Plan,
    event: Option<&Event>,
    audit: &Audit,
) -> Result<Transaction<N>> {
    if let Some(event) = event {
        transaction = transaction.with_event(event)?;
    }
    for consequence in &plan.detection.consequences {
        let (violation, action) = match consequence {
            Consequence::New(finding) => {
                let id = ViolationId::new(&audit.ids, audit.now)?;
                let violation = Violation::found(&license.license_id, id, finding, audit.now);
                let creation = violation_creation(&violation)?;
                (violation, creation)
            }
            Consequence::More { violation, .. } => (violation.clone(), violation_growth(violation)?),
        };
        transaction = transaction.with(action);
        if consequence.is_event() {
            let event = audit.machine_event(EventType::Violation, license, &plan.arrival.fingerprint)?;
            let event = event.with("violationId", violation.violation_id.as_str());
            let event = event.with("type", violation.r#type.as_str());
            transaction = transaction.with_event(&event.with("severity", violation.severity.as_str()))?;
        }
    }
    Ok(transaction)
}

/// The license's part of a request: its counters go up by what is taken, and what was observed is noted, unless the limit
/// is reached or the license is not what was decided on.
fn license_taking(license: &License, plan: &Plan) -> Result<Action> {
    let (detection, observation) = (&plan.detection, &plan.detection.observation);
    let mut taking = if !plan.is_change {
        UpdateExpression::default()
    } else {
        let new = detection.consequences.iter();
        let new = new.filter(|consequence| matches!(consequence, Consequence::New(_)));
        license_difference(license, &plan.license)?.increase("watch.unresolvedViolations", new.count())
    };
    taking = taking.when("revision = :seen", [(":seen", number(license.revision))]);
    let (counter, limit) = match license.seats.session_limit() {
        Some(limit) => ("seats.sessionsOpen", limit),
        None => ("seats.machinesUsed", license.seats.machine_limit()),
    };
    let (machines, sessions) = plan.admission.takes(license.seats.session_limit().is_some());
    if machines + sessions > 0 {
        if machines > 0 {
            taking = taking.increase("seats.machinesUsed", machines);
        }
        if sessions > 0 {
            taking = taking.increase("seats.sessionsOpen", sessions);
        }
        if let SeatLimit::Limited(limit) = limit {
            // **Race**: the last seat is given once.
            taking = taking.when(&format!("{counter} < :limit"), [(":limit", number(limit))]);
        }
    }
    if let (Admission::NewMachine, Some(most)) = (plan.admission, plan.most_machines) {
        taking = taking.when("seats.machinesUsed < :mostMachines", [(":mostMachines", number(most))]);
    }
    if plan.admission == Admission::NewMachine {
        taking = admission_counted(taking, license, plan.license.seats.admissions)?;
    }
    if let Some(seen_in) = &observation.seen_in {
        taking = taking
            .set("watch.seenIn", attribute(seen_in)?)
            // **Race**: of two countries that are seen at once, the second finds the first.
            .when(
                "watch.seenIn = :seenBefore",
                [(":seenBefore", attribute(&license.watch.seen_in)?)],
            );
    }
    if let Some((mark, came)) = &observation.arrival {
        taking = taking
            .set(&format!("watch.arrivals.{}", mark.as_str()), number(came))
            .increase("watch.arrived", 1);
        if let Some(room) = detection.room {
            let enough = license.watch.arrived + u64::from(room);
            // **Race**: of many machines that come back at once, the one too many finds the others.
            taking = taking.when("watch.arrived <= :enough", [(":enough", number(enough))]);
        }
    }
    for mark in &observation.forgotten {
        taking = taking.remove(&format!("watch.arrivals.{}", mark.as_str()));
    }
    Ok(update(&schema::LICENSES, license_key(&license.license_key), taking))
}

/// That one more machine was let in within the hour: `admissions` come of those that `license` has.
pub(in crate::store) fn admission_counted(
    taking: UpdateExpression,
    license: &License,
    admissions: Admissions,
) -> Result<UpdateExpression> {
    if admissions.hour == license.seats.admissions.hour {
        return Ok(taking
            .increase("seats.admissions.number", 1)
            // **Race**: however many come at once, no more are let in than an hour admits.
            .when(
                "seats.admissions.hour = :hour AND seats.admissions.number < :mostAdmissions",
                [
                    (":hour", number(admissions.hour)),
                    (":mostAdmissions", number(Admissions::MOST)),
                ],
            ));
    }
    Ok(taking
        .set("seats.admissions", attribute(&admissions)?)
        // **Race**: of two that begin an hour at once, the second finds the first.
        .when(
            "seats.admissions.hour = :hourBefore",
            [(":hourBefore", number(license.seats.admissions.hour))],
        ))
}

/// What a known machine's request changes of its activation beside what it tells: its attempt, unless there were too many; its
/// return; and when an event told of it.
fn noted(mut update: UpdateExpression, plan: &Plan, event: Option<&Event>) -> UpdateExpression {
    if plan.is_attempt {
        update = attempt_shift(update, "attempts.", plan.arrival.now);
    }
    if plan.returns {
        update = update
            .set("returnedAt", text(plan.arrival.now))
            // **Race**: of two requests with which a machine returns, one is the first.
            .when("attribute_not_exists(returnedAt)", []);
    }
    if let Some(event) = event {
        update = update.set("validatedAt", text(event.at));
    }
    update
}

/// A known machine's session, after its last one was reaped.
fn opened(plan: &Plan, event: Option<&Event>) -> Action {
    let activation = &plan.activation;
    let session = activation_update(activation, &plan.arrival, true)
        // **Race**: one machine that asks twice at once holds one session.
        .when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", []);
    let session = noted(session, plan, event);
    let key = activation_key(&activation.license_key, &activation.fingerprint);
    update(&schema::ACTIVATIONS, key, session)
}

/// The activation of a machine that needs nothing new, brought up to date: unless it is gone or its session was reaped
/// meanwhile or, with an event, another request has noted one since it was read.
fn refreshed(license: &License, plan: &Plan, event: Option<&Event>) -> Action {
    let activation = &plan.activation;
    let floating = license.seats.session_limit().is_some();
    let refresh = activation_update(activation, &plan.arrival, floating);
    let mut refresh = noted(while_there(refresh, activation, floating), plan, event);
    if let Some(event) = event {
        let due = event.at - VALIDATED_INTERVAL;
        refresh = refresh.when(
            "attribute_not_exists(validatedAt) OR validatedAt <= :due",
            [(":due", text(due))],
        );
    }
    let key = activation_key(&activation.license_key, &activation.fingerprint);
    update(&schema::ACTIVATIONS, key, refresh)
}
