//! Violations.

use std::ops::ControlFlow::{Break, Continue};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    Result, Timestamp,
    audit::Audit,
    event::EventType,
    license::{
        License,
        detection::enforced,
        violation::{Severity, Violation, threat_level},
        watch::DetectionLimits,
    },
    store::{
        Store,
        item::{encode, number, text},
        license::{
            change::ChangeOutcome,
            item::{license_difference, license_key},
        },
        read::all_of,
        schema,
        write::{Action, Transaction, UpdateExpression, WriteOutcome, put, retried, update},
    },
};

/// How many violations one transaction resolves: DynamoDB takes a hundred actions, of which one is the license's, one
/// the event's and one the audit log's. No license has so many open, of which there is one a type.
const RESOLVED_AT_ONCE: usize = 97;

impl Store {
    /// The violations of a license that the caller was found to own, oldest first.
    pub async fn violation_list(&self, license: &License) -> Result<Vec<Violation>> {
        all_of(self.query(&schema::VIOLATIONS, license.license_id.as_str())).await
    }

    /// Lets a suspended or revoked license work again, on the threat level that its unresolved violations warrant.
    /// Answers the license as it is afterwards.
    ///
    /// # Errors
    /// [`Noun::License`] when the license is deleted meanwhile.
    pub async fn license_reinstate(&self, license: License, audit: &Audit) -> Result<License> {
        let event = &audit.event(EventType::Reinstated, &license)?;
        retried("a license", license, |attempt, license| async move {
            // **Race**: a violation that comes from now on changes the license, and so is seen by the next attempt.
            let violations = self.violation_list(&license).await?;
            let unresolved = violations.iter().filter(|violation| !violation.resolved);
            let unresolved = threat_level(unresolved.map(|violation| violation.severity));
            let changed = license.reinstate(unresolved);
            if changed == license {
                return Ok(Break(license));
            }
            Ok(match self.license_try_change(&license, changed, event).await? {
                ChangeOutcome::Done(changed) => Break(changed),
                ChangeOutcome::Overtaken(now) => Continue(now),
                ChangeOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(license)
                }
            })
        })
        .await
    }

    /// Marks violations resolved, and puts the license on the level and in the status that the others warrant: all as
    /// one. Ids that are unknown or resolved already are passed over.
    ///
    /// Answers the license as it is then, and how many violations were resolved.
    ///
    /// # Errors
    /// [`crate::error::Noun::License`] when the license is deleted meanwhile.
    pub async fn violation_resolve(
        &self,
        license: License,
        ids: &[String],
        limits: &DetectionLimits,
        audit: &Audit,
    ) -> Result<(License, u32)> {
        let now = audit.now;
        let event = &audit.event(EventType::Resolved, &license)?;
        retried("a license", license, |attempt, license| async move {
            let violations = self.violation_list(&license).await?;
            let unresolved = violations.into_iter().filter(|violation| !violation.resolved);
            let named = |violation: &Violation| ids.iter().any(|id| id.trim() == violation.violation_id.as_str());
            let (mut resolved, mut left): (Vec<_>, Vec<_>) = unresolved.partition(named);
            left.extend(resolved.split_off(resolved.len().min(RESOLVED_AT_ONCE)));
            if resolved.is_empty() {
                return Ok(Break((license, 0)));
            }
            let left: Vec<Severity> = left.iter().map(|violation| violation.severity).collect();
            let count = u32::try_from(resolved.len()).unwrap_or(u32::MAX);
            let changed = License {
                revision: license.revision + 1,
                ..enforced(&license, &left, limits, now)
            };
            let difference = license_difference(&license, &changed)?
                .decrease("watch.unresolvedViolations", count)
                // **Race**: no violation came, and nothing else changed, since the level was computed.
                .when("revision = :seen", [(":seen", number(license.revision))]);
            let change = update(&schema::LICENSES, license_key(&license.license_key), difference);
            let ids = resolved.iter().map(|violation| violation.violation_id.as_str());
            let event = event.clone().with("violationIds", ids.collect::<Vec<_>>());
            let event = event.with("changes", license.changes_to(&changed)?);
            let mut transaction = Transaction::of([change]).with_event(&event)?;
            for violation in &resolved {
                transaction = transaction.with(violation_resolution(violation, now));
            }
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => {
                    let mut changed = changed;
                    let unresolved = changed.watch.unresolved_violations.saturating_sub(count);
                    changed.watch.unresolved_violations = unresolved;
                    Break((changed, count))
                }
                WriteOutcome::Contended | WriteOutcome::Refused(_) => {
                    Continue(self.license_later(attempt, &license).await?)
                }
            })
        })
        .await
    }
}

/// That a violation was found: in one transaction with the license's counter of them.
pub(in crate::store) fn violation_creation(violation: &Violation) -> Result<Action> {
    Ok(put(&schema::VIOLATIONS, encode(violation)?))
}

/// That there is more to a violation, unless somebody has put it aside.
pub(in crate::store) fn violation_growth(violation: &Violation) -> Result<Action> {
    let violation = put(&schema::VIOLATIONS, encode(violation)?);
    Ok(violation.when("resolved = :no", [(":no", AttributeValue::Bool(false))]))
}

/// That a violation is put aside.
pub(in crate::store) fn violation_resolution(violation: &Violation, now: Timestamp) -> Action {
    let key = schema::VIOLATIONS.key(violation.license_id.as_str(), Some(violation.violation_id.as_str()));
    let resolution = UpdateExpression::default()
        .set("resolved", AttributeValue::Bool(true))
        .set("resolvedAt", text(now))
        // **Race**: it is counted down once.
        .when("resolved = :no", [(":no", AttributeValue::Bool(false))]);
    update(&schema::VIOLATIONS, key, resolution)
}
