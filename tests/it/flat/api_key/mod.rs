//! API keys.

mod create;
mod list;
