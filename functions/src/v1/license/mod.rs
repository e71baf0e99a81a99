//! Licenses: how a team makes and manages them, and whether an application may run.

mod analytics;
mod authorize;
mod change_many;
mod change_own;
mod create;
mod export;
mod get;
mod import;
mod list;
mod pages;
mod redeem;
mod reset;
mod revoke;
mod update;
pub(super) mod view;

pub use analytics::V1CountLicenses;
pub use authorize::V1Authorize;
pub use change_many::{
    V1DeleteLicenses, V1ExtendLicenses, V1FreezeLicenses, V1RevokeLicenses, V1UnfreezeLicenses, V1UnrevokeLicenses,
};
pub use change_own::{V1DeleteOwnLicense, V1ExtendOwnLicense, V1FreezeOwnLicense, V1UnfreezeOwnLicense};
pub use create::{V1CreateLicenses, V1CreateOwnLicenses};
pub use export::V1ExportLicenses;
pub use get::{V1GetLicense, V1GetOwnLicense};
pub use import::V1ImportLicenses;
pub use list::{V1ListAllLicenses, V1ListExpiringLicenses, V1ListLicenses, V1ListOwnLicenses};
pub use redeem::V1RedeemLicense;
pub use reset::{V1ResetHwid, V1ResetIp, V1ResetOwnHwid, V1ResetOwnIp};
pub use revoke::{V1RevokeLicense, V1RevokeOwnLicense, V1UnrevokeLicense, V1UnrevokeOwnLicense};
pub use update::{V1UpdateLicense, V1UpdateOwnLicense};
