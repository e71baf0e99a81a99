//! API keys.

mod create;

pub use create::CreateApiKey;
