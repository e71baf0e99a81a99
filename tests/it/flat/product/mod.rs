//! Products.

mod create;
mod list;
mod names;
mod update;
