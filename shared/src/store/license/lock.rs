//! What the license-keys API writes of licenses: who was found good, which machine a license is bound to, and new keys
//! in the place of old ones.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use futures_util::future::try_join_all;

use crate::{
    Error, Result, Timestamp,
    error::Noun,
    event::{Event, EventId, EventType, Subject},
    license::{
        License,
        key::{CurrentKey, FormerKey, KeyMark, LicenseId, LicenseKey},
        lock::{Checked, Unfit},
        machine::Fingerprint,
        standing::LicenseStatus,
    },
    product::{Product, key_rules::KeyRules},
    store::{
        HASTY_ATTEMPTS, Refusal, Store, Tried, WRITE_ATTEMPTS, Written, cache::Offer, decode, encode,
        license::license::Changed, number, pause, schema, text, unexpected,
    },
};

/// How many activations are removed beside an exchange of keys: DynamoDB takes a hundred actions, and five are the keys'
/// and the event's.
const MACHINES_AT_ONCE: usize = 95;

/// How many events are looked at in one call to find those of some types.
const EVENTS_A_PAGE: i32 = 1000;

/// How many times that is done for one list: what a license of many machines comes to in months.
const MOST_PAGES: usize = 10;

/// How a key that is plainly good is told by DynamoDB itself: a case of [`License::check`] that needs no thought.
const PLAINLY_GOOD: &str = "#status IN (:active, :degraded) AND (attribute_not_exists(expiresAt) OR expiresAt > :now) \
     AND (attribute_not_exists(membership) OR attribute_not_exists(membership.endsAt) OR membership.endsAt > :now)";

/// A license that [`Store::license_bind`] looked at.
pub struct Bound {
    /// The license.
    pub license: License,
    /// What it is for.
    pub product: Option<Arc<Product>>,
    /// How it stands.
    pub checked: Checked,
}

impl Bound {
    fn new(license: License, offer: Offer, checked: Checked) -> Self {
        Self {
            license,
            product: offer.product,
            checked,
        }
    }
}

