//! The OpenAPI document, made of what every [`Endpoint`] says of itself.
//!
//! Only the feature `openapi` brings this in, and only the tests ask for it: they write `docs/openapi.json`, and hold
//! every answer of every story against it. What is served is that file.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use keystead_core::{
    Error, InvalidRequest,
    error::{Conflict, Credential, ErrorCode, Restriction},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::frame::{
    endpoint::{Auth, Endpoint, Route},
    pipeline::goes_by_cookie,
    reply::Body,
    request::MAX_BODY,
};

/// The schemas of requests, of replies, and of what they share.
pub struct Schemas {
    requests: SchemaGenerator,
    replies: SchemaGenerator,
}

/// What an endpoint's types look like.
pub(crate) struct Description {
    request: Value,
    reply: Value,
    content_type: &'static str,
}

impl Description {
    pub(crate) fn of<E: Endpoint>(schemas: &mut Schemas) -> Self {
        Self {
            request: E::Request::json_schema(&mut schemas.requests).into(),
            reply: E::Reply::json_schema(&mut schemas.replies).into(),
            content_type: E::Reply::CONTENT_TYPE,
        }
    }
}

/// The document over `routes`.
pub fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = Cow::Borrowed("/components/schemas");
    });
    let mut schemas = Schemas {
        requests: settings.clone().for_deserialize().into_generator(),
        replies: settings.for_serialize().into_generator(),
    };
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let described = (route.describe)(&mut schemas);
        for method in route.methods() {
            let operation = operation(route, method, &described);
            paths
                .entry(route.path())
                .or_default()
                .insert(method.to_lowercase(), operation);
        }
    }
    let mut shared = schemas.requests.take_definitions(true);
    for (name, schema) in schemas.replies.take_definitions(true) {
        let before = shared.insert(name.clone(), schema.clone());
        assert!(
            before.is_none_or(|before| before == schema),
            "{name} is one type in a request and another in a reply: give one of them another name with \
             #[cfg_attr(feature = \"openapi\", schemars(rename = \"...\"))]"
        );
    }
    let tags: Vec<Value> = TAGS
        .iter()
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Keystead",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Software licensing that you host yourself.",
            "description": "License keys, seats on machines, floating seats, and signed tokens that an application checks \
                            without a network.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The service that serves this document." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": shared,
            "headers": headers(),
            "parameters": { "Idempotency-Key": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A name for this request. The same request with the same name is carried out once, \
                                and answered as it was the first time.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$" },
            } },
            "securitySchemes": security_schemes(),
        },
    });
    describe_parameters(&mut document);
    tidy(&mut document);
    document
}

/// Tells of parameters that say nothing of their own what their schema says.
fn describe_parameters(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let items = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in items {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let schema = parameter["schema"]["$ref"]
                    .as_str()
                    .and_then(|link| link.rsplit('/').next());
                if let (Some(name), None) = (schema, parameter.get("description")) {
                    parameter["description"] = schemas[name]["description"].clone();
                }
            }
        }
    }
}

const TAGS: [(&str, &str); 6] = [
    (
        "Applications",
        "What an application asks on the machine of a customer. The license key is the credential.",
    ),
    (
        "Vendors",
        "What a vendor's scripts and tools ask, with an API key or the admin secret.",
    ),
    ("Operators", "What only the holder of the admin secret may ask."),
    ("People", "What who bought or sells asks, signed in to an account."),
    ("Stores", "What stores tell of purchases."),
    ("Service", "What anyone may ask."),
];

fn tag(auth: Auth) -> &'static str {
    match auth {
        Auth::LicenseKey => "Applications",
        Auth::Admin => "Vendors",
        Auth::SuperAdmin => "Operators",
        Auth::Login => "People",
        Auth::Webhook | Auth::Stripe => "Stores",
        Auth::Public => "Service",
    }
}

/// What a caller needs.
fn needs(auth: Auth) -> &'static str {
    match auth {
        Auth::Public => "Anyone may ask.",
        Auth::LicenseKey => "The license key is all that it takes.",
        Auth::Admin => "Takes an API key, which sees its owner's records, or the admin secret, which sees everything.",
        Auth::SuperAdmin => "Takes the admin secret.",
        Auth::Login => "Takes the token of somebody who is signed in.",
        Auth::Webhook => "Takes the webhook secret.",
        Auth::Stripe => "Takes Stripe's signature of the body.",
    }
}

