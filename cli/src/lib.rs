//! Keystead on one machine: the whole API in one process over an embedded DynamoDB; and commands that talk to a server.

pub mod api_key;
pub mod audit;
pub mod client;
pub mod code;
pub mod connections;
pub mod data_dir;
mod demo;
pub mod door;
pub mod embedded;
mod embedded_server;
mod export;
pub mod failure;
mod import;
mod journal;
pub mod keys;
pub mod license;
mod license_file;
pub mod machine;
pub mod member;
mod output;
mod private_file;
pub mod product;
pub mod secrets;
pub mod serve;
pub mod server;
pub mod signer;
