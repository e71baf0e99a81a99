//! The DynamoDB that a test's service stands over.

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use keystead::embedded::Engine;
use keystead_core::store::Connection;
use serde_json::{Map, Value};

/// Where there is another DynamoDB for the tests, than the one that is built in: `http://127.0.0.1:5000`, or several with
/// commas between them, of which each test has one.
const ELSEWHERE: &str = "KEYSTEAD_TEST_DYNAMODB_URL";

/// A DynamoDB without tables, for one test: the engine that is built in, or tables with names of their own at the address
/// in `KEYSTEAD_TEST_DYNAMODB_URL`. Clones are the same database.
///
/// An emulator, at that: what is sent there is not signed, and the tables are left behind.
#[derive(Clone)]
pub struct Database(Kind);

#[derive(Clone)]
enum Kind {
    BuiltIn(Engine),
    Elsewhere { url: &'static str, prefix: String },
}

impl Database {
    pub(crate) fn new() -> Self {
        static URLS: OnceLock<Option<String>> = OnceLock::new();
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        #[expect(
            clippy::disallowed_methods,
            reason = "it is the tests' own, and nothing of the service's"
        )]
        let urls = URLS.get_or_init(|| env::var(ELSEWHERE).ok().filter(|urls| !urls.is_empty()));
        Self(match urls {
            None => Kind::BuiltIn(Engine::in_memory().expect("an engine in memory")),
            Some(urls) => {
                let urls: Vec<&str> = urls.split(',').collect();
                let number = DATABASES.fetch_add(1, Ordering::Relaxed);
                Kind::Elsewhere {
                    url: urls[number % urls.len()],
                    // No process before this one left tables of these names.
                    prefix: format!("test-{:x}-{number}-", fastrand::u64(..)),
                }
            }
        })
    }

    /// What a store is told of it, but for the way there.
    pub(crate) fn connection(&self) -> Connection {
        match &self.0 {
            Kind::BuiltIn(engine) => engine.connection(),
            Kind::Elsewhere { .. } => Engine::in_memory().expect("an engine in memory").connection(),
        }
    }

    /// Whether it is in this process.
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self.0, Kind::BuiltIn(_))
    }

    /// Answers one operation with a status and a body, as DynamoDB does over HTTP. Nothing else of this thread goes on
    /// meanwhile, so that the requests of a test are interleaved in one way whatever answers.
    pub fn answer(&self, operation: &str, body: &[u8]) -> (u16, Vec<u8>) {
        match &self.0 {
            Kind::BuiltIn(engine) => engine.answer(operation, body),
            Kind::Elsewhere { url, prefix } => {
                let asked = renamed(parsed(body), &|name| format!("{prefix}{name}"));
                let (status, reply) = post(url, operation, &asked.to_string());
                let own = |name: &str| name.strip_prefix(prefix.as_str()).unwrap_or(name).to_owned();
                let reply = renamed(parsed(reply.as_bytes()), &own);
                (status, reply.to_string().into_bytes())
            }
        }
    }
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(body)))
}

fn post(url: &str, operation: &str, body: &str) -> (u16, String) {
    static AGENT: OnceLock<ureq::Agent> = OnceLock::new();
    let agent = AGENT.get_or_init(|| {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        config.build().into()
    });
    let sent = agent
        .post(url)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .content_type("application/x-amz-json-1.0")
        // Emulators read the region and the account in it, and check no signature.
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20300101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        )
        .send(body);
    let mut answer = sent.unwrap_or_else(|error| panic!("{ELSEWHERE}={url}: {error}"));
    let text = answer.body_mut().read_to_string();
    (
        answer.status().as_u16(),
        text.unwrap_or_else(|error| panic!("{url}: {error}")),
    )
}

/// With another name for each table that a request or a reply names.
fn renamed(value: Value, name: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(field, value)| match (field.as_str(), value) {
                ("TableName", Value::String(table)) => (field, Value::String(name(&table))),
                ("RequestItems" | "Responses" | "UnprocessedKeys", Value::Object(tables)) => {
                    let tables = tables.into_iter().map(|(table, asked)| (name(&table), asked));
                    (field, Value::Object(tables.collect()))
                }
                (_, value) => (field, renamed(value, name)),
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.into_iter().map(|value| renamed(value, name)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
