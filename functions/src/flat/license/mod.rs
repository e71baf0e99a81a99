//! Licenses.

mod create;
mod get;
mod key_mail;
mod list;
mod reinstate;
mod reissue;
mod resend;
mod reset;
mod resolve;
mod revoke;
mod update;
mod verify;

pub use create::CreateLicense;
pub use get::GetLicense;
pub use list::ListLicenses;
pub use reinstate::ReinstateLicense;
pub use reissue::ReissueLicense;
pub use resend::ResendLicense;
pub use reset::ResetActivations;
pub use resolve::ResolveLicense;
pub use revoke::RevokeLicense;
pub use update::UpdateLicense;
pub use verify::Verify;
