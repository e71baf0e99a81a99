//! Writes: actions that carry their condition, transactions of them, and the one retry loop.
//!
//! Concurrency is optimistic: read, decide, then write on a condition that holds only if what was decided on still does.
//! A refused condition hands back the item as it is (`ALL_OLD`), so that the decision is made again without a second
//! read. Each condition stands beside its write, in the words of DynamoDB's expressions:
//!
//! ```text
//! let seat = UpdateExpression::default()
//!     .increase("machinesUsed", 1)
//!     .when("revision = :seen AND machinesUsed < :limit", [(":seen", number(7)), (":limit", number(3))]);
//! retried("a license", license, |attempt, license| async move {
//!     match self.commit(Transaction::of([update(&schema::LICENSES, key, seat)]).with_event(event)?).await? { .. }
//! })
//! ```

use std::{
    collections::HashMap,
    ops::ControlFlow::{self, Break, Continue},
    time::Duration,
};

use aws_sdk_dynamodb::{
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use crate::{
    Error, Result,
    event::Event,
    ids,
    store::{
        Store,
        item::{Item, encode, number},
        schema, unexpected,
    },
};

/// How often a write that collided with another is tried before the request fails. Sixty-four callers of one license all
/// get through in time; a hundred times that many would be a fault elsewhere.
const WRITE_ATTEMPTS: u32 = 12;

/// How many retries follow at once when a condition was refused, on the item that was handed back. A request that loses
/// more often is in a crowd, in which all but one lose each time: from then on it backs off like one that collided.
const IMMEDIATE_RETRIES: u32 = 2;

/// One try of a [`retried`] operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt(u32);

impl Attempt {
    /// That of what is tried once.
    pub(super) const FIRST: Self = Self(0);

    /// Whether a refused write may be decided again at once, on what was handed back.
    pub(super) fn retries_at_once(self) -> bool {
        self.0 < IMMEDIATE_RETRIES
    }

    /// Backs off: exponentially, with jitter, so that those who collided do not collide again.
    pub(super) async fn back_off(self) {
        let longest = Duration::from_millis(10) * 2_u32.saturating_pow(self.0.min(6));
        tokio::time::sleep(ids::jitter(longest)).await;
    }
}

/// The retry loop of every optimistic write: calls `attempt` on `state` until it breaks with the result. It continues with
/// the state that the next attempt decides on, and has backed off before if that is due ([`Attempt::back_off`]).
///
/// After [`WRITE_ATTEMPTS`] it fails: `what` was in use by others all the time.
pub(super) async fn retried<S, T, F>(what: &str, mut state: S, attempt: impl Fn(Attempt, S) -> F) -> Result<T>
where
    F: Future<Output = Result<ControlFlow<T, S>>>,
{
    for number in 0..WRITE_ATTEMPTS {
        match attempt(Attempt(number), state).await? {
            Break(result) => return Ok(result),
            Continue(next) => state = next,
        }
    }
    Err(Error::internal(format!("{what} was in use by others all the time")))
}

/// What became of a write.
#[derive(Debug)]
pub(super) enum WriteOutcome<R> {
    /// It took effect.
    Done,
    /// A condition was refused: by what.
    Refused(R),
    /// It collided with another write; nothing is known of the items. Try again.
    Contended,
}

/// What the condition of one action of a transaction found.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The condition held, or was not looked at.
    None,
    /// The condition was refused by this item, or because there is none.
    By(Option<Item>),
}

/// Placeholders of an expression, and what they stand for. Every attribute has one: DynamoDB reserves hundreds of words.
#[derive(Clone, Debug, Default)]
struct Placeholders {
    names: HashMap<String, String>,
    values: Item,
}

