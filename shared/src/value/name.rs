//! Names for people.

use crate::value::text::{is_name, text_value};

text_value!(
    /// A product's or variant's name for people.
    Name,
    "a string of 1 to 256 characters",
    |text| {
        let text = text.trim();
        is_name(text, 256).then(|| text.to_owned())
    }
);
