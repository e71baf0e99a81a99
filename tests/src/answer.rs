//! What came back.

use bytes::Bytes;
use http::{HeaderMap, Response};
use keystead_functions::frame::request::Incoming;
use serde_json::{Value, json};

/// What came back from a request. Its expectations show both when they fail.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `Null` when there is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
    /// The request's fields, as they were sent; `Null` when it had no body.
    pub fields: Value,
    asked: String,
    /// What the log says of a failure inside.
    pub(crate) logged: Option<String>,
}

impl Answer {
    pub(crate) fn new(request: &Incoming, response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8_lossy(&body).into_owned();
        let is_json = parts
            .headers
            .get("content-type")
            .is_none_or(|r#type| r#type == "application/json");
        let body = if body.is_empty() || !is_json {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{}: {error}: {body:?}", request.path))
        };
        let sent = String::from_utf8_lossy(request.body.bytes()).into_owned();
        let asked = format!("{} {} {sent}", request.method, request.path);
        Self {
            fields: serde_json::from_str(&sent).unwrap_or_default(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            text,
            asked,
            logged: None,
        }
    }

    /// Asserts the status, and answers the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        let logged = self.logged.as_deref().unwrap_or_default();
        assert_eq!(self.status, status, "{}\n -> {} {logged}", self.asked, self.body);
        &self.body
    }

    /// Asserts a refusal with this status and text, in the shape of either kind of client endpoint.
    #[track_caller]
    pub fn expect_error(&self, status: u16, text: &str) -> &Value {
        self.expect(status);
        assert_eq!(self.body["error"], text, "{}", self.asked);
        let refused = self.body["success"] == Value::Bool(false) || self.body["valid"] == Value::Bool(false);
        assert!(refused, "neither success nor valid is false: {}", self.body);
        &self.body
    }

    /// Asserts the status and the whole body.
    #[track_caller]
    pub fn expect_body(&self, status: u16, body: &Value) {
        self.expect(status);
        assert_eq!(self.body, *body, "{}", self.asked);
    }

    /// Asserts a refusal with this status and text, and nothing beside it: the shape of most endpoints.
    #[track_caller]
    pub fn expect_refusal(&self, status: u16, text: &str) {
        self.expect_body(status, &json!({ "success": false, "error": text }));
    }

    /// As [`Answer::expect_refusal`], in the shape of `/validate`.
    #[track_caller]
    pub fn expect_invalid(&self, status: u16, text: &str) {
        self.expect_body(status, &json!({ "valid": false, "error": text }));
    }

    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
