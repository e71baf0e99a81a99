//! Sales: what a store tells of each, in any order, and what becomes of their licenses.
//!
//! A fact is recorded first, and then what follows from all that is known is given to each license in a transaction of its
//! own. Whatever happens in between, the store tells the fact again, and the rest is done then: each step begins with what is
//! stored, and changes nothing a second time.

use std::{
    collections::BTreeSet,
    ops::ControlFlow::{Break, Continue},
};

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    event::{Event, EventId, EventType},
    license::{
        License,
        detection::enforced,
        expiry::Expiry,
        key::{LicenseId, LicenseKey},
        lock::Lock,
        seats::Seats,
        standing::{Dispute, LicenseStatus, StandingState},
        violation::{Severity, Violation, ViolationId},
        watch::{DetectionLimits, Watch},
    },
    owner::OwnerId,
    sale::{
        code::Code,
        entitlement::Entitlement,
        fact::Fact,
        history::{Revocation, Sale, SoldLicense},
        purchase::PurchaseKey,
        store_id::{KEPT, StoreId},
    },
    store::{
        Store,
        item::{decode, encode, number},
        license::{
            item::{license_creation, license_difference, license_key},
            violation::{violation_creation, violation_resolution},
        },
        sale::code::code_use,
        schema,
        write::{Action, Attempt, Refusal, Transaction, WriteOutcome, put, retried, update},
    },
    value::reference::Reference,
};

/// How many facts that were kept one transaction reads: each names four ids at most, and a transaction has a hundred actions.
const READ_AT_ONCE: usize = 20;

/// How many licenses one transaction makes.
const MADE_AT_ONCE: usize = 20;

/// What became of a checkout or of a fact.
#[derive(Debug)]
pub enum SaleOutcome {
    /// It was recorded, and the licenses are as they are to be.
    Recorded(Sale),
    /// It was known.
    Known(Sale),
    /// It names nothing known, and is kept.
    Kept {
        /// At least until then.
        until: Timestamp,
        /// How many older ones were given up for it.
        given_up: usize,
    },
}

impl Store {
    /// The sale that any of these ids of a seller's store, or of the deployment's, leads to.
    pub async fn sale_find(&self, seller: Option<&OwnerId>, ids: &[Reference]) -> Result<Option<Sale>> {
        let ids = self.store_ids(seller, ids).await?;
        match ids.into_iter().find_map(|id| id.sale) {
            Some(key) => self.sale_get(&key).await.map(Some),
            None => Ok(None),
        }
    }

    /// Records a new sale with its first license, unless one of its `ids` is known: then that sale is the one.
    ///
    /// # Errors
    /// [`Error::Internal`] when the license's key is taken.
    pub async fn sale_create(
        &self,
        sale: Sale,
        ids: &[Reference],
        license: &License,
        code: Option<Code>,
        limits: &DetectionLimits,
        audit: &Audit,
    ) -> Result<SaleOutcome> {
        let event = &audit.event(EventType::Created, license)?;
        let (made, sale) = self.sale_insert(sale, ids, license, code, event).await?;
        let sale = self.sale_catch_up(sale, limits, audit).await?;
        Ok(if made {
            SaleOutcome::Recorded(sale)
        } else {
            SaleOutcome::Known(sale)
        })
    }

    /// Records a fact about a sale, as a seller's own store or the deployment's tells it, and gives its licenses what follows.
    /// Keeps it when it names nothing known.
    ///
    /// # Errors
    /// Only [`Error::Internal`].
    pub async fn sale_record(
        &self,
        seller: Option<&OwnerId>,
        fact: &Fact,
        limits: &DetectionLimits,
        audit: &Audit,
    ) -> Result<SaleOutcome> {
        Ok(match self.sale_learn(seller, fact, audit.now).await? {
            SaleOutcome::Recorded(sale) => SaleOutcome::Recorded(self.sale_catch_up(sale, limits, audit).await?),
            SaleOutcome::Known(sale) => SaleOutcome::Known(self.sale_catch_up(sale, limits, audit).await?),
            kept @ SaleOutcome::Kept { .. } => kept,
        })
    }

