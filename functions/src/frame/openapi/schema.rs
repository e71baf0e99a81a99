//! Schemas: of values that are parsed by hand, and without what says nothing to a reader.

use serde_json::{Value, json};

/// The schema of an answer's signature.
pub(super) fn signature() -> Value {
    json!({
        "type": "string",
        "description": "A JWS over this answer, for a request with a `nonce`.",
    })
}

/// Takes out what says nothing to a reader, however deep: sizes of integers, and links into the source.
pub(super) fn tidy(value: &mut Value) {
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
