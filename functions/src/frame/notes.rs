//! Bodies whose notes for people are not Unicode: they are read, with U+FFFD for what no character stands for.
//!
//! Nobody is kept out by the name of a machine, which may have been cut in the middle of a character or be in an encoding
//! of its own.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The fields that are notes for people, and nothing is decided by.
const NOTES: [&str; 2] = ["hostname", "reason"];

/// The object in `body`. As slow as it is lenient, so it is for a body that could not be read otherwise.
pub(crate) fn object(body: &[u8]) -> serde_json::Result<Map<String, Value>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let object = json.deserialize_map(Object)?;
    json.end()?;
    Ok(object)
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = if NOTES.contains(&name.as_str()) {
                fields.next_value_seed(Note)?
            } else {
                fields.next_value()?
            };
            object.insert(name, value);
        }
        Ok(object)
    }
}

struct Note;

impl<'de> DeserializeSeed<'de> for Note {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        // The one way to a text that holds half of a surrogate pair: as bytes, in WTF-8.
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Note {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::String(lossy(bytes)))
    }
}

/// `bytes` as text, with one U+FFFD for each run of bytes that is not UTF-8.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, chunk) in bytes.utf8_chunks().enumerate() {
        // Half of a pair is three bytes, none of which belongs to the next.
        let goes_on = place > 0 && chunk.valid().is_empty();
        text.push_str(chunk.valid());
        if !goes_on && !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}
