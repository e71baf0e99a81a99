//! Notices of stores about licenses: each is acted on once.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{
        License,
        standing::Dispute,
        violation::{Violation, ViolationId},
    },
    sale::purchase::{Purchase, PurchaseKey},
    store::{
        Store,
        item::{decode, number},
        license::{
            item::{license_difference, license_key},
            violation::violation_creation,
        },
        sale::purchase::purchase_creation,
        schema,
        write::{Attempt, Refusal, Transaction, WriteOutcome, retried, update},
    },
    value::days::Days,
};

/// What became of a notice about a license.
#[derive(Debug)]
pub enum NoticeOutcome {
    /// It was acted on; the license as it is now.
    Now(License),
    /// It changes nothing.
    Nothing(License),
    /// It was acted on before.
    Before(Purchase),
}

impl Store {
    /// Revokes a license for which the money was given back. A chargeback is also a violation, unless one is open, and
    /// an event of its own.
    ///
    /// # Errors
    /// [`Noun::License`] when the license is deleted meanwhile.
    pub async fn license_dispute(
        &self,
        license: License,
        dispute: Dispute,
        keys: &[PurchaseKey],
        audit: &Audit,
    ) -> Result<NoticeOutcome> {
        let event = &audit.event(EventType::Revoked, &license)?;
        let chargeback = &audit.event(EventType::Violation, &license)?;
        let id = &ViolationId::new(&audit.ids, audit.now)?;
        retried("a license", license, |attempt, license| async move {
            let changed = license.dispute(dispute, audit.now);
            let violation = if changed.is_some() && dispute == Dispute::Chargeback {
                let known = self.violation_list(&license).await?;
                let is_new = !known.iter().any(Violation::is_open_chargeback);
                is_new.then(|| {
                    (
                        Violation::chargeback(&license.license_id, id.clone(), audit.now),
                        chargeback,
                    )
                })
            } else {
                None
            };
            Ok(
                match self.notice_try(&license, changed, violation, keys, event).await? {
                    Some(outcome) => Break(outcome),
                    None => Continue(self.license_later_under_any_key(attempt, &license).await?),
                },
            )
        })
        .await
    }

    /// Lets a license that was paid for another period go on for these days. Of renewals that have no keys of their own,
    /// two at once are one that was told twice.
    ///
    /// # Errors
    /// As for [`Store::license_dispute`].
    pub async fn license_renew(
        &self,
        license: License,
        days: Days,
        keys: &[PurchaseKey],
        audit: &Audit,
    ) -> Result<NoticeOutcome> {
        self.license_act(license, keys, audit, |license| {
            if keys.is_empty() {
                license.renew_unnamed(days, audit.now)
            } else {
                Some(license.renew(days, audit.now))
            }
        })
        .await
    }

    /// Notes that the subscription of a license ends, by `end`: `None` where it is known to end no later.
    ///
    /// # Errors
    /// As for [`Store::license_dispute`].
    pub async fn license_end_subscription(
        &self,
        license: License,
        end: impl Fn(&License) -> Option<License>,
        keys: &[PurchaseKey],
        audit: &Audit,
    ) -> Result<NoticeOutcome> {
        self.license_act(license, keys, audit, end).await
    }

    /// Changes a license by a notice; `change` answers `None` where it changes nothing.
    async fn license_act(
        &self,
        license: License,
        keys: &[PurchaseKey],
        audit: &Audit,
        change: impl Fn(&License) -> Option<License>,
    ) -> Result<NoticeOutcome> {
        let event = &audit.event(EventType::Updated, &license)?;
        let change = &change;
        retried("a license", license, |attempt, license| async move {
            Ok(
                match self.notice_try(&license, change(&license), None, keys, event).await? {
                    Some(outcome) => Break(outcome),
                    None => Continue(self.license_later_under_any_key(attempt, &license).await?),
                },
            )
        })
        .await
    }

    /// Turns `license` into `changed` and writes the notice down, all as one; `None` when the license was changed since
    /// it was read.
    async fn notice_try(
        &self,
        license: &License,
        changed: Option<License>,
        violation: Option<(Violation, &Event)>,
        keys: &[PurchaseKey],
        event: &Event,
    ) -> Result<Option<NoticeOutcome>> {
        let mut transaction = Transaction::of([]);
        for key in keys {
            let purchase = Purchase::new(key.clone(), license, event.at);
            transaction = transaction.with(purchase_creation(&purchase)?);
        }
        let changed = changed.map(|changed| License {
            revision: license.revision + 1,
            ..changed
        });
        if let Some(changed) = &changed {
            let difference = license_difference(license, changed)?
                .increase("watch.unresolvedViolations", u32::from(violation.is_some()))
                // **Race**: whatever the decision was made on is still so.
                .when("revision = :seen", [(":seen", number(license.revision))]);
            let event = event.clone().with("changes", license.changes_to(changed)?);
            transaction = transaction
                .with(update(&schema::LICENSES, license_key(&license.license_key), difference))
                .with_event(&event)?;
        }
        if let Some((violation, event)) = violation {
            let event = event.clone().with("violationId", violation.violation_id.as_str());
            transaction = transaction.with(violation_creation(&violation)?).with_event(&event)?;
        }
        let refusals = if transaction.is_empty() {
            Vec::new()
        } else {
            match self.commit_all(transaction).await? {
                WriteOutcome::Done => Vec::new(),
                WriteOutcome::Contended => return Ok(None),
                WriteOutcome::Refused(refusals) => refusals,
            }
        };
        for (i, refusal) in refusals.into_iter().enumerate() {
            match refusal {
                Refusal::By(Some(found)) if i < keys.len() => {
                    return Ok(Some(NoticeOutcome::Before(decode(found)?)));
                }
                Refusal::By(_) => return Ok(None),
                Refusal::None => {}
            }
        }
        Ok(Some(match changed {
            Some(changed) => NoticeOutcome::Now(changed),
            None => NoticeOutcome::Nothing(license.clone()),
        }))
    }

    /// Backs off, and reads the license again: under another key, if it was exchanged meanwhile.
    async fn license_later_under_any_key(&self, attempt: Attempt, license: &License) -> Result<License> {
        attempt.back_off().await;
        self.license_by_former_key(&license.license_key, &license.license_id)
            .await?
            .ok_or(Error::NotFound(Noun::License))
    }
}