impl Placeholders {
    /// `text` with a placeholder for each attribute: `seats.machinesUsed < :limit` becomes
    /// `#seats.#machinesUsed < :limit`. Keywords, functions and placeholders of values stay.
    fn named(&mut self, text: &str) -> String {
        const KEYWORDS: [&str; 5] = ["AND", "OR", "NOT", "IN", "BETWEEN"];
        let (mut named, mut rest) = (String::with_capacity(text.len() + 8), text);
        while let Some(start) = rest.find(|c: char| c == ':' || c == '_' || c.is_ascii_alphanumeric()) {
            let (before, from) = rest.split_at(start);
            let length = from[1..].find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            let (word, after) = from.split_at(length.map_or(from.len(), |length| length + 1));
            named.push_str(before);
            if !word.starts_with(':') && !after.starts_with('(') && !KEYWORDS.contains(&word) {
                let placeholder = format!("#{word}");
                named.push_str(&placeholder);
                self.names.insert(placeholder, word.to_owned());
            } else {
                named.push_str(word);
            }
            rest = after;
        }
        named.push_str(rest);
        named
    }

    /// A placeholder of its own for `value`.
    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn values<const N: usize>(&mut self, values: [(&str, AttributeValue); N]) {
        self.values
            .extend(values.map(|(placeholder, value)| (placeholder.to_owned(), value)));
    }
}

/// An update of an item, in the making, and the condition on which it takes effect.
///
/// A path names an attribute, also inside maps: `seats.machinesUsed`. Conditions and assignments name attributes as they
/// are, and values by placeholders of the caller's choice.
#[derive(Clone, Debug, Default)]
pub(super) struct UpdateExpression {
    sets: Vec<String>,
    removes: Vec<String>,
    adds: Vec<String>,
    conditions: Vec<String>,
    placeholders: Placeholders,
}

impl UpdateExpression {
    /// What turns `old` into `new`, but for the attributes that are `kept`.
    pub(super) fn difference(old: &Item, new: &Item, kept: impl Fn(&str) -> bool) -> Self {
        let mut update = Self::default();
        for (name, value) in new {
            if !kept(name) && old.get(name) != Some(value) {
                update = update.set(name, value.clone());
            }
        }
        for name in old.keys() {
            if !kept(name) && !new.contains_key(name) {
                update = update.remove(name);
            }
        }
        update
    }

    /// Gives an attribute this value.
    pub(super) fn set(mut self, path: &str, value: AttributeValue) -> Self {
        let value = self.placeholders.value(value);
        self.assign(&format!("{path} = {value}"), [])
    }

    /// Raises a number that is there.
    pub(super) fn increase(mut self, path: &str, by: impl ToString) -> Self {
        let by = self.placeholders.value(number(by));
        self.assign(&format!("{path} = {path} + {by}"), [])
    }

    /// Lowers a number that is there.
    pub(super) fn decrease(mut self, path: &str, by: impl ToString) -> Self {
        let by = self.placeholders.value(number(by));
        self.assign(&format!("{path} = {path} - {by}"), [])
    }

    /// Assigns what an expression says, as `first = if_not_exists(second, :never)`.
    pub(super) fn assign<const N: usize>(mut self, assignment: &str, values: [(&str, AttributeValue); N]) -> Self {
        let assignment = self.placeholders.named(assignment);
        self.sets.push(assignment);
        self.placeholders.values(values);
        self
    }

    /// Adds to a set, or to a number that may not be there yet.
    pub(super) fn add(mut self, path: &str, value: AttributeValue) -> Self {
        let value = self.placeholders.value(value);
        let path = self.placeholders.named(path);
        self.adds.push(format!("{path} {value}"));
        self
    }

    /// Removes an attribute.
    pub(super) fn remove(mut self, path: &str) -> Self {
        let path = self.placeholders.named(path);
        self.removes.push(path);
        self
    }

    /// Takes effect only if this is so, too.
    pub(super) fn when<const N: usize>(mut self, condition: &str, values: [(&str, AttributeValue); N]) -> Self {
        let condition = self.placeholders.named(condition);
        self.conditions.push(condition);
        self.placeholders.values(values);
        self
    }

