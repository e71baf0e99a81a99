//! Changes of licenses.

use std::ops::ControlFlow::{Break, Continue};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{License, key::LicenseId},
    owner::OwnerId,
    store::{
        Store,
        item::{decode, number},
        license::item::{license_difference, license_key},
        schema,
        write::{Attempt, Refusal, Transaction, WriteOutcome, retried, update},
    },
};

/// How many licenses are changed at once: they are apart, and each takes three rounds.
pub(in crate::store) const CHANGES_AT_ONCE: usize = 16;

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
        // On the heap: every endpoint that changes a license has this in its own future.
        let (license, _) = Box::pin(self.license_change_told(license, event, change)).await?;
        Ok(license)
    }

    /// Changes every license of `owner` with one of these ids, as [`Store::license_change`] does, and notes an event of each
    /// that changed. Ids of others, and those that are named again, are passed over. Answers how many changed.
    ///
    /// Each is a change by itself: when one fails, others may be done.
    ///
    /// # Errors
    /// Those of `change`, and [`Error::Internal`].
    pub async fn license_change_many(
        &self,
        owner: &OwnerId,
        ids: &[LicenseId],
        r#type: EventType,
        audit: &Audit,
        change: impl Fn(&License) -> Result<Option<License>>,
    ) -> Result<u32> {
        let change = &change;
        let changes = stream::iter(audit.of_each(ids)?).map(|(id, event)| async move {
            let Some(license) = self.license_of_owner(owner, &id).await? else {
                return Ok(false);
            };
            let event = audit.event_with_id(event, r#type, &license);
            match self.license_change_told(license, &event, change).await {
                Ok((_, is_changed)) => Ok(is_changed),
                // It was deleted meanwhile.
                Err(Error::NotFound(Noun::License)) => Ok(false),
                Err(error) => Err(error),
            }
        });
        changes
            .buffer_unordered(CHANGES_AT_ONCE)
            .try_fold(
                0,
                |changed, is_changed| async move { Ok(changed + u32::from(is_changed)) },
            )
            .await
    }

    /// The license of `owner` with this id.
    pub(in crate::store) async fn license_of_owner(&self, owner: &OwnerId, id: &LicenseId) -> Result<Option<License>> {
        let license = self.license_by_id_unscoped(id).await?;
        Ok(license.filter(|license| license.owner_id == *owner))
    }

    /// As [`Store::license_change`], with the event as it will be but for the changes. Answers also whether anything changed.
    async fn license_change_told(
        &self,
        license: License,
        event: &Event,
        change: impl Fn(&License) -> Result<Option<License>>,
    ) -> Result<(License, bool)> {
        let change = &change;
        retried("a license", license, |attempt, license| async move {
            let Some(changed) = change(&license)? else {
                return Ok(Break((license, false)));
            };
            Ok(match self.license_try_change(&license, changed, event).await? {
                ChangeOutcome::Done(changed) => Break((changed, true)),
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
            revision: license.revision,
            ..changed
        }
        .revised(event.at);
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
