//! Sessions of `/v1` as they are listed and ended. How they begin is in [`crate::store::license::authorize`].

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result, Timestamp,
    audit::Audit,
    error::Noun,
    event::EventType,
    license::{
        License,
        key::LicenseKey,
        session::{REVOKED_SESSION_KEPT, Session, SessionId, SessionName},
    },
    store::{
        Store,
        item::{decode, decode_all, number, text},
        license::ledger::{Counters, LedgerEntry, LedgerPart, SESSIONS, give_back, ledger_key, session_key},
        schema, unexpected,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
};

/// Which sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionFilter {
    /// Those that are alive at this time.
    Live(Timestamp),
    /// All that are known: also those that have lapsed or were revoked.
    All,
}

impl Store {
    /// A page of the sessions of a license that the caller was found to own, in no order that tells anything: at most
    /// `limit`, of those after `after`. Beside them the session after which the next page begins.
    pub async fn session_list(
        &self,
        license: &License,
        filter: SessionFilter,
        limit: usize,
        after: Option<&SessionId>,
    ) -> Result<(Vec<Session>, Option<SessionId>)> {
        let key = &license.license_key;
        let mut sessions: Vec<Session> = Vec::new();
        let mut start = after.map(|after| session_key(key, after));
        loop {
            let wanted = i32::try_from(limit.saturating_sub(sessions.len()).max(1)).unwrap_or(i32::MAX);
            let mut query = self
                .query_prefix(&schema::ACTIVATIONS, key.as_str(), SESSIONS)
                .limit(wanted)
                .set_exclusive_start_key(start);
            if let SessionFilter::Live(now) = filter {
                query = query
                    .filter_expression("leaseUntil > :now")
                    .expression_attribute_values(":now", text(now));
            }
            let page = query.send().await.map_err(unexpected)?;
            sessions.extend(decode_all::<Session>(page.items)?);
            let Some(last) = page.last_evaluated_key else {
                return Ok((sessions, None));
            };
            if sessions.len() >= limit {
                let last = last.get("machineId").and_then(|id| id.as_s().ok());
                let last = last.and_then(|id| SessionId::parse(id.strip_prefix(SESSIONS)?));
                return Ok((sessions, last));
            }
            start = Some(last);
        }
    }

    /// The session of a license that the caller was found to own, by its id or by what its client calls it.
    ///
    /// # Errors
    /// [`Noun::Session`].
    pub async fn session_get(&self, license: &License, named: &str) -> Result<Session> {
        let (id, name) = (SessionId::parse(named), SessionName::parse(named));
        let ids = [id, name.as_ref().map(SessionId::of)].into_iter().flatten();
        let keys: Vec<_> = ids.map(|id| session_key(&license.license_key, &id)).collect();
        if keys.is_empty() {
            return Err(Error::NotFound(Noun::Session));
        }
        let mut found = self.get_batch(vec![(&schema::ACTIVATIONS, keys)]).await?;
        let found = found.take(&schema::ACTIVATIONS).into_iter().map(decode);
        let sessions: Vec<Session> = found.collect::<Result<_>>()?;
        // Of two, a client calls one as the other's id reads; the id is the vendor's own word.
        let by_name = |session: &&Session| name.as_ref() == Some(&session.session_id);
        let session = sessions.iter().find(|session| !by_name(session)).or(sessions.first());
        session.cloned().ok_or(Error::NotFound(Noun::Session))
    }

    /// Ends a session for good: it gives its seat back, and its client is told so when it asks for it again. Answers the
    /// session as it is then. Once is enough: a second time changes nothing.
    ///
    /// # Errors
    /// [`Noun::Session`], [`Noun::License`].
    pub async fn session_revoke(&self, license: &License, session: Session, audit: &Audit) -> Result<Session> {
        let key = &license.license_key;
        let event = audit.event(EventType::LicenseSessionsRevoked, license)?;
        let event = &event.with("sessionId", session.session_id.as_str());
        retried("a session", session, |attempt, session| async move {
            if session.revoked_at.is_some() {
                return Ok(Break(session));
            }
            let freed = Counters {
                sessions: u32::from(session.lease_until.is_some()),
                ..Counters::default()
            };
            let end = session_revocation(key, &format!("{SESSIONS}{}", session.id()), audit.now);
            let transaction = Transaction::of([give_back(key, freed), end]).with_event(event)?;
            match self.commit(transaction).await? {
                WriteOutcome::Done => Ok(Break(Session {
                    lease_until: None,
                    revoked_at: Some(audit.now),
                    ..session
                })),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Ok(Continue(session))
                }
                WriteOutcome::Refused([Refusal::By(_), _]) => Err(Error::NotFound(Noun::License)),
                WriteOutcome::Refused([Refusal::None, Refusal::By(found)]) => {
                    Ok(Continue(decode(found.ok_or(Error::NotFound(Noun::Session))?)?))
                }
                WriteOutcome::Refused([Refusal::None, Refusal::None]) => Ok(Continue(session)),
            }
        })
        .await
    }

    /// Ends every session of a license for good, as many as fit in a transaction at a time. Answers how many. The event is
    /// noted with the first that are ended.
    pub async fn session_revoke_all(&self, license: &License, audit: &Audit) -> Result<u32> {
        let key = &license.license_key;
        let event = &audit.event(EventType::LicenseSessionsRevoked, license)?;
        let mut revoked = 0;
        loop {
            let event = Some(event).filter(|_| revoked == 0);
            let more = retried("the sessions of a license", (), |attempt, ()| async move {
                let open = self.ledger_first(key, LedgerPart::Sessions).await?;
                if open.is_empty() {
                    return Ok(Break(0));
                }
                let freed = Counters::of_entries(&open);
                let mut transaction = Transaction::of([give_back(key, freed)]);
                for LedgerEntry { machine_id, .. } in &open {
                    transaction = transaction.with(session_revocation(key, machine_id, audit.now));
                }
                if let Some(event) = event {
                    transaction = transaction.with_event(event)?;
                }
                Ok(match self.commit(transaction).await? {
                    WriteOutcome::Done => Break(freed.sessions),
                    WriteOutcome::Contended | WriteOutcome::Refused(_) => {
                        attempt.back_off().await;
                        Continue(())
                    }
                })
            })
            .await?;
            if more == 0 {
                return Ok(revoked);
            }
            revoked += more;
        }
    }
}

/// The session's half of its revocation: unless it has no lease any more, which changes what the counters lose.
fn session_revocation(key: &LicenseKey, entry: &str, now: Timestamp) -> Action {
    let forgotten = (now + REVOKED_SESSION_KEPT).seconds();
    let end = UpdateExpression::default()
        .set("revokedAt", text(now))
        .set("expiresAt", number(forgotten))
        .remove("leaseUntil")
        // **Race**: it is counted down once.
        .when("attribute_exists(leaseUntil)", []);
    update(&schema::ACTIVATIONS, ledger_key(key, entry), end)
}
