//! What is stored of licenses.

pub mod activation;
mod change;
pub mod create;
mod find;
pub(in crate::store) mod item;
mod key_exchange;
pub mod list;
pub mod lock;
pub mod moves;
pub mod seats;
pub(in crate::store) mod violation;
