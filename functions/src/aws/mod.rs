//! AWS: how a function runs in Lambda, and how it calls services.

pub mod call;
pub mod lambda;
pub mod secrets_manager;
pub mod transport;
