//! Licenses.

mod create;
mod get;
mod reset;
mod revoke;
mod verify;

pub use create::CreateLicense;
pub use get::GetLicense;
pub use reset::ResetActivations;
pub use revoke::RevokeLicense;
pub use verify::Verify;