    /// The key of a license of a sale, which may have been exchanged since it was made. Of one that is deleted, the key that it
    /// was made with.
    pub async fn sale_license_key(&self, sold: &SoldLicense) -> Result<LicenseKey> {
        let license = self.license_by_former_key(&sold.license_key, &sold.license_id).await?;
        Ok(license.map_or_else(|| sold.license_key.clone(), |license| license.license_key))
    }

    async fn sale_get(&self, key: &PurchaseKey) -> Result<Sale> {
        let sale: Option<Sale> = self.get(&schema::PURCHASES, key.as_str(), None).await?;
        sale.ok_or_else(|| Error::internal("an id leads to a sale that is not there"))
    }

    /// Carries out a transaction. Answers whether it took effect; if not, it has waited until it may be decided on again.
    async fn sale_commit(&self, attempt: Attempt, transaction: Transaction<0>) -> Result<bool> {
        match self.commit_all(transaction).await? {
            WriteOutcome::Done => return Ok(true),
            WriteOutcome::Refused(_) if attempt.retries_at_once() => {}
            WriteOutcome::Refused(_) | WriteOutcome::Contended => attempt.back_off().await,
        }
        Ok(false)
    }

    /// These ids as they are stored, or as they would be.
    async fn store_ids(&self, seller: Option<&OwnerId>, ids: &[Reference]) -> Result<Vec<StoreId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys = ids.iter().map(|id| PurchaseKey::of_stripe(seller, id));
        let keys: Vec<PurchaseKey> = keys.collect();
        let items = keys.iter().map(|key| schema::PURCHASES.key(key.as_str(), None));
        let mut found = self.get_batch(vec![(&schema::PURCHASES, items.collect())]).await?;
        let mut stored = Vec::with_capacity(keys.len());
        for item in found.take(&schema::PURCHASES) {
            stored.push(decode::<StoreId>(item)?);
        }
        let as_stored = |key: PurchaseKey| {
            let at = stored.iter().position(|id| id.key == key);
            at.map_or_else(|| StoreId::unknown(key), |at| stored[at].clone())
        };
        Ok(keys.into_iter().map(as_stored).collect())
    }

    /// Stores a new sale and its first license. Answers whether it did, and otherwise the sale that there was.
    async fn sale_insert(
        &self,
        sale: Sale,
        ids: &[Reference],
        license: &License,
        code: Option<Code>,
        event: &Event,
    ) -> Result<(bool, Sale)> {
        let sale = &sale;
        retried("a sale", code, |attempt, code| async move {
            let known = self.store_ids(sale.seller.as_ref(), ids).await?;
            if let Some(key) = known.iter().find_map(|id| id.sale.as_ref()) {
                let first = self.sale_get(key).await?;
                // Made by this request, whose reply was lost.
                return Ok(Break((first.key == sale.key, first)));
            }
            let mut made = sale.clone();
            let mut transaction = Transaction::of([]).with(license_creation(license)?);
            for (name, id) in ids.iter().zip(&known) {
                let linked = id.leading_to(&sale.key, []);
                if !linked.kept.is_empty() {
                    made.unread.insert(name.clone());
                }
                transaction = transaction.with(store_id_change(&linked)?);
            }
            transaction = transaction.with(sale_change(&made)?);
            let used = code.as_ref().filter(|code| code.redeemable(license.created_at).is_ok());
            let with_code = used.is_some();
            if let Some(code) = used {
                transaction = transaction.with(code_use(code));
            }
            let mut refusals = match self.commit_all(transaction.with_event(event)?).await? {
                WriteOutcome::Done => return Ok(Break((true, made))),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    return Ok(Continue(code));
                }
                WriteOutcome::Refused(refusals) => refusals,
            };
            if let Some(Refusal::By(_)) = refusals.first() {
                return Err(Error::internal("a new license key was taken already"));
            }
            Ok(Continue(match refusals.pop() {
                // Used up or changed by another request; or deleted, and maybe made again, perhaps by another owner.
                Some(Refusal::By(found)) if with_code => {
                    let found: Option<Code> = found.map(decode).transpose()?;
                    found.filter(|found| code.as_ref().is_some_and(|code| code.creation == found.creation))
                }
                Some(_) | None => code,
            }))
        })
        .await
    }

    /// Records a fact with the sale that one of its ids leads to, to which the others lead from now on; or keeps it under
    /// each of them.
    async fn sale_learn(&self, seller: Option<&OwnerId>, fact: &Fact, now: Timestamp) -> Result<SaleOutcome> {
        let names = &fact.ids();
        retried("a sale", (), |attempt, ()| async move {
            let ids = self.store_ids(seller, names).await?;
            let Some(key) = ids.iter().find_map(|id| id.sale.as_ref()) else {
                return self.sale_keep(attempt, &ids, fact, now).await;
            };
            let sale = self.sale_get(key).await?;
            let mut changed = sale.clone().with(fact);
            let links = linked(&mut changed, names, &ids, std::slice::from_ref(fact));
            if changed == sale && links.is_empty() {
                return Ok(Break(SaleOutcome::Known(sale)));
            }
            changed.revision += 1;
            let mut transaction = Transaction::of([]).with(sale_change(&changed)?);
            for link in &links {
                transaction = transaction.with(store_id_change(link)?);
            }
            Ok(if self.sale_commit(attempt, transaction).await? {
                Break(SaleOutcome::Recorded(changed))
            } else {
                Continue(())
            })
        })
        .await
    }

    /// Keeps a fact under each of its ids, none of which leads to a sale.
    async fn sale_keep(
        &self,
        attempt: Attempt,
        ids: &[StoreId],
        fact: &Fact,
        now: Timestamp,
    ) -> Result<std::ops::ControlFlow<SaleOutcome>> {
        let (mut transaction, mut lost) = (Transaction::of([]), 0);
        for id in ids {
            if let Some((kept, given_up)) = id.keeping(fact, now) {
                lost += given_up;
                transaction = transaction.with(store_id_change(&kept)?);
            }
        }
        let since = ids.iter().filter_map(|id| Some(id.kept.get(&fact.key())?.at)).min();
        let kept = SaleOutcome::Kept {
            until: since.unwrap_or(now) + KEPT,
            given_up: lost,
        };
        if transaction.is_empty() {
            return Ok(Break(kept));
        }
        // **Race**: a sale may have taken one of the ids over meanwhile; then the fact is the sale's.
        Ok(if self.sale_commit(attempt, transaction).await? {
            Break(kept)
        } else {
            Continue(())
        })
    }

    /// Reads what was kept for a sale, and gives its licenses what follows from all that is known.
    async fn sale_catch_up(&self, mut sale: Sale, limits: &DetectionLimits, audit: &Audit) -> Result<Sale> {
        while let Some(id) = sale.unread.first().cloned() {
            sale = self.sale_read(sale, &id).await?;
        }
        while sale.licenses.len() < sale.license_count() {
            let before = sale.licenses.len();
            sale = self.sale_license_create(sale, audit).await?;
            if sale.licenses.len() == before {
                break;
            }
        }
        for at in 0..sale.licenses.len() {
            sale = self.sale_grant(sale, at, limits, audit).await?;
        }
        Ok(sale)
    }

    /// Reads what was kept under an id, or as much of it as one transaction can.
    async fn sale_read(&self, sale: Sale, name: &Reference) -> Result<Sale> {
        retried("a sale", sale, |attempt, sale| async move {
            if !sale.unread.contains(name) {
                return Ok(Break(sale));
            }
            let seller = sale.seller.as_ref();
            let own = self.store_ids(seller, std::slice::from_ref(name)).await?;
            let Some(own) = own.first() else { return Ok(Break(sale)) };
            let facts: Vec<Fact> = own
                .kept
                .values()
                .map(|kept| kept.fact.clone())
                .take(READ_AT_ONCE)
                .collect();
            let mut changed = facts.iter().fold(sale.clone(), Sale::with);
            let named: BTreeSet<Reference> = facts.iter().flat_map(Fact::ids).filter(|id| id != name).collect();
            let named: Vec<Reference> = named.into_iter().collect();
            let ids = self.store_ids(seller, &named).await?;
            let links = linked(&mut changed, &named, &ids, &facts);
            let own = own.leading_to(&sale.key, &facts);
            if own.kept.is_empty() {
                changed.unread.remove(name);
            }
            changed.revision += 1;
            let mut transaction = Transaction::of([]).with(sale_change(&changed)?);
            for link in links.iter().chain([&own]) {
                transaction = transaction.with(store_id_change(link)?);
            }
            Ok(if self.sale_commit(attempt, transaction).await? {
                Break(changed)
            } else {
                Continue(self.sale_get(&sale.key).await?)
            })
        })
        .await
    }

    /// Makes further licenses like the first, as many as are missing or as one transaction can. None, when the first is
    /// deleted.
    async fn sale_license_create(&self, sale: Sale, audit: &Audit) -> Result<Sale> {
        let product = self.product_get_unscoped(&sale.product_id).await?;
        let rules = product.map(|product| product.keys).unwrap_or_default();
        let prefix = &rules.key_prefix.clone().unwrap_or_default();
        let format = rules.format();
        retried("a sale", sale, |attempt, sale| async move {
            let missing = sale
                .license_count()
                .saturating_sub(sale.licenses.len())
                .min(MADE_AT_ONCE);
            let first = match sale.first_license() {
                Some(first) => {
                    self.license_by_former_key(&first.license_key, &first.license_id)
                        .await?
                }
                None => None,
            };
            let (Some(first), 1..) = (first, missing) else {
                return Ok(Break(sale));
            };
            let granted = Entitlement {
                dispute: None,
                ..sale.entitlement()
            };
            let mut changed = sale.clone();
            changed.revision += 1;
            let (mut makings, mut events) = (Vec::new(), Vec::new());
            for _ in 0..missing {
                let license = License {
                    license_key: LicenseKey::new(&audit.ids, format, prefix)?,
                    license_id: LicenseId::new(&audit.ids, audit.now)?,
                    ..like(&first, &granted, audit.now)
                };
                changed.licenses.push(SoldLicense {
                    license_key: license.license_key.clone(),
                    license_id: license.license_id.clone(),
                    granted,
                    revocation: None,
                });
                makings.push(license_creation(&license)?);
                events.push(audit.event(EventType::Created, &license)?);
            }
            let mut transaction = Transaction::of([]).with(sale_change(&changed)?);
            for making in makings {
                transaction = transaction.with(making);
            }
            for event in &events {
                transaction = transaction.with_event(event)?;
            }
            Ok(if self.sale_commit(attempt, transaction).await? {
                Break(changed)
            } else {
                Continue(self.sale_get(&sale.key).await?)
            })
        })
        .await
    }

    /// Gives a license of a sale what follows from all that is known of the sale.
    async fn sale_grant(&self, sale: Sale, at: usize, limits: &DetectionLimits, audit: &Audit) -> Result<Sale> {
        let is_due = |sale: &Sale| {
            sale.licenses
                .get(at)
                .is_some_and(|sold| sold.granted != sale.entitlement())
        };
        if !is_due(&sale) {
            return Ok(sale);
        }
        let ids = &(
            audit.event_id()?,
            audit.event_id()?,
            ViolationId::new(&audit.ids, audit.now)?,
        );
        retried("a license of a sale", sale, |attempt, sale| async move {
            if !is_due(&sale) {
                return Ok(Break(sale));
            }
            let mut changed = sale.clone();
            changed.revision += 1;
            let after = sale.entitlement();
            let sold = changed
                .licenses
                .get_mut(at)
                .ok_or_else(|| Error::internal("a sale lost a license"))?;
            let before = std::mem::replace(&mut sold.granted, after);
            let license = self.license_by_former_key(&sold.license_key, &sold.license_id).await?;
            let actions = match &license {
                Some(license) => {
                    let (mut known, mut limits) = (Vec::new(), *limits);
                    if before.dispute != after.dispute {
                        // **Race**: a violation that comes from now on changes the license.
                        known = self.violation_list(license).await?;
                        let product = self.product_get_unscoped(&sale.product_id).await?;
                        if let Some(overrides) = product.and_then(|product| product.enforcement) {
                            limits = limits.with(&overrides);
                        }
                    }
                    let granted = Grant::of(license, sold, (&before, &after), &known, &limits, audit.now, &ids.2);
                    granted.actions(license, audit, ids)?
                }
                None => GrantActions::default(),
            };
            let mut transaction = Transaction::of([]);
            for action in actions.writes {
                transaction = transaction.with(action);
            }
            // The sale last: what refuses it is looked at by reading it again.
            transaction = transaction.with(sale_change(&changed)?);
            for event in &actions.events {
                transaction = transaction.with_event(event)?;
            }
            Ok(if self.sale_commit(attempt, transaction).await? {
                Break(changed)
            } else {
                Continue(self.sale_get(&sale.key).await?)
            })
        })
        .await
    }
}

