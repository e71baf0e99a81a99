//! Exchanges of license keys: a license gets a new key, and the old one is dead for good.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    audit::Audit,
    error::Noun,
    event::{Event, EventId, EventType},
    license::{
        License,
        key::{KeyMark, LicenseKey},
        key_exchange::{CurrentKey, FormerKey},
    },
    store::{
        Store,
        item::{attribute, decode, encode, number},
        license::{
            item::{license_creation, license_key},
            ledger::{Counters, LedgerPart},
        },
        schema,
        write::{Action, Refusal, Transaction, WriteOutcome, check, delete, put, retried},
    },
};

/// How many entries of the ledger are removed beside an exchange of keys: DynamoDB takes a hundred actions, and six are the
/// keys', the event's and the audit log's.
const ENTRIES_AT_ONCE: usize = 94;

impl Store {
    /// Gives a license the key that `reissue` makes of it, and takes every machine off it, with its sessions and addresses: in one transaction the old key
    /// is gone and the new one there. `reissue` is called again on the license as it is then, should another change come
    /// between.
    ///
    /// A license with more machines than a transaction holds loses them before, of which an event tells.
    ///
    /// `id` is that of the event: a request that is carried out again finds by it the license whose key it exchanged.
    ///
    /// # Errors
    /// Those of `reissue`, and [`Noun::License`] when the key is gone meanwhile.
    pub async fn license_exchange_key(
        &self,
        license: License,
        id: &EventId,
        audit: &Audit,
        reissue: impl Fn(&License) -> Result<License>,
    ) -> Result<License> {
        let event = &audit.event_with_id(id.clone(), EventType::Shuffled, &license);
        let reissue = &reissue;
        retried("a license", license, |attempt, license| async move {
            let reissued = reissue(&license)?;
            let counted = Counters::of(&license);
            let entries = if counted == Counters::default() {
                Some(Vec::new())
            } else {
                self.ledger_list(&license.license_key, ENTRIES_AT_ONCE).await?
            };
            let Some(entries) = entries else {
                // On the heap, which few exchanges come to.
                Box::pin(self.activation_reset(&license, audit)).await?;
                Box::pin(self.ledger_remove(&license, LedgerPart::Addresses, None)).await?;
                return Ok(Continue(self.license_later(attempt, &license).await?));
            };
            // **Race**: a machine that left and one that came, since the license was read, leave its counters as they were.
            if Counters::of_entries(&entries) != counted {
                return Ok(Continue(self.license_later(attempt, &license).await?));
            }
            let [former, current] = key_traces(&license, &reissued, event)?;
            let mut transaction = Transaction::of([old_key_deletion(&license)?, license_creation(&reissued)?])
                .with_event(event)?
                .with(former)
                .with(current);
            for entry in &entries {
                transaction = transaction.with(entry.removal(&license.license_key));
            }
            match self.commit(transaction).await? {
                WriteOutcome::Done => Ok(Break(reissued)),
                WriteOutcome::Refused([Refusal::By(found), _]) if attempt.retries_at_once() => {
                    Ok(Continue(decode(found.ok_or(Error::NotFound(Noun::License))?)?))
                }
                WriteOutcome::Refused([Refusal::By(_), _]) | WriteOutcome::Contended => {
                    Ok(Continue(self.license_later(attempt, &license).await?))
                }
                WriteOutcome::Refused([Refusal::None, _]) => {
                    Err(Error::internal("a new license key was taken already"))
                }
            }
        })
        .await
    }
}

/// That a key and its license are gone: unless the license was changed since it was read, or has more machines or fewer.
pub(in crate::store) fn old_key_deletion(license: &License) -> Result<Action> {
    let deletion = delete(&schema::LICENSES, license_key(&license.license_key));
    // A license that was never authorized by `/v1` has no counter of addresses.
    let deletion = match license.seats.addresses_bound {
        0 => deletion.when(
            "attribute_not_exists(seats.addressesBound) OR seats.addressesBound = :addresses",
            [(":addresses", number(0))],
        ),
        bound => deletion.when("seats.addressesBound = :addresses", [(":addresses", number(bound))]),
    };
    Ok(deletion
        // **Race**: no machine is left on a key that is gone: each that is counted is removed beside it.
        .when(
            "revision = :seen AND seats.machinesUsed = :machines AND seats.sessionsOpen = :sessions",
            [
                (":seen", number(license.revision)),
                (":machines", number(license.seats.machines_used)),
                (":sessions", number(license.seats.sessions_open)),
            ],
        )
        // What is noted of it without a new revision goes along to the new key.
        .when(
            "watch.unresolvedViolations = :violations AND watch.arrived = :arrived AND watch.seenIn = :seenIn",
            [
                (":violations", number(license.watch.unresolved_violations)),
                (":arrived", number(license.watch.arrived)),
                (":seenIn", attribute(&license.watch.seen_in)?),
            ],
        ))
}

/// That a license has its key no more: no other can get it.
pub(in crate::store) fn former_key(license: &License, event: &Event) -> Result<Action> {
    let former = FormerKey {
        key_mark: KeyMark::of(&license.license_key),
        license_id: license.license_id.clone(),
        event_id: event.event_id.clone(),
    };
    Ok(put(&schema::FORMER_KEYS, encode(&former)?))
}

/// That a key is exchanged, and for which: the old one leads to the license, and the license to the new one.
fn key_traces(license: &License, reissued: &License, event: &Event) -> Result<[Action; 2]> {
    let current = CurrentKey {
        key_mark: KeyMark::of_license(&license.license_id),
        license_key: reissued.license_key.clone(),
    };
    Ok([
        former_key(license, event)?,
        put(&schema::FORMER_KEYS, encode(&current)?),
    ])
}

/// That no license ever had this key and exchanged it.
pub(in crate::store) fn key_is_unused(key: &LicenseKey) -> Action {
    let key = schema::FORMER_KEYS.key(KeyMark::of(key).as_str(), None);
    check(&schema::FORMER_KEYS, key).when("attribute_not_exists(keyMark)", [])
}
