//! Sessions of licenses: who runs right now, and whose running ends.

mod list;
mod revoke;
mod revoke_all;
mod view;

pub use list::{V1ListLicenseSessions, V1ListOwnLicenseSessions};
pub use revoke::{V1RevokeLicenseSession, V1RevokeOwnLicenseSession};
pub use revoke_all::{V1RevokeLicenseSessions, V1RevokeOwnLicenseSessions};
