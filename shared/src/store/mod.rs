//! How licensing is stored: the only code that names the DynamoDB SDK.
//!
//! One file a noun, one method an access pattern. Methods that write carry a condition that holds under any
//! interleaving; where a condition is refused, DynamoDB hands back the item as it is (`ALL_OLD`), and the decision is
//! made again on that, without a second read.

mod account;
pub mod cache;
mod event;
pub mod license;
pub mod meter;
mod owner;
mod product;
pub mod request;
pub mod sale;
pub mod schema;
mod tables;
mod user_agent;
#[allow(dead_code, reason = "the writes move here one after another")]
mod write;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::SdkError,
    operation::query::builders::QueryFluentBuilder,
    types::{
        AttributeValue, CancellationReason, Get, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure,
        TransactGetItem, TransactWriteItem,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, event::Event, ids};

/// An item as DynamoDB has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The tables of one deployment.
#[derive(Clone)]
pub struct Store {
    client: Arc<LazyLock<Client, MakeClient>>,
    prefix: String,
    kept: Arc<cache::Kept>,
}

/// Makes the SDK's client at its first use: that parses the table of AWS's partitions, a fifth of a function's start, and
/// there are functions that never call DynamoDB.
type MakeClient = Box<dyn FnOnce() -> Client + Send>;

/// Where a [`Store`] finds its DynamoDB.
pub struct Connection {
    /// How requests get there: over TLS, or straight into an engine in this process.
    pub http: SharedHttpClient,
    /// The region, which is part of what is signed.
    pub region: String,
    /// The credentials that sign. `None`: requests go unsigned, which only an engine in this process accepts.
    pub credentials: Option<Credentials>,
    /// Another address than the region's own.
    pub endpoint: Option<String>,
    /// How long a call may take before it is sent again. `None`: as long as it likes, which suits an engine in this
    /// process, where nothing gets lost.
    pub attempt_timeout: Option<Duration>,
    /// Whether a call that failed is sent again. An engine in this process fails for good.
    pub retries: bool,
    /// How long what is sold is kept before it is read again ([`catalog`]).
    pub catalog_kept: Duration,
    /// Whether to ask for the capacity that each call takes, for the budgets' test.
    pub measure_capacity: bool,
}

impl Connection {
    /// [`Connection::catalog_kept`]: as late as a product's rules may be.
    pub const CATALOG_KEPT: Duration = Duration::from_secs(60);

    /// [`Connection::attempt_timeout`] over a network: what DynamoDB itself never takes.
    pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

    /// Credentials for [`Connection::credentials`], from their parts.
    pub fn credentials(id: &str, secret: &str, session_token: Option<String>) -> Credentials {
        Credentials::new(id, secret, session_token, None, "environment")
    }
}

/// How long the SDK waits before it tries a failed call again; then twice as long each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);

/// How often a write that collided with another is tried again before the request fails. Sixty-four callers of one
/// license all get through in time; a hundred times that many would be a fault elsewhere.
const WRITE_ATTEMPTS: u32 = 12;

/// How many of these attempts follow at once when another change came before, on the item as that left it. Whoever comes
/// too late more often is in a crowd, in which all but one lose each time: from then on they wait like those who collided.
const HASTY_ATTEMPTS: u32 = 2;

impl Store {
    /// The store whose tables' names start with `prefix`. Connects at the first call.
    pub fn new(connection: Connection, prefix: &str) -> Self {
        let mut timeouts = TimeoutConfig::builder();
        timeouts.set_operation_attempt_timeout(connection.attempt_timeout);
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(connection.http)
            .region(Region::new(connection.region))
            .retry_config(if connection.retries {
                RetryConfig::standard()
                    .with_max_attempts(4)
                    .with_initial_backoff(FIRST_BACKOFF)
            } else {
                RetryConfig::disabled()
            })
            .timeout_config(timeouts.build())
            // Replies are small and come whole.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(user_agent::UserAgent)
            .interceptor(meter::Meter {
                measure_capacity: connection.measure_capacity,
            });
        config = match connection.credentials {
            Some(credentials) => config.credentials_provider(credentials),
            None => config.allow_no_auth(),
        };
        if let Some(endpoint) = connection.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let make: MakeClient = Box::new(|| Client::from_conf(config.build()));
        Self {
            client: Arc::new(LazyLock::new(make)),
            prefix: prefix.to_owned(),
            kept: Arc::new(cache::Kept::none(connection.catalog_kept)),
        }
    }

