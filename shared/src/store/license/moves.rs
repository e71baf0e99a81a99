//! Moves: one machine leaves a license and another comes, in one transaction.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::{
    Error, Result, Timestamp,
    error::{Noun, Resource},
    event::Event,
    license::{
        License,
        activation::{Activation, Admission, Arrival},
        key::LicenseKey,
        machine::{Fingerprint, MachineMark},
        moves::MovePolicy,
        seats::SeatLimit,
    },
    product::ProductId,
    signing::token::TokenPolicy,
    store::{
        Refusal, Store, WRITE_ATTEMPTS, Written, decode,
        license::activation::{Change, activation_key, still_there},
        number, pause, schema, text, unexpected,
    },
};

/// A license that is to be moved, as far as it was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The license.
    pub license: Option<License>,
    /// Its activation of the machine that leaves.
    pub leaving: Option<Activation>,
    /// Its activation of the machine that comes, which may have one.
    pub coming: Option<Activation>,
}

/// How a license is moved.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The product that the machine wants to run.
    pub product: &'a ProductId,
    /// The machine that comes.
    pub arrival: &'a Arrival,
    /// How long its token lives.
    pub tokens: &'a TokenPolicy,
    /// How often a license may be moved.
    pub moves: &'a MovePolicy,
    /// That the other machine left.
    pub deactivated: &'a Event,
    /// That this one came, which is noted only if it had no slot before.
    pub activated: &'a Event,
}

