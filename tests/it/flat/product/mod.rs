//! Products.

mod create;
mod list;
mod update;
