//! Counters of attempts.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValuesOnConditionCheckFailure};

use crate::{
    Error, Result, Timestamp,
    error::Throttle,
    license::key::LicenseKey,
    request::rate_limit::{Allowance, RateLimit},
    store::{Store, number, schema, unexpected},
};

impl Store {
    /// Counts an attempt to activate `license_key`, in one conditional write that is exact under any interleaving.
    ///
    /// The counter is a shift register of the last fifteen admitted attempts, `t0` the oldest. An attempt is admitted
    /// when `t0` has left the window, and shifts itself in; a `SET` sees every attribute as it was before the update. So
    /// a refused attempt writes nothing, and does not make the caller wait longer.
    ///
    /// # Errors
    /// [`Throttle::Activations`], [`Error::Internal`].
    pub async fn rate_limit_count_activation(&self, license_key: &LicenseKey, now: Timestamp) -> Result<()> {
        const LAST: usize = RateLimit::ATTEMPTS - 1;
        let shift = (0..LAST)
            .map(|i| format!("t{i} = if_not_exists(t{}, :never), ", i + 1))
            .collect::<String>();
        let bucket = format!("activate#{license_key}");
        let outcome = self
            .client
            .update_item()
            .table_name(self.table(&schema::RATE_LIMITS))
            .set_key(Some(schema::RATE_LIMITS.key(&bucket, None)))
            .update_expression(format!("SET {shift}t{LAST} = :now, expiresAt = :ttl"))
            .condition_expression("attribute_not_exists(t0) OR t0 <= :windowStart")
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":windowStart", number((now - RateLimit::WINDOW).millis()))
            .expression_attribute_values(":ttl", number((now + RateLimit::WINDOW).seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = outcome else { return Ok(()) };
        if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            let oldest = refused
                .item()
                .and_then(|item| item.get("t0"))
                .and_then(|t| t.as_n().ok());
            let oldest = oldest
                .and_then(|millis| millis.parse().ok())
                .map_or(now, Timestamp::from_millis);
            return Err(Error::Throttled {
                by: Throttle::Activations,
                retry_at: oldest + RateLimit::WINDOW,
            });
        }
        Err(unexpected(error))
    }
    /// Counts an attempt of `who` against an allowance, in one conditional write that is exact under any interleaving. A
    /// refused attempt writes nothing.
    ///
    /// # Errors
    /// [`Throttle::Attempts`], [`Error::Internal`].
    pub async fn rate_limit_count(&self, allowance: &Allowance, who: &str, now: Timestamp) -> Result<()> {
        let begins = allowance.window_of(now);
        let ends = begins + allowance.window;
        let bucket = format!("{}#{who}#{}", allowance.name, begins.seconds());
        let outcome = self
            .client
            .update_item()
            .table_name(self.table(&schema::RATE_LIMITS))
            .set_key(Some(schema::RATE_LIMITS.key(&bucket, None)))
            .update_expression("SET expiresAt = :ttl ADD attempts :one")
            .condition_expression("attribute_not_exists(attempts) OR attempts < :limit")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(allowance.attempts))
            .expression_attribute_values(":ttl", number(ends.seconds()))
            .send()
            .await;
        let Err(error) = outcome else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Err(Error::Throttled {
                by: Throttle::Attempts,
                retry_at: ends,
            }),
            Some(_) | None => Err(unexpected(error)),
        }
    }
}
