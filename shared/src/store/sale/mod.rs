//! What is stored of sales.

pub(in crate::store) mod code;
pub mod history;
pub mod notice;
pub(in crate::store) mod purchase;
