//! API keys: what back ends show to manage one product, or to ask whether licenses work.

pub(super) mod create;
mod delete;
pub(super) mod list;
mod revoke;
mod rotate;
mod update;
pub(super) mod view;

pub use create::V1CreateApiKey;
pub use delete::V1DeleteApiKey;
pub use list::V1ListApiKeys;
pub use revoke::V1RevokeApiKey;
pub use rotate::V1RotateApiKey;
pub use update::V1UpdateApiKey;
