//! Licenses.

mod create;
mod get;
mod list;
mod reinstate;
mod reset;
mod resolve;
mod revoke;
mod update;
mod verify;