fn headers() -> Value {
    json!({
        "x-request-id": {
            "description": "By which this request is found in the log.",
            "schema": { "type": "string", "format": "uuid" },
        },
        "Retry-After": {
            "description": "After how many seconds to try again.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "Idempotency-Replayed": {
            "description": "There when this is the answer to the same request before.",
            "schema": { "const": "true" },
        },
    })
}

fn security_schemes() -> Value {
    let key = |place: &str, name: &str, description: &str| json!({ "type": "apiKey", "in": place, "name": name, "description": description });
    json!({
        "apiKeyHeader": key("header", "X-API-Key", "An API key. It sees its owner's records only. A request with a body \
                                                   may hold it there instead, in the field `apiKey`."),
        "apiKeyQuery": key("query", "apiKey", "As apiKeyHeader, in the query."),
        "adminSecretQuery": key("query", "adminSecret", "The admin secret, which sees everything. A request with a body \
                                                        holds it there, in the field `adminSecret`."),
        "webhookSecretHeader": key("header", "x-webhook-secret", "The webhook secret. The body may hold it instead, in \
                                                                 the field `webhookSecret`."),
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The token of `/api/auth/login`.",
        },
        "sessionCookie": key("cookie", "session", "The same token, in the cookie that `/api/auth/login` sets."),
        "stripeSignature": key("header", "Stripe-Signature", "Stripe's signature of the body."),
    })
}

/// What lets a request in, and the fields of a body that may hold it.
fn credentials(auth: Auth, method: &str) -> (Value, Map<String, Value>, &'static [&'static str]) {
    let field =
        |description: &str| json!({ "type": ["string", "null"], "description": description, "writeOnly": true });
    let (admin_secret, api_key) = (
        (
            "adminSecret".to_owned(),
            field("The admin secret, which sees everything."),
        ),
        (
            "apiKey".to_owned(),
            field("An API key, which sees its owner's records."),
        ),
    );
    let in_body = method != "GET";
    match auth {
        Auth::Public | Auth::LicenseKey => (json!([]), Map::new(), &[]),
        Auth::Admin if in_body => (
            json!([{ "apiKeyHeader": [] }, { "apiKeyQuery": [] }, {}]),
            Map::from_iter([admin_secret, api_key]),
            &[],
        ),
        Auth::Admin => (
            json!([{ "apiKeyHeader": [] }, { "apiKeyQuery": [] }, { "adminSecretQuery": [] }]),
            Map::new(),
            &[],
        ),
        Auth::SuperAdmin if in_body => (json!([{}]), Map::from_iter([admin_secret]), &["adminSecret"]),
        Auth::SuperAdmin => (json!([{ "adminSecretQuery": [] }]), Map::new(), &[]),
        Auth::Webhook => (
            json!([{ "webhookSecretHeader": [] }, {}]),
            Map::from_iter([("webhookSecret".to_owned(), field("The webhook secret."))]),
            &[],
        ),
        Auth::Stripe => (json!([{ "stripeSignature": [] }]), Map::new(), &[]),
        Auth::Login => (json!([{ "bearer": [] }, { "sessionCookie": [] }]), Map::new(), &[]),
    }
}

