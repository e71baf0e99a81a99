//! What holds for requests of every kind: where they come from, that they may arrive twice, and how often.

pub mod client_address;
pub mod id;
pub mod idempotency;
pub mod rate_limit;
pub mod request_signature;
pub mod trusted_proxy;