/// What a sale changes of one of its licenses.
struct Grant {
    changed: License,
    r#type: EventType,
    /// A violation that comes with it.
    found: Option<Violation>,
    /// A violation that is taken back with it.
    taken_back: Option<Violation>,
}

/// The writes of a [`Grant`], and the events that tell of them.
#[derive(Default)]
struct GrantActions {
    writes: Vec<Action>,
    events: Vec<Event>,
}

impl Grant {
    /// What it takes to give `license` what it has `after`, and had `before` of the sale; `known` are its violations. Notes
    /// with `sold` what it takes to take a revocation back.
    fn of(
        license: &License,
        sold: &mut SoldLicense,
        (before, after): (&Entitlement, &Entitlement),
        known: &[Violation],
        limits: &DetectionLimits,
        now: Timestamp,
        violation_id: &ViolationId,
    ) -> Self {
        let mut grant = Self {
            changed: after.apply(before, license, now),
            r#type: EventType::Updated,
            found: None,
            taken_back: None,
        };
        if before.dispute == after.dispute {
            return grant;
        }
        let open = known.iter().filter(|violation| !violation.resolved);
        let mut stands = false;
        if let Some(revocation) = sold.revocation.take() {
            let ours = |violation: &&Violation| revocation.violation.as_ref() == Some(&violation.violation_id);
            // A refund that becomes a chargeback has brought no violation.
            grant.taken_back = open.clone().find(ours).cloned();
            stands = grant.take_back(&revocation, before.dispute, open.clone(), limits, now);
        }
        let Some(dispute) = after.dispute else {
            return grant;
        };
        if before.dispute == Some(Dispute::Chargeback) && !stands {
            // The vendor has let the customer in again in spite of the refund that is left.
            return grant;
        }
        let standing = grant.changed.standing.clone();
        if let Some(disputed) = grant.changed.dispute(dispute, now) {
            grant.changed = disputed;
            grant.r#type = EventType::Revoked;
            let mut others = open.filter(|violation| Some(*violation) != grant.taken_back.as_ref());
            let is_new = dispute == Dispute::Chargeback && !others.any(Violation::is_open_chargeback);
            grant.found = is_new.then(|| Violation::chargeback(&license.license_id, violation_id.clone(), now));
            sold.revocation = Some(Revocation {
                at: now,
                before: standing,
                violation: grant.found.as_ref().map(|violation| violation.violation_id.clone()),
            });
        }
        grant
    }

