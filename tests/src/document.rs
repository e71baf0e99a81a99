//! The OpenAPI document, against which every answer of every test is held.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use http::Method;
use jsonschema::Validator;
use keystead_functions::{
    frame::{openapi, request::Incoming, route::Route},
    routes,
};
use serde_json::{Map, Value, json};

use crate::Answer;

/// How the document is written anew.
pub const REWRITE: &str = "UPDATE_EXPECT=1 cargo test -p keystead-tests --test it -- openapi";

/// The document as the endpoints of this build have it. `tests/it/everywhere/openapi.rs` holds the committed one against it.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&routes::all()));

/// Where the document says what is answered to a request; `None` when it knows no such path.
fn path_item(path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(wanted, part)| wanted == part || (wanted.starts_with('{') && !part.is_empty()))
    };
    // A path without parameters is meant rather than one with.
    let whole = paths.get_key_value(path);
    let found = whole.or_else(|| paths.iter().find(|(template, _)| fits(template)));
    found.map(|(template, item)| (template.as_str(), item))
}

/// The validator of the schema at a place in the document.
fn validator(pointer: &str) -> Arc<Validator> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    const ID: &str = "urn:keystead:openapi";
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = validators.entry(pointer.to_owned()).or_insert_with(|| {
        let registry = jsonschema::Registry::new()
            .add(ID, &*DOCUMENT)
            .and_then(jsonschema::RegistryBuilder::prepare);
        let registry = registry.expect("a registry");
        // A URI has no braces.
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        let schema = json!({ "$ref": format!("{ID}#{fragment}") });
        let validator = jsonschema::options().with_registry(&registry).build(&schema);
        Arc::new(validator.unwrap_or_else(|error| panic!("{pointer}: {error}")))
    });
    Arc::clone(known)
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// Asserts that the document knows this answer: its status, and each of its fields. And what was answered well, it must
/// let its readers ask.
pub(crate) fn assert_known(request: &Incoming, answer: &Answer) {
    let Some((path, item)) = path_item(&request.path) else {
        return;
    };
    let method = request.method.as_str().to_lowercase();
    // A method that the path does not have is refused by the router, for all alike.
    let Some(operation) = item.get(&method) else { return };
    let asked = format!("{} {path}", request.method);
    let status = answer.status.to_string();
    let response = operation["responses"].get(&status).unwrap_or_else(|| {
        panic!(
            "{asked} answered {status}, which docs/openapi/ does not know: {}\n\
             If that is right, add the error to the endpoint's `REFUSALS`, and write the document anew:\n  {REWRITE}",
            answer.text
        )
    });
    let operation = format!("/paths/{}/{method}", escaped(path));
    let (content, media) = (&response["content"], answer.header("content-type"));
    let is_told = content.is_null() || content.get(media).is_some();
    assert!(
        is_told,
        "{asked} answered {status} with {media}, which docs/openapi/ does not know"
    );
    if media == "application/json" && content.get(media).is_some() {
        let schema = format!("{operation}/responses/{status}/content/application~1json/schema");
        if let Err(error) = validator(&schema).validate(&answer.body) {
            panic!(
                "{asked} answered {status} with a body that docs/openapi/ does not know: {}\n{error} at `{}`\n\
                 If that is right, add a refusal to the endpoint's `REFUSALS`, or change what its `Reply` derives, and write \
                 the document anew:\n  {REWRITE}",
                answer.text,
                error.instance_path(),
            );
        }
    }
    // What a store tells beside what matters may be anything.
    let anything = path == "/cgloungeWebhook" || path.starts_with("/stripeWebhook");
    if [200, 201].contains(&answer.status) && request.method != Method::GET && !anything {
        let body = request.body.bytes();
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // What is no JSON by the letter, such as half of a surrogate pair in a hostname, no schema can allow or forbid.
        let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        // What is not text is no credential, and passed over.
        for name in ["adminSecret", "apiKey", "webhookSecret"] {
            if body.get(name).is_some_and(|credential| !credential.is_string()) {
                body.as_object_mut().and_then(|body| body.remove(name));
            }
        }
        let schema = format!("{operation}/requestBody/content/application~1json/schema");
        if let Err(error) = validator(&schema).validate(&body) {
            panic!(
                "{asked} answered well what docs/openapi/ does not allow to ask: {body}\n{error} at `{}`\n\
                 If it should be allowed, change what the endpoint's `Request` derives, and write the document anew:\n  \
                 {REWRITE}",
                error.instance_path(),
            );
        }
    }
}

/// A field of the body of a route's requests.
pub struct Field {
    /// Its name.
    pub name: String,
    /// Where the document has its schema.
    pointer: String,
}

impl Field {
    /// Whether the document allows this value.
    pub fn allows(&self, value: &Value) -> bool {
        validator(&self.pointer).is_valid(value)
    }

    /// Whether it is a credential.
    pub fn is_credential(&self) -> bool {
        schema(&self.pointer)["writeOnly"] == true
    }

    /// Whether some part of its schema, or of those that this is made of, has `keyword` with this value, such as the
    /// `type` `string`.
    pub fn has(&self, keyword: &str, value: &str) -> bool {
        fn has(schema: &Value, keyword: &str, value: &str) -> bool {
            let found = match &schema[keyword] {
                Value::Array(values) => values.iter().any(|one| one == value),
                one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                    one == value
                }
            };
            found || parts(schema).any(|part| has(part, keyword, value))
        }
        has(schema(&self.pointer), keyword, value)
    }
}

/// Every field that a route can be asked with by POST.
pub fn fields(route: &Route) -> Vec<Field> {
    fn collect(pointer: &str, fields: &mut BTreeMap<String, String>) {
        let schema = schema(pointer);
        if let Some(name) = schema["$ref"].as_str() {
            collect(name.trim_start_matches('#'), fields);
        }
        for name in schema["properties"].as_object().into_iter().flat_map(Map::keys) {
            fields.insert(name.clone(), format!("{pointer}/properties/{name}"));
        }
        for kind in COMBINATIONS {
            let count = schema[kind].as_array().map_or(0, Vec::len);
            (0..count).for_each(|part| collect(&format!("{pointer}/{kind}/{part}"), fields));
        }
    }
    let operation = format!("/paths/{}/post", escaped(route.path()));
    let body = format!("{operation}/requestBody/content/application~1json/schema");
    let mut found = BTreeMap::new();
    if DOCUMENT.pointer(&body).is_some() {
        collect(&body, &mut found);
    }
    let found = found.into_iter();
    found.map(|(name, pointer)| Field { name, pointer }).collect()
}

/// The keywords that make a schema of several.
const COMBINATIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// The schemas that this one is made of.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    let named = schema["$ref"]
        .as_str()
        .map(|name| self::schema(name.trim_start_matches('#')));
    let combined = COMBINATIONS.iter().filter_map(|kind| schema[*kind].as_array());
    named.into_iter().chain(combined.flatten())
}

fn schema(pointer: &str) -> &'static Value {
    DOCUMENT
        .pointer(pointer)
        .unwrap_or_else(|| panic!("docs/openapi/ has no schema at {pointer}"))
}
