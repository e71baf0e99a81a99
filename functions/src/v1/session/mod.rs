//! Sessions of licenses: who runs right now, and whose running ends.

mod list;
mod revoke;
mod revoke_all;
mod view;

pub use list::V1ListLicenseSessions;
pub use revoke::V1RevokeLicenseSession;
pub use revoke_all::V1RevokeLicenseSessions;
