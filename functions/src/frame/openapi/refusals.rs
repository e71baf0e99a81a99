//! What a route may answer, refusals above all: in the words of its face, and with an example of each.

use std::collections::{BTreeMap, BTreeSet};

use keystead_core::{
    Error, InvalidRequest,
    error::{Conflict, Credential, Denial, ErrorCode, Noun, Restriction},
};
use serde_json::{Map, Value, json};

use super::{describe::Description, schema::signature};
use crate::frame::{callers::CallerKind, endpoint::Needs, route::Route};

/// What a route may answer, by status.
pub(super) fn responses(route: &Route, method: &str, described: &Description, fields: bool) -> Value {
    let signs = route.face.signs && method != "GET";
    let mut reply = described.reply.clone();
    if signs && let Some(properties) = reply.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("signature".to_owned(), signature());
    }
    if let Value::Object(reply) = &mut reply
        && reply.contains_key("properties")
    {
        reply.insert("additionalProperties".to_owned(), json!(false));
    }
    let description = reply.as_object_mut().and_then(|reply| reply.remove("description"));
    let mut good_headers = json!({ "x-request-id": { "$ref": "#/components/headers/x-request-id" } });
    if route.face.limits {
        add_limits(&mut good_headers);
    }
    if route.writes {
        good_headers["Idempotency-Replayed"] = json!({ "$ref": "#/components/headers/Idempotency-Replayed" });
    }
    let mut content = json!({ described.content_type: { "schema": reply } });
    if let Some(also) = described.also {
        content[also] = json!({ "schema": { "type": "string" } });
        good_headers["X-Next-Cursor"] = json!({
            "description": "What to ask for more with, of a file that has no place for it.",
            "schema": { "type": "string" },
        });
    }
    let good = json!({
        "description": description.unwrap_or(json!("The answer.")),
        "headers": good_headers,
        "content": content,
    });
    let mut responses: BTreeMap<u16, Value> = BTreeMap::new();
    for status in route.statuses {
        responses.insert(status.as_u16(), good.clone());
    }
    let mut by_status: BTreeMap<u16, Vec<Said>> = BTreeMap::new();
    let by_pipeline = refused_for_all(route, described, method, fields);
    let declared = declared(route);
    for error in by_pipeline.iter().chain(&declared) {
        let refusal = (route.face.refuse)(error);
        let body: Value = serde_json::from_slice(&refusal.body).unwrap_or_default();
        let said = by_status.entry(refusal.status.as_u16()).or_default();
        // What is refused to all for one reason, an endpoint may refuse for another.
        if said.iter().all(|other| other.body != body) {
            said.push(Said {
                code: error.code().as_str(),
                varying: varying(error),
                message: refusal.message,
                body,
                retry: matches!(error, Error::Throttled { .. }),
            });
        }
    }
    for (status, said) in by_status {
        let mut refusal = refused(&said, signs, route.face.limits);
        // Of what an endpoint replies with the status of a refusal, the body tells which it is.
        if let Some(reply) = responses.get(&status) {
            let schema = &mut refusal["content"]["application/json"]["schema"];
            *schema = json!({ "anyOf": [reply["content"][described.content_type]["schema"], schema.take()] });
        }
        responses.insert(status, refusal);
    }
    let responses = responses
        .into_iter()
        .map(|(status, response)| (status.to_string(), response));
    Value::Object(responses.collect())
}

