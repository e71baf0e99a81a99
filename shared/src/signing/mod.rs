//! Signatures: tokens and answers, the keys that sign them, and the secrets of a deployment.

pub mod account_token;
pub mod keys;
pub mod secrets;
pub mod signed_answer;
pub mod token;
