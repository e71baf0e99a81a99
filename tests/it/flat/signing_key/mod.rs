//! The keys that sign tokens.

mod get;
mod jwks;