    fn table(&self, table: &schema::Table) -> String {
        format!("{}{}", self.prefix, table.name)
    }

    /// One item, read with strong consistency.
    async fn get<T: DeserializeOwned>(
        &self,
        table: &schema::Table,
        partition: &str,
        sort: Option<&str>,
    ) -> Result<Option<T>> {
        let found = self
            .client
            .get_item()
            .table_name(self.table(table))
            .set_key(Some(table.key(partition, sort)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unexpected)?;
        found.item.map(decode).transpose()
    }

    /// Stores an item unless there is one with its key. Answers whether it did, now or when the same request was carried
    /// out before ([`crate::idempotency`]).
    ///
    /// In a transaction, though it is one item: the SDK sends a request again whose reply was lost, and DynamoDB knows a
    /// transaction again that it has carried out. It would refuse a plain write the second time, because of the item that
    /// the first one stored.
    async fn create(&self, table: &schema::Table, item: Item) -> Result<bool> {
        let put = Put::builder()
            .table_name(self.table(table))
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({})", table.partition))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        for attempt in 0..WRITE_ATTEMPTS {
            let action = TransactWriteItem::builder().put(put.clone()).build();
            match self.transact([action]).await? {
                Written::Done => return Ok(true),
                Written::Refused([by]) => {
                    let creation = |item: &Item| item.get("creation").cloned();
                    let own = creation(&put.item);
                    return Ok(match by {
                        Refusal::By(Some(found)) => own.is_some() && creation(&found) == own,
                        Refusal::By(None) | Refusal::None => false,
                    });
                }
                Written::Contended => pause(attempt).await,
            }
        }
        Err(Error::internal("an item was in use by others all the time"))
    }

