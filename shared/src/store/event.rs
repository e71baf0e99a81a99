//! Events: what happened, written in the transaction that made it happen
//! ([`crate::store::write::Transaction::with_event`]).

use std::ops::ControlFlow::{Break, Continue};

use futures_util::future::try_join_all;

use crate::{
    Result,
    audit::Audit,
    event::{Event, EventId, EventType, Subject},
    license::{
        License,
        key::{KeyMark, LicenseKey},
        machine::Fingerprint,
    },
    owner::OwnerId,
    store::{
        Store,
        item::{decode_all, text},
        read::all_of,
        schema, unexpected,
        write::{Transaction, WriteOutcome, retried},
    },
};

/// How many events are looked at in one call to find those of some types.
const EVENTS_A_PAGE: i32 = 1000;

/// How many times that is done for one list: what a license of many machines comes to in months.
const MOST_PAGES: usize = 10;

impl Store {
    /// Notes alone that the license with this key was found good, on this machine if one is named.
    pub async fn event_create_validated(
        &self,
        key: &LicenseKey,
        hwid: Option<&Fingerprint>,
        audit: &Audit,
    ) -> Result<()> {
        let event = &audit.key_validated(key, hwid)?;
        retried("an event", (), |attempt, ()| async move {
            Ok(match self.commit(Transaction::of([]).with_event(event)?).await? {
                WriteOutcome::Done => Break(()),
                WriteOutcome::Contended | WriteOutcome::Refused([]) => {
                    attempt.back_off().await;
                    Continue(())
                }
            })
        })
        .await
    }

    /// What happened to a license that the caller was found to own, oldest first.
    pub async fn event_list(&self, license: &License) -> Result<Vec<Event>> {
        all_of(self.query(&schema::EVENTS, license.license_id.as_str())).await
    }

    /// The latest events of these types of a license that the caller may see, under whatever key they happened, newest
    /// first; at most `limit`.
    pub async fn event_list_latest(&self, license: &License, types: &[EventType], limit: usize) -> Result<Vec<Event>> {
        let mut subjects = vec![Subject::from(&license.license_id)];
        subjects.push(Subject::from(&KeyMark::of(&license.license_key)));
        subjects.extend(license.former_keys.iter().map(Subject::from));
        let found = subjects
            .iter()
            .map(|subject| self.event_list_latest_under(subject, types, limit));
        let mut events = try_join_all(found).await?.concat();
        events.sort_by(|a, b| (b.at, &b.event_id).cmp(&(a.at, &a.event_id)));
        events.truncate(limit);
        Ok(events)
    }

    /// A page of at most `limit` entries of an owner's audit log, newest first: of this type, and after this one. Beside
    /// them the entry after which the next page begins.
    pub async fn event_list_audit(
        &self,
        owner: &OwnerId,
        r#type: Option<EventType>,
        limit: usize,
        after: Option<&EventId>,
    ) -> Result<(Vec<Event>, Option<EventId>)> {
        let subject = Subject::audit_log_of(owner);
        let mut after = after.cloned();
        let mut events: Vec<Event> = Vec::new();
        for _ in 0..MOST_PAGES {
            // One of a type is looked for among others; a page is never longer than what is wanted of it.
            let wanted = limit - events.len();
            let looked_at = if r#type.is_some() {
                EVENTS_A_PAGE
            } else {
                i32::try_from(wanted).unwrap_or(EVENTS_A_PAGE)
            };
            let mut query = self
                .query(&schema::EVENTS, subject.as_str())
                .scan_index_forward(false)
                .limit(looked_at);
            if let Some(last) = &after {
                query = query
                    .exclusive_start_key(schema::EVENTS.partition, text(subject.as_str()))
                    .exclusive_start_key("eventId", text(last));
            }
            let page = query.send().await.map_err(unexpected)?;
            let more = page.last_evaluated_key.is_some();
            for event in decode_all::<Event>(page.items)? {
                after = Some(event.event_id.clone());
                if r#type.is_none_or(|wanted| wanted == event.r#type) {
                    events.push(event);
                }
                if events.len() == limit {
                    return Ok((events, after));
                }
            }
            if !more {
                return Ok((events, None));
            }
        }
        Ok((events, after))
    }

    async fn event_list_latest_under(
        &self,
        subject: &Subject,
        types: &[EventType],
        limit: usize,
    ) -> Result<Vec<Event>> {
        let names: Vec<String> = (0..types.len()).map(|i| format!(":t{i}")).collect();
        let mut query = self
            .query(&schema::EVENTS, subject.as_str())
            .filter_expression(format!("#type IN ({})", names.join(", ")))
            .expression_attribute_names("#type", "type")
            .scan_index_forward(false)
            .limit(EVENTS_A_PAGE);
        for (name, r#type) in names.into_iter().zip(types) {
            query = query.expression_attribute_values(name, text(r#type));
        }
        let mut pages = query.into_paginator().send();
        let mut events: Vec<Event> = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await else { break };
            events.extend(decode_all(page.map_err(unexpected)?.items)?);
            if events.len() >= limit {
                break;
            }
        }
        events.truncate(limit);
        Ok(events)
    }
}
