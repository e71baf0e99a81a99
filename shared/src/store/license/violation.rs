//! Violations.

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::{
    Error, Result, Timestamp,
    error::Noun,
    event::Event,
    license::{
        License,
        violation::{Violation, threat_level},
        watch::{DetectionLimits, enforced},
    },
    store::{
        Store, WRITE_ATTEMPTS, Written, encode,
        license::license::{Changed, difference},
        number, pause, schema, text,
    },
};

/// How many violations one transaction resolves: DynamoDB takes a hundred actions, of which one is the license's and one
/// the event's. No license has so many open, of which there is one a type.
const RESOLVED_AT_ONCE: usize = 98;

impl Store {
    /// The violations of a license that the caller was found to own, oldest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn violation_list(&self, license: &License) -> Result<Vec<Violation>> {
        self.partition(&schema::VIOLATIONS, license.license_id.as_str()).await
    }

    /// That a violation was found: to be written in one transaction with the license's counter of them.
    pub(in crate::store) fn new_violation(&self, violation: &Violation) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::VIOLATIONS))
            .set_item(Some(encode(violation)?))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// That there is more to a violation, unless somebody has put it aside.
    pub(in crate::store) fn more_of_violation(&self, violation: &Violation) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table(&schema::VIOLATIONS))
            .set_item(Some(encode(violation)?))
            .condition_expression("resolved = :no")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Lets a suspended or revoked license work again, on the threat level that its unresolved violations warrant.
    /// Answers the license as it is afterwards.
    ///
    /// # Errors
    /// [`Noun::License`], [`Error::Internal`].
    pub async fn license_reinstate(&self, mut license: License, event: &Event) -> Result<License> {
        for attempt in 0..WRITE_ATTEMPTS {
            // A violation that comes from now on changes the license, and so is seen by the next attempt.
            let violations = self.violation_list(&license).await?;
            let unresolved = threat_level(violations.iter().filter(|violation| !violation.resolved));
            let changed = license.reinstate(unresolved);
            if changed == license {
                return Ok(license);
            }
            match self.try_change_license(&license, changed, event).await? {
                Changed::Done(changed) => return Ok(changed),
                Changed::Meanwhile(now) => license = now,
                Changed::Contended => pause(attempt).await,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }

    /// Marks violations resolved, and puts the license on the level and in the status that the others warrant: all as
    /// one. Ids that are unknown or resolved already are passed over.
    ///
    /// Answers the license as it is then, and how many violations were resolved.
    ///
    /// # Errors
    /// [`Noun::License`], [`Error::Internal`].
    pub async fn violation_resolve(
        &self,
        mut license: License,
        ids: &[String],
        policy: &DetectionLimits,
        now: Timestamp,
        event: &Event,
    ) -> Result<(License, u32)> {
        for attempt in 0..WRITE_ATTEMPTS {
            let unresolved = self
                .violation_list(&license)
                .await?
                .into_iter()
                .filter(|violation| !violation.resolved);
            let named = |violation: &Violation| ids.iter().any(|id| id.trim() == violation.violation_id.as_str());
            let (mut resolved, mut left): (Vec<_>, Vec<_>) = unresolved.partition(named);
            left.extend(resolved.split_off(resolved.len().min(RESOLVED_AT_ONCE)));
            if resolved.is_empty() {
                return Ok((license, 0));
            }
            let count = u32::try_from(resolved.len()).unwrap_or(u32::MAX);
            let changed = License {
                revision: license.revision + 1,
                ..enforced(&license, &left, policy, now)
            };
            let difference = difference(&license, &changed)?;
            let mut actions = vec![
                Update::builder()
                    .table_name(self.table(&schema::LICENSES))
                    .set_key(Some(schema::LICENSES.key(license.license_key.as_str(), None)))
                    .update_expression(format!(
                        "{}, unresolvedViolations = unresolvedViolations - :count{}",
                        difference.sets, difference.removes
                    ))
                    // No violation came, and nothing else changed, since the level was computed.
                    .condition_expression("revision = :seen")
                    .set_expression_attribute_names(Some(difference.names))
                    .set_expression_attribute_values(Some(difference.values))
                    .expression_attribute_values(":seen", number(license.revision))
                    .expression_attribute_values(":count", number(count))
                    .build(),
            ];
            for violation in &resolved {
                actions.push(
                    Update::builder()
                        .table_name(self.table(&schema::VIOLATIONS))
                        .set_key(Some(
                            schema::VIOLATIONS
                                .key(violation.license_id.as_str(), Some(violation.violation_id.as_str())),
                        ))
                        .update_expression("SET resolved = :yes, resolvedAt = :now")
                        // Counted down once.
                        .condition_expression("resolved = :no")
                        .expression_attribute_values(":yes", AttributeValue::Bool(true))
                        .expression_attribute_values(":no", AttributeValue::Bool(false))
                        .expression_attribute_values(":now", text(now))
                        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
                        .build(),
                );
            }
            let mut actions = actions
                .into_iter()
                .map(|update| {
                    Ok(TransactWriteItem::builder()
                        .update(update.map_err(Error::internal)?)
                        .build())
                })
                .collect::<Result<Vec<_>>>()?;
            let told: Vec<&str> = resolved
                .iter()
                .map(|violation| violation.violation_id.as_str())
                .collect();
            let event = event.clone().with("violationIds", told);
            actions.push(self.note(&event.with("changes", license.changes_to(&changed)?))?);
            match self.transact_many(actions).await? {
                Written::Done => {
                    let unresolved_violations = changed.unresolved_violations.saturating_sub(count);
                    return Ok((
                        License {
                            unresolved_violations,
                            ..changed
                        },
                        count,
                    ));
                }
                Written::Contended | Written::Refused(_) => {
                    pause(attempt).await;
                    let now = self.license_get_unscoped(&license.license_key).await?;
                    license = now.ok_or(Error::NotFound(Noun::License))?;
                }
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }
}
