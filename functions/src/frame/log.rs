//! The log: `tracing`'s events, each as one line of JSON. docs/LOGGING.md says what a line holds.
//!
//! **Invariant**: no line holds a license key, a token, a credential, a query, a body, or a client's address.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use keystead_core::{Timestamp, clock::Clock, error::ErrorCode};
use serde::{Serialize, ser::SerializeMap as _};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber, dispatcher,
    field::{Field, Visit},
    instrument::{WithDispatch, WithSubscriber as _},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// What a request's line says beside its level.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// When the request came.
    pub time: Timestamp,
    /// Its id, which its reply carries as well.
    pub request_id: &'a str,
    /// The endpoint's route, not the path that was asked for; `-` when there is none.
    pub route: &'static str,
    /// The method that was used, if the endpoint knows it.
    pub method: &'static str,
    /// The reply's status.
    pub status: u16,
    /// How long it took, in milliseconds. Written with one decimal.
    pub millis: f64,
    /// How many calls of DynamoDB it made.
    pub dynamodb_calls: u32,
    /// The network that it came from: /24 of IPv4, /48 of IPv6.
    pub network: &'a str,
    /// Who asked, by a mark that lets nobody in, if they were known.
    pub actor: Option<&'a str>,
    /// The stable code of its refusal.
    pub code: Option<&'static str>,
    /// What went wrong inside.
    pub cause: Option<&'a str>,
}

/// Where lines go.
#[derive(Clone)]
pub struct Log {
    dispatch: Dispatch,
    /// What was written, of [`Log::memory`] alone.
    written: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// To the standard output, which Lambda keeps.
    pub fn stdout() -> Self {
        Self::to(Sink::Stdout)
    }

    /// To the standard error.
    pub fn stderr() -> Self {
        Self::to(Sink::Stderr)
    }

    /// Nowhere: `keystead serve --quiet`.
    pub fn nowhere() -> Self {
        Self {
            dispatch: Dispatch::none(),
            written: Arc::default(),
        }
    }

    /// Into memory, where a test can look.
    pub fn memory() -> Self {
        let written = Arc::default();
        Self {
            dispatch: Dispatch::new(JsonLines(Sink::Memory(Arc::clone(&written)))),
            written,
        }
    }

    fn to(sink: Sink) -> Self {
        Self {
            dispatch: Dispatch::new(JsonLines(sink)),
            written: Arc::default(),
        }
    }

    /// What was written so far to [`Log::memory`].
    pub fn written(&self) -> String {
        let text = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Makes this the log of the whole process, for events outside of requests. The first call counts.
    pub fn install(&self) {
        // An error says that there is one already.
        let _: Result<(), dispatcher::SetGlobalDefaultError> = dispatcher::set_global_default(self.dispatch.clone());
    }

    /// Makes this the log of a request, wherever its events are made.
    pub(crate) fn scope<F: Future>(&self, request: F) -> WithDispatch<F> {
        request.with_subscriber(self.dispatch.clone())
    }

    /// Writes a request's line: at level error when it failed through no fault of the client's, else info. That the operator
    /// has set no mail up is no failure: anybody could raise an alarm with it.
    pub(crate) fn write(&self, line: &Line<'_>) {
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "keystead::request",
                    $level,
                    time = %line.time,
                    requestId = line.request_id,
                    route = line.route,
                    method = line.method,
                    status = line.status,
                    millis = (line.millis * 10.0).round() / 10.0,
                    dynamodbCalls = line.dynamodb_calls,
                    network = line.network,
                    actor = line.actor,
                    code = line.code,
                    cause = line.cause,
                )
            };
        }
        dispatcher::with_default(&self.dispatch, || {
            if line.status >= 500 && line.code != Some(ErrorCode::MailNotSetUp.as_str()) {
                event!(Level::ERROR);
            } else {
                event!(Level::INFO);
            }
        });
    }
}

enum Sink {
    Stdout,
    Stderr,
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl Sink {
    fn write(&self, line: &[u8]) {
        // **Best effort**: a log that can't be written to must not stop the service.
        let _: io::Result<()> = match self {
            Self::Stdout => io::stdout().lock().write_all(line),
            Self::Stderr => io::stderr().lock().write_all(line),
            Self::Memory(text) => text.lock().unwrap_or_else(PoisonError::into_inner).write_all(line),
        };
    }
}

/// Writes our events as lines. It keeps no spans yet: docs/adr/0031-tracing-without-a-registry.md.
struct JsonLines(Sink);

impl Subscriber for JsonLines {
    /// Our own events only. Those of the SDK hold requests and replies, with keys in them.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("keystead") && *metadata.level() <= Level::INFO
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        // Only what can't be JSON is an error here, and text, numbers and booleans can.
        if let Ok(line) = json_line(event) {
            self.0.write(&line);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// `time`, `level`, and the event's other fields in their order.
fn json_line(event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    let mut time = Time(None);
    event.record(&mut time);
    let mut line = Vec::with_capacity(256);
    let mut json = serde_json::Serializer::new(&mut line);
    let mut fields = Fields {
        map: serde::Serializer::serialize_map(&mut json, None)?,
        outcome: Ok(()),
    };
    fields.add("time", &time.0.unwrap_or_else(|| Clock::system().now().to_string()));
    fields.add("level", level(*event.metadata().level()));
    event.record(&mut fields);
    fields.outcome?;
    fields.map.end()?;
    line.push(b'\n');
    Ok(line)
}

/// As lines spell it.
fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The field `time` of an event that has one: a request's line says when the request came.
struct Time(Option<String>);

impl Visit for Time {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "time" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// Writes the fields of an event but `time`.
struct Fields<'a> {
    map: serde_json::ser::Compound<'a, &'a mut Vec<u8>, serde_json::ser::CompactFormatter>,
    outcome: serde_json::Result<()>,
}

impl Fields<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.outcome.is_ok() {
            self.outcome = self.map.serialize_entry(name, value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "time" {
            self.add(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), &value);
    }
}
