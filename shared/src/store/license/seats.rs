//! Seats: which machine is let in, and what is news of its license.
//!
//! Every write here keeps what the service promises: `machinesUsed` is the number of activation items, `sessionsOpen`
//! the number of those that hold a lease, and neither is ever raised past its limit. So an item and its counter change
//! in one transaction, whose conditions repeat what the decision was made on.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};

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
        HASTY_ATTEMPTS, Item, Refusal, Store, WRITE_ATTEMPTS, Written, decode,
        license::{
            activation::{Change, activation_key, still_there},
            license::difference,
        },
        number, pause, schema, text, unexpected,
    },
};

impl Store {
    /// Lets a machine in, once the license and its activation, if it has one, are read. The activation is noted to have
    /// been given a token of the life that `policy` and the license allow.
    ///
    /// # Errors
    /// The refusals of [`License::opens`] and [`License::admit`]; [`Noun::License`] when the license is deleted
    /// meanwhile; [`Error::Internal`].
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
        mut license: License,
        mut known: Option<Activation>,
        product: &ProductId,
        arrival: &Arrival,
        purpose: Purpose<'_>,
    ) -> Result<(License, Activation)> {
        let mut collisions = 0;
        let mut at_one_moment = false;
        while collisions < WRITE_ATTEMPTS {
            license.opens(product, arrival.now)?;
            if matches!((&known, purpose), (None, Purpose::Keep(_))) {
                // Of a machine without an activation there is nothing to keep.
                return Err(Error::Denied(Denial::MachineNotActivated));
            }
            let admission = match license.admit(known.as_ref()) {
                Ok(admission) => admission,
                Err(Error::Full { .. }) if !at_one_moment => {
                    let floating = license.session_limit().is_some();
                    // A seat is really taken only while its session is alive.
                    if floating && self.reap_a_lapsed_session(&license.license_key, arrival.now).await? {
                        (license, known) = self.reread(&license.license_key, &arrival.fingerprint).await?;
                        continue;
                    }
                    // License and activation were read at two moments: another request of this very machine may have
                    // taken the last seat in between, or have given it back. Nobody is turned away for what was so at
                    // no moment.
                    (license, known) = self
                        .license_with_activation_at_once(&license.license_key, &arrival.fingerprint)
                        .await?;
                    at_one_moment = true;
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            at_one_moment = false;
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
                    self.refresh(&license, &next, &arrival).await?
                }
                Admission::Refresh => {
                    let update = self.refreshed(&license, &next, &arrival, event)?;
                    self.write_news(&license, None, update, event, &news).await?
                }
                Admission::NewMachine => {
                    let floating = license.session_limit().is_some();
                    let take = if floating {
                        "machinesUsed = machinesUsed + :one, sessionsOpen = sessionsOpen + :one"
                    } else {
                        "machinesUsed = machinesUsed + :one"
                    };
                    self.write_news(&license, Some(take), self.add(&next)?, event, &news)
                        .await?
                }
                Admission::OpenSession => {
                    let update = self.opened(&next, &arrival, event)?;
                    let take = "sessionsOpen = sessionsOpen + :one";
                    self.write_news(&license, Some(take), update, event, &news).await?
                }
            };
            match written {
                Written::Done => return Ok((counted(news.license, admission), next)),
                Written::Contended => pause(collisions).await,
                Written::Refused(_) if collisions >= HASTY_ATTEMPTS => {
                    pause(collisions).await;
                    (license, known) = self.reread(&license.license_key, &arrival.fingerprint).await?;
                }
                Written::Refused([by_license, by_activation]) => {
                    if let Refusal::By(found) = by_license {
                        license = decode(found.ok_or(Error::NotFound(Noun::License))?)?;
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

    /// Writes, all as one: the license with its counters (`take`) and with what is news of it, unless a limit is reached
    /// or the license is not what was decided on; what becomes of the activation; the violations; and the events.
    async fn write_news(
        &self,
        license: &License,
        take: Option<&str>,
        activation: TransactWriteItem,
        event: Option<&Event>,
        news: &News,
    ) -> Result<Written<2>> {
        let mut more = Vec::new();
        for event in event.into_iter().chain(&news.events) {
            more.push(self.note(event)?);
        }
        let mut new = 0;
        for consequence in &news.consequences {
            more.push(match consequence {
                Consequence::New(violation) => {
                    new += 1;
                    self.new_violation(violation)?
                }
                Consequence::More { violation, .. } => self.more_of_violation(violation)?,
            });
        }
        let sighted = !news.sighting.is_empty();
        if take.is_none() && !sighted {
            return Ok(match self.transact_with([activation], more).await? {
                Written::Done => Written::Done,
                Written::Refused([by_activation]) => Written::Refused([Refusal::None, by_activation]),
                Written::Contended => Written::Contended,
            });
        }
        let half = self.license_half(license, take, news, new)?;
        self.transact_with([half, activation], more).await
    }

    /// The license's half of a request: its counters go up by `take`, and what is news of it is noted, unless the limit
    /// is reached or the license is not what was decided on.
    fn license_half(&self, license: &License, take: Option<&str>, news: &News, new: u32) -> Result<TransactWriteItem> {
        let (counter, limit) = match license.session_limit() {
            Some(limit) => ("sessionsOpen", limit),
            None => ("machinesUsed", license.machine_limit()),
        };
        let mut half = Half::default();
        half.when("revision = :seenRevision", ":seenRevision", number(license.revision));
        if let Some(take) = take {
            half.set(take, ":one", number(1));
            if let SeatLimit::Limited(limit) = limit {
                // Closes the race for the last seat.
                half.when(&format!("{counter} < :limit"), ":limit", number(limit));
            }
        }
        if let Some(seen_in) = &news.sighting.seen_in {
            let attribute = |map| serde_dynamo::to_attribute_value(map).map_err(Error::internal);
            half.set("seenIn = :seenIn", ":seenIn", attribute(seen_in)?);
            // Of two countries that are seen at once, the second finds the first.
            half.when("seenIn = :seenBefore", ":seenBefore", attribute(&license.seen_in)?);
        }
        if let Some((mark, came)) = &news.sighting.arrival {
            half.names.insert("#arrived".to_owned(), mark.as_str().to_owned());
            half.set("arrivals.#arrived = :came", ":came", number(came));
            half.set("arrived = arrived + :another", ":another", number(1));
            if let Some(room) = news.room {
                // Of many machines that come at once, the one too many finds the others.
                half.when(
                    "arrived <= :enough",
                    ":enough",
                    number(license.arrived + u64::from(room)),
                );
            }
        }
        for (i, mark) in news.sighting.forgotten.iter().enumerate() {
            half.names.insert(format!("#forgotten{i}"), mark.as_str().to_owned());
            half.removes.push(format!("arrivals.#forgotten{i}"));
        }
        if !news.events.is_empty() {
            let difference = difference(license, &news.license)?;
            half.sets.push(difference.sets.trim_start_matches("SET ").to_owned());
            half.removes
                .extend(difference.removes.strip_prefix(" REMOVE ").map(str::to_owned));
            half.names.extend(difference.names);
            half.values.extend(difference.values);
            half.set(
                "unresolvedViolations = unresolvedViolations + :new",
                ":new",
                number(new),
            );
        }
        let update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            .update_expression(half.expression())
            .condition_expression(half.conditions.join(" AND "))
            .set_expression_attribute_names((!half.names.is_empty()).then_some(half.names))
            .set_expression_attribute_values(Some(half.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// A known machine's session, after its last one was reaped.
    fn opened(&self, activation: &Activation, arrival: &Arrival, event: Option<&Event>) -> Result<TransactWriteItem> {
        let mut change = Change::of(activation, arrival, true);
        if let Some(event) = event {
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
        Ok(TransactWriteItem::builder().update(session).build())
    }

    /// The activation of a machine that needs nothing new, brought up to date beside something else: unless it is gone or
    /// its session was reaped meanwhile or, with an event, another request has noted one since it was read.
    fn refreshed(
        &self,
        license: &License,
        activation: &Activation,
        arrival: &Arrival,
        event: Option<&Event>,
    ) -> Result<TransactWriteItem> {
        let floating = license.session_limit().is_some();
        let mut change = Change::of(activation, arrival, floating);
        let mut condition = still_there(floating).to_owned();
        if let Some(event) = event {
            change.set_validated_at(event.at);
            condition.push_str(" AND (attribute_not_exists(validatedAt) OR validatedAt <= :due)");
            change
                .values
                .insert(":due".to_owned(), text(event.at - VALIDATED_INTERVAL));
        }
        let update = change
            .apply(Update::builder())
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(&activation.license_key, &activation.fingerprint)))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
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
            .condition_expression(still_there(floating))
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

    /// A license and its activation of a machine, both as they are at one moment.
    async fn license_with_activation_at_once(
        &self,
        key: &LicenseKey,
        fingerprint: &Fingerprint,
    ) -> Result<(License, Option<Activation>)> {
        let keys = [
            (&schema::LICENSES, schema::LICENSES.key(key.as_str(), None)),
            (&schema::ACTIVATIONS, activation_key(key, fingerprint)),
        ];
        let [license, activation] = self.get_at_once(keys).await?;
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

/// An update of a license, in the making.
#[derive(Default)]
struct Half {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Half {
    fn set(&mut self, assignment: &str, placeholder: &str, value: AttributeValue) {
        self.sets.push(assignment.to_owned());
        self.values.insert(placeholder.to_owned(), value);
    }

    fn when(&mut self, condition: &str, placeholder: &str, value: AttributeValue) {
        self.conditions.push(condition.to_owned());
        self.values.insert(placeholder.to_owned(), value);
    }

    fn expression(&self) -> String {
        let mut expression = format!("SET {}", self.sets.join(", "));
        if !self.removes.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&self.removes.join(", "));
        }
        expression
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
