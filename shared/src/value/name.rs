//! Names for people.

use crate::value::text::{is_plain, text_value};

text_value!(
    /// A product's or variant's name for people.
    Name,
    "a string of 1 to 256 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 256).then(|| text.to_owned())
    }
);