/// A refusal in a face's words.
struct Said {
    code: &'static str,
    /// The parts of its text that vary, and what they match.
    varying: Vec<(String, &'static str)>,
    message: String,
    body: Value,
    /// Whether it says when to try again.
    retry: bool,
}

/// Why an endpoint says that it may refuse.
fn declared(route: &Route) -> Vec<Error> {
    let missing = route
        .required_sometimes
        .iter()
        .map(|fields| Error::Invalid(InvalidRequest::MissingFields(fields)));
    let mut errors = Vec::new();
    for code in route.refusals {
        if *code == ErrorCode::MissingFields {
            errors.extend(missing.clone());
        } else {
            errors.push(code.example());
        }
    }
    errors
}

/// Why the pipeline refuses, before or after an endpoint is asked.
fn refused_for_all(route: &Route, described: &Description, method: &str, fields: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    if method != "GET" {
        errors.push(Error::Invalid(InvalidRequest::NotAnObject));
        errors.push(Error::Invalid(InvalidRequest::Encoded));
        errors.push(Error::Invalid(InvalidRequest::TooLarge {
            limit: route.body.limit(),
        }));
    }
    if described.caller.is_secret() {
        errors.push(Error::Unauthenticated(Credential::Caller));
    }
    match route.caller {
        CallerKind::AccountHolder => errors.push(ErrorCode::ExpiredToken.example()),
        CallerKind::ProductKey => {
            errors.push(ErrorCode::SignatureRequired.example());
            errors.push(ErrorCode::TimestampSkew.example());
            errors.push(ErrorCode::NonceReused.example());
        }
        CallerKind::Anyone
        | CallerKind::LicenseKeyHolder
        | CallerKind::Admin
        | CallerKind::SuperAdmin
        | CallerKind::Operator
        | CallerKind::SignedIn
        | CallerKind::Store
        | CallerKind::Stripe
        | CallerKind::OwnerStripe => {}
    }
    match route.needs {
        Needs::Permission(permission) => errors.push(Error::Forbidden(Restriction::Permission(permission))),
        Needs::Role(_) | Needs::Nothing => {}
    }
    if route.face.limits {
        errors.push(ErrorCode::TooManyRequests.example());
    }
    if route.guesses_count {
        errors.push(ErrorCode::TooManyAttempts.example());
    }
    if method != "GET" && route.by_cookie {
        errors.push(Error::Invalid(InvalidRequest::ContentType));
        errors.push(Error::Forbidden(Restriction::ForeignOrigin));
    }
    if route.face.finds_by_path && route.path().contains('{') {
        errors.push(Error::NotFound(Noun::Record));
    }
    if !route.required.is_empty() {
        errors.push(Error::Invalid(InvalidRequest::MissingFields(route.required)));
    }
    if fields || route.writes || (route.face.signs && method != "GET") {
        errors.push(Error::field(FIELD, EXPECTED));
        errors.push(Error::field(FIELD, ""));
    }
    if route.writes {
        errors.push(Error::Conflict(Conflict::IdempotencyKeyReused));
        errors.push(Error::Conflict(Conflict::RequestInProgress));
    }
    errors.push(Error::internal("unexpected"));
    errors
}

const FIELD: &str = "email";
const EXPECTED: &str = "an email address";

/// What of an error's text is different each time.
fn varying(error: &Error) -> Vec<(String, &'static str)> {
    if let Error::Invalid(InvalidRequest::Field { field, expected }) = error {
        vec![(expected.clone(), ".+"), (field.clone(), ".+")]
    } else if let Error::Invalid(InvalidRequest::Policy { field, expected }) = error {
        vec![((*expected).to_owned(), ".+"), (field.clone(), ".+")]
    } else if let Error::Denied(Denial::MayStillRun { until }) = error {
        vec![(until.to_string(), "[0-9T:.Z-]+")]
    } else if let Error::Denied(Denial::ResetCooldown { until }) = error {
        vec![(until.to_string(), "[0-9T:.Z-]+")]
    } else if let Error::Full { limit, .. } = error {
        vec![(limit.to_string(), "[0-9]+")]
    } else {
        Vec::new()
    }
}

/// The response for some refusals with one status.
fn refused(said: &[Said], signs: bool, limits: bool) -> Value {
    let mut texts = Vec::new();
    let mut examples = Map::new();
    for refusal in said {
        let line = format!("- `{}`", refusal.message);
        if !texts.contains(&line) {
            texts.push(line);
            let like_it = examples
                .keys()
                .filter(|name: &&String| name.starts_with(refusal.code))
                .count();
            let name = match like_it {
                0 => refusal.code.to_owned(),
                before => format!("{}_{}", refusal.code, before + 1),
            };
            examples.insert(name, json!({ "value": refusal.body }));
        }
    }
    let mut headers = json!({ "x-request-id": { "$ref": "#/components/headers/x-request-id" } });
    if limits {
        add_limits(&mut headers);
    }
    if said.iter().any(|refusal| refusal.retry) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    json!({
        "description": texts.join("\n"),
        "headers": headers,
        "content": { "application/json": { "schema": refusal_schema(said, signs), "examples": examples } },
    })
}

/// The headers that tell how a client stands with its limit.
fn add_limits(headers: &mut Value) {
    for name in ["X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"] {
        headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// What a field says in some refusals.
#[derive(Default)]
struct Words {
    literals: Vec<Value>,
    patterns: BTreeSet<String>,
    /// In how many of them it is there.
    times: usize,
    /// Whether it is a list of what is wrong, of which each says where and what.
    is_list: bool,
}

impl Words {
    fn add(&mut self, value: &Value, varying: &[(String, &'static str)]) {
        self.times += 1;
        self.is_list |= value.is_array();
        let pattern = value
            .as_str()
            .filter(|_| !varying.is_empty())
            .map(|text| pattern(text, varying));
        // A field whose text does not vary, such as a flag, is its own pattern.
        match pattern.filter(|pattern| {
            value
                .as_str()
                .is_none_or(|text| *pattern != format!("^{}$", escape(text)))
        }) {
            Some(pattern) => {
                self.patterns.insert(pattern);
            }
            None if !self.literals.contains(value) => self.literals.push(value.clone()),
            None => {}
        }
    }

    fn schema(self) -> Value {
        if self.is_list {
            let text = json!({ "type": "string" });
            return json!({ "type": "array", "items": {
                "type": "object", "properties": { "path": text, "message": text },
                "required": ["path", "message"], "additionalProperties": false,
            } });
        }
        let literals = match self.literals.as_slice() {
            [] => None,
            [one] => Some(json!({ "const": one })),
            several => Some(json!({ "enum": several })),
        };
        let patterns = self.patterns.into_iter();
        let patterns = patterns.map(|pattern| json!({ "type": "string", "pattern": pattern }));
        let mut ways: Vec<Value> = literals.into_iter().chain(patterns).collect();
        if ways.len() == 1 {
            ways.remove(0)
        } else {
            json!({ "anyOf": ways })
        }
    }
}

fn refusal_schema(said: &[Said], signs: bool) -> Value {
    let bodies: Vec<VaryingBody> = said
        .iter()
        .map(|refusal| (&refusal.body, refusal.varying.as_slice()))
        .collect();
    let mut schema = object_schema(&bodies);
    if signs {
        schema["properties"]["signature"] = signature();
    }
    schema
}

/// An object, and the parts of its texts that vary.
type VaryingBody<'a> = (&'a Value, &'a [(String, &'static str)]);

/// The schema of objects like these.
fn object_schema(bodies: &[VaryingBody]) -> Value {
    let mut fields: BTreeMap<&str, Words> = BTreeMap::new();
    let mut inner: BTreeMap<&str, Vec<VaryingBody>> = BTreeMap::new();
    for (body, varying) in bodies {
        for (name, value) in body.as_object().into_iter().flatten() {
            if value.is_object() {
                inner.entry(name).or_default().push((value, varying));
            } else {
                fields.entry(name).or_default().add(value, varying);
            }
        }
    }
    let times = fields.iter().map(|(name, words)| (*name, words.times));
    let times = times.chain(inner.iter().map(|(name, objects)| (*name, objects.len())));
    let always = times.filter(|(_, times)| *times == bodies.len());
    let mut required: Vec<&str> = always.map(|(name, _)| name).collect();
    required.sort_unstable();
    let properties = fields
        .into_iter()
        .map(|(name, words)| (name.to_owned(), words.schema()));
    let objects = inner
        .iter()
        .map(|(name, objects)| ((*name).to_owned(), object_schema(objects)));
    let properties: Map<String, Value> = properties.chain(objects).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A regular expression for texts like this one.
fn pattern(text: &str, varying: &[(String, &'static str)]) -> String {
    let escaped = escape(text);
    let pattern = varying
        .iter()
        .filter(|(part, _)| !part.is_empty())
        .fold(escaped, |text, (part, matches)| {
            text.replacen(&escape(part), matches, 1)
        });
    format!("^{pattern}$")
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\^$.|?*+()[]{}".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
