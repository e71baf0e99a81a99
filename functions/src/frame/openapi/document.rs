//! The OpenAPI document, made of what every [`Endpoint`] says of itself.
//!
//! Only the feature `openapi` brings this in, and only the tests ask for it: they write `docs/openapi.json`, and hold
//! every answer of every story against it. What is served is that file.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{
    describe::{Description, Schemas},
    refusals::responses,
    schema::tidy,
};
use crate::frame::{endpoint::Auth, route::Route};

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
        if route.face.signs {
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

pub(super) fn signature() -> Value {
    json!({
        "type": "string",
        "description": "A JWS over this answer, for a request with a `nonce`.",
    })
}
