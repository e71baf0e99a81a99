//! What is signed, and with what.

pub mod account_token;
pub mod keys;
pub mod secrets;
pub mod signed_answer;
pub mod token;
