//! Signatures: tokens and answers, the keys that sign them, and the secrets of a deployment.

pub mod account_token;
pub mod certificate;
pub mod keys;
pub mod sealing;
pub mod secrets;
pub mod signed_answer;
pub mod token;
mod verified;
