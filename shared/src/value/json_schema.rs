//! What values look like in JSON Schema, for the OpenAPI document.
//!
//! Only the feature `schema` brings this in, and only the tests ask for it: they write the document and hold every answer
//! against it. A function serves the document as a text, and knows no schemas.

/// Says what a value looks like that is parsed by hand.
macro_rules! schema {
    ($name:ident, $schema:tt) => {
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use schema;

/// A text that is trimmed: of which something is left, without control characters.
#[cfg(feature = "schema")]
const PLAIN: &str = r"^[\t-\r ]*[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*[\t-\r ]*$";

/// The schema of a text value. `expected` is what clients are told that it must be, and what its lengths are read from;
/// so the document promises what the error says.
#[cfg(feature = "schema")]
pub(crate) fn of_text(description: &[&str], expected: &str, pattern: Option<&str>) -> schemars::Schema {
    let mut schema = schemars::json_schema!({
        "type": "string",
        "description": paragraph(description),
        "pattern": pattern.unwrap_or(PLAIN),
    });
    let words: Vec<&str> = expected.split_whitespace().collect();
    for range in words.windows(3) {
        if let [shortest, "to", longest] = range
            && let (Ok(shortest), Ok(longest)) = (shortest.parse::<u32>(), longest.parse::<u32>())
        {
            schema.insert("minLength".to_owned(), shortest.into());
            schema.insert("maxLength".to_owned(), longest.into());
        }
    }
    schema
}

/// The schema of a value that has one of a few spellings, each with what it means.
#[cfg(feature = "schema")]
pub(crate) fn of_choice(description: &[&str], spellings: &[(&str, &[&str])]) -> schemars::Schema {
    let mut text = paragraph(description) + "\n";
    for (spelling, meaning) in spellings {
        text += &format!("\n- `{spelling}`: {}", paragraph(meaning));
    }
    let spellings: Vec<&str> = spellings.iter().map(|(spelling, _)| *spelling).collect();
    schemars::json_schema!({ "type": "string", "description": text, "enum": spellings })
}

/// `schema`, with its description.
#[cfg(feature = "schema")]
pub(crate) fn described(description: &[&str], mut schema: schemars::Schema) -> schemars::Schema {
    schema.insert("description".to_owned(), paragraph(description).into());
    schema
}

/// A doc comment's lines as one text.
#[cfg(feature = "schema")]
fn paragraph(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines
        .join("\n")
        .replace("\n\n", "\u{0}")
        .replace('\n', " ")
        .replace('\u{0}', "\n\n")
}
