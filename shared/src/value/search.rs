//! What is searched for.

use crate::value::text::{is_plain, text_value};

text_value!(
    /// What a list is searched for: a whole id, key or address, or a part of a key.
    Search,
    "a string of 1 to 128 characters",
    |text| is_plain(text.trim(), 128).then(|| text.trim().to_owned())
);
