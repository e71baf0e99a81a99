//! The flat API: `/activate`, `/createLicense` and the rest, for client applications, admin scripts and tools.

pub mod activation;
pub mod api_key;
pub mod code;
pub(crate) mod face;
pub mod health;
pub mod license;
pub mod member;
pub mod product;
pub mod signing_key;
pub mod variant;
pub mod webhook;
pub(crate) mod wire;