impl Store {
    /// The license with this key, for whoever holds the key, and whether `event`, that it was found good on this machine,
    /// is noted: it is when the license is plainly good, and bound to the machine if one is named.
    ///
    /// Reading and noting are done at once, so that a good answer takes one round trip. What was noted holds: its
    /// condition was looked at in the transaction that wrote it.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_check_unscoped(
        &self,
        key: &LicenseKey,
        hwid: Option<&Fingerprint>,
        event: &Event,
    ) -> Result<(Option<License>, bool)> {
        tokio::try_join!(
            self.license_get_unscoped(key),
            self.note_if_plainly_good(key, hwid, event)
        )
    }

    async fn note_if_plainly_good(&self, key: &LicenseKey, hwid: Option<&Fingerprint>, event: &Event) -> Result<bool> {
        let mut check = ConditionCheck::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(key.as_str(), None)))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", text(LicenseStatus::Active))
            .expression_attribute_values(":degraded", text(LicenseStatus::Degraded))
            .expression_attribute_values(":now", text(event.at));
        check = match hwid {
            Some(hwid) => check
                .condition_expression(format!("{PLAINLY_GOOD} AND hwid = :hwid"))
                .expression_attribute_values(":hwid", text(hwid)),
            None => check.condition_expression(PLAINLY_GOOD),
        };
        let check = check.build().map_err(Error::internal)?;
        let check = TransactWriteItem::builder().condition_check(check).build();
        Ok(match self.try_transact(vec![check, self.note(event)?]).await? {
            Tried::Done => true,
            // Not plainly good, or just being changed: that is looked at more closely, and noted then.
            Tried::Cancelled(_) | Tried::Contended => false,
        })
    }

    /// Notes `event` alone: that a license was found good by what was read of it.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn event_create(&self, event: &Event) -> Result<()> {
        for attempt in 0..WRITE_ATTEMPTS {
            match self.try_transact(vec![self.note(event)?]).await? {
                Tried::Done => return Ok(()),
                Tried::Contended | Tried::Cancelled(_) => pause(attempt).await,
            }
        }
        Err(Error::internal("an event could not be noted"))
    }

    /// Binds a license to the machine that asks, if `check` says that it then is good by its product's rules, and notes
    /// `event` with that. `check` is called again on the license as it is then, should another change come between: of two
    /// machines that ask at once, the second finds the first.
    ///
    /// The rules may be a minute late. What only an index says of them decides nothing: a binding takes effect if the
    /// product itself says the same, and for a refusal the product is read.
    ///
    /// Answers the license as it is afterwards, and what `check` said last: [`Checked::Binds`] when this bound it.
    ///
    /// # Errors
    /// [`Noun::License`] when the key is gone meanwhile; [`Error::Internal`].
    pub async fn license_bind(
        &self,
        mut license: License,
        event: &Event,
        now: Timestamp,
        check: impl Fn(&License, &KeyRules) -> Checked,
    ) -> Result<Bound> {
        let id = license.product_id.clone();
        let mut offer = self.foreseen_product(&id, now).await?;
        for attempt in 0..WRITE_ATTEMPTS {
            let rules = offer.rules();
            let checked = check(&license, &rules);
            let Checked::Binds(bound) = &checked else {
                if checked == Checked::Bad(Unfit::BindingsUsedUp) && !offer.confirmed {
                    offer = self.read_product(&id, now, true).await?.into();
                    continue;
                }
                return Ok(Bound::new(license, offer, checked));
            };
            let condition = match offer.confirmed {
                true => None,
                false => Some(self.still_rules(&id, &rules)?),
            };
            match self
                .try_change_license_if(&license, (**bound).clone(), event, condition)
                .await?
            {
                Changed::Done(bound) => {
                    self.kept.confirm(&offer);
                    return Ok(Bound::new(bound, offer, checked));
                }
                Changed::Meanwhile(changed) if attempt < HASTY_ATTEMPTS => license = changed,
                Changed::Meanwhile(_) => license = self.license_later(attempt, &license).await?,
                Changed::Contended => {
                    let product = async {
                        match offer.confirmed {
                            true => Ok(offer),
                            false => self.read_product(&id, now, true).await.map(Offer::from),
                        }
                    };
                    (license, offer) = tokio::try_join!(self.license_later(attempt, &license), product)?;
                }
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// The license whose key was exchanged for another, by the event that tells of it: for a request that is carried out
    /// again, and whose key is gone by its own doing.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_by_key_exchange(&self, key: &LicenseKey, event: &EventId) -> Result<Option<License>> {
        match self.former_key(key).await? {
            Some(former) if former.event_id == *event => self.license_by_former_key(key, &former.license_id).await,
            Some(_) | None => Ok(None),
        }
    }

    /// The license with this id, which has this key or once had it. All reads are strongly consistent: what decides about
    /// money must not depend on an index that is behind. However often the key was exchanged, they are as many.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_by_former_key(&self, key: &LicenseKey, id: &LicenseId) -> Result<Option<License>> {
        match self.license_get_unscoped(key).await? {
            Some(license) => Ok((license.license_id == *id).then_some(license)),
            None => self.license_under_current_key(id).await,
        }
    }

    /// The license with this id, whose key was exchanged.
    async fn license_under_current_key(&self, id: &LicenseId) -> Result<Option<License>> {
        let mut before = None;
        for _ in 0..WRITE_ATTEMPTS {
            let current: Option<CurrentKey> = self
                .get(&schema::FORMER_KEYS, KeyMark::of_license(id).as_str(), None)
                .await?;
            let Some(current) = current.filter(|current| before.as_ref() != Some(&current.license_key)) else {
                return Ok(None);
            };
            if let Some(license) = self.license_get_unscoped(&current.license_key).await? {
                return Ok(Some(license));
            }
            // Exchanged again between the two reads: then there is another key now.
            before = Some(current.license_key);
        }
        Err(Error::internal("a license's key was exchanged all the time"))
    }

    async fn former_key(&self, key: &LicenseKey) -> Result<Option<FormerKey>> {
        self.get(&schema::FORMER_KEYS, KeyMark::of(key).as_str(), None).await
    }

    /// That no license ever had this key and exchanged it.
    pub(in crate::store) fn never_exchanged(&self, key: &LicenseKey) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(self.table(&schema::FORMER_KEYS))
            .set_key(Some(schema::FORMER_KEYS.key(KeyMark::of(key).as_str(), None)))
            .condition_expression("attribute_not_exists(keyMark)")
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// That a key is exchanged, and for which: the old one leads to the license, and the license to the new one.
    fn leads_to(&self, license: &License, reissued: &License, event: &Event) -> Result<[TransactWriteItem; 2]> {
        let former = FormerKey {
            key_mark: KeyMark::of(&license.license_key),
            license_id: license.license_id.clone(),
            event_id: event.event_id.clone(),
        };
        let current = CurrentKey {
            key_mark: KeyMark::of_license(&license.license_id),
            license_key: reissued.license_key.clone(),
        };
        let put = |item| {
            let put = Put::builder()
                .table_name(self.table(&schema::FORMER_KEYS))
                .set_item(Some(item))
                .build()
                .map_err(Error::internal)?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        Ok([put(encode(&former)?)?, put(encode(&current)?)?])
    }

    /// The license that has this key or once had it: for a key from an index, which may be behind an exchange.
    pub(in crate::store) async fn license_ever_under(&self, key: &LicenseKey) -> Result<Option<License>> {
        if let Some(license) = self.license_get_unscoped(key).await? {
            return Ok(Some(license));
        }
        match self.former_key(key).await? {
            Some(former) => self.license_under_current_key(&former.license_id).await,
            None => Ok(None),
        }
    }

    /// The license with this stable id. An index leads to its key; what is answered is read by that key.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_by_id(&self, id: &LicenseId) -> Result<Option<License>> {
        for key in self.license_keys(&schema::LICENSES_BY_ID, id.as_str()).await? {
            let license = self.license_get_unscoped(&key).await?;
            if let Some(license) = license.filter(|license| license.license_id == *id) {
                return Ok(Some(license));
            }
        }
        // An index may be behind: of a license whose key was just exchanged it may have the old one, or none.
        self.license_under_current_key(id).await
    }

    /// Gives a license the key that `reissue` makes of it, and takes every machine off it: in one transaction the old key
    /// is gone and the new one there. `reissue` is called again on the license as it is then, should another change come
    /// between.
    ///
    /// A license with more machines than a transaction holds loses them before, of which `reset` tells.
    ///
    /// # Errors
    /// Those of `reissue`; [`Noun::License`] when the key is gone meanwhile; [`Error::Internal`].
    pub async fn license_exchange_key(
        &self,
        mut license: License,
        event: &Event,
        reset: &Event,
        reissue: impl Fn(&License) -> Result<License>,
    ) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            let reissued = reissue(&license)?;
            let machines = if license.machines_used > 0 {
                self.activation_list(&license.license_key).await?
            } else {
                Vec::new()
            };
            if machines.len() > MACHINES_AT_ONCE {
                self.activation_reset(&license, reset).await?;
                license = self.license_later(attempt, &license).await?;
                continue;
            }
            let mut more = vec![self.note(event)?];
            more.extend(self.leads_to(&license, &reissued, event)?);
            for machine in &machines {
                let in_session = machine.lease_until.is_some();
                more.push(self.remove(&license.license_key, &machine.fingerprint, in_session)?);
            }
            let actions = [self.key_gone(&license)?, self.new_license(&reissued)?];
            match self.transact_with(actions, more).await? {
                Written::Done => return Ok(reissued),
                Written::Refused([Refusal::By(found), _]) if attempt < HASTY_ATTEMPTS => {
                    license = decode(found.ok_or(Error::NotFound(Noun::License))?)?;
                }
                Written::Refused([Refusal::By(_), _]) | Written::Contended => {
                    license = self.license_later(attempt, &license).await?;
                }
                Written::Refused([Refusal::None, _]) => {
                    return Err(Error::internal("a new license key was taken already"));
                }
            }
        }
        Err(Error::internal("a license was in use by others all the time"))
    }

    /// The old key's half of an exchange: unless the license was changed since it was read, or has more machines or fewer.
    fn key_gone(&self, license: &License) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            // So that no machine is left on a key that is gone: each that is counted is removed beside it.
            .condition_expression(
                "revision = :seen AND machinesUsed = :machines AND sessionsOpen = :sessions \
                 AND unresolvedViolations = :violations AND arrived = :arrived AND seenIn = :seenIn",
            )
            .expression_attribute_values(":seen", number(license.revision))
            .expression_attribute_values(":machines", number(license.machines_used))
            .expression_attribute_values(":sessions", number(license.sessions_open))
            // What is noted of it without a new revision goes along to the new key.
            .expression_attribute_values(":violations", number(license.unresolved_violations))
            .expression_attribute_values(":arrived", number(license.arrived))
            .expression_attribute_values(
                ":seenIn",
                serde_dynamo::to_attribute_value(&license.seen_in).map_err(Error::internal)?,
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// The latest events of these types of a license that the caller may see, under whatever key they happened, newest
    /// first; at most `limit`.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn event_list_latest(&self, license: &License, types: &[EventType], limit: usize) -> Result<Vec<Event>> {
        let mut subjects = vec![Subject::from(&license.license_id)];
        subjects.push(Subject::from(&KeyMark::of(&license.license_key)));
        subjects.extend(license.former_keys.iter().map(Subject::from));
        let found = subjects
            .iter()
            .map(|subject| self.latest_events_under(subject, types, limit));
        let mut events = try_join_all(found).await?.concat();
        events.sort_by(|a, b| (b.at, &b.event_id).cmp(&(a.at, &a.event_id)));
        events.truncate(limit);
        Ok(events)
    }

    async fn latest_events_under(&self, subject: &Subject, types: &[EventType], limit: usize) -> Result<Vec<Event>> {
        let names: Vec<String> = (0..types.len()).map(|i| format!(":t{i}")).collect();
        let values = names.iter().cloned().zip(types.iter().map(text));
        let mut pages = self
            .client
            .query()
            .table_name(self.table(&schema::EVENTS))
            .key_condition_expression("subject = :subject")
            .filter_expression(format!("#type IN ({})", names.join(", ")))
            .expression_attribute_names("#type", "type")
            .set_expression_attribute_values(Some(values.collect()))
            .expression_attribute_values(":subject", text(subject))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(EVENTS_A_PAGE)
            .into_paginator()
            .send();
        let mut events: Vec<Event> = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await else { break };
            for item in page.map_err(unexpected)?.items.unwrap_or_default() {
                events.push(decode(item)?);
            }
            if events.len() >= limit {
                break;
            }
        }
        events.truncate(limit);
        Ok(events)
    }
}
