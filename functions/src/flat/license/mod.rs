//! Licenses.

mod create;
mod get;
mod list;
mod reinstate;
mod reset;
mod resolve;
mod revoke;
mod update;
mod verify;

pub use create::CreateLicense;
pub use get::GetLicense;
pub use list::ListLicenses;
pub use reinstate::ReinstateLicense;
pub use reset::ResetActivations;
pub use resolve::ResolveLicense;
pub use revoke::RevokeLicense;
pub use update::UpdateLicense;
pub use verify::Verify;
