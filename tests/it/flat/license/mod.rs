//! Licenses.

mod create;
mod get;
mod list;
mod reinstate;
mod reissue;
mod resend;
mod reset;
mod resolve;
mod revoke;
mod update;
mod verify;
