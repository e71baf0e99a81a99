//! What is stored of sales.

pub(in crate::store) mod code;
pub mod notice;
pub(in crate::store) mod purchase;
