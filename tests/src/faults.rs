//! Fault injection: the connector between the SDK and the database, which interleaves requests, makes calls fail, and
//! crashes the process.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    future,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use keystead_core::{config::variable, store::schema};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    Database,
    template::{self, Grant, UPDATE},
};

tokio::task_local! {
    /// The route whose function a request runs in.
    static FUNCTION: &'static str;
}

/// Runs a request as the function of this route, under its policy in `template.yaml`.
pub(crate) async fn as_function<T>(route: &'static str, request: impl Future<Output = T>) -> T {
    FUNCTION.scope(route, request).await
}

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// DynamoDB throttles.
    Throttled,
    /// DynamoDB fails inside.
    ServerError,
    /// The request is lost: the call does not take effect.
    LostBefore,
    /// No reply ever comes: the call does not take effect.
    Silence,
    /// The reply is lost: the call took effect.
    LostAfter,
    /// A transaction, or a write of a license or an activation, collides with a transaction of someone else. Other calls
    /// go through: what they are about is in no transaction once it is made.
    Conflict,
    /// The reply arrives cut short: the call took effect.
    Garbled,
    /// The process crashes before the call.
    CrashBefore,
    /// The process crashes after the call took effect, before it knows.
    CrashAfter,
}

/// The connector to a [`Database`], and the faults of the calls through it.
#[derive(Clone)]
pub struct Faults {
    database: Database,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The faults of the next calls, in turn; later calls have none.
    faults: Mutex<VecDeque<Fault>>,
    /// The request tokens of the transactions that took effect.
    carried_out: Mutex<HashSet<String>>,
    /// Every operation that was called.
    calls: Mutex<Vec<String>>,
    /// What the template's grants were used for: each by the route that used it.
    used: Mutex<BTreeSet<(&'static str, Grant)>>,
    crashed: Notify,
    /// The state of the random numbers that interleave requests.
    seed: AtomicU64,
    /// Whether attempts are not counted, and so not limited.
    without_rate_limit: AtomicBool,
    /// What indexes are answered from while they stand still.
    indexes: Mutex<Option<Database>>,
}

impl Faults {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            state: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// Gives the next calls these faults, in turn. `[]` takes back those that no call had yet.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.state.faults.lock().expect("a lock") = faults.into_iter().collect();
    }

    /// Interleaves requests another way.
    pub fn seed(&self, seed: u64) {
        self.state.seed.store(seed, Ordering::SeqCst);
    }

    /// Switches rate limits off, so that a storm can be larger than they allow: attempts of newcomers are not counted.
    pub fn without_rate_limit(&self) {
        self.state.without_rate_limit.store(true, Ordering::SeqCst);
    }

    /// Answers queries of indexes from `data` from now on, or with `None` from the database again. DynamoDB's indexes are
    /// eventually consistent, the engine's never lag.
    pub(crate) fn answer_indexes_from(&self, data: Option<Database>) {
        *self.state.indexes.lock().expect("a lock") = data;
    }

