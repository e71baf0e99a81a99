//! One line of JSON for each request.
//!
//! A line tells what happened and what it cost, and never holds a license key, a token, a credential, a query or a
//! body: only what is named in [`Line`].

use std::sync::{Arc, Mutex};

use keystead_core::Timestamp;
use serde::Serialize;

/// A request's line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When the request came.
    pub time: Timestamp,
    /// `info`, or `error` when it failed through no fault of the client's.
    pub level: &'static str,
    /// Its id, which its reply carries as well.
    pub request_id: String,
    /// The endpoint's route, not the path that was asked for; `-` when there is none.
    pub route: &'static str,
    /// The method that was used, should the endpoint know it.
    pub method: &'static str,
    /// The reply's status.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub millis: f64,
    /// How many calls of DynamoDB it made.
    pub dynamodb_calls: u32,
    /// The stable code of its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What went wrong inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Where lines go.
#[derive(Clone)]
pub struct Log(Sink);

#[derive(Clone)]
enum Sink {
    Stdout,
    Nowhere,
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl Log {
    /// To the standard output, which Lambda keeps.
    pub fn stdout() -> Self {
        Self(Sink::Stdout)
    }

    /// Nowhere: `keystead serve --quiet`.
    pub fn nowhere() -> Self {
        Self(Sink::Nowhere)
    }

    /// Into memory, where a test can look.
    pub fn memory() -> Self {
        Self(Sink::Memory(Arc::default()))
    }

    /// What was written so far to [`Log::memory`].
    pub fn written(&self) -> String {
        match &self.0 {
            Sink::Memory(text) => {
                let text = text.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                String::from_utf8_lossy(&text).into_owned()
            }
            Sink::Stdout | Sink::Nowhere => String::new(),
        }
    }

    pub(crate) fn write(&self, line: &Line) {
        let write = |out: &mut dyn std::io::Write| -> std::io::Result<()> {
            let mut text = serde_json::to_vec(line)?;
            text.push(b'\n');
            out.write_all(&text)
        };
        // A log that can't be written to must not stop the service.
        let _: std::io::Result<()> = match &self.0 {
            Sink::Stdout => write(&mut std::io::stdout().lock()),
            Sink::Nowhere => Ok(()),
            Sink::Memory(text) => write(&mut *text.lock().unwrap_or_else(std::sync::PoisonError::into_inner)),
        };
    }
}
