//! What is stored of licenses.

pub mod activation;
pub mod authorize;
mod change;
pub mod create;
mod delete;
mod find;
pub(in crate::store) mod item;
mod key_exchange;
mod ledger;
pub mod list;
pub mod lock;
pub mod moves;
mod reset;
pub mod seats;
pub mod session;
pub mod tally;
pub(in crate::store) mod violation;