fn operation(route: &Route, method: &str, described: &Description) -> Value {
    let (security, credentials, needed) = credentials(route.auth, method);
    let mut request = described.request.clone();
    let fields = request["properties"]
        .as_object()
        .is_some_and(|fields| !fields.is_empty());
    let mut parameters = path_parameters(route, &mut request);
    for name in route.required {
        if let Some(Value::Object(field)) = request["properties"].get_mut(*name)
            && field.get("type") == Some(&json!("string"))
        {
            // What is blank counts as absent.
            field.entry("pattern").or_insert(json!(r"\S"));
        }
    }
    let mut required: BTreeSet<String> = texts(&request["required"])
        .chain(route.required.iter().copied())
        .map(str::to_owned)
        .collect();
    let mut operation = json!({
        "operationId": operation_id(route, method),
        "summary": route.summary.trim_end_matches('.'),
        "description": needs(route.auth),
        "tags": [tag(route.auth)],
        "security": security,
        "responses": responses(route, method, described, fields),
    });
    if method == "GET" {
        parameters.extend(query_parameters(&request, &required));
    } else {
        let mut properties = credentials;
        if route.face.signs() {
            properties.insert("nonce".to_owned(), nonce());
        }
        if let Some(own) = request.get_mut("properties").and_then(Value::as_object_mut) {
            own.append(&mut properties);
        } else {
            request["properties"] = Value::Object(properties);
        }
        required.extend(needed.iter().map(|name| (*name).to_owned()));
        request["type"] = json!("object");
        if required.is_empty() {
            request.as_object_mut().map(|request| request.remove("required"));
        } else {
            request["required"] = json!(required);
        }
        operation["requestBody"] = json!({
            "required": !required.is_empty(),
            "content": { "application/json": { "schema": request } },
        });
    }
    if route.writes {
        parameters.push(json!({ "$ref": "#/components/parameters/Idempotency-Key" }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

/// `create-license` as `createLicense`; a route with two methods is two operations.
fn operation_id(route: &Route, method: &str) -> String {
    let mut words = route.name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let name = words.map(capital).fold(first, |name, word| name + &word);
    if method == "GET" && route.methods().count() > 1 {
        name + "ByQuery"
    } else {
        name
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The parameters in the path, which are no fields then.
fn path_parameters(route: &Route, request: &mut Value) -> Vec<Value> {
    let names = route
        .path()
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let field = request.get_mut("properties").and_then(Value::as_object_mut).and_then(|fields| fields.remove(name));
            if let Some(required) = request.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|field| field != name);
            }
            json!({ "name": name, "in": "path", "required": true, "schema": field.unwrap_or(json!({ "type": "string" })) })
        })
        .collect()
}

fn query_parameters(request: &Value, required: &BTreeSet<String>) -> Vec<Value> {
    let fields = request["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let mut schema = without_null(schema);
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut parameter = json!({ "name": name, "in": "query", "schema": schema });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            if required.contains(name) {
                parameter["required"] = json!(true);
            } else {
                // A blank parameter says nothing: `?status=&limit=10`.
                parameter["allowEmptyValue"] = json!(true);
            }
            parameter
        })
        .collect()
}

/// A query has no null.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    if let Some(choices) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(ways) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        ways.retain(|way| way["type"] != "null" && way["pattern"] != r"^\s*$");
        if let [Value::Object(one)] = ways.as_slice() {
            let one = one.clone();
            if let Value::Object(schema) = &mut schema {
                schema.remove("anyOf");
                schema.extend(one);
            }
        }
    }
    schema
}

fn nonce() -> Value {
    json!({
        "type": ["string", "null"],
        "minLength": 16,
        "maxLength": 128,
        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
        "description": "Made up for this request. The answer is then signed, and its signature speaks of this.",
    })
}

fn signature() -> Value {
    json!({
        "type": "string",
        "description": "A JWS over this answer, for a request with a `nonce`.",
    })
}

