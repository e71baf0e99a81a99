//! A load generator for any Keystead server, lean enough to share two cores with the server it measures.
//!
//! In the order of a run: [`connection`] finds the server, [`setup`] creates and activates licenses through the admin
//! API, [`supply`] turns them into requests ready to send, [`run`] sends them and takes the time, and [`report`] says
//! what came of it. The program is `src/bin/load.rs`; `README.md` says what its figures mean.
//!
//! [`lambda`] and [`function`] are for the functions themselves, as they run in Lambda: `src/bin/cold/`.

pub mod connection;
pub mod cpu;
pub mod function;
pub mod lambda;
pub mod reply;
pub mod report;
pub mod run;
pub mod scenario;
pub mod setup;
pub mod supply;