    /// Puts `new` in the place of `old`, unless it was changed or deleted since it was read.
    async fn replace(&self, table: &schema::Table, old: &Item, new: Item) -> Result<Replaced> {
        use aws_sdk_dynamodb::operation::put_item::PutItemError as E;

        // Every attribute is compared: these items have no counters, and are changed by hand.
        let (mut same, mut names, mut values) = (Vec::new(), HashMap::new(), HashMap::new());
        for (i, (name, value)) in old.iter().enumerate() {
            same.push(format!("#o{i} = :o{i}"));
            names.insert(format!("#o{i}"), name.clone());
            values.insert(format!(":o{i}"), value.clone());
        }
        for (i, name) in new.keys().filter(|name| !old.contains_key(*name)).enumerate() {
            same.push(format!("attribute_not_exists(#n{i})"));
            names.insert(format!("#n{i}"), name.clone());
        }
        for attempt in 0..WRITE_ATTEMPTS {
            let outcome = self
                .client
                .put_item()
                .table_name(self.table(table))
                .set_item(Some(new.clone()))
                .condition_expression(same.join(" AND "))
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(error) = outcome else { return Ok(Replaced::Done) };
            match error.as_service_error() {
                Some(E::ConditionalCheckFailedException(refused)) => {
                    return Ok(Replaced::Changed(refused.item.clone()));
                }
                Some(E::TransactionConflictException(_)) => pause(attempt).await,
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("an item was in use by others all the time"))
    }

    /// Every item of a partition, read with strong consistency.
    async fn partition<T: DeserializeOwned>(&self, table: &schema::Table, partition: &str) -> Result<Vec<T>> {
        self.partition_items(table, partition)
            .await?
            .into_iter()
            .map(decode)
            .collect()
    }

    /// As [`Store::partition`], for a table that holds items of several kinds.
    async fn partition_items(&self, table: &schema::Table, partition: &str) -> Result<Vec<Item>> {
        let mut pages = self
            .client
            .query()
            .table_name(self.table(table))
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", table.partition)
            .expression_attribute_values(":partition", text(partition))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(unexpected)?);
        }
        Ok(items)
    }

    /// A query of a partition of an index; the newest first.
    fn query_index(&self, table: &schema::Table, index: &schema::Index, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.table(table))
            .index_name(index.name)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_values(":partition", text(partition))
            .scan_index_forward(false)
    }

    /// Every item of a partition of an index that holds whole items; the newest first.
    async fn index_partition<T: DeserializeOwned>(
        &self,
        table: &schema::Table,
        index: &schema::Index,
        partition: &str,
    ) -> Result<Vec<T>> {
        let mut pages = self
            .query_index(table, index, partition)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(decode(item.map_err(unexpected)?)?);
        }
        Ok(items)
    }

    /// Items of one or more tables in one call, read with strong consistency; at most 100. Answers them table by table.
    async fn get_together(&self, keys: Vec<(&schema::Table, Vec<Item>)>) -> Result<HashMap<String, Vec<Item>>> {
        let mut wanted = HashMap::with_capacity(keys.len());
        for (table, keys) in keys {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            wanted.insert(self.table(table), keys.map_err(Error::internal)?);
        }
        let mut found: HashMap<String, Vec<Item>> = HashMap::new();
        for attempt in 0..WRITE_ATTEMPTS {
            let page = self
                .client
                .batch_get_item()
                .set_request_items(Some(wanted))
                .send()
                .await
                .map_err(unexpected)?;
            for (table, items) in page.responses.unwrap_or_default() {
                found.entry(table).or_default().extend(items);
            }
            wanted = page.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            // DynamoDB leaves keys out when it is throttled.
            pause(attempt).await;
        }
        Err(Error::internal("DynamoDB left keys of a batch unread"))
    }

    /// `N` items as they are at one moment, where [`Store::get_together`] reads each at its own. It costs twice as much,
    /// and is for decisions that no condition makes again.
    async fn get_at_once<const N: usize>(&self, keys: [(&schema::Table, Item); N]) -> Result<[Option<Item>; N]> {
        use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError as E;

        let mut gets = Vec::with_capacity(N);
        for (table, key) in keys {
            let get = Get::builder().table_name(self.table(table)).set_key(Some(key));
            let get = get.build().map_err(Error::internal)?;
            gets.push(TransactGetItem::builder().get(get).build());
        }
        for attempt in 0..WRITE_ATTEMPTS {
            let outcome = self
                .client
                .transact_get_items()
                .set_transact_items(Some(gets.clone()))
                .send()
                .await;
            let error = match outcome {
                Ok(found) => {
                    let found = found.responses.unwrap_or_default();
                    let items: Vec<Option<Item>> = found.into_iter().map(|found| found.item).collect();
                    return items
                        .try_into()
                        .map_err(|_| Error::internal("DynamoDB gave another number of items than were asked for"));
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                // One of the items is being written.
                Some(E::TransactionCanceledException(cancelled)) if is_contended(cancelled.cancellation_reasons()) => {
                    pause(attempt).await;
                }
                Some(_) | None => return Err(unexpected(error)),
            }
        }
        Err(Error::internal("an item was in use by others all the time"))
    }
}

impl schema::Table {
    /// The key of an item.
    fn key(&self, partition: &str, sort: Option<&str>) -> Item {
        let mut key = HashMap::from([(self.partition.to_owned(), text(partition))]);
        if let (Some(name), Some(value)) = (self.sort, sort) {
            key.insert(name.to_owned(), text(value));
        }
        key
    }
}

