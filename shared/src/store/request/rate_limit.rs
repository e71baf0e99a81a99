//! Counters of attempts.

use crate::{
    Error, Result, Timestamp,
    error::{Credential, Throttle},
    ids,
    license::key::LicenseKey,
    owner::product_key::ProductKeyId,
    request::{
        rate_limit::{Allowance, Portion, RateLimit, RequestLimit},
        request_signature::SignatureNonce,
    },
    store::{
        Store,
        item::{Item, number, text},
        schema,
        write::{Action, Refusal, UpdateExpression, put, update},
    },
};

/// Counts an attempt to activate, exactly under any interleaving: `expression` also shifts the register whose attributes
/// begin with `prefix`.
///
/// The counter is a shift register of the last fifteen admitted attempts, `t0` the oldest. An attempt is admitted when `t0`
/// has left the window, and shifts itself in; a `SET` sees every attribute as it was before the update. So a refused attempt
/// writes nothing, and does not make the caller wait longer.
pub(in crate::store) fn attempt_shift(
    mut expression: UpdateExpression,
    prefix: &str,
    now: Timestamp,
) -> UpdateExpression {
    const LAST: usize = RateLimit::ATTEMPTS - 1;
    let oldest = format!("{prefix}{}", RateLimit::OLDEST);
    expression = expression.set(&format!("{prefix}t{LAST}"), number(now.millis())).when(
        &format!("attribute_not_exists({oldest}) OR {oldest} <= :windowStart"),
        [(":windowStart", number((now - RateLimit::WINDOW).millis()))],
    );
    for i in 0..LAST {
        let shift = format!("{prefix}t{i} = if_not_exists({prefix}t{}, :never)", i + 1);
        expression = expression.assign(&shift, [(":never", number(0))]);
    }
    expression
}

/// Counts an attempt of a machine that is new to a license, by the network that it comes from.
pub(in crate::store) fn attempt_of_newcomer(license_key: &LicenseKey, network: &str, now: Timestamp) -> Action {
    let count = UpdateExpression::default().set("expiresAt", number((now + RateLimit::WINDOW).seconds()));
    let key = schema::RATE_LIMITS.key(&format!("activate#{license_key}#{network}"), None);
    update(&schema::RATE_LIMITS, key, attempt_shift(count, "", now))
}

/// What a newcomer is told whose attempt this refused.
pub(in crate::store) fn attempt_refusal(found: Option<&Item>, now: Timestamp) -> Error {
    let oldest = found.and_then(|item| item.get(RateLimit::OLDEST)?.as_n().ok()?.parse().ok());
    RateLimit::refusal(oldest.map_or(now, Timestamp::from_millis))
}

fn rate_limit_key(allowance: &Allowance, who: &str, now: Timestamp) -> Item {
    let begins = allowance.window_of(now).seconds();
    let bucket = format!("{}#{who}#{begins}", allowance.name);
    schema::RATE_LIMITS.key(&bucket, None)
}

impl Store {
    /// Takes a portion of what this limit admits of `who` in the window that `now` is in: one write. `None` when there is none
    /// left.
    ///
    /// A reply may be lost, and the SDK then takes another: nobody spends the first.
    pub async fn rate_limit_take_portion(
        &self,
        limit: RequestLimit,
        who: &str,
        now: Timestamp,
    ) -> Result<Option<Portion>> {
        const PORTIONS: &str = "portions";

        let begins = RequestLimit::window_of(now);
        let ends = begins + RequestLimit::WINDOW;
        let bucket = format!("{}#{who}#{}", limit.name, begins.seconds());
        let take = UpdateExpression::default()
            .set("expiresAt", number(ends.seconds()))
            .add(PORTIONS, number(1))
            // **Race**: of those who take one at once, each is told another number, and nobody a higher one than there are.
            .when(
                "attribute_not_exists(portions) OR portions < :all",
                [(":all", number(limit.number_of_portions()))],
            );
        let key = schema::RATE_LIMITS.key(&bucket, None);
        let Some(taken) = self.update_returning(&schema::RATE_LIMITS, key, take).await? else {
            return Ok(None);
        };
        let number = taken.get(PORTIONS).and_then(|number| number.as_n().ok()?.parse().ok());
        let number = number.ok_or(Error::internal("a counter of portions is no number"))?;
        Ok(limit.portion(number))
    }

    /// Notes that the nonce of a signature was used that was found right. It is remembered until `until`, in the table of
    /// counters, whose items expire.
    ///
    /// # Errors
    /// [`Credential::SignatureNonce`] when it was used before with this key.
    pub async fn nonce_use(
        &self,
        key: &ProductKeyId,
        nonce: &SignatureNonce,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mark = text(ids::request_token()?);
        let mut item = schema::RATE_LIMITS.key(&format!("nonce#{key}#{nonce}"), None);
        item.insert("expiresAt".to_owned(), number(until.seconds()));
        item.insert("usedBy".to_owned(), mark.clone());
        // **Race**: of two requests with one nonce, one finds none. One that was to be forgotten may still be there.
        let used = put(&schema::RATE_LIMITS, item).when(
            "attribute_not_exists(bucket) OR expiresAt < :now",
            [(":now", number(now.seconds()))],
        );
        match self.write_retried("a nonce", used).await? {
            Refusal::None => Ok(()),
            // The reply to this very write was lost, and the SDK sent it again.
            Refusal::By(Some(found)) if found.get("usedBy") == Some(&mark) => Ok(()),
            Refusal::By(_) => Err(Error::Unauthenticated(Credential::SignatureNonce)),
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
