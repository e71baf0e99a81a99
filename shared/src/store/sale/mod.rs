//! What is stored of sales.

pub mod code;
pub mod purchase;