    fn update(&self) -> String {
        let clauses = [("SET", &self.sets), ("REMOVE", &self.removes), ("ADD", &self.adds)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        clauses
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn condition(&self) -> Option<String> {
        match self.conditions.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(format!("({})", several.join(") AND ("))),
        }
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        let names = &self.placeholders.names;
        (!names.is_empty()).then(|| names.clone())
    }

    fn values(&self) -> Option<Item> {
        let values = &self.placeholders.values;
        (!values.is_empty()).then(|| values.clone())
    }
}

/// One write of one item, or one look at it, with its condition.
#[derive(Clone, Debug)]
pub(super) struct Action {
    table: &'static schema::Table,
    operation: Operation,
    /// What an update changes, and the condition of any action.
    expression: UpdateExpression,
}

#[derive(Clone, Debug)]
enum Operation {
    /// Stores this item.
    Put(Item),
    /// Changes the item with this key, or makes it.
    Update(Item),
    /// Deletes the item with this key.
    Delete(Item),
    /// Looks at the item with this key.
    Check(Item),
}

/// Stores `item`, in the place of one with its key.
pub(super) fn put(table: &'static schema::Table, item: Item) -> Action {
    Action::new(table, Operation::Put(item))
}

/// Changes the item with this key.
pub(super) fn update(table: &'static schema::Table, key: Item, expression: UpdateExpression) -> Action {
    Action {
        table,
        operation: Operation::Update(key),
        expression,
    }
}

/// Deletes the item with this key.
pub(super) fn delete(table: &'static schema::Table, key: Item) -> Action {
    Action::new(table, Operation::Delete(key))
}

/// Looks at the item with this key, on which a transaction depends.
pub(super) fn check(table: &'static schema::Table, key: Item) -> Action {
    Action::new(table, Operation::Check(key))
}

impl Action {
    fn new(table: &'static schema::Table, operation: Operation) -> Self {
        Self {
            table,
            operation,
            expression: UpdateExpression::default(),
        }
    }

    /// Takes effect only if this is so, too.
    pub(super) fn when<const N: usize>(self, condition: &str, values: [(&str, AttributeValue); N]) -> Self {
        Self {
            expression: self.expression.when(condition, values),
            ..self
        }
    }

