//! What exists only if it is valid: texts, numbers and times.

pub mod days;
pub mod email;
pub(crate) mod json_schema;
pub mod name;
pub(crate) mod number;
pub mod patch;
pub mod reference;
pub(crate) mod text;
pub mod timestamp;
