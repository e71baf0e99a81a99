//! What licensing means in Keystead, and how it is stored.
//!
//! One file a noun holds its entity (whose serde form is the stored item) and its decisions, which are pure: they take
//! what was loaded and the time, and never wait. [`store`] is the only module that names the DynamoDB SDK; [`clock`],
//! [`ids`] and [`config`] are the only callers of the system clock, of randomness and of the environment. Nothing here
//! knows HTTP or Lambda.

pub mod account;
pub mod activation;
pub mod answer;
pub mod api_key;
pub mod binding;
pub mod clock;
pub mod code;
pub mod config;
pub mod email;
pub mod enforcement;
mod error;
pub mod event;
pub mod idempotency;
pub mod ids;
pub mod keys;
pub mod license;
pub mod member;
pub mod membership;
mod number;
pub mod owner;
pub mod password;
pub mod product;
pub mod purchase;
pub mod rate_limit;
mod schema;
pub mod secrets;
pub mod store;
pub mod stripe;
mod text;
mod timestamp;
pub mod token;
pub mod variant;
pub mod violation;

pub use error::{Error, InvalidRequest, Result};
pub use timestamp::Timestamp;
