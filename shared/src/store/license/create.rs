//! Making licenses.

use std::ops::ControlFlow::{Break, Continue};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Error, Result,
    audit::Audit,
    event::{Event, EventType},
    license::License,
    sale::{code::Code, purchase::Purchase},
    store::{
        Store,
        item::decode,
        license::{item::license_creation, key_exchange::key_is_unused},
        sale::{code::code_use, purchase::purchase_creation},
        write::{Refusal, Transaction, WriteOutcome, retried},
    },
};

/// What became of a license that was to be made.
#[derive(Debug)]
pub enum CreateOutcome {
    /// It was, now or when the same request was carried out before.
    Done,
    /// Another license has its key.
    KeyTaken,
    /// This came of its purchase before.
    Before(Purchase),
}

/// What became of a license that was to be brought along from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It was.
    Done,
    /// It was there before, for the same product.
    There,
    /// Another license has its key, or had it.
    KeyTaken,
}

/// Where a new license's key is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeySource {
    /// It was made here, of random bits: nobody had it before.
    Ours,
    /// It is from elsewhere.
    Theirs,
}

/// How many licenses are made at once: they are apart.
const CREATIONS_AT_ONCE: usize = 16;

impl Store {
    /// Stores a new license under a key of our making; an event that it was made; that it came of `purchases`; and that it used
    /// `code`, if that can be used: all as one. A code that can't be used does not stand in the way.
    pub async fn license_create(
        &self,
        license: &License,
        audit: &Audit,
        purchases: &[Purchase],
        code: Option<Code>,
    ) -> Result<CreateOutcome> {
        self.license_create_under(license, audit, purchases, code, KeySource::Ours)
            .await
    }

    /// As [`Store::license_create`], under a key that was given to us. A key that a license once had is taken for good:
    /// its former holder must find it dead.
    pub async fn license_create_with_own_key(
        &self,
        license: &License,
        audit: &Audit,
        purchases: &[Purchase],
        code: Option<Code>,
    ) -> Result<CreateOutcome> {
        self.license_create_under(license, audit, purchases, code, KeySource::Theirs)
            .await
    }

    async fn license_create_under(
        &self,
        license: &License,
        audit: &Audit,
        purchases: &[Purchase],
        code: Option<Code>,
        key: KeySource,
    ) -> Result<CreateOutcome> {
        let event = audit.event(EventType::Created, license)?;
        self.license_create_told(license, &event, purchases, code, key).await
    }

    /// Stores many new licenses under keys of our making, some at once. Each is made by itself: when one fails, others may be
    /// there, and the same request again makes those that are not.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_create_many(&self, licenses: &[License], audit: &Audit) -> Result<()> {
        let events = licenses.iter().map(|license| audit.event(EventType::Created, license));
        let events = events.collect::<Result<Vec<Event>>>()?;
        let all: Vec<(License, Event)> = licenses.iter().cloned().zip(events).collect();
        stream::iter(all)
            .map(|(license, event)| async move {
                match self
                    .license_create_told(&license, &event, &[], None, KeySource::Ours)
                    .await?
                {
                    CreateOutcome::Done => Ok(()),
                    CreateOutcome::KeyTaken | CreateOutcome::Before(_) => {
                        Err(Error::internal("a new license's key is taken"))
                    }
                }
            })
            .buffer_unordered(CREATIONS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Stores many licenses under keys that were given to us, some at once, and answers what became of each, in their order.
    /// The same request again makes those that are not there.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn license_import(&self, licenses: Vec<License>, audit: &Audit) -> Result<Vec<ImportOutcome>> {
        let events = licenses.iter().map(|license| audit.event(EventType::Created, license));
        let events = events.collect::<Result<Vec<Event>>>()?;
        let all: Vec<(License, Event)> = licenses.into_iter().zip(events).collect();
        stream::iter(all)
            .map(|(license, event)| async move {
                match self
                    .license_create_told(&license, &event, &[], None, KeySource::Theirs)
                    .await?
                {
                    CreateOutcome::Done => return Ok(ImportOutcome::Done),
                    CreateOutcome::KeyTaken | CreateOutcome::Before(_) => {}
                }
                let there = self.license_get_unscoped(&license.license_key).await?;
                let same = there
                    .is_some_and(|there| there.owner_id == license.owner_id && there.product_id == license.product_id);
                Ok(if same {
                    ImportOutcome::There
                } else {
                    ImportOutcome::KeyTaken
                })
            })
            .buffered(CREATIONS_AT_ONCE)
            .try_collect()
            .await
    }

    /// As [`Store::license_create`], with the event.
    async fn license_create_told(
        &self,
        license: &License,
        event: &Event,
        purchases: &[Purchase],
        code: Option<Code>,
        key: KeySource,
    ) -> Result<CreateOutcome> {
        retried("a license", code, |attempt, code| async move {
            let mut transaction = Transaction::of([]).with(license_creation(license)?);
            for purchase in purchases {
                transaction = transaction.with(purchase_creation(purchase)?);
            }
            if let Some(code) = code.as_ref().filter(|code| code.redeemable(license.created_at).is_ok()) {
                transaction = transaction.with(code_use(code));
            }
            if key == KeySource::Theirs {
                transaction = transaction.with(key_is_unused(&license.license_key));
            }
            let refusals = match self.commit_all(transaction.with_event(event)?).await? {
                WriteOutcome::Done => return Ok(Break(CreateOutcome::Done)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    return Ok(Continue(code));
                }
                WriteOutcome::Refused(refusals) => refusals,
            };
            let mut refusals = refusals.into_iter();
            if let Some(Refusal::By(found)) = refusals.next() {
                let found: Option<License> = found.map(decode).transpose()?;
                let own = found.is_some_and(|found| found.license_id == license.license_id);
                return Ok(Break(if own {
                    CreateOutcome::Done
                } else {
                    CreateOutcome::KeyTaken
                }));
            }
            for refusal in refusals.by_ref().take(purchases.len()) {
                if let Refusal::By(Some(found)) = refusal {
                    return Ok(Break(CreateOutcome::Before(decode(found)?)));
                }
            }
            if key == KeySource::Theirs
                && let Some(Refusal::By(_)) = refusals.next_back()
            {
                return Ok(Break(CreateOutcome::KeyTaken));
            }
            Ok(Continue(match refusals.next() {
                // Used up or changed by another request; or deleted, and maybe made again, perhaps by another owner.
                Some(Refusal::By(found)) => {
                    let found: Option<Code> = found.map(decode).transpose()?;
                    found.filter(|found| code.as_ref().is_some_and(|code| code.creation == found.creation))
                }
                Some(Refusal::None) | None => code,
            }))
        })
        .await
    }
}
