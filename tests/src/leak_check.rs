//! The check for leaked credentials: every credential that a story uses is searched for in all tables and the log when
//! the story is over.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    thread,
};

use http::HeaderMap;
use keystead_core::store::schema;
use keystead_functions::frame::{log::Log, request::Incoming};
use serde_json::{Value, json};

use crate::{Answer, Database};

/// The fields, of requests and of answers, that hold a credential.
const FIELDS: [&str; 12] = [
    "adminSecret",
    "stripeSecret",
    "apiKey",
    "webhookSecret",
    "password",
    "currentPassword",
    "newPassword",
    "deviceToken",
    "token",
    "accessToken",
    "refreshToken",
    "inviteToken",
];

/// The headers that do.
const HEADERS: [&str; 6] = [
    "authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-webhook-secret",
    "x-admin-token",
];

/// Shorter ones may be in something else by chance.
const SHORTEST: usize = 12;

/// The credentials that a story used. When the last of its services ends, none of them may be in a table or in the log.
pub(crate) struct LeakCheck {
    database: Database,
    log: Log,
    credentials: Mutex<BTreeSet<String>>,
    /// What was shown where a credential belongs, and is none.
    allowed: Mutex<BTreeSet<String>>,
}

impl LeakCheck {
    pub(crate) fn new(database: Database, log: Log) -> Self {
        Self {
            database,
            log,
            credentials: Mutex::default(),
            allowed: Mutex::default(),
        }
    }

    pub(crate) fn allow(&self, text: &str) {
        self.allowed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(text.to_owned());
    }

    /// Remembers the credentials of a request and of its answer, and asserts that no refusal repeats one.
    pub(crate) fn observe(&self, request: &Incoming, answer: &Answer) {
        let body = request.body.bytes();
        let asked = serde_json::from_slice(body).unwrap_or_default();
        self.note_fields(&asked);
        if answer.status >= 400 {
            let told = FIELDS.iter().filter_map(|field| asked[field].as_str());
            for credential in told.filter(|credential| credential.len() >= SHORTEST) {
                assert!(
                    !answer.text.contains(credential),
                    "a refusal repeats a credential: {answer:?}"
                );
            }
        }
        self.note_fields(&answer.body);
        self.note_headers(&request.headers);
        self.note_headers(&answer.headers);
    }

    fn note_fields(&self, body: &Value) {
        // `/v1` answers tokens deeper.
        for fields in [body, &body["data"], &body["data"]["tokens"]] {
            for field in FIELDS {
                if let Some(credential) = fields[field].as_str() {
                    self.note(credential);
                }
            }
        }
    }

    fn note_headers(&self, headers: &HeaderMap) {
        for header in HEADERS {
            for value in headers.get_all(header) {
                // `Bearer TOKEN`, `session=TOKEN; Path=/`.
                let words = value.to_str().unwrap_or_default().split([' ', ';', '=']);
                words.for_each(|word| self.note(word));
            }
        }
    }

    fn note(&self, credential: &str) {
        if credential.len() >= SHORTEST {
            let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            credentials.insert(credential.to_owned());
        }
    }

    /// The first credential that leaked, and where.
    fn found(&self) -> Option<String> {
        let credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let credentials: Vec<&String> = credentials.difference(&allowed).collect();
        let in_text = |text: &str| {
            let found = credentials.iter().find(|credential| text.contains(credential.as_str()));
            found.map(ToString::to_string)
        };
        for table in schema::ALL {
            let mut scan = json!({ "TableName": table.name });
            loop {
                let (_, reply) = self.database.answer("Scan", scan.to_string().as_bytes());
                let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
                for item in reply["Items"].as_array().into_iter().flatten() {
                    let item = item.to_string();
                    if let Some(credential) = in_text(&item) {
                        return Some(format!("{credential} is kept in {}: {item}", table.name));
                    }
                }
                match reply.get("LastEvaluatedKey") {
                    Some(last) => scan["ExclusiveStartKey"] = last.clone(),
                    None => break,
                }
            }
        }
        let log = self.log.written();
        let line = log.lines().find(|line| in_text(line).is_some())?;
        Some(format!("{} is in the log: {line}", in_text(line).unwrap_or_default()))
    }
}

impl Drop for LeakCheck {
    fn drop(&mut self) {
        if !thread::panicking() && self.database.is_built_in() {
            let found = self.found();
            assert!(found.is_none(), "{}", found.unwrap_or_default());
        }
    }
}
