//! Purchases, and the licenses that come of them.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::{
    Error, Result, Timestamp,
    error::Noun,
    event::Event,
    license::{
        License,
        key::LicenseKey,
        standing::Dispute,
        violation::{Violation, ViolationId},
    },
    product::Product,
    sale::{
        code::Code,
        purchase::{Purchase, PurchaseKey},
    },
    store::{
        Refusal, Store, Tried, WRITE_ATTEMPTS, decode, encode,
        license::license::{difference, owner_email},
        number, pause, schema, text, unexpected,
    },
    value::{days::Days, email::Email, reference::Reference},
};

/// What became of a license that was to be made.
#[derive(Debug)]
pub enum Made {
    /// It was, now or when the same request was carried out before.
    Done,
    /// Another license has its key.
    KeyTaken,
    /// This came of its purchase before.
    Before(Purchase),
}

/// What became of a notice about a license.
#[derive(Debug)]
pub enum Told {
    /// It was acted on; the license as it is now.
    Now(License),
    /// It changes nothing.
    Nothing(License),
    /// It was acted on before.
    Before(Purchase),
}

/// Where a new license's key is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// It was made here, of random bits: nobody had it before.
    Made,
    /// It is from elsewhere.
    Given,
}

/// How often a key may be registered.
#[derive(Clone, Copy)]
enum Registered {
    /// Once: it is why the notice is acted on.
    Once,
    /// Again for the same license: it only leads there.
    Again,
}

/// A notice that is acted on.
pub struct Act<'a> {
    /// Under what it is written down, so that it is acted on once.
    pub keys: &'a [PurchaseKey],
    /// By what else the license is found from now on.
    pub aliases: &'a [PurchaseKey],
    /// What is noted of the change, should there be one.
    pub event: &'a Event,
    /// When.
    pub now: Timestamp,
}

