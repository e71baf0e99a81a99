//! Keystead on one machine: the whole API in one process over an embedded DynamoDB.

pub mod data_dir;
mod demo;
pub mod embedded;
pub mod keygen;
pub mod serve;
pub mod server;
pub mod signer;
