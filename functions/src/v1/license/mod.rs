//! Licenses: how a team makes and manages them, and whether an application may run.

mod authorize;
mod change_many;
mod create;
mod get;
mod import;
mod list;
mod redeem;
mod reset;
mod revoke;
mod update;
pub(super) mod view;

pub use authorize::V1Authorize;
pub use change_many::{
    V1DeleteLicenses, V1ExtendLicenses, V1FreezeLicenses, V1RevokeLicenses, V1UnfreezeLicenses, V1UnrevokeLicenses,
};
pub use create::V1CreateLicenses;
pub use get::V1GetLicense;
pub use import::V1ImportLicenses;
pub use list::{V1ListExpiringLicenses, V1ListLicenses};
pub use redeem::V1RedeemLicense;
pub use reset::{V1ResetHwid, V1ResetIp};
pub use revoke::{V1RevokeLicense, V1UnrevokeLicense};
pub use update::V1UpdateLicense;