    /// Takes back a revocation: what it did, and nothing that others did since or before. Answers whether it still stood.
    fn take_back<'a>(
        &mut self,
        revocation: &Revocation,
        dispute: Option<Dispute>,
        open: impl Iterator<Item = &'a Violation>,
        limits: &DetectionLimits,
        now: Timestamp,
    ) -> bool {
        let left = open.filter(|violation| Some(*violation) != self.taken_back.as_ref());
        let left: Vec<Severity> = left.map(|violation| violation.severity).collect();
        let standing = &self.changed.standing;
        let reason = standing.dispute_reason.as_ref().map(Reference::as_str);
        let is_ours = standing.status == LicenseStatus::Revoked
            && standing.disputed_at == Some(revocation.at)
            && reason == dispute.map(Dispute::as_str);
        if is_ours {
            self.changed.standing = revocation.before.clone();
            self.r#type = EventType::Reinstated;
        }
        if is_ours || self.taken_back.is_some() {
            self.changed = enforced(&self.changed, &left, limits, now);
        }
        is_ours
    }

    fn actions(
        self,
        license: &License,
        audit: &Audit,
        (first, second, _): &(EventId, EventId, ViolationId),
    ) -> Result<GrantActions> {
        let mut actions = GrantActions::default();
        let change = i64::from(self.found.is_some()) - i64::from(self.taken_back.is_some());
        if self.changed == *license && self.found.is_none() && self.taken_back.is_none() {
            return Ok(actions);
        }
        let changed = License {
            revision: license.revision + 1,
            ..self.changed
        };
        let difference = license_difference(license, &changed)?;
        let difference = match change {
            1 => difference.increase("watch.unresolvedViolations", 1),
            -1 => difference.decrease("watch.unresolvedViolations", 1),
            _ => difference,
        };
        // **Race**: whatever the decision was made on is still so.
        let difference = difference.when("revision = :seen", [(":seen", number(license.revision))]);
        actions
            .writes
            .push(update(&schema::LICENSES, license_key(&license.license_key), difference));
        let event = audit.event_with_id(first.clone(), self.r#type, license);
        actions
            .events
            .push(event.with("changes", license.changes_to(&changed)?));
        if let Some(violation) = &self.taken_back {
            actions.writes.push(violation_resolution(violation, audit.now));
            if self.found.is_none() {
                let event = audit.event_with_id(second.clone(), EventType::Resolved, license);
                let ids = vec![violation.violation_id.as_str().to_owned()];
                actions.events.push(event.with("violationIds", ids));
            }
        }
        if let Some(violation) = &self.found {
            actions.writes.push(violation_creation(violation)?);
            let event = audit.event_with_id(second.clone(), EventType::Violation, license);
            actions
                .events
                .push(event.with("violationId", violation.violation_id.as_str()));
        }
        Ok(actions)
    }
}

