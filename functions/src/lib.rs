//! Keystead's HTTP faces: the only code that knows HTTP and Lambda.
//!
//! An endpoint is one type in one file ([`endpoint::Endpoint`]); the [`pipeline`] authenticates, parses, calls and
//! replies for all of them; [`routes`] lists them; [`runtime`] runs one in Lambda.

pub mod auth;
pub mod aws;
mod body;
pub mod context;
pub mod docs;
pub mod endpoint;
pub mod face;
mod fields;
pub mod flat;
pub mod incoming;
pub mod license_keys;
pub mod log;
pub mod mail;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod passwords;
pub mod pipeline;
pub mod routes;
pub mod runtime;
pub mod secrets_manager;
pub mod transport;
