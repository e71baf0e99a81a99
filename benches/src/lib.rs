//! A load generator for any Keystead server, lean enough to share two cores with the server it measures.
//!
//! In the order of a run: [`connection`] finds the server, [`setup`] creates and activates licenses through the admin
//! API, [`supply`] turns them into requests ready to send, [`run`] sends them and takes the time, and [`report`] says
//! what came of it. The program is `src/bin/load.rs`; `README.md` says what its figures mean.

pub mod connection;
pub mod cpu;
pub mod reply;
pub mod report;
pub mod run;
pub mod scenario;
pub mod setup;
pub mod supply;