/// A license like `first`, made `now`.
fn like(first: &License, granted: &Entitlement, now: Timestamp) -> License {
    License {
        created_at: now,
        purchased_at: None,
        renewed_at: None,
        subscription: granted.subscription,
        standing: StandingState::GOOD,
        expiry: Expiry::from(granted.ends_at),
        first_used_at: None,
        seats: Seats::new(
            first.seats.license_type,
            first.seats.max_machines,
            first.seats.max_concurrent,
        ),
        lock: Lock::default(),
        watch: Watch::default(),
        revision: 0,
        ..first.clone()
    }
}

/// Those of `ids` that lead nowhere yet, leading to `sale`, which has read `facts`. Notes with the sale under which of them
/// something is left to read.
fn linked(sale: &mut Sale, names: &[Reference], ids: &[StoreId], facts: &[Fact]) -> Vec<StoreId> {
    let mut links = Vec::new();
    for (name, id) in names.iter().zip(ids) {
        if id.sale.is_none() {
            let link = id.leading_to(&sale.key, facts);
            if !link.kept.is_empty() {
                sale.unread.insert(name.clone());
            }
            links.push(link);
        }
    }
    links
}

/// That a sale is as it is, on the condition that it was as it was read.
fn sale_change(sale: &Sale) -> Result<Action> {
    Ok(revised(put(&schema::PURCHASES, encode(sale)?), sale.revision))
}

/// That an id is as it is, on the condition that it was as it was read.
fn store_id_change(id: &StoreId) -> Result<Action> {
    Ok(revised(put(&schema::PURCHASES, encode(id)?), id.revision))
}

/// **Race**: what is written in the place of another item was decided on that item.
fn revised(action: Action, revision: u64) -> Action {
    match revision {
        0 | 1 => action.when(
            "attribute_not_exists(purchaseId) OR revision = :seen",
            [(":seen", number(revision.saturating_sub(1)))],
        ),
        _ => action.when("revision = :seen", [(":seen", number(revision - 1))]),
    }
}
