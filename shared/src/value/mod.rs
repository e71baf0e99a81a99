//! What exists only if it is valid: texts, numbers and times.

pub(crate) mod base32;
pub mod days;
pub mod email;
pub mod formula;
pub(crate) mod json_schema;
pub mod name;
pub(crate) mod number;
pub mod page;
pub mod patch;
pub mod reference;
pub mod search;
pub(crate) mod text;
pub mod timestamp;

pub use text::turns_text;
