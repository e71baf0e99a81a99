//! The frame: everything that is so for every endpoint of every API. It names none of them.

pub mod context;
pub mod endpoint;
pub mod face;
pub(crate) mod fields;
pub mod log;
pub mod mail;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod passwords;
pub mod pipeline;
pub mod reply;
pub mod request;
