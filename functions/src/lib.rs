//! Keystead's HTTP faces: the only code that knows HTTP and Lambda.
//!
//! An endpoint is one type in one file ([`frame::endpoint::Endpoint`]); the frame's [`pipeline`](frame::pipeline)
//! authenticates, parses, calls and replies for all of them; [`routes`] lists them; [`runtime`] runs one in Lambda.

pub mod accounts;
pub mod aws;
pub mod docs;
pub mod flat;
pub mod frame;
pub mod license_keys;
pub mod routes;
mod sign_in;
pub mod v1;

pub use aws::lambda as runtime;