/// Waits before a write is tried again: longer each time, and not as long as others who collided with it.
async fn pause(attempt: u32) {
    let longest = Duration::from_millis(10) * 2_u32.saturating_pow(attempt.min(6));
    tokio::time::sleep(ids::jitter(longest)).await;
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn encode<T: Serialize>(value: &T) -> Result<Item> {
    serde_dynamo::to_item(value).map_err(Error::internal)
}

fn decode<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

/// A failure of a call that no condition foresaw, in the words of its causes.
///
/// The debug form of an SDK's error says more, and too much: it holds the whole reply, with the license keys, addresses
/// and fingerprints of the items in it, and would take them into the log.
fn unexpected<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        // Some of the SDK's errors repeat the one that they wrap.
        if !told.ends_with(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = error.source();
    }
    Error::internal(told)
}

/// How an item changes, as an update says it.
struct Difference {
    /// `SET ...`
    sets: String,
    /// ` REMOVE ...`, or nothing.
    removes: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Difference {
    /// What turns `old` into `new`, but for the attributes that are `kept`.
    fn between(old: &Item, new: &Item, kept: impl Fn(&str) -> bool) -> Self {
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        let changed = new
            .iter()
            .filter(|(name, value)| !kept(name) && old.get(*name) != Some(*value));
        for (i, (name, value)) in changed.enumerate() {
            sets.push(format!("#s{i} = :s{i}"));
            names.insert(format!("#s{i}"), name.clone());
            values.insert(format!(":s{i}"), value.clone());
        }
        let gone = old.keys().filter(|name| !kept(name) && !new.contains_key(*name));
        for (i, name) in gone.enumerate() {
            removes.push(format!("#r{i}"));
            names.insert(format!("#r{i}"), name.clone());
        }
        let removes = if removes.is_empty() {
            String::new()
        } else {
            format!(" REMOVE {}", removes.join(", "))
        };
        Self {
            sets: format!("SET {}", sets.join(", ")),
            removes,
            names,
            values,
        }
    }
}

/// What became of an item that was to be replaced.
#[derive(Debug)]
enum Replaced {
    /// It was.
    Done,
    /// It was changed since it was read, into this, or deleted.
    Changed(Option<Item>),
}

/// What became of a transaction of `N` actions.
#[derive(Debug)]
enum Written<const N: usize> {
    /// It took effect.
    Done,
    /// At least one condition was refused: what each action's condition found.
    Refused([Refusal; N]),
    /// It collided with another write; nothing is known of the items. Try again.
    Contended,
}

/// What the condition of one action found.
#[derive(Debug)]
enum Refusal {
    /// The condition held, or was not looked at.
    None,
    /// The condition was refused by this item, or because there is none.
    By(Option<Item>),
}

/// How DynamoDB names the reasons for which it cancels a transaction.
mod reason {
    pub(super) const CONDITION: &str = "ConditionalCheckFailed";
    pub(super) const CONFLICT: &str = "TransactionConflict";
    pub(super) const THROTTLED: &str = "ThrottlingError";
    pub(super) const CAPACITY: &str = "ProvisionedThroughputExceeded";
}

impl Store {
    /// Writes `actions` as one: all or none of them.
    async fn transact<const N: usize>(&self, actions: [TransactWriteItem; N]) -> Result<Written<N>> {
        match self.try_transact(actions.into()).await? {
            Tried::Done => Ok(Written::Done),
            Tried::Contended => Ok(Written::Contended),
            Tried::Cancelled(reasons) => refused(reasons),
        }
    }

    /// Writes `actions`, and that `event` happened, as one.
    async fn transact_with_event<const N: usize>(
        &self,
        actions: [TransactWriteItem; N],
        event: &Event,
    ) -> Result<Written<N>> {
        self.transact_with(actions, vec![self.note(event)?]).await
    }

    /// Writes `actions`, and that `events` happened, as one.
    async fn transact_with_events<const N: usize>(
        &self,
        actions: [TransactWriteItem; N],
        events: &[&Event],
    ) -> Result<Written<N>> {
        let notes = events.iter().map(|event| self.note(event)).collect::<Result<_>>()?;
        self.transact_with(actions, notes).await
    }