/// What a route may answer, by status.
fn responses(route: &Route, method: &str, described: &Description, fields: bool) -> Value {
    let signs = route.face.signs() && method != "GET";
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
    if route.writes {
        good_headers["Idempotency-Replayed"] = json!({ "$ref": "#/components/headers/Idempotency-Replayed" });
    }
    let good = json!({
        "description": description.unwrap_or(json!("The answer.")),
        "headers": good_headers,
        "content": { described.content_type: { "schema": reply } },
    });
    let mut responses: BTreeMap<u16, Value> = BTreeMap::new();
    for status in route.statuses {
        responses.insert(status.as_u16(), good.clone());
    }
    let mut by_status: BTreeMap<u16, Vec<Said>> = BTreeMap::new();
    let by_pipeline = refused_for_all(route, method, fields);
    let declared = declared(route);
    for error in by_pipeline.iter().chain(&declared) {
        let refusal = route.face.refuse(error);
        let said = by_status.entry(refusal.status.as_u16()).or_default();
        // What is refused to all for one reason, an endpoint may refuse for another.
        if said.iter().all(|other| other.body != refusal.body) {
            said.push(Said {
                code: error.code().as_str(),
                varying: varying(error),
                body: refusal.body,
                retry: refusal.retry_at.is_some(),
            });
        }
    }
    for (status, said) in by_status {
        let before = responses.insert(status, refused(&said, signs));
        assert!(
            before.is_none(),
            "{}: {status} is both a good reply's status and a refusal's",
            route.name
        );
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
fn refused_for_all(route: &Route, method: &str, fields: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    if method != "GET" {
        errors.push(Error::Invalid(InvalidRequest::NotAnObject));
        errors.push(Error::Invalid(InvalidRequest::TooLarge { limit: MAX_BODY }));
    }
    match route.auth {
        Auth::Public | Auth::LicenseKey => {}
        Auth::Admin | Auth::SuperAdmin | Auth::Login | Auth::Webhook | Auth::Stripe => {
            errors.push(Error::Unauthenticated(Credential::Caller))
        }
    }
    if method == "POST" && goes_by_cookie(route.face, route.auth) {
        errors.push(Error::Forbidden(Restriction::Role));
    }
    if !route.required.is_empty() {
        errors.push(Error::Invalid(InvalidRequest::MissingFields(route.required)));
    }
    if fields || route.writes || (route.face.signs() && method != "GET") {
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
    } else if let Error::Full { limit, .. } = error {
        vec![(limit.to_string(), "[0-9]+")]
    } else {
        Vec::new()
    }
}

/// The response for some refusals with one status.
fn refused(said: &[Said], signs: bool) -> Value {
    let mut texts = Vec::new();
    let mut examples = Map::new();
    for refusal in said {
        let text = refusal.body["error"].as_str().unwrap_or_default();
        let line = format!("- `{text}`");
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
    if said.iter().any(|refusal| refusal.retry) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    json!({
        "description": texts.join("\n"),
        "headers": headers,
        "content": { "application/json": { "schema": refusal_schema(said, signs), "examples": examples } },
    })
}

/// What a field says in some refusals.
#[derive(Default)]
struct Words {
    literals: Vec<Value>,
    patterns: BTreeSet<String>,
    /// In how many of them it is there.
    times: usize,
}

impl Words {
    fn add(&mut self, value: &Value, varying: &[(String, &'static str)]) {
        self.times += 1;
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
    let mut fields: BTreeMap<&str, Words> = BTreeMap::new();
    for refusal in said {
        for (name, value) in refusal.body.as_object().into_iter().flatten() {
            fields.entry(name).or_default().add(value, &refusal.varying);
        }
    }
    let always = fields.iter().filter(|(_, words)| words.times == said.len());
    let required: Vec<&str> = always.map(|(name, _)| *name).collect();
    let properties = fields
        .into_iter()
        .map(|(name, words)| (name.to_owned(), words.schema()));
    let mut properties: Map<String, Value> = properties.collect();
    if signs {
        properties.insert("signature".to_owned(), signature());
    }
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

/// Takes out what says nothing to a reader, however deep: sizes of integers, and links into the source.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.contains("int"))
            {
                fields.remove("format");
            }
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = without_links(text);
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A doc comment without its links to other items: ``([`VariantId::within`])`` goes, ``[`Slug`]`` stays as a word.
fn without_links(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, after)) = after.split_once("`]") else {
            break;
        };
        if let (Some(before), Some(after)) = (before.strip_suffix(" ("), after.strip_prefix(')')) {
            out += before;
            rest = after;
        } else {
            out += &format!("{before}`{name}`");
            rest = after;
        }
    }
    out + rest
}

/// Says what a value looks like that is parsed by hand.
macro_rules! schema {
    ($name:ident, $schema:tt) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use schema;

/// A field that may be left blank, for [`crate::flat::wire::blank_is_absent`].
pub(crate) struct MayBeBlank<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for MayBeBlank<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("MayBeBlank{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "type": "string", "pattern": r"^\s*$" }, { "type": "null" }] })
    }
}

/// A number of which 0, or a blank, means that there is none, for [`crate::flat::wire::zero_is_absent`].
pub(crate) struct MayBeZero<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for MayBeZero<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("MayBeZero{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "const": 0 }, { "type": "string", "pattern": r"^\s*$" }, { "type": "null" }] })
    }
}
