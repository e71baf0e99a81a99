//! What licensing means in Keystead, and how it is stored.
//!
//! One file a noun holds its entity (whose serde form is the stored item) and its decisions, which are pure: they take
//! what was loaded and the time, and never wait. [`store`] is the only module that names the DynamoDB SDK; [`clock`],
//! [`ids`] and [`config`] are the only callers of the system clock, of randomness and of the environment. Nothing here
//! knows HTTP or Lambda.

pub mod account;
pub mod audit;
pub mod clock;
pub mod config;
pub mod error;
pub mod event;
pub mod ids;
pub mod license;
pub mod owner;
pub mod product;
pub mod request;
pub mod sale;
pub mod signing;
pub mod store;
pub mod value;

pub use error::{Error, InvalidRequest, Result};
pub use value::timestamp::Timestamp;