    /// Takes effect only if the item still has what `old` has. Every attribute is compared: these items have no counters, and
    /// are changed by hand.
    pub(super) fn when_unchanged(self, old: &Item) -> Self {
        let attributes = old.iter().enumerate();
        attributes.fold(self, |action, (i, (name, value))| {
            action.when(&format!("{name} = :old{i}"), [(&format!(":old{i}"), value.clone())])
        })
    }
}

/// Actions that take effect together or not at all.
#[derive(Debug)]
pub(super) struct Transaction<const N: usize> {
    /// The actions whose refusals are told apart.
    actions: [Action; N],
    /// Actions beside them. When only these refuse, the transaction counts as contended.
    others: Vec<Action>,
    /// Where the events are among all actions.
    events: Vec<usize>,
}

impl<const N: usize> Transaction<N> {
    pub(super) fn of(actions: [Action; N]) -> Self {
        Self {
            actions,
            others: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        N == 0 && self.others.is_empty()
    }

    /// Also `action`. When it alone refuses, the transaction counts as contended.
    pub(super) fn with(mut self, action: Action) -> Self {
        self.others.push(action);
        self
    }

    /// Also that `event` happened. Should it be there already, then the same request did all this when it was carried out
    /// before, and the transaction counts as done: what others did since is not undone.
    ///
    /// What a vendor made happen is in the owner's audit log as well, by the same transaction.
    pub(super) fn with_event(mut self, event: &Event) -> Result<Self> {
        for event in std::iter::once(event).chain(event.audit_entry().as_ref()) {
            self.events.push(N + self.others.len());
            self.others
                .push(put(&schema::EVENTS, encode(event)?).when("attribute_not_exists(eventId)", []));
        }
        Ok(self)
    }
}

/// Stores `item` unless there is one with its key.
fn creation(table: &'static schema::Table, item: Item) -> Action {
    put(table, item).when(&format!("attribute_not_exists({})", table.partition), [])
}

fn creation_of(item: &Item) -> Option<AttributeValue> {
    item.get("creation").cloned()
}

/// Whether an item with this creation was stored, now or when the same request was carried out before.
fn is_created(own: Option<AttributeValue>, refusal: &Refusal) -> bool {
    match refusal {
        Refusal::None => true,
        Refusal::By(found) => own.is_some() && found.as_ref().and_then(creation_of) == own,
    }
}

/// Puts `new` in the place of `old`, as it was read.
fn replacement(table: &'static schema::Table, old: &Item, new: Item) -> Action {
    let added = new.keys().filter(|name| !old.contains_key(*name)).cloned();
    let added: Vec<String> = added.collect();
    let mut put = put(table, new).when_unchanged(old);
    for name in added {
        put = put.when(&format!("attribute_not_exists({name})"), []);
    }
    put
}

/// One of the SDK's seven builders of writes, with the condition of an expression. A refused condition hands back the item.
macro_rules! conditioned {
    ($builder:expr, $expression:expr) => {
        $builder
            .set_condition_expression($expression.condition())
            .set_expression_attribute_names($expression.names())
            .set_expression_attribute_values($expression.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    };
}

impl Store {
    /// Carries out a single action that is not a mere check.
    ///
    /// A reply may be lost, and the SDK then sends the action again: its condition may be refused by what it wrote itself.
    /// Where that matters, use a transaction, which DynamoDB knows again.
    pub(super) async fn write(&self, action: Action) -> Result<WriteOutcome<Option<Item>>> {
        /// Tells a refused condition and a collision from other failures, for one of the SDK's three errors.
        macro_rules! outcome {
            ($error:ident, $outcome:expr) => {
                match $outcome {
                    Ok(_) => Ok(WriteOutcome::Done),
                    Err(error) => match error.as_service_error() {
                        Some($error::ConditionalCheckFailedException(refused)) => {
                            Ok(WriteOutcome::Refused(refused.item.clone()))
                        }
                        Some($error::TransactionConflictException(_)) => Ok(WriteOutcome::Contended),
                        Some(_) | None => Err(unexpected(error)),
                    },
                }
            };
        }
        let (table, expression) = (self.table(action.table), action.expression);
        match action.operation {
            Operation::Put(item) => {
                let put = self.client.put_item().table_name(table).set_item(Some(item));
                outcome!(PutItemError, conditioned!(put, expression).send().await)
            }
            Operation::Update(key) => {
                let update = self.client.update_item().table_name(table).set_key(Some(key));
                let update = update.update_expression(expression.update());
                outcome!(UpdateItemError, conditioned!(update, expression).send().await)
            }
            Operation::Delete(key) => {
                let delete = self.client.delete_item().table_name(table).set_key(Some(key));
                outcome!(DeleteItemError, conditioned!(delete, expression).send().await)
            }
            Operation::Check(_) => Err(Error::internal("a check alone writes nothing")),
        }
    }

    /// Carries out an action that has no condition.
    pub(super) async fn write_always(&self, action: Action) -> Result<()> {
        self.write_retried("an item", action).await.map(drop)
    }

    /// As [`Store::write`], and again while it collides with others. Tells what refused it, if anything did.
    pub(super) async fn write_retried(&self, what: &str, action: Action) -> Result<Refusal> {
        retried(what, action, |attempt, action| async move {
            Ok(match self.write(action.clone()).await? {
                WriteOutcome::Done => Break(Refusal::None),
                WriteOutcome::Refused(by) => Break(Refusal::By(by)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(action)
                }
            })
        })
        .await
    }

    /// Stores an item unless there is one with its key, together with the audit log's `entry` of it. Answers whether it did, now
    /// or when the same request was carried out before ([`crate::request::idempotency`]).
    pub(super) async fn create_noted(&self, table: &'static schema::Table, item: Item, entry: &Event) -> Result<bool> {
        let own = creation_of(&item);
        let refusal = self.commit_noted("an item", creation(table, item), entry).await?;
        Ok(is_created(own, &refusal))
    }

    /// Puts `new` in the place of `old`, as it was read, together with the audit log's `entry` of it.
    pub(super) async fn replace_noted(
        &self,
        table: &'static schema::Table,
        old: &Item,
        new: Item,
        entry: &Event,
    ) -> Result<Refusal> {
        self.commit_noted("an item", replacement(table, old, new), entry).await
    }

    /// Carries out an update of one item, and answers what it has set, as that is now. `None` when its condition was refused.
    ///
    /// A reply may be lost, and the SDK then sends the update again: what it adds may be added twice.
    pub(super) async fn update_returning(
        &self,
        table: &'static schema::Table,
        key: Item,
        update: UpdateExpression,
    ) -> Result<Option<Item>> {
        let updated = self
            .client
            .update_item()
            .table_name(self.table(table))
            .set_key(Some(key))
            .update_expression(update.update())
            .set_condition_expression(update.condition())
            .set_expression_attribute_names(update.names())
            .set_expression_attribute_values(update.values())
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match updated {
            Ok(updated) => Ok(Some(updated.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                Some(_) | None => Err(unexpected(error)),
            },
        }
    }

    /// Carries out an action together with the audit log's `entry` of it, and again while it collides with others. Tells what
    /// refused it, if anything did.
    ///
    /// In a transaction, also because the SDK sends a request again whose reply was lost: DynamoDB knows a transaction again
    /// that it has carried out. It would refuse a plain write the second time, because of what the first one stored.
    pub(super) async fn commit_noted(&self, what: &str, action: Action, entry: &Event) -> Result<Refusal> {
        retried(what, action, |attempt, action| async move {
            let transaction = Transaction::of([action.clone()]).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(Refusal::None),
                WriteOutcome::Refused([by]) => Break(by),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(action)
                }
            })
        })
        .await
    }

