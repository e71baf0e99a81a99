//! Seats: which machine is let in, and what is news of its license.
//!
//! Every write here keeps what the service promises: `machinesUsed` is the number of activation items, `sessionsOpen`
//! the number of those that hold a lease, and neither is ever raised past its limit. So an item and its counter change
//! in one transaction, whose conditions repeat what the decision was made on.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Noun},
    event::Event,
    license::{
        License,
        activation::{Activation, Admission, Arrival, VALIDATED_INTERVAL},
        key::LicenseKey,
        machine::Fingerprint,
        seats::SeatLimit,
        violation::{Violation, ViolationId},
        watch::{Consequence, DetectionLimits, Sighting, consequence, detect, enforced, room_for_arrivals},
    },
    product::ProductId,
    signing::token::TokenPolicy,
    store::{
        Store,
        item::{attribute, decode, number, text},
        license::{
            activation::{activation_creation, activation_key, activation_update, while_there},
            item::{license_difference, license_key},
            violation::{violation_creation, violation_growth},
        },
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

impl Store {
    /// Lets a machine in, once the license and its activation, if it has one, are read. The activation is noted to have
    /// been given a token of the life that `policy` and the license allow.
    ///
    /// # Errors
    /// The refusals of [`License::opens`] and [`License::admit`]; [`Noun::License`] when the license is deleted
    /// meanwhile.
    pub async fn activation_admit(
        &self,
        license: License,
        known: Option<Activation>,
        product: &ProductId,
        arrival: &Arrival,
        policy: &TokenPolicy,
        watch: &Watch<'_>,
    ) -> Result<(License, Activation)> {
        let purpose = Purpose::Activate(policy, watch);
        self.seat(license, known, product, arrival, purpose).await
    }

    /// Keeps a machine in that has an activation: notes what `arrival` tells and, of a floating license, extends its
    /// session or takes one again. Of a validation there is an event, which is noted unless one was not long ago.
    ///
    /// # Errors
    /// As for [`Store::activation_admit`], and [`Denial::MachineNotActivated`] when the activation is removed meanwhile.
    pub async fn activation_keep(
        &self,
        license: License,
        known: Activation,
        product: &ProductId,
        arrival: &Arrival,
        validation: Option<&Watch<'_>>,
    ) -> Result<(License, Activation)> {
        self.seat(license, Some(known), product, arrival, Purpose::Keep(validation))
            .await
    }

    /// The decision is made on what was read; the write repeats it as conditions. When another request came between,
    /// DynamoDB hands back the items as they are, and the decision is made again on those.
    async fn seat(
        &self,
        license: License,
        known: Option<Activation>,
        product: &ProductId,
        arrival: &Arrival,
        purpose: Purpose<'_>,
    ) -> Result<(License, Activation)> {
        retried(
            "a license",
            (license, known),
            |attempt, (mut license, mut known)| async move {
                let mut at_one_moment = false;
                let admission = loop {
                    license.opens(product, arrival.now)?;
                    if matches!((&known, purpose), (None, Purpose::Keep(_))) {
                        // Of a machine without an activation there is nothing to keep.
                        return Err(Error::Denied(Denial::MachineNotActivated));
                    }
                    match license.admit(known.as_ref()) {
                        Ok(admission) => break admission,
                        Err(Error::Full { .. }) if !at_one_moment => {
                            let floating = license.session_limit().is_some();
                            // A seat is really taken only while its session is alive.
                            if floating && self.session_reap_lapsed(&license.license_key, arrival.now).await? {
                                (license, known) = self.reread(&license.license_key, &arrival.fingerprint).await?;
                                continue;
                            }
                            // License and activation were read by separate reads: another request of this very machine may
                            // have taken the last seat in between, or have given it back. Before refusing for want of a
                            // seat, read both in one TransactGetItems.
                            (license, known) = self
                                .license_with_activation_at_once(&license.license_key, &arrival.fingerprint)
                                .await?;
                            at_one_moment = true;
                        }
                        Err(refusal) => return Err(refusal),
                    }
                };
                let news = self.news(&license, arrival, admission, purpose).await?;
                let mut arrival = arrival.clone();
                match purpose {
                    Purpose::Activate(policy, _) => {
                        arrival.token_expiry = Some(news.license.token_expiry(arrival.now, policy));
                    }
                    // Renewed by what the license is now: it may have been caught by this very request.
                    Purpose::Keep(Some(watch)) => {
                        arrival.token_expiry = watch.renewed(&news.license, arrival.now, arrival.token_expiry);
                    }
                    Purpose::Keep(None) => {}
                }
                let due = |event: &Event| known.as_ref().is_some_and(|known| known.validation_is_due(event.at));
                let event = match (admission, purpose) {
                    (Admission::NewMachine, Purpose::Activate(_, watch)) => Some(watch.event),
                    (_, Purpose::Keep(Some(watch))) if due(watch.event) => Some(watch.event),
                    (_, Purpose::Keep(_) | Purpose::Activate(..)) => None,
                };
                let mut next = Activation::after(known.as_ref(), &license, &arrival);
                if let Some(event) = event {
                    next.validated_at = Some(event.at);
                }
                let written = match admission {
                    Admission::Refresh if news.sighting.is_empty() && event.is_none() => {
                        match self.write(refreshed(&license, &next, &arrival, None)).await? {
                            WriteOutcome::Done => WriteOutcome::Done,
                            WriteOutcome::Contended => WriteOutcome::Contended,
                            WriteOutcome::Refused(found) => WriteOutcome::Refused([Refusal::None, Refusal::By(found)]),
                        }
                    }
                    Admission::Refresh => {
                        let update = refreshed(&license, &next, &arrival, event);
                        self.write_news(&license, None, update, event, &news).await?
                    }
                    Admission::NewMachine => {
                        self.write_news(&license, Some(admission), activation_creation(&next)?, event, &news)
                            .await?
                    }
                    Admission::OpenSession => {
                        let update = opened(&next, &arrival, event);
                        self.write_news(&license, Some(admission), update, event, &news).await?
                    }
                };
                match written {
                    WriteOutcome::Done => Ok(Break((counted(news.license, admission), next))),
                    WriteOutcome::Contended => {
                        attempt.back_off().await;
                        Ok(Continue((license, known)))
                    }
                    WriteOutcome::Refused(_) if !attempt.retries_at_once() => {
                        attempt.back_off().await;
                        let reread = self.reread(&license.license_key, &arrival.fingerprint).await?;
                        Ok(Continue(reread))
                    }
                    WriteOutcome::Refused([by_license, by_activation]) => Ok(Continue((
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
            },
        )
        .await
    }

    /// What the request tells of the license that is news, and what the enforcement rules make of it. Only when they find
    /// something is there something to read: the violations that are known.
    async fn news(
        &self,
        license: &License,
        arrival: &Arrival,
        admission: Admission,
        purpose: Purpose<'_>,
    ) -> Result<News> {
        let (Purpose::Activate(_, watch) | Purpose::Keep(Some(watch))) = purpose else {
            return Ok(News::none(license));
        };
        let (policy, now) = (&watch.policy, arrival.now);
        let sighting = Sighting::of(license, arrival, admission == Admission::NewMachine, policy);
        let noted = sighting.noted(license);
        let room = sighting
            .arrival
            .as_ref()
            .and_then(|_| room_for_arrivals(&noted, policy, now, None));
        let mut news = News {
            license: noted,
            sighting,
            room,
            consequences: Vec::new(),
            events: Vec::new(),
        };
        if news.sighting.is_empty() || detect(&news.license, policy, now, |_| None).is_empty() {
            return Ok(news);
        }
        let mut known = self.violation_list(license).await?;
        let settled = |r#type: &str| {
            let same = known.iter().filter(|violation| violation.r#type == r#type);
            same.filter_map(|violation| violation.resolved_at).max()
        };
        // From here on, what was put aside does not count.
        if news.sighting.arrival.is_some() {
            news.room = room_for_arrivals(&news.license, policy, now, settled(Violation::MACHINE_CHURN));
        }
        for finding in detect(&news.license, policy, now, settled) {
            let (id, event) = (watch.caught)()?;
            let Some(consequence) = consequence(&finding, license, &known, id, now) else {
                continue;
            };
            let (violation, is_told) = match &consequence {
                Consequence::New(violation) => (violation, true),
                Consequence::More { violation, is_graver } => (violation, *is_graver),
            };
            if is_told {
                let told = event.with("violationId", violation.violation_id.as_str());
                let told = told.with("type", violation.r#type.as_str());
                news.events.push(told.with("severity", violation.severity.as_str()));
            }
            known.retain(|known| known.violation_id != violation.violation_id);
            known.push(violation.clone());
            news.consequences.push(consequence);
        }
        if !news.events.is_empty() {
            let open: Vec<Violation> = known.into_iter().filter(|violation| !violation.resolved).collect();
            news.license = License {
                revision: license.revision + 1,
                ..enforced(&news.license, &open, policy, now)
            };
        }
        Ok(news)
    }

    /// Writes, all as one: the license with its counters, if any is taken, and with what is news of it, unless a limit is
    /// reached or the license is not what was decided on; what becomes of the activation; the violations; and the events.
    async fn write_news(
        &self,
        license: &License,
        take: Option<Admission>,
        activation: Action,
        event: Option<&Event>,
        news: &News,
    ) -> Result<WriteOutcome<[Refusal; 2]>> {
        if take.is_none() && news.sighting.is_empty() {
            let transaction = with_news(Transaction::of([activation]), event, news)?;
            return Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => WriteOutcome::Done,
                WriteOutcome::Refused([by_activation]) => WriteOutcome::Refused([Refusal::None, by_activation]),
                WriteOutcome::Contended => WriteOutcome::Contended,
            });
        }
        let taken = license_taking(license, take, news)?;
        self.commit(with_news(Transaction::of([taken, activation]), event, news)?)
            .await
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

/// Why a machine shows itself.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// To be let in, and be given a token of the life that this policy allows. Taking a slot is an event.
    Activate(&'a TokenPolicy, &'a Watch<'a>),
    /// To stay in. A validation is an event, at times, and is watched.
    Keep(Option<&'a Watch<'a>>),
}

/// How a request is looked at.
pub struct Watch<'a> {
    /// That the machine was activated or validated.
    pub event: &'a Event,
    /// How long tokens live, and when the one expires that the machine showed.
    pub shown: Option<(&'a TokenPolicy, Timestamp)>,
    /// The enforcement rules' numbers, for the product.
    pub policy: DetectionLimits,
    /// A new violation's id, and the event that tells of it.
    pub caught: &'a (dyn Fn() -> Result<(ViolationId, Event)> + Sync),
}

impl Watch<'_> {
    /// When the token expires that the machine is given, if it is given one: it was to be renewed anyway, or `license` no
    /// longer warrants so long a life.
    pub fn renewed(&self, license: &License, now: Timestamp, renewed: Option<Timestamp>) -> Option<Timestamp> {
        let (policy, shown) = self.shown?;
        let fresh = license.token_expiry(now, policy);
        (renewed.is_some() || fresh < shown).then_some(fresh)
    }
}

/// What a request tells of a license that is news.
struct News {
    /// The license with it: also with what the enforcement rules make of it.
    license: License,
    sighting: Sighting,
    /// How many more machines may come at once before there is something to find.
    room: Option<u32>,
    consequences: Vec<Consequence>,
    /// That it was caught.
    events: Vec<Event>,
}

impl News {
    fn none(license: &License) -> Self {
        Self {
            license: license.clone(),
            sighting: Sighting::default(),
            room: None,
            consequences: Vec::new(),
            events: Vec::new(),
        }
    }
}

/// Also the events, and what becomes of the violations.
fn with_news<const N: usize>(
    mut transaction: Transaction<N>,
    event: Option<&Event>,
    news: &News,
) -> Result<Transaction<N>> {
    for event in event.into_iter().chain(&news.events) {
        transaction = transaction.with_event(event)?;
    }
    for consequence in &news.consequences {
        transaction = transaction.with(match consequence {
            Consequence::New(violation) => violation_creation(violation)?,
            Consequence::More { violation, .. } => violation_growth(violation)?,
        });
    }
    Ok(transaction)
}

/// The license's half of a request: its counters go up by what is taken, and what is news of it is noted, unless the limit
/// is reached or the license is not what was decided on.
fn license_taking(license: &License, take: Option<Admission>, news: &News) -> Result<Action> {
    let mut taking = if news.events.is_empty() {
        UpdateExpression::default()
    } else {
        let new = news.consequences.iter();
        let new = new.filter(|consequence| matches!(consequence, Consequence::New(_)));
        license_difference(license, &news.license)?.increase("unresolvedViolations", new.count())
    };
    taking = taking.when("revision = :seen", [(":seen", number(license.revision))]);
    let (counter, limit) = match license.session_limit() {
        Some(limit) => ("sessionsOpen", limit),
        None => ("machinesUsed", license.machine_limit()),
    };
    if let Some(take) = take {
        if take == Admission::NewMachine {
            taking = taking.increase("machinesUsed", 1);
        }
        if license.session_limit().is_some() {
            taking = taking.increase("sessionsOpen", 1);
        }
        if let SeatLimit::Limited(limit) = limit {
            // **Race**: the last seat is given once.
            taking = taking.when(&format!("{counter} < :limit"), [(":limit", number(limit))]);
        }
    }
    if let Some(seen_in) = &news.sighting.seen_in {
        taking = taking
            .set("seenIn", attribute(seen_in)?)
            // **Race**: of two countries that are seen at once, the second finds the first.
            .when("seenIn = :seenBefore", [(":seenBefore", attribute(&license.seen_in)?)]);
    }
    if let Some((mark, came)) = &news.sighting.arrival {
        taking = taking
            .set(&format!("arrivals.{}", mark.as_str()), number(came))
            .increase("arrived", 1);
        if let Some(room) = news.room {
            let enough = license.arrived + u64::from(room);
            // **Race**: of many machines that come at once, the one too many finds the others.
            taking = taking.when("arrived <= :enough", [(":enough", number(enough))]);
        }
    }
    for mark in &news.sighting.forgotten {
        taking = taking.remove(&format!("arrivals.{}", mark.as_str()));
    }
    Ok(update(&schema::LICENSES, license_key(&license.license_key), taking))
}

/// A known machine's session, after its last one was reaped.
fn opened(activation: &Activation, arrival: &Arrival, event: Option<&Event>) -> Action {
    let mut session = activation_update(activation, arrival, true)
        // **Race**: one machine that asks twice at once holds one session.
        .when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", []);
    if let Some(event) = event {
        session = session.set("validatedAt", text(event.at));
    }
    let key = activation_key(&activation.license_key, &activation.fingerprint);
    update(&schema::ACTIVATIONS, key, session)
}

/// The activation of a machine that needs nothing new, brought up to date: unless it is gone or its session was reaped
/// meanwhile or, with an event, another request has noted one since it was read.
fn refreshed(license: &License, activation: &Activation, arrival: &Arrival, event: Option<&Event>) -> Action {
    let floating = license.session_limit().is_some();
    let refresh = activation_update(activation, arrival, floating);
    let mut refresh = while_there(refresh, activation, floating);
    if let Some(event) = event {
        let due = event.at - VALIDATED_INTERVAL;
        refresh = refresh.set("validatedAt", text(event.at)).when(
            "attribute_not_exists(validatedAt) OR validatedAt <= :due",
            [(":due", text(due))],
        );
    }
    let key = activation_key(&activation.license_key, &activation.fingerprint);
    update(&schema::ACTIVATIONS, key, refresh)
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
