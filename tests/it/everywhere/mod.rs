//! What holds for every endpoint, or spans several.

mod addresses;
mod admin_session;
mod architecture;
mod authentication;
mod bodies;
mod browsers;
mod budgets;
mod contract;
mod enforcement;
mod events;
mod expiry;
mod idempotency;
mod log;
mod mail;
mod openapi;
mod product_cache;
mod requests;
mod secrecy;
mod secrets;
mod security;
mod signed_answers;
mod strangers;
mod template;
mod transport;
mod typing;