    /// Writes `actions` and `more` as one. What refuses among `more` alone is not told: it is tried again.
    async fn transact_with<const N: usize>(
        &self,
        actions: [TransactWriteItem; N],
        more: Vec<TransactWriteItem>,
    ) -> Result<Written<N>> {
        let mut all = Vec::from(actions);
        all.extend(more);
        match self.try_transact(all).await? {
            Tried::Done => Ok(Written::Done),
            Tried::Contended => Ok(Written::Contended),
            Tried::Cancelled(mut reasons) => {
                reasons.truncate(N);
                if reasons.iter().all(|reason| reason.code() != Some(reason::CONDITION)) {
                    return Ok(Written::Contended);
                }
                refused(reasons)
            }
        }
    }

    /// Writes `actions` as one; what each condition found is not told.
    async fn transact_many(&self, actions: Vec<TransactWriteItem>) -> Result<Written<0>> {
        Ok(match self.try_transact(actions).await? {
            Tried::Done => Written::Done,
            Tried::Contended => Written::Contended,
            Tried::Cancelled(_) => Written::Refused([]),
        })
    }

    async fn try_transact(&self, actions: Vec<TransactWriteItem>) -> Result<Tried> {
        use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as E;

        // By this, DynamoDB knows a transaction that is sent again for the one that it has carried out.
        let token = ids::request_token()?;
        let mut in_progress = 0;
        let error = loop {
            let outcome = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let Err(error) = outcome else { return Ok(Tried::Done) };
            // An earlier try of this very transaction, whose reply was lost, is still being carried out.
            let waits = matches!(error.as_service_error(), Some(E::TransactionInProgressException(_)));
            if !waits || in_progress >= WRITE_ATTEMPTS {
                break error;
            }
            pause(in_progress).await;
            in_progress += 1;
        };
        match error.as_service_error() {
            Some(E::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                // An event is only ever there already if the same request wrote it ([`Store::note`]).
                let was_noted = |reason: &CancellationReason| {
                    let event = schema::EVENTS.sort.unwrap_or_default();
                    reason.item().is_some_and(|item| item.contains_key(event))
                };
                if reasons.iter().any(was_noted) {
                    return Ok(Tried::Done);
                }
                if any_of(reasons, &[reason::CONDITION]) {
                    // A refused condition counts even beside a conflict: it saw the item as it is.
                    Ok(Tried::Cancelled(reasons.to_vec()))
                } else if is_contended(reasons) {
                    Ok(Tried::Contended)
                } else {
                    Err(unexpected(error))
                }
            }
            Some(_) | None => Err(unexpected(error)),
        }
    }
}

/// Whether a transaction that was cancelled for these reasons is worth another try.
fn is_contended(reasons: &[CancellationReason]) -> bool {
    any_of(reasons, &[reason::CONFLICT, reason::THROTTLED, reason::CAPACITY])
}

fn any_of(reasons: &[CancellationReason], codes: &[&str]) -> bool {
    let mut given = reasons.iter().filter_map(CancellationReason::code);
    given.any(|code| codes.contains(&code))
}

/// What each of `N` actions' conditions found.
fn refused<const N: usize>(reasons: Vec<CancellationReason>) -> Result<Written<N>> {
    let refusals: Vec<Refusal> = reasons.into_iter().map(Refusal::from).collect();
    match refusals.try_into() {
        Ok(refusals) => Ok(Written::Refused(refusals)),
        Err(_) => Err(Error::internal(
            "DynamoDB gave another number of reasons than there were actions",
        )),
    }
}

impl From<CancellationReason> for Refusal {
    fn from(reason: CancellationReason) -> Self {
        match reason.code() {
            Some(reason::CONDITION) => Self::By(reason.item),
            Some(_) | None => Self::None,
        }
    }
}

enum Tried {
    Done,
    Cancelled(Vec<CancellationReason>),
    Contended,
}
