//! What holds for requests of every kind: that they may arrive twice, and how often.

pub mod idempotency;
pub mod rate_limit;