    /// The operations that were called since the last time.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.calls.lock().expect("a lock"))
    }

    /// Which grants of the template were used so far, each by the route that used it.
    pub fn used(&self) -> BTreeSet<(&'static str, Grant)> {
        self.state.used.lock().expect("a lock").clone()
    }

    /// The reply to a call that the template's policy of the calling function does not grant; `None` if it does. Calls of
    /// the tests themselves are under no policy.
    fn denied(&self, operation: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let route = FUNCTION.try_with(|route| *route).ok()?;
        // Under `template::UPDATE` the policies are yet to be written.
        let is_enforced = variable("UPDATE_EXPECT").is_none();
        let granted = template::grants(route);
        let needed = template::needed(operation, &serde_json::from_slice(body).unwrap_or_default());
        let missing = needed
            .iter()
            .find(|grant| is_enforced && !granted.is_some_and(|all| all.contains(*grant)));
        let reply = missing.map(|grant| {
            let function = template::function_id(route);
            let message = format!("template.yaml: {function} is not granted {grant}. Have it granted: {UPDATE}");
            let body = json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "message": message });
            (400, body.to_string().into_bytes())
        });
        let mut used = self.state.used.lock().expect("a lock");
        used.extend(needed.into_iter().map(|grant| (route, grant)));
        reply
    }

    /// Runs `request` until it ends, or until [`Fault::CrashBefore`] or [`Fault::CrashAfter`] crashes the process: then
    /// it is dropped, and this is `None`.
    pub async fn until_crash<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.state.crashed.notified() => None,
            answer = request => Some(answer),
        }
    }

    /// Yields to other requests of the test, a few times over.
    async fn yield_to_others(&self) {
        for _ in 0..=(self.next_random() >> 61) {
            tokio::task::yield_now().await;
        }
    }

    /// The next number of a linear congruential generator (Knuth's MMIX), so that a seed repeats a run. The high bits
    /// are the random ones.
    fn next_random(&self) -> u64 {
        let step = |seed: u64| {
            seed.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407)
        };
        let seed = match self
            .state
            .seed
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(step(seed)))
        {
            Ok(seed) | Err(seed) => seed,
        };
        step(seed)
    }

    fn carried_out(&self) -> MutexGuard<'_, HashSet<String>> {
        self.state.carried_out.lock().expect("a lock")
    }

    async fn call(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        self.state.calls.lock().expect("a lock").push(operation.clone());
        if let Some((status, reply)) = self.denied(&operation, &body) {
            let status = StatusCode::try_from(status).expect("a status");
            return Ok(HttpResponse::new(status, SdkBody::from(reply)));
        }
        let fault = self
            .state
            .faults
            .lock()
            .expect("a lock")
            .pop_front()
            .unwrap_or(Fault::None);
        let table = table_of(&body);
        let is_rate_limit = table == schema::RATE_LIMITS.name;
        let contended = [schema::LICENSES.name, schema::ACTIVATIONS.name].contains(&table.as_str());
        self.yield_to_others().await;
        let token = request_token(&body);
        // DynamoDB recognizes a transaction that took effect, and it conflicts with nothing.
        let is_known = token.as_ref().is_some_and(|token| self.carried_out().contains(token));
        let collides = fault == Fault::Conflict && !is_known;
        let answer = match fault {
            Fault::Throttled => failure(400, "ThrottlingException"),
            Fault::ServerError => failure(500, "InternalServerError"),
            Fault::LostBefore => return Err(lost()),
            Fault::Silence => return future::pending().await,
            Fault::Conflict if collides && operation.starts_with("Transact") => conflict(),
            Fault::Conflict if operation == "UpdateItem" && contended => failure(400, "TransactionConflictException"),
            Fault::CrashBefore => return self.crash().await,
            Fault::None | Fault::LostAfter | Fault::Conflict | Fault::Garbled | Fault::CrashAfter => {
                if is_rate_limit && self.state.without_rate_limit.load(Ordering::SeqCst) {
                    // The first of the portions that a request limit admits, each time.
                    (200, br#"{"Attributes":{"portions":{"N":"1"}}}"#.to_vec())
                } else if operation == "BatchGetItem" {
                    self.batch_get(&body).await
                } else if operation == "TransactWriteItems" && self.state.without_rate_limit.load(Ordering::SeqCst) {
                    self.transact_uncounted(&body)
                } else {
                    self.database_for(&body).answer(&operation, &body)
                }
            }
        };
        if let (200, Some(token)) = (answer.0, token) {
            self.carried_out().insert(token);
        }
        self.yield_to_others().await;
        let answer = match fault {
            Fault::LostAfter => return Err(lost()),
            Fault::CrashAfter => return self.crash().await,
            Fault::Garbled => (answer.0, answer.1[..answer.1.len() * 3 / 4].to_vec()),
            Fault::None
            | Fault::Throttled
            | Fault::ServerError
            | Fault::LostBefore
            | Fault::Silence
            | Fault::Conflict
            | Fault::CrashBefore => answer,
        };
        let status = StatusCode::try_from(answer.0).expect("a status");
        Ok(HttpResponse::new(status, SdkBody::from(answer.1)))
    }

    /// Reads the tables of a batch one after the other, in any order, and of a few items of a table each by itself:
    /// DynamoDB answers a batch at no one moment, where the engine would.
    async fn batch_get(&self, body: &[u8]) -> (u16, Vec<u8>) {
        let asked: Value = serde_json::from_slice(body).expect("a batch");
        let mut parts = Vec::new();
        for (table, keys) in asked["RequestItems"].as_object().expect("tables") {
            match keys["Keys"].as_array().expect("keys").as_slice() {
                [one, another] => {
                    for key in [one, another] {
                        let mut keys = keys.clone();
                        keys["Keys"] = json!([key]);
                        parts.push((table, keys));
                    }
                }
                _ => parts.push((table, keys.clone())),
            }
        }
        if self.next_random() >> 63 == 0 {
            parts.reverse();
        }
        let mut merged = json!({ "Responses": {}, "UnprocessedKeys": {}, "ConsumedCapacity": [] });
        let append = |all: &mut Value, part: Value| {
            if all.is_null() {
                *all = json!([]);
            }
            if let (Value::Array(all), Value::Array(part)) = (all, part) {
                all.extend(part);
            }
        };
        for (table, keys) in parts {
            let mut part = asked.clone();
            part["RequestItems"] = json!({ table: keys });
            let (status, reply) = self.database.answer("BatchGetItem", part.to_string().as_bytes());
            if status != 200 {
                return (status, reply);
            }
            let mut reply: Value = serde_json::from_slice(&reply).expect("a reply");
            append(&mut merged["Responses"][table], reply["Responses"][table].take());
            append(&mut merged["ConsumedCapacity"], reply["ConsumedCapacity"].take());
            self.yield_to_others().await;
        }
        (200, merged.to_string().into_bytes())
    }

    /// Carries out a transaction without its counter of attempts.
    fn transact_uncounted(&self, body: &[u8]) -> (u16, Vec<u8>) {
        let mut asked: Value = serde_json::from_slice(body).expect("a transaction");
        let actions = asked["TransactItems"].as_array_mut().expect("actions");
        let is_counter = |action: &Value| {
            let mut operations = action.as_object().into_iter().flat_map(|action| action.values());
            operations.any(|operation| operation["TableName"] == schema::RATE_LIMITS.name)
        };
        let Some(at) = actions.iter().position(is_counter) else {
            return self.database.answer("TransactWriteItems", body);
        };
        actions.remove(at);
        let (status, reply) = self.database.answer("TransactWriteItems", asked.to_string().as_bytes());
        let mut reply: Value = serde_json::from_slice(&reply).expect("a reply");
        if let Some(reasons) = reply["CancellationReasons"].as_array_mut() {
            reasons.insert(at, json!({ "Code": "None" }));
        }
        (status, reply.to_string().into_bytes())
    }

    /// The database that answers this call.
    fn database_for(&self, body: &[u8]) -> Database {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let behind = self.state.indexes.lock().expect("a lock").clone();
        behind
            .filter(|_| body["IndexName"].is_string())
            .unwrap_or_else(|| self.database.clone())
    }

    /// Ends [`Faults::until_crash`], and never returns.
    async fn crash(&self) -> Result<HttpResponse, ConnectorError> {
        self.state.crashed.notify_one();
        future::pending().await
    }
}

/// The table that a call is about; empty when it names several.
fn table_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["TableName"].as_str().unwrap_or_default().to_owned()
}

/// The token by which DynamoDB recognizes a transaction that is sent again (idempotency).
fn request_token(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["ClientRequestToken"].as_str().map(str::to_owned)
}

fn lost() -> ConnectorError {
    ConnectorError::io("the connection was reset".into())
}

fn failure(status: u16, error: &str) -> (u16, Vec<u8>) {
    (
        status,
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{error}","message":"{error}"}}"#).into_bytes(),
    )
}

fn conflict() -> (u16, Vec<u8>) {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]",
        "CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"}]}"#;
    (400, body.as_bytes().to_vec())
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faults")
    }
}

impl HttpClient for Faults {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Faults {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().call(request))
    }
}
