//! Deleting licenses.

use std::ops::ControlFlow::{Break, Continue};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventType},
    license::{License, key::LicenseId},
    owner::OwnerId,
    store::{
        Store,
        item::decode,
        license::{
            change::CHANGES_AT_ONCE,
            key_exchange::{former_key, old_key_deletion},
            ledger::{Counters, LedgerPart},
        },
        write::{Refusal, Transaction, WriteOutcome, retried},
    },
};

/// How many entries of the ledger are removed beside a deletion: DynamoDB takes a hundred actions, and five are the key's, the
/// event's and the audit log's.
const ENTRIES_AT_ONCE: usize = 95;

impl Store {
    /// Deletes every license of `owner` with one of these ids, and notes an event of each. Its key is dead for good: no license
    /// can have it again. Ids of others, and those that are named again, are passed over. Answers how many were deleted.
    ///
    /// Each is deleted by itself: when one fails, others may be gone.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_delete_many(&self, owner: &OwnerId, ids: &[LicenseId], audit: &Audit) -> Result<u32> {
        let deletions = stream::iter(audit.of_each(ids)?).map(|(id, event)| async move {
            let Some(license) = self.license_of_owner(owner, &id).await? else {
                return Ok(false);
            };
            let event = audit.event_with_id(event, EventType::Deleted, &license);
            match self.license_delete(license, &event, audit).await {
                Ok(()) => Ok(true),
                // Another request deleted it.
                Err(Error::NotFound(Noun::License)) => Ok(false),
                Err(error) => Err(error),
            }
        });
        deletions
            .buffer_unordered(CHANGES_AT_ONCE)
            .try_fold(
                0,
                |deleted, is_deleted| async move { Ok(deleted + u32::from(is_deleted)) },
            )
            .await
    }

    /// Deletes a license with all that is counted of it, in one transaction. One with more machines than a transaction holds
    /// loses them before.
    ///
    /// # Errors
    /// [`Noun::License`] when it is gone.
    async fn license_delete(&self, license: License, event: &Event, audit: &Audit) -> Result<()> {
        retried("a license", license, |attempt, license| async move {
            let counted = Counters::of(&license);
            let entries = if counted == Counters::default() {
                Some(Vec::new())
            } else {
                self.ledger_list(&license.license_key, ENTRIES_AT_ONCE).await?
            };
            let Some(entries) = entries else {
                // On the heap, which few deletions come to.
                Box::pin(self.activation_reset(&license, audit)).await?;
                Box::pin(self.ledger_remove(&license, LedgerPart::Sessions, None)).await?;
                Box::pin(self.ledger_remove(&license, LedgerPart::Addresses, None)).await?;
                return Ok(Continue(self.license_later(attempt, &license).await?));
            };
            // **Race**: a machine that left and one that came, since the license was read, leave its counters as they were.
            if Counters::of_entries(&entries) != counted {
                return Ok(Continue(self.license_later(attempt, &license).await?));
            }
            let mut transaction = Transaction::of([old_key_deletion(&license)?])
                .with_event(event)?
                .with(former_key(&license, event)?);
            for entry in &entries {
                transaction = transaction.with(entry.removal(&license.license_key));
            }
            match self.commit(transaction).await? {
                WriteOutcome::Done => Ok(Break(())),
                WriteOutcome::Refused([Refusal::By(found)]) if attempt.retries_at_once() => {
                    Ok(Continue(decode(found.ok_or(Error::NotFound(Noun::License))?)?))
                }
                WriteOutcome::Refused([Refusal::By(_) | Refusal::None]) | WriteOutcome::Contended => {
                    Ok(Continue(self.license_later(attempt, &license).await?))
                }
            }
        })
        .await
    }
}
