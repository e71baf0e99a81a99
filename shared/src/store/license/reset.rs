//! Resets of what `/v1` has bound a license to, and what it is bound to.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Result,
    audit::Audit,
    error::{Error, Noun},
    event::EventType,
    license::{
        License,
        address::{ADDRESSES, AddressBinding},
        policy::Policy,
        reset::{ResetKind, ResetRule},
    },
    store::{
        Store,
        item::{decode, decode_all, number},
        license::{
            item::{license_difference, license_key},
            ledger::{Counters, LedgerPart, given_back},
        },
        schema, unexpected,
        write::{Refusal, Transaction, WriteOutcome, retried, update},
    },
};

impl Store {
    /// Takes every machine, or every address, off a license, if its policy's budget lets it or the rule says that does not
    /// matter. Answers the license as it is then. The first hundred go in one transaction with the count and the event, and
    /// the others after it.
    ///
    /// # Errors
    /// [`crate::error::Denial::ResetLimitReached`], [`crate::error::Denial::ResetCooldown`], [`Noun::License`].
    pub async fn license_reset(
        &self,
        license: License,
        kind: ResetKind,
        rule: ResetRule,
        policy: &Policy,
        audit: &Audit,
    ) -> Result<License> {
        let (part, r#type) = match kind {
            ResetKind::Hwid => (LedgerPart::Machines, EventType::HwidReset),
            ResetKind::Ip => (LedgerPart::Addresses, EventType::IpReset),
        };
        let event = &audit.event(r#type, &license)?;
        let license = retried("a license", license, |attempt, license| async move {
            let key = &license.license_key;
            let changed = license.reset(kind, policy, rule, audit.now)?.revised(audit.now);
            let leaving = self.ledger_first(key, part).await?;
            let counters = Counters::of_entries(&leaving);
            let difference = given_back(license_difference(&license, &changed)?, counters)
                // **Race**: of two resets at once, the budget counts both.
                .when("revision = :seen", [(":seen", number(license.revision))]);
            let change = update(&schema::LICENSES, license_key(key), difference);
            let event = event.clone().with("removed", leaving.len());
            let mut transaction = Transaction::of([change]).with_event(&event)?;
            for entry in &leaving {
                transaction = transaction.with(entry.removal(key));
            }
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(counters.taken_off(changed)),
                WriteOutcome::Refused([Refusal::By(found)]) if attempt.retries_at_once() => {
                    Continue(decode(found.ok_or(Error::NotFound(Noun::License))?)?)
                }
                WriteOutcome::Refused(_) | WriteOutcome::Contended => {
                    Continue(self.license_later(attempt, &license).await?)
                }
            })
        })
        .await?;
        let more = self.ledger_remove(&license, part, None).await?;
        Ok(more.taken_off(license))
    }

    /// The addresses of a license that the caller was found to own: at most `limit`.
    pub async fn address_list(&self, license: &License, limit: usize) -> Result<Vec<AddressBinding>> {
        let page = self
            .query_prefix(&schema::ACTIVATIONS, license.license_key.as_str(), ADDRESSES)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(unexpected)?;
        decode_all(page.items)
    }
}