    /// Carries out a transaction. Of a refused one, it tells what each of its `N` actions found.
    pub(super) async fn commit<const N: usize>(
        &self,
        transaction: Transaction<N>,
    ) -> Result<WriteOutcome<[Refusal; N]>> {
        let named = |reason: &CancellationReason| reason.code() == Some(reason::CONDITION);
        let actions = transaction.actions.into_iter().chain(transaction.others).collect();
        match self.transact_actions(actions, &transaction.events).await? {
            WriteOutcome::Done => Ok(WriteOutcome::Done),
            WriteOutcome::Contended => Ok(WriteOutcome::Contended),
            WriteOutcome::Refused(mut reasons) => {
                reasons.truncate(N);
                if !reasons.iter().any(named) {
                    return Ok(WriteOutcome::Contended);
                }
                let refusals: Vec<Refusal> = reasons.into_iter().map(Refusal::from).collect();
                let refusals = refusals
                    .try_into()
                    .map_err(|_| Error::internal("DynamoDB gave another number of reasons than there were actions"))?;
                Ok(WriteOutcome::Refused(refusals))
            }
        }
    }

    /// As [`Store::commit`], of as many actions as it takes: all those beside none. Of a refused transaction, it tells what
    /// each found, in their order; of events, which refuse nothing, it tells nothing.
    pub(super) async fn commit_all(&self, transaction: Transaction<0>) -> Result<WriteOutcome<Vec<Refusal>>> {
        Ok(
            match self.transact_actions(transaction.others, &transaction.events).await? {
                WriteOutcome::Done => WriteOutcome::Done,
                WriteOutcome::Contended => WriteOutcome::Contended,
                WriteOutcome::Refused(reasons) => {
                    let reasons = reasons.into_iter().enumerate();
                    let reasons = reasons.filter(|(place, _)| !transaction.events.contains(place));
                    WriteOutcome::Refused(reasons.map(|(_, reason)| Refusal::from(reason)).collect())
                }
            },
        )
    }

    async fn transact_actions(
        &self,
        actions: Vec<Action>,
        events: &[usize],
    ) -> Result<WriteOutcome<Vec<CancellationReason>>> {
        let actions = actions.into_iter().map(|action| self.transact_item(action));
        let actions = actions.collect::<Result<Vec<_>>>()?;
        // By this, DynamoDB knows a transaction that is sent again for the one that it has carried out.
        let token = ids::request_token()?;
        let mut attempt = Attempt::FIRST;
        let error = loop {
            let outcome = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let Err(error) = outcome else {
                return Ok(WriteOutcome::Done);
            };
            // An earlier try of this very transaction, whose reply was lost, is still being carried out.
            let service_error = error.as_service_error();
            let waits = matches!(
                service_error,
                Some(TransactWriteItemsError::TransactionInProgressException(_))
            );
            if !waits || attempt.0 >= WRITE_ATTEMPTS {
                break error;
            }
            attempt.back_off().await;
            attempt.0 += 1;
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(unexpected(error));
        };
        let reasons = cancelled.cancellation_reasons();
        // An event is only ever there already if the same request wrote it ([`Transaction::with_event`]).
        let was_noted = |at: &usize| {
            let refused = reasons.get(*at);
            refused.is_some_and(|reason| reason.code() == Some(reason::CONDITION))
        };
        if events.iter().any(was_noted) {
            Ok(WriteOutcome::Done)
        } else if any_of(reasons, &[reason::CONDITION]) {
            // A refused condition counts even beside a conflict: it saw the item as it is.
            Ok(WriteOutcome::Refused(reasons.to_vec()))
        } else if is_contended(reasons) {
            Ok(WriteOutcome::Contended)
        } else {
            Err(unexpected(error))
        }
    }

