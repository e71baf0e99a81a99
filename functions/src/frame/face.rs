//! The faces: in which words and shapes each API speaks.

use http::StatusCode;
use keystead_core::{Error, Timestamp};
use serde_json::Value;

use crate::{accounts, flat, license_keys};

/// In which words and shape an endpoint refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The flat API's client endpoints: `{"success": false, "error": ...}`.
    FlatClient,
    /// `/validate`: `{"valid": false, "error": ...}`.
    FlatValidate,
    /// `/verify`: as [`Face::FlatValidate`], with a machine-readable `reason`.
    FlatVerify,
    /// The flat API's admin endpoints: as [`Face::FlatClient`], but missing fields are named.
    FlatAdmin,
    /// The license-keys API for applications: `{"valid": false, "error": ...}`.
    LicenseKeysValidate,
    /// The license-keys API for buyers: `{"error": ...}`.
    LicenseKeysBuyer,
    /// The license-keys API for sellers: as [`Face::LicenseKeysBuyer`], with other words for what is not there.
    LicenseKeysSeller,
    /// Accounts: `{"error": ...}`.
    Auth,
}

/// An [`Error`] in a face's words.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The reply's body.
    pub body: Value,
    /// When to try again.
    pub retry_at: Option<Timestamp>,
}

impl Face {
    /// Whether its answers are signed for a client that sends a nonce.
    pub(crate) fn signs(self) -> bool {
        match self {
            Self::FlatClient | Self::FlatValidate | Self::FlatVerify => true,
            Self::FlatAdmin
            | Self::LicenseKeysValidate
            | Self::LicenseKeysBuyer
            | Self::LicenseKeysSeller
            | Self::Auth => false,
        }
    }

    /// Says `error` in this face's words.
    pub fn refuse(self, error: &Error) -> Refusal {
        match self {
            Self::FlatClient | Self::FlatValidate | Self::FlatVerify | Self::FlatAdmin => {
                flat::error::refuse(self, error)
            }
            Self::LicenseKeysValidate | Self::LicenseKeysBuyer | Self::LicenseKeysSeller => {
                license_keys::error::refuse(self, error)
            }
            Self::Auth => accounts::refuse(error),
        }
    }
}
