//! What is sold, and how stores tell of it.

pub mod code;
pub mod purchase;
pub mod stripe;