impl Store {
    /// The license with this key, and its activations of the machine that comes and of the one that leaves, which is named
    /// by its fingerprint or as it is shown, for whoever holds the key: all at once.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_get_to_move_unscoped(
        &self,
        key: &LicenseKey,
        coming: &Fingerprint,
        leaving: &Fingerprint,
    ) -> Result<Found> {
        let mut machines = vec![coming];
        // A batch names no item twice.
        if leaving != coming && !leaving.may_be_shown() {
            machines.push(leaving);
        }
        let keys = machines
            .into_iter()
            .map(|machine| activation_key(key, machine))
            .collect();
        let together = self.get_together(vec![
            (&schema::LICENSES, vec![schema::LICENSES.key(key.as_str(), None)]),
            (&schema::ACTIVATIONS, keys),
        ]);
        let shown = async {
            if leaving.may_be_shown() {
                self.machine_shown_as(key, leaving).await
            } else {
                Ok(None)
            }
        };
        let (mut found, shown) = tokio::try_join!(together, shown)?;
        let license = found
            .remove(&self.table(&schema::LICENSES))
            .and_then(|mut items| items.pop());
        let machines = found.remove(&self.table(&schema::ACTIVATIONS)).unwrap_or_default();
        let machines: Vec<Activation> = machines.into_iter().map(decode).collect::<Result<_>>()?;
        let one = |fingerprint: &Fingerprint| {
            let found = machines.iter().find(|machine| machine.fingerprint == *fingerprint);
            found.cloned()
        };
        Ok(Found {
            license: license.map(decode).transpose()?,
            leaving: shown.or_else(|| one(leaving)),
            coming: one(coming),
        })
    }

    /// The one machine of a license that is shown so.
    async fn machine_shown_as(&self, key: &LicenseKey, shown: &Fingerprint) -> Result<Option<Activation>> {
        let page = self
            .client
            .query()
            .table_name(self.table(&schema::ACTIVATIONS))
            .key_condition_expression("licenseKey = :key AND begins_with(fingerprint, :shown)")
            .expression_attribute_values(":key", text(key))
            .expression_attribute_values(":shown", text(shown))
            .consistent_read(true)
            // A second one makes it ambiguous, unless the first, in the order of the table, is so called.
            .limit(2)
            .send()
            .await
            .map_err(unexpected)?;
        let machines: Vec<Activation> = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(decode)
            .collect::<Result<_>>()?;
        Ok(Activation::named(shown, machines))
    }

    /// Moves a license: removes the activation of the machine that leaves, and lets in the one that comes, which may have
    /// an activation, in one transaction. They are two machines.
    ///
    /// The decision is made on what was read, and again on what DynamoDB hands back when another request came between.
    ///
    /// # Errors
    /// In the order in which they are looked for: the refusals of [`License::opens`]; [`Noun::Activation`] when
    /// the machine that leaves has left; those of [`License::may_move`] and [`License::admit_in_place_of`];
    /// [`Noun::License`] when the license is deleted meanwhile; [`Error::Internal`].
    pub async fn license_move(
        &self,
        mut license: License,
        leaving: Activation,
        mut coming: Option<Activation>,
        how: Move<'_>,
    ) -> Result<(License, Activation)> {
        let now = how.arrival.now;
        let (key, leaver) = (leaving.license_key.clone(), leaving.fingerprint.clone());
        let mut leaving = Some(leaving);
        let mut collisions = 0;
        while collisions < WRITE_ATTEMPTS {
            license.opens(how.product, now)?;
            let leaves = leaving.as_ref().ok_or(Error::NotFound(Noun::Activation))?;
            let moves = license.may_move(now, how.moves)?;
            let admission = match license.admit_in_place_of(leaves, coming.as_ref()) {
                Ok(admission) => admission,
                Err(
                    full @ Error::Full {
                        of: Resource::Session, ..
                    },
                ) => {
                    // A session is really taken only while it is alive.
                    let reaped = self.reap_a_lapsed_session(&key, now).await?;
                    // License and activations were read at several moments. Nobody is turned away for what was so at
                    // none.
                    let seen = license.revision;
                    let keys = [
                        (&schema::LICENSES, schema::LICENSES.key(key.as_str(), None)),
                        (&schema::ACTIVATIONS, activation_key(&key, &leaver)),
                        (&schema::ACTIVATIONS, activation_key(&key, &how.arrival.fingerprint)),
                    ];
                    let [found, leaves, comes] = self.get_at_once(keys).await?;
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
                    collisions += 1;
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            let arrival = Arrival {
                token_expiry: Some(license.token_expiry(now, how.tokens)),
                ..how.arrival.clone()
            };
            let next = Activation::after(coming.as_ref(), &license, &arrival);
            let shift = Shift::of(&license, leaves, admission);
            let comes = match admission {
                Admission::NewMachine => self.add(&next)?,
                Admission::Refresh | Admission::OpenSession => self.stay(&license, &next, &arrival, admission)?,
            };
            let leave = self.remove(&key, &leaver, leaves.lease_until.is_some())?;
            let events: &[&Event] = match admission {
                Admission::NewMachine => &[how.deactivated, how.activated],
                Admission::Refresh | Admission::OpenSession => &[how.deactivated],
            };
            let actions = [self.count_move(&license, &shift, &moves, how.arrival)?, leave, comes];
            match self.transact_with_events(actions, events).await? {
                Written::Done => return Ok((shift.applied_to(license, moves), next)),
                Written::Contended => pause(collisions).await,
                Written::Refused([by_license, by_leaving, by_coming]) => {
                    if let Refusal::By(found) = by_license {
                        license = decode(found.ok_or(Error::NotFound(Noun::License))?)?;
                    }
                    if let Refusal::By(found) = by_leaving {
                        leaving = found.map(decode).transpose()?;
                    }
                    if let Refusal::By(found) = by_coming {
                        coming = found.map(decode).transpose()?;
                    }
                }
            }
            collisions += 1;
        }
        Err(Error::internal("a license was in use by others all the time"))
    }

    /// The license's half of a move: its counters and the list of its moves.
    fn count_move(
        &self,
        license: &License,
        shift: &Shift,
        moves: &[Timestamp],
        arrival: &Arrival,
    ) -> Result<TransactWriteItem> {
        let mut update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            .update_expression(format!(
                "SET machinesUsed = machinesUsed + :machines, sessionsOpen = sessionsOpen + :sessions, \
                 moves = :moves, revision = :moved{}",
                if shift.came > 0 {
                    ", arrivals.#arrived = :came, arrived = arrived + :another"
                } else {
                    ""
                }
            ))
            .expression_attribute_values(":machines", number(i64::from(shift.came) - 1))
            .expression_attribute_values(":sessions", number(i64::from(shift.taken) - i64::from(shift.freed)))
            .expression_attribute_values(":moves", AttributeValue::L(moves.iter().map(text).collect()))
            .expression_attribute_values(":moved", number(license.revision + 1))
            .expression_attribute_values(":revision", number(license.revision))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if shift.came > 0 {
            // A machine that comes this way counts among the new ones; the next one that comes is held against it.
            update = update
                .expression_attribute_names("#arrived", MachineMark::of(&arrival.fingerprint).as_str())
                .expression_attribute_values(":came", number(arrival.now.seconds()))
                .expression_attribute_values(":another", number(1));
        }
        let limit = license.session_limit().filter(|_| shift.taken > 0);
        update = match limit {
            // Two moves at once are counted as two, and neither is made of a license that was revoked meanwhile.
            None | Some(SeatLimit::Unlimited) => update.condition_expression("revision = :revision"),
            // And, as when a session is taken, closes the race for the last one: that of the machine that leaves is free.
            Some(SeatLimit::Limited(limit)) => update
                .condition_expression("revision = :revision AND sessionsOpen < :limit")
                .expression_attribute_values(":limit", number(limit + shift.freed)),
        };
        Ok(TransactWriteItem::builder()
            .update(update.build().map_err(Error::internal)?)
            .build())
    }

    /// The half of a move that is the activation of the machine that comes, when it has one.
    fn stay(
        &self,
        license: &License,
        activation: &Activation,
        arrival: &Arrival,
        admission: Admission,
    ) -> Result<TransactWriteItem> {
        let floating = license.session_limit().is_some();
        let still = match admission {
            // One machine that asks twice at once holds one session.
            Admission::OpenSession => "attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)",
            Admission::Refresh | Admission::NewMachine => still_there(floating),
        };
        let update = Change::of(activation, arrival, floating)
            .apply(Update::builder())
            .table_name(self.table(&schema::ACTIVATIONS))
            .set_key(Some(activation_key(&activation.license_key, &activation.fingerprint)))
            .condition_expression(still)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// How a move changes the license's counters, beside the one machine that leaves.
struct Shift {
    /// The slots that the machine that comes takes.
    came: u32,
    /// The sessions that end with the machine that leaves.
    freed: u32,
    /// The sessions that begin.
    taken: u32,
}

impl Shift {
    fn of(license: &License, leaving: &Activation, admission: Admission) -> Self {
        let floating = u32::from(license.session_limit().is_some());
        let (came, taken) = match admission {
            Admission::NewMachine => (1, floating),
            Admission::OpenSession => (0, 1),
            Admission::Refresh => (0, 0),
        };
        let freed = u32::from(leaving.lease_until.is_some());
        Self { came, freed, taken }
    }

    /// The license as the move leaves it.
    fn applied_to(&self, license: License, moves: Vec<Timestamp>) -> License {
        License {
            machines_used: (license.machines_used + self.came).saturating_sub(1),
            sessions_open: (license.sessions_open + self.taken).saturating_sub(self.freed),
            moves,
            revision: license.revision + 1,
            ..license
        }
    }
}
