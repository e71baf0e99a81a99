//! What tokens are verified with.

mod get;
mod jwks;

pub use get::GetSigningKey;
pub use jwks::Jwks;
