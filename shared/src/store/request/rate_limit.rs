//! Counters of attempts.

use crate::{
    Error, Result, Timestamp,
    error::Throttle,
    license::key::LicenseKey,
    request::rate_limit::{Allowance, RateLimit},
    store::{
        Store,
        item::{Item, number},
        schema,
        write::{Refusal, UpdateExpression, update},
    },
};

fn rate_limit_key(allowance: &Allowance, who: &str, now: Timestamp) -> Item {
    let begins = allowance.window_of(now).seconds();
    let bucket = format!("{}#{who}#{begins}", allowance.name);
    schema::RATE_LIMITS.key(&bucket, None)
}

impl Store {
    /// Counts an attempt to activate `license_key`, in one conditional write that is exact under any interleaving.
    ///
    /// The counter is a shift register of the last fifteen admitted attempts, `t0` the oldest. An attempt is admitted
    /// when `t0` has left the window, and shifts itself in; a `SET` sees every attribute as it was before the update. So
    /// a refused attempt writes nothing, and does not make the caller wait longer.
    ///
    /// # Errors
    /// [`Throttle::Activations`].
    pub async fn rate_limit_count_activation(&self, license_key: &LicenseKey, now: Timestamp) -> Result<()> {
        const LAST: usize = RateLimit::ATTEMPTS - 1;
        let mut count = UpdateExpression::default()
            .set(&format!("t{LAST}"), number(now.millis()))
            .set("expiresAt", number((now + RateLimit::WINDOW).seconds()))
            .when(
                "attribute_not_exists(t0) OR t0 <= :windowStart",
                [(":windowStart", number((now - RateLimit::WINDOW).millis()))],
            );
        for i in 0..LAST {
            let shift = format!("t{i} = if_not_exists(t{}, :never)", i + 1);
            count = count.assign(&shift, [(":never", number(0))]);
        }
        let key = schema::RATE_LIMITS.key(&format!("activate#{license_key}"), None);
        let count = update(&schema::RATE_LIMITS, key, count);
        match self.write_retried("a rate limit", count).await? {
            Refusal::None => Ok(()),
            Refusal::By(found) => {
                let oldest = found
                    .as_ref()
                    .and_then(|item| item.get("t0")?.as_n().ok()?.parse().ok());
                Err(Error::Throttled {
                    by: Throttle::Activations,
                    retry_at: oldest.map_or(now, Timestamp::from_millis) + RateLimit::WINDOW,
                })
            }
        }
    }

    /// Takes back an attempt of `who` that was counted at this time, for what counts failures only. Counting first and
    /// taking back keeps the number exact, however many attempts there are at once.
    ///
    /// **Best effort**: the attempt has succeeded by then, so one that stays counted must not fail it.
    pub async fn rate_limit_take_back(&self, allowance: &Allowance, who: &str, now: Timestamp) {
        let less = UpdateExpression::default()
            .decrease("attempts", 1)
            .when("attempts > :none", [(":none", number(0))]);
        let less = update(&schema::RATE_LIMITS, rate_limit_key(allowance, who, now), less);
        let _: Result<Refusal> = self.write_retried("a rate limit", less).await;
    }

    /// Counts an attempt of `who` against an allowance, in one conditional write that is exact under any interleaving. A
    /// refused attempt writes nothing.
    ///
    /// # Errors
    /// [`Throttle::Attempts`].
    pub async fn rate_limit_count(&self, allowance: &Allowance, who: &str, now: Timestamp) -> Result<()> {
        let ends = allowance.window_of(now) + allowance.window;
        let count = UpdateExpression::default()
            .set("expiresAt", number(ends.seconds()))
            .add("attempts", number(1))
            .when(
                "attribute_not_exists(attempts) OR attempts < :limit",
                [(":limit", number(allowance.attempts))],
            );
        let count = update(&schema::RATE_LIMITS, rate_limit_key(allowance, who, now), count);
        match self.write_retried("a rate limit", count).await? {
            Refusal::None => Ok(()),
            Refusal::By(_) => Err(Error::Throttled {
                by: Throttle::Attempts,
                retry_at: ends,
            }),
        }
    }
}
