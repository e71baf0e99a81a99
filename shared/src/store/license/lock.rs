//! The license keys' lock: which machine a license is bound to, and that a key was found good on it.

use std::{
    ops::ControlFlow::{Break, Continue},
    sync::Arc,
};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{License, activation::VALIDATED_INTERVAL, binding::LockVerdict, machine::Fingerprint},
    store::{
        Store,
        cache::Catalog,
        item::{decode, number, text},
        license::{change::ChangeOutcome, item::license_key},
        schema,
        write::{Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

/// A license that [`Store::license_bind`] looked at.
pub struct Binding {
    /// The license.
    pub license: License,
    /// What it is for.
    pub catalog: Arc<Catalog>,
    /// What the lock decides.
    pub verdict: LockVerdict,
}

impl Store {
    /// Looks at a license by [`License::check`] and its product's rules, and binds it to the machine that asks if it then is
    /// good. The check is made again on the license as it is then, should another change come between: of two machines that
    /// ask at once, the second finds the first.
    ///
    /// The rules are those of the product cache, and so may be a minute late.
    ///
    /// That the key was found good is an event, at most once an hour for a license, and nothing is written otherwise.
    ///
    /// Answers the license as it is afterwards, and the last verdict: [`LockVerdict::Binds`] when this bound it.
    ///
    /// # Errors
    /// [`crate::error::Noun::License`] when the key is gone meanwhile, or its product was deleted.
    pub async fn license_bind(&self, license: License, hwid: Option<&Fingerprint>, audit: &Audit) -> Result<Binding> {
        let now = audit.now;
        let event = &Event {
            fingerprint: hwid.cloned(),
            ..audit.event(EventType::Validated, &license)?
        };
        let catalog = self.product_cached_unscoped(&license.product_id, now).await?;
        let catalog = catalog.ok_or(Error::NotFound(Noun::License))?;
        let rules = &catalog.product.keys;
        let (license, verdict) = retried("a license", license, |attempt, license| async move {
            let verdict = license.check(hwid, rules, now);
            let outcome = match &verdict {
                LockVerdict::Binds(bound) => self.license_try_change(&license, (**bound).clone(), event).await?,
                LockVerdict::Good if license.validation_is_due(now) => {
                    self.license_note_validated(&license, event).await?
                }
                LockVerdict::Good | LockVerdict::MachineMissing | LockVerdict::Refused(_) => {
                    return Ok(Break((license, verdict)));
                }
            };
            Ok(match outcome {
                ChangeOutcome::Done(changed) => Break((changed, verdict)),
                ChangeOutcome::Overtaken(now) if attempt.retries_at_once() => Continue(now),
                ChangeOutcome::Overtaken(_) | ChangeOutcome::Contended => {
                    Continue(self.license_later(attempt, &license).await?)
                }
            })
        })
        .await?;
        Ok(Binding {
            license,
            catalog,
            verdict,
        })
    }

    /// Notes that a license was found good, unless it was changed since it was read, or another request noted it.
    async fn license_note_validated(&self, license: &License, event: &Event) -> Result<ChangeOutcome> {
        let noted = UpdateExpression::default()
            .set("validatedAt", text(event.at))
            // What is noted holds: nothing that was looked at is another by now.
            .when("revision = :seen", [(":seen", number(license.revision))])
            // **Race**: of many requests at once, one notes it.
            .when(
                "attribute_not_exists(validatedAt) OR validatedAt <= :due",
                [(":due", text(event.at - VALIDATED_INTERVAL))],
            );
        let noted = update(&schema::LICENSES, license_key(&license.license_key), noted);
        Ok(match self.commit(Transaction::of([noted]).with_event(event)?).await? {
            WriteOutcome::Done => ChangeOutcome::Done(License {
                validated_at: Some(event.at),
                ..license.clone()
            }),
            WriteOutcome::Refused([Refusal::By(found)]) => {
                ChangeOutcome::Overtaken(decode(found.ok_or(Error::NotFound(Noun::License))?)?)
            }
            WriteOutcome::Refused([Refusal::None]) | WriteOutcome::Contended => ChangeOutcome::Contended,
        })
    }
}
