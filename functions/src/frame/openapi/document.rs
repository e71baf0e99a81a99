//! The OpenAPI document, made of what every [`Endpoint`] says of itself.
//!
//! Only the feature `openapi` brings this in, and only the tests ask for it: they write `docs/openapi/`, and hold
//! every answer of every story against it. What is served is those files.

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
use crate::frame::{
    callers::document::{TAGS, schemes},
    function::Api,
    route::Route,
};

/// The document of an API.
pub fn api_document(api: &Api) -> Value {
    let mut document = document(&api.routes());
    document["info"]["title"] = json!(format!("Keystead: {}", api.title));
    document["info"]["description"] = json!(api.summary);
    let paths = document["paths"].to_string();
    let tagged = |tag: &Value| paths.contains(&format!("\"tags\":[{}]", tag["name"]));
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.retain(tagged);
    }
    document
}

/// One document over `routes`. What is shared and none of them uses is not in it.
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
            "securitySchemes": schemes(),
        },
    });
    describe_parameters(&mut document);
    tidy(&mut document);
    drop_unused(&mut document);
    document
}

/// Takes out headers, parameters and ways to be let in that no operation names.
fn drop_unused(document: &mut Value) {
    let paths = document["paths"].to_string();
    for (kind, named) in [
        ("headers", "#/components/headers/"),
        ("parameters", "#/components/parameters/"),
        ("securitySchemes", ""),
    ] {
        if let Some(parts) = document["components"][kind].as_object_mut() {
            parts.retain(|name, _| paths.contains(&format!("\"{named}{name}\"")));
        }
    }
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
        "X-Ratelimit-Limit": {
            "description": "How many requests of one address are answered in a minute.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "X-Ratelimit-Remaining": {
            "description": "How many of them are left.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "X-Ratelimit-Reset": {
            "description": "When the minute ends, in seconds since 1970.",
            "schema": { "type": "integer" },
        },
        "Idempotency-Replayed": {
            "description": "There when this is the answer to the same request before.",
            "schema": { "const": "true" },
        },
    })
}

fn operation(route: &Route, method: &str, described: &Description) -> Value {
    let caller = &described.caller;
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
        "description": caller.needs,
        "tags": [caller.tag],
        "security": caller.security(method),
        "responses": responses(route, method, described, fields),
    });
    if method == "GET" {
        parameters.extend(query_parameters(&request, &required));
    } else {
        let mut properties = caller.properties();
        if route.face.signs {
            properties.insert("nonce".to_owned(), nonce());
        }
        if let Some(own) = request.get_mut("properties").and_then(Value::as_object_mut) {
            own.append(&mut properties);
        } else {
            request["properties"] = Value::Object(properties);
        }
        required.extend(caller.required().map(str::to_owned));
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
            let field = request
                .get_mut("properties")
                .and_then(Value::as_object_mut)
                .and_then(|fields| fields.remove(name));
            if let Some(required) = request.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|field| field != name);
            }
            let mut parameter = json!({ "name": name, "in": "path", "required": true });
            parameter["schema"] = field.unwrap_or_else(|| {
                // What is no field of the request is for the caller's type, as a credential is.
                parameter["description"] = json!("The caller's own address, which nobody else is told.");
                json!({ "type": "string" })
            });
            parameter
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
