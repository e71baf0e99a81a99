//! What is stored of requests.

pub mod idempotency;
pub mod rate_limit;