    /// An action as the SDK takes it.
    fn transact_item(&self, action: Action) -> Result<TransactWriteItem> {
        let (table, expression) = (self.table(action.table), action.expression);
        let item = TransactWriteItem::builder();
        let item = match action.operation {
            Operation::Put(stored) => {
                let put = Put::builder().table_name(table).set_item(Some(stored));
                conditioned!(put, expression).build().map(|put| item.put(put))
            }
            Operation::Update(key) => {
                let update = Update::builder().table_name(table).set_key(Some(key));
                let update = update.update_expression(expression.update());
                conditioned!(update, expression)
                    .build()
                    .map(|update| item.update(update))
            }
            Operation::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key));
                conditioned!(delete, expression)
                    .build()
                    .map(|delete| item.delete(delete))
            }
            Operation::Check(key) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
                conditioned!(check, expression)
                    .build()
                    .map(|check| item.condition_check(check))
            }
        };
        Ok(item.map_err(Error::internal)?.build())
    }
}

/// How DynamoDB names the reasons for which it cancels a transaction.
mod reason {
    pub(super) const CONDITION: &str = "ConditionalCheckFailed";
    pub(super) const CONFLICT: &str = "TransactionConflict";
    pub(super) const THROTTLED: &str = "ThrottlingError";
    pub(super) const CAPACITY: &str = "ProvisionedThroughputExceeded";
}

/// Whether a transaction that was cancelled for these reasons is worth another try.
pub(super) fn is_contended(reasons: &[CancellationReason]) -> bool {
    any_of(reasons, &[reason::CONFLICT, reason::THROTTLED, reason::CAPACITY])
}

fn any_of(reasons: &[CancellationReason], codes: &[&str]) -> bool {
    let mut given = reasons.iter().filter_map(CancellationReason::code);
    given.any(|code| codes.contains(&code))
}

impl From<CancellationReason> for Refusal {
    fn from(reason: CancellationReason) -> Self {
        match reason.code() {
            Some(reason::CONDITION) => Self::By(reason.item),
            Some(_) | None => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::text;

    #[test]
    fn every_attribute_of_an_expression_has_a_placeholder() {
        let update = UpdateExpression::default()
            .set("seats.status", text("active"))
            .increase("machinesUsed", 1)
            .remove("arrivals.4f5a00aa")
            .add("countries", AttributeValue::Ss(vec!["CH".to_owned()]))
            .assign("t0 = if_not_exists(t1, :never)", [(":never", number(0))])
            .when("revision = :seen", [(":seen", number(7))])
            .when(
                "attribute_not_exists(watch.until) OR size(keys) < :most AND kind IN (:seen, :most)",
                [(":most", number(9))],
            );
        assert_eq!(
            update.update(),
            "SET #seats.#status = :v0, #machinesUsed = #machinesUsed + :v1, #t0 = if_not_exists(#t1, :never) \
             REMOVE #arrivals.#4f5a00aa ADD #countries :v2"
        );
        assert_eq!(
            update.condition().as_deref(),
            Some(
                "(#revision = :seen) AND (attribute_not_exists(#watch.#until) OR size(#keys) < :most \
                 AND #kind IN (:seen, :most))"
            )
        );
        let names = update.names().expect("names");
        assert_eq!(names.len(), 13);
        assert!(
            names
                .iter()
                .all(|(placeholder, name)| *placeholder == format!("#{name}"))
        );
        assert_eq!(update.values().expect("values").len(), 6);
    }
}
