//! Changes of licenses.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::License,
    store::{
        Store,
        item::{decode, number},
        license::item::{license_difference, license_key},
        schema,
        write::{Attempt, Refusal, Transaction, WriteOutcome, retried, update},
    },
};

/// What became of a change of a license.
pub(in crate::store) enum ChangeOutcome {
    /// It took effect: the license as it is now.
    Done(License),
    /// Another change came between: the license as it is now.
    Overtaken(License),
    /// It collided with another write; nothing is known of the license. Try again.
    Contended,
}

impl Store {
    /// Changes a license by `change`, which answers the license as it should be, or `None` to leave it, and notes
    /// an event of this type with what changed. Counters stay as they are. `change` is called again on the license as it is then,
    /// should another change come between.
    ///
    /// Answers the license as it is afterwards.
    ///
    /// # Errors
    /// Those of `change`, and [`Noun::License`] when the license is deleted meanwhile.
    pub async fn license_change(
        &self,
        license: License,
        r#type: EventType,
        audit: &Audit,
        change: impl Fn(&License) -> Result<Option<License>>,
    ) -> Result<License> {
        let event = &audit.event(r#type, &license)?;
        let change = &change;
        retried("a license", license, |attempt, license| async move {
            let Some(changed) = change(&license)? else {
                return Ok(Break(license));
            };
            Ok(match self.license_try_change(&license, changed, event).await? {
                ChangeOutcome::Done(changed) => Break(changed),
                ChangeOutcome::Overtaken(now) if attempt.retries_at_once() => Continue(now),
                ChangeOutcome::Overtaken(_) | ChangeOutcome::Contended => {
                    Continue(self.license_later(attempt, &license).await?)
                }
            })
        })
        .await
    }

    /// Backs off, and reads the license again, if it still has its key.
    pub(in crate::store) async fn license_later(&self, attempt: Attempt, license: &License) -> Result<License> {
        attempt.back_off().await;
        let now = self.license_get_unscoped(&license.license_key).await?;
        now.ok_or(Error::NotFound(Noun::License))
    }

    /// Turns `license` into `changed`, counters aside, unless it was changed since it was read.
    pub(in crate::store) async fn license_try_change(
        &self,
        license: &License,
        changed: License,
        event: &Event,
    ) -> Result<ChangeOutcome> {
        let changed = License {
            revision: license.revision + 1,
            ..changed
        };
        let difference = license_difference(license, &changed)?
            // **Race**: whatever the decision was made on is still so.
            .when("revision = :seen", [(":seen", number(license.revision))]);
        let change = update(&schema::LICENSES, license_key(&license.license_key), difference);
        let event = event.clone().with("changes", license.changes_to(&changed)?);
        Ok(
            match self.commit(Transaction::of([change]).with_event(&event)?).await? {
                WriteOutcome::Done => ChangeOutcome::Done(changed),
                WriteOutcome::Refused([Refusal::By(found)]) => {
                    ChangeOutcome::Overtaken(decode(found.ok_or(Error::NotFound(Noun::License))?)?)
                }
                WriteOutcome::Refused([Refusal::None]) | WriteOutcome::Contended => ChangeOutcome::Contended,
            },
        )
    }
}