impl Store {
    /// What came of the notice with this key. Whoever knows the key is a store that was let in.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn purchase_get(&self, key: &PurchaseKey) -> Result<Option<Purchase>> {
        self.get(&schema::PURCHASES, key.as_str(), None).await
    }

    /// Stores a new license under a key of our making; that `event` made it; that it came of `purchases`; and that it used `code`, if that can be
    /// used: all as one. A code that can't be used does not stand in the way.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_create(
        &self,
        license: &License,
        event: &Event,
        purchases: &[Purchase],
        code: Option<Code>,
    ) -> Result<Made> {
        self.create_license_under(license, event, purchases, code, Key::Made)
            .await
    }

    /// As [`Store::license_create`], under a key that was given to us. One that a license once had is taken for good:
    /// whoever has it still must find it dead.
    ///
    /// # Errors
    /// As for [`Store::license_create`].
    pub async fn license_create_with_own_key(
        &self,
        license: &License,
        event: &Event,
        purchases: &[Purchase],
        code: Option<Code>,
    ) -> Result<Made> {
        self.create_license_under(license, event, purchases, code, Key::Given)
            .await
    }

    async fn create_license_under(
        &self,
        license: &License,
        event: &Event,
        purchases: &[Purchase],
        mut code: Option<Code>,
        key: Key,
    ) -> Result<Made> {
        for attempt in 0..WRITE_ATTEMPTS {
            let mut actions = vec![self.new_license(license)?, self.note(event)?];
            for purchase in purchases {
                actions.push(self.register(purchase, Registered::Once)?);
            }
            if let Some(code) = code.as_ref().filter(|code| code.redeemable(license.created_at).is_ok()) {
                actions.push(self.use_code(code)?);
            }
            if key == Key::Given {
                actions.push(self.never_exchanged(&license.license_key)?);
            }
            let mut refusals = match self.try_transact(actions).await? {
                Tried::Done => return Ok(Made::Done),
                Tried::Contended => {
                    pause(attempt).await;
                    continue;
                }
                Tried::Cancelled(reasons) => reasons.into_iter().map(Refusal::from),
            };
            if let Some(Refusal::By(found)) = refusals.next() {
                let found: Option<License> = found.map(decode).transpose()?;
                let own = found.is_some_and(|found| found.license_id == license.license_id);
                return Ok(if own { Made::Done } else { Made::KeyTaken });
            }
            // The event's, which has no condition.
            refusals.next();
            for refusal in refusals.by_ref().take(purchases.len()) {
                if let Refusal::By(Some(found)) = refusal {
                    return Ok(Made::Before(decode(found)?));
                }
            }
            if key == Key::Given
                && let Some(Refusal::By(_)) = refusals.next_back()
            {
                return Ok(Made::KeyTaken);
            }
            if let Some(Refusal::By(found)) = refusals.next() {
                // Used up or changed by another request; or deleted, and maybe made again, perhaps by another owner.
                let found: Option<Code> = found.map(decode).transpose()?;
                code = found.filter(|found| code.as_ref().is_some_and(|code| code.creation == found.creation));
            }
        }
        Err(Error::internal("a license was in use by others all the time"))
    }

    /// Revokes a license for which the money was given back. A chargeback is also a violation, unless one is open; it
    /// gets this id, and is an event of its own.
    ///
    /// # Errors
    /// [`Noun::License`] when the license is deleted meanwhile; [`Error::Internal`].
    pub async fn license_dispute(
        &self,
        mut license: License,
        dispute: Dispute,
        chargeback: (&ViolationId, &Event),
        notice: &Act<'_>,
    ) -> Result<Told> {
        for attempt in 0..WRITE_ATTEMPTS {
            let changed = license.dispute(dispute, notice.now);
            let violation = if changed.is_some() && dispute == Dispute::Chargeback {
                let known = self.violation_list(&license).await?;
                let (id, event) = chargeback;
                let is_new = !known.iter().any(Violation::is_open_chargeback);
                is_new.then(|| (Violation::chargeback(&license, id.clone(), notice.now), event))
            } else {
                None
            };
            match self.try_to_act(&license, changed, violation, notice).await? {
                Some(told) => return Ok(told),
                None => license = self.license_after(attempt, &license).await?,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// Lets a license that was paid for another period go on for these days. Of renewals that have no keys of their own,
    /// two at once are one that was told twice.
    ///
    /// # Errors
    /// As for [`Store::license_dispute`].
    pub async fn license_renew(&self, mut license: License, days: Days, notice: &Act<'_>) -> Result<Told> {
        for attempt in 0..WRITE_ATTEMPTS {
            let changed = if notice.keys.is_empty() {
                license.renew_unnamed(days, notice.now)
            } else {
                Some(license.renew(days, notice.now))
            };
            match self.try_to_act(&license, changed, None, notice).await? {
                Some(told) => return Ok(told),
                None => license = self.license_after(attempt, &license).await?,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// Notes that the membership ends which a license is linked to, by `end`: `None` where it is known to end no later.
    ///
    /// # Errors
    /// As for [`Store::license_dispute`].
    pub async fn license_end_subscription(
        &self,
        mut license: License,
        end: impl Fn(&License) -> Option<License>,
        notice: &Act<'_>,
    ) -> Result<Told> {
        for attempt in 0..WRITE_ATTEMPTS {
            match self.try_to_act(&license, end(&license), None, notice).await? {
                Some(told) => return Ok(told),
                None => license = self.license_after(attempt, &license).await?,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// Writes down that a notice is about this license, which it does not change.
    ///
    /// # Errors
    /// As for [`Store::license_dispute`].
    pub async fn notice_create(&self, mut license: License, notice: &Act<'_>) -> Result<Told> {
        for attempt in 0..WRITE_ATTEMPTS {
            match self.try_to_act(&license, None, None, notice).await? {
                Some(told) => return Ok(told),
                None => license = self.license_after(attempt, &license).await?,
            }
        }
        Err(Error::internal("a purchase was in use by others all the time"))
    }

    /// Turns `license` into `changed` and writes the notice down, all as one; `None` when the license was changed since
    /// it was read.
    async fn try_to_act(
        &self,
        license: &License,
        changed: Option<License>,
        violation: Option<(Violation, &Event)>,
        notice: &Act<'_>,
    ) -> Result<Option<Told>> {
        let mut actions = Vec::new();
        for key in notice.keys {
            actions.push(self.register(&Purchase::new(key.clone(), license, notice.now), Registered::Once)?);
        }
        for alias in notice.aliases {
            actions.push(self.register(&Purchase::new(alias.clone(), license, notice.now), Registered::Again)?);
        }
        let changed = changed.map(|changed| License {
            revision: license.revision + 1,
            ..changed
        });
        if let Some(changed) = &changed {
            let violations = u32::from(violation.is_some());
            actions.push(self.changed_by_notice(license, changed, violations)?);
            let changes = license.changes_to(changed)?;
            actions.push(self.note(&notice.event.clone().with("changes", changes))?);
        }
        if let Some((violation, event)) = violation {
            actions.push(self.new_violation(&violation)?);
            actions.push(self.note(&event.clone().with("violationId", violation.violation_id.as_str()))?);
        }
        let refusals = if actions.is_empty() {
            Vec::new()
        } else {
            match self.try_transact(actions).await? {
                Tried::Done => Vec::new(),
                Tried::Contended => return Ok(None),
                Tried::Cancelled(reasons) => reasons.into_iter().map(Refusal::from).collect(),
            }
        };
        for (i, refusal) in refusals.into_iter().enumerate() {
            match refusal {
                Refusal::By(Some(found)) if i < notice.keys.len() => return Ok(Some(Told::Before(decode(found)?))),
                Refusal::By(Some(_)) if i < notice.keys.len() + notice.aliases.len() => {
                    return Err(Error::internal("a purchase is said to be two licenses'"));
                }
                Refusal::By(_) => return Ok(None),
                Refusal::None => {}
            }
        }
        Ok(Some(match changed {
            Some(changed) => Told::Now(changed),
            None => Told::Nothing(license.clone()),
        }))
    }

    /// The license as it is after an attempt to change it was in vain: under another key, if that is why.
    async fn license_after(&self, attempt: u32, license: &License) -> Result<License> {
        pause(attempt).await;
        self.license_by_former_key(&license.license_key, &license.license_id)
            .await?
            .ok_or(Error::NotFound(Noun::License))
    }

    /// The license that came of a purchase: its key may have been exchanged since.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_by_purchase(&self, purchase: &Purchase) -> Result<Option<License>> {
        self.license_by_former_key(&purchase.license_key, &purchase.license_id)
            .await
    }

    /// The license's half of a notice, with so many violations more.
    fn changed_by_notice(&self, license: &License, changed: &License, violations: u32) -> Result<TransactWriteItem> {
        let difference = difference(license, changed)?;
        let update = Update::builder()
            .table_name(self.table(&schema::LICENSES))
            .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
            .update_expression(format!(
                "{}, unresolvedViolations = unresolvedViolations + :violations{}",
                difference.sets, difference.removes
            ))
            // Whatever the decision was made on is still so.
            .condition_expression("revision = :seen")
            .set_expression_attribute_names(Some(difference.names))
            .set_expression_attribute_values(Some(difference.values))
            .expression_attribute_values(":seen", number(license.revision))
            .expression_attribute_values(":violations", number(violations))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// That something came of a notice, unless something did before.
    fn register(&self, purchase: &Purchase, registered: Registered) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::PURCHASES))
            .set_item(Some(encode(purchase)?))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match registered {
            // Closes the race of a notice that is told twice at once.
            Registered::Once => put.condition_expression("attribute_not_exists(purchaseId)"),
            Registered::Again => put
                .condition_expression("attribute_not_exists(purchaseId) OR licenseId = :own")
                .expression_attribute_values(":own", text(&purchase.license_id)),
        };
        let put = put.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The newest license that this owner's customer has of a product and that is `meant`.
    ///
    /// An index leads to it, and may be late; the license itself is read with strong consistency, also under another key
    /// than the index has.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_newest(
        &self,
        product: &Product,
        email: &Email,
        meant: impl Fn(&License) -> bool,
    ) -> Result<Option<License>> {
        let partition = owner_email(&product.owner_id, email);
        for key in self.license_keys(&schema::LICENSES_BY_OWNER_EMAIL, &partition).await? {
            let license = self.license_ever_under(&key).await?;
            let license = license.filter(|license| {
                license.owner_id == product.owner_id
                    && license.product_id == product.product_id
                    && license.email.folded() == email.folded()
                    && meant(license)
            });
            if license.is_some() {
                return Ok(license);
            }
        }
        Ok(None)
    }

    /// Every license that was made for this purchase of a product, which may be several. An index leads to them, and may
    /// have an old key of one, or beside it the new one.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_list_by_purchase(&self, product: &Product, id: &Reference) -> Result<Vec<License>> {
        let mut licenses: Vec<License> = Vec::new();
        for key in self.license_keys(&schema::LICENSES_BY_PURCHASE, id.as_str()).await? {
            let license = self.license_ever_under(&key).await?;
            let license = license.filter(|license| {
                license.product_id == product.product_id
                    && license.purchase_id.as_ref() == Some(id)
                    && licenses.iter().all(|known| known.license_id != license.license_id)
            });
            licenses.extend(license);
        }
        Ok(licenses)
    }

    /// The keys of a partition of an index of licenses, the newest license's first.
    pub(in crate::store) async fn license_keys(
        &self,
        index: &schema::Index,
        partition: &str,
    ) -> Result<Vec<LicenseKey>> {
        let mut pages = self
            .query_index(&schema::LICENSES, index, partition)
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let key = item.map_err(unexpected)?.remove(schema::LICENSES.partition);
            let key = key.ok_or_else(|| Error::internal("an index has a license without a key"))?;
            keys.push(serde_dynamo::from_attribute_value(key).map_err(Error::internal)?);
        }
        Ok(keys)
    }
}
