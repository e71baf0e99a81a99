//! Violations.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::{Store, WRITE_ATTEMPTS, Written, license::difference, number, pause, schema, text};
use crate::{
    Error, Result, Timestamp,
    license::{License, LicenseKey},
    owner::Scope,
    violation::{Violation, ViolationId, threat_level},
};

/// How many violations one request resolves: DynamoDB takes a hundred actions in a transaction, and one is the
/// license's.
pub const MAX_RESOLVED: usize = 99;

impl Store {
    /// The violations of a license that the caller was found to own, oldest first.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn violations(&self, license: &License) -> Result<Vec<Violation>> {
        self.partition(&schema::VIOLATIONS, license.license_id.as_str()).await
    }

    /// Marks violations resolved, and puts the license on the level and in the status that the others warrant: all as
    /// one. Ids that are unknown or resolved already are passed over.
    ///
    /// Answers the license as it is then, and how many violations were resolved.
    ///
    /// # Errors
    /// [`Error::LicenseNotFound`], [`Error::Internal`].
    pub async fn resolve_violations(
        &self,
        scope: &Scope,
        key: &LicenseKey,
        ids: &[ViolationId],
        now: Timestamp,
    ) -> Result<(License, u32)> {
        for attempt in 0..WRITE_ATTEMPTS {
            let license = self.license(scope, key).await?;
            let unresolved = self
                .violations(&license)
                .await?
                .into_iter()
                .filter(|violation| !violation.resolved);
            let (resolved, left): (Vec<_>, Vec<_>) =
                unresolved.partition(|violation| ids.contains(&violation.violation_id));
            if resolved.is_empty() {
                return Ok((license, 0));
            }
            let count = u32::try_from(resolved.len()).unwrap_or(u32::MAX);
            let changed = License {
                revision: license.revision + 1,
                ..license.resolve(threat_level(left.iter()), now)
            };
            let difference = difference(&license, &changed)?;
            let mut actions = vec![
                Update::builder()
                    .table_name(self.table(&schema::LICENSES))
                    .set_key(Some(schema::LICENSES.key(key.as_str(), None)))
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
            let actions = actions
                .into_iter()
                .map(|update| {
                    Ok(TransactWriteItem::builder()
                        .update(update.map_err(Error::internal)?)
                        .build())
                })
                .collect::<Result<Vec<_>>>()?;
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
                Written::Contended | Written::Refused(_) => pause(attempt).await,
            }
        }
        Err(Error::internal("a license was changed by others all the time"))
    }
}
