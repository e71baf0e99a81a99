//! API keys.

mod create;
mod list;
mod revoke;

pub use create::CreateApiKey;
pub use list::ListApiKeys;
pub use revoke::RevokeApiKey;
