//! The license keys' lock: which machine a license is bound to, and that a key was found good on it.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use crate::{
    Result,
    audit::Audit,
    event::{Event, EventType},
    license::{License, binding::LockVerdict, key::LicenseKey, machine::Fingerprint, standing::LicenseStatus},
    store::{
        Store,
        cache::Catalog,
        item::text,
        license::{change::ChangeOutcome, item::license_key},
        schema,
        write::{Transaction, WriteOutcome, check, retried},
    },
};

/// How a key that is plainly good is told by DynamoDB itself: a case of [`License::check`] that needs no thought.
const PLAINLY_GOOD: &str = "status IN (:active, :degraded) AND (attribute_not_exists(expiresAt) OR expiresAt > :now) \
     AND (attribute_not_exists(subscription) OR attribute_not_exists(subscription.endsAt) OR subscription.endsAt > :now)";

/// A license that [`Store::license_bind`] looked at.
pub struct Binding {
    /// The license.
    pub license: License,
    /// What it is for.
    pub catalog: Option<Arc<Catalog>>,
    /// What the lock decides.
    pub verdict: LockVerdict,
}

impl Store {
    /// The license with this key, and whether an event was noted that it was found good on this machine: it is when the license
    /// is plainly good and bound to the machine. Where no machine is named, none is noted: whether one has to be is for the
    /// product to say, which only the license tells.
    ///
    /// Reading and noting are done at once, so that a good answer takes one round trip. What was noted holds: its
    /// condition was looked at in the transaction that wrote it.
    ///
    /// **Unscoped**: the key is the credential.
    pub async fn license_check_unscoped(
        &self,
        key: &LicenseKey,
        hwid: Option<&Fingerprint>,
        audit: &Audit,
    ) -> Result<(Option<License>, bool)> {
        let Some(hwid) = hwid else {
            return Ok((self.license_get_unscoped(key).await?, false));
        };
        let event = audit.key_validated(key, Some(hwid))?;
        tokio::try_join!(
            self.license_get_unscoped(key),
            self.note_if_plainly_good(key, hwid, &event)
        )
    }

    async fn note_if_plainly_good(&self, key: &LicenseKey, hwid: &Fingerprint, event: &Event) -> Result<bool> {
        let good = check(&schema::LICENSES, license_key(key)).when(
            PLAINLY_GOOD,
            [
                (":active", text(LicenseStatus::Active)),
                (":degraded", text(LicenseStatus::Degraded)),
                (":now", text(event.at)),
            ],
        );
        let good = good.when("lock.hwid = :hwid", [(":hwid", text(hwid))]);
        Ok(match self.commit(Transaction::of([good]).with_event(event)?).await? {
            WriteOutcome::Done => true,
            // Not plainly good, or just being changed: that is looked at more closely, and noted then.
            WriteOutcome::Refused(_) | WriteOutcome::Contended => false,
        })
    }

    /// Looks at a license by [`License::check`] and its product's rules, and binds it to the machine that asks if it then is
    /// good. The check is made again on the license as it is then, should another change come between: of two machines that
    /// ask at once, the second finds the first.
    ///
    /// The rules are those of the product cache, and so may be a minute late.
    ///
    /// Answers the license as it is afterwards, and the last verdict: [`LockVerdict::Binds`] when this bound it.
    ///
    /// # Errors
    /// [`crate::error::Noun::License`] when the key is gone meanwhile.
    pub async fn license_bind(&self, license: License, hwid: Option<&Fingerprint>, audit: &Audit) -> Result<Binding> {
        let now = audit.now;
        let event = &Event {
            fingerprint: hwid.cloned(),
            ..audit.event(EventType::Validated, &license)?
        };
        let catalog = self.product_cached_unscoped(&license.product_id, now).await?;
        let rules = catalog.as_ref().map(|catalog| catalog.product.keys.clone());
        let rules = &rules.unwrap_or_default();
        let (license, verdict) = retried("a license", license, |attempt, license| async move {
            let verdict = license.check(hwid, rules, now);
            let LockVerdict::Binds(bound) = &verdict else {
                return Ok(Break((license, verdict)));
            };
            Ok(
                match self.license_try_change(&license, (**bound).clone(), event).await? {
                    ChangeOutcome::Done(bound) => Break((bound, verdict)),
                    ChangeOutcome::Overtaken(now) if attempt.retries_at_once() => Continue(now),
                    ChangeOutcome::Overtaken(_) | ChangeOutcome::Contended => {
                        Continue(self.license_later(attempt, &license).await?)
                    }
                },
            )
        })
        .await?;
        Ok(Binding {
            license,
            catalog,
            verdict,
        })
    }
}
