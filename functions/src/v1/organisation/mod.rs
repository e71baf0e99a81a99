//! Organisations: what a team manages together.

mod create;
mod delete;
mod get;
mod list;
mod update;
pub(super) mod view;

pub use create::V1CreateOrganisation;
pub use delete::V1DeleteOrganisation;
pub use get::V1GetOrganisation;
pub use list::V1ListOrganisations;
pub use update::V1UpdateOrganisation;
