//! The frame: everything that is so for every endpoint of every API. It names none of them.

pub mod body;
pub mod browser;
pub mod callers;
pub mod context;
mod cors;
pub(crate) mod cursor;
pub mod endpoint;
pub mod face;
pub mod failures;
pub mod fields;
pub mod function;
mod idempotency;
pub mod lately;
pub(crate) mod lenient;
pub mod limits;
pub mod log;
pub mod mail;
mod notes;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod passwords;
pub(crate) mod pipeline;
pub mod reply;
pub mod request;
pub mod route;
pub mod router;
pub mod secrets;
pub mod security_headers;
mod signature;
mod steps;
pub mod subject;
