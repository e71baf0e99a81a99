//! Events: what happened, written in the transaction that made it happen
//! ([`crate::store::write::Transaction::with_event`]).

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Result,
    account::{Account, AccountId},
    audit::Audit,
    event::{Event, EventId, EventType, Subject},
    license::License,
    owner::OwnerId,
    store::{
        Store,
        item::{decode_all, encode, number, text},
        read::all_of,
        schema, unexpected,
        write::{Transaction, UpdateExpression, WriteOutcome, retried, update},
    },
    value::email::Email,
};

/// How many events are looked at in one call to find those of some types.
const EVENTS_A_PAGE: i32 = 1000;

/// How many times that is done for one list: what a license of many machines comes to in months.
const MOST_PAGES: usize = 10;

impl Store {
    /// Counts a wrong password that `who` has shown, in one event an hour: in the log of the account with this address or,
    /// where there is none, in a place that nobody reads. So the time that it takes does
    /// not tell whether there is an account, and many guesses fill nobody's log.
    ///
    /// A reply that is lost has the SDK send it again, and it may be counted twice.
    pub async fn event_count_wrong_password(
        &self,
        account: Option<&AccountId>,
        address: &Email,
        who: &str,
        audit: &Audit,
    ) -> Result<()> {
        let event = audit.wrong_passwords(account, address, who);
        let key = schema::EVENTS.key(event.subject.as_str(), Some(event.event_id.as_str()));
        let mut item = encode(&event)?;
        item.retain(|name, _| !key.contains_key(name));
        let mut counted = UpdateExpression::default().add("count", number(1));
        // The first of the hour says from where.
        for (name, value) in item {
            let placeholder = format!(":{name}");
            let assignment = format!("{name} = if_not_exists({name}, {placeholder})");
            counted = counted.assign(&assignment, [(&placeholder, value)]);
        }
        let count = update(&schema::EVENTS, key, counted);
        self.write_retried("an event", count).await.map(drop)
    }

    /// Notes an event of a license that nothing else is written with: of what is done outside of the tables.
    pub async fn event_note(&self, r#type: EventType, license: &License, audit: &Audit) -> Result<()> {
        self.event_note_alone(&audit.event(r#type, license)?).await
    }

    /// Notes an entry of an audit log, or an event, that nothing else is written with.
    pub async fn event_note_alone(&self, event: &Event) -> Result<()> {
        retried("an event", (), |attempt, ()| async move {
            Ok(match self.commit_all(Transaction::of([]).with_event(event)?).await? {
                WriteOutcome::Done | WriteOutcome::Refused(_) => Break(()),
                WriteOutcome::Contended => {
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

    /// The latest events of these types of a license that the caller may see, newest first; at most `limit`.
    pub async fn event_list_latest(&self, license: &License, types: &[EventType], limit: usize) -> Result<Vec<Event>> {
        let (events, _) = self.event_list_page(license, types, limit, None).await?;
        Ok(events)
    }

    /// As [`Store::event_list_latest`], of those after this one. Beside them the event after which the next page begins.
    pub async fn event_list_page(
        &self,
        license: &License,
        types: &[EventType],
        limit: usize,
        after: Option<&EventId>,
    ) -> Result<(Vec<Event>, Option<EventId>)> {
        self.event_page(&Subject::from(&license.license_id), types, limit, after)
            .await
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
        self.event_page(&Subject::audit_log_of(owner), r#type.as_slice(), limit, after)
            .await
    }

    /// As [`Store::event_list_audit`], of the log of an account whose holder asks.
    pub async fn event_list_of_account(
        &self,
        account: &Account,
        r#type: Option<EventType>,
        limit: usize,
        after: Option<&EventId>,
    ) -> Result<(Vec<Event>, Option<EventId>)> {
        self.event_page(
            &Subject::audit_log_of_account(&account.account_id),
            r#type.as_slice(),
            limit,
            after,
        )
        .await
    }

    /// A page of at most `limit` events under a subject, newest first: of these types, if any are named, and after this one.
    /// Beside them the event after which the next page begins.
    async fn event_page(
        &self,
        subject: &Subject,
        types: &[EventType],
        limit: usize,
        after: Option<&EventId>,
    ) -> Result<(Vec<Event>, Option<EventId>)> {
        let mut after = after.cloned();
        let mut events: Vec<Event> = Vec::new();
        for _ in 0..MOST_PAGES {
            // Those of some types are looked for among others; a page is never longer than what is wanted of it.
            let wanted = i32::try_from(limit - events.len()).unwrap_or(EVENTS_A_PAGE);
            let looked_at = if types.is_empty() { wanted } else { EVENTS_A_PAGE };
            let mut query = self
                .query(&schema::EVENTS, subject.as_str())
                .scan_index_forward(false)
                .limit(looked_at);
            // Not by where the query before ended: that is the place of an event in another partition, or of none.
            if let Some(last) = &after {
                query = query
                    .key_condition_expression("#partition = :partition AND eventId < :after")
                    .expression_attribute_values(":after", text(last));
            }
            if !types.is_empty() {
                let names: Vec<String> = (0..types.len()).map(|i| format!(":t{i}")).collect();
                query = query
                    .filter_expression(format!("#type IN ({})", names.join(", ")))
                    .expression_attribute_names("#type", "type");
                for (name, r#type) in names.into_iter().zip(types) {
                    query = query.expression_attribute_values(name, text(r#type));
                }
            }
            let page = query.send().await.map_err(unexpected)?;
            events.extend(decode_all::<Event>(page.items)?);
            let Some(last) = page.last_evaluated_key else {
                let next = (events.len() > limit).then(|| events[limit - 1].event_id.clone());
                events.truncate(limit);
                return Ok((events, next));
            };
            if events.len() >= limit {
                events.truncate(limit);
                let next = events.last().map(|last| last.event_id.clone());
                return Ok((events, next));
            }
            let last = last.get("eventId").and_then(|id| id.as_s().ok());
            after = last.and_then(|id| EventId::parse(id));
        }
        Ok((events, after))
    }
}
