//! Standing: whether a license works, and why not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, value::text::choice};

choice!(
    /// Whether a license works.
    LicenseStatus {
        /// It works.
        Active = "active",
        /// It works, with a nag and short-lived tokens.
        Degraded = "degraded",
        /// It is blocked, at once or after a grace ([`Suspension`]).
        Suspended = "suspended",
        /// It is blocked for good.
        Revoked = "revoked",
    }
);

/// How grave a license's unresolved violations are, from 0 (clean) to 4 (chargeback or confirmed fraud).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreatLevel(u8);

impl ThreatLevel {
    /// Nothing is known against the license.
    pub const CLEAN: Self = Self(0);
    /// Noted, and nothing more.
    pub const WARNED: Self = Self(1);
    /// It works, with a nag and short-lived tokens.
    pub const DEGRADED: Self = Self(2);
    /// It is blocked after a grace.
    pub const SUSPENDED: Self = Self(3);
    /// A chargeback or confirmed fraud.
    pub const REVOKED: Self = Self(4);

    /// The level with this number, from 0 to 4.
    pub fn parse(level: u8) -> Option<Self> {
        (level <= 4).then_some(Self(level))
    }

    /// The next graver level, should there be one.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(4))
    }

    /// The status of a license on this level.
    pub fn status(self) -> LicenseStatus {
        match self.0 {
            0 | 1 => LicenseStatus::Active,
            2 => LicenseStatus::Degraded,
            3 => LicenseStatus::Suspended,
            _ => LicenseStatus::Revoked,
        }
    }

    /// The level's number.
    pub fn number(self) -> u8 {
        self.0
    }
}

choice!(
    /// Who suspended a license.
    SuspendedBy {
        /// The vendor, by hand: it is blocked at once.
        Vendor = "vendor",
        /// The enforcement rules: it is blocked after a grace.
        Enforcement = "enforcement",
    }
);

/// When and by whom a license was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// When it was suspended.
    pub at: Timestamp,
    /// By whom.
    pub by: SuspendedBy,
    /// From when on it is blocked, when that is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks_from: Option<Timestamp>,
}

impl Suspension {
    /// How long a license that the enforcement rules suspended still works, so that nobody is stopped by accident.
    pub const GRACE: Duration = Duration::from_secs(72 * 60 * 60);

    /// From when on the license is blocked.
    pub fn blocks_from(self) -> Timestamp {
        self.blocks_from.unwrap_or_else(|| match self.by {
            SuspendedBy::Vendor => self.at,
            SuspendedBy::Enforcement => self.at + Self::GRACE,
        })
    }
}

choice!(
    /// How a customer got the money back.
    Dispute {
        /// From the vendor.
        Refund = "refund",
        /// From their bank.
        Chargeback = "chargeback",
    }
);

/// How a license that works should be spoken of to the person in front of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All is well.
    Good,
    /// It works, but it was flagged.
    Flagged,
    /// It works, but will be blocked when its suspension's grace ends.
    Ending,
}
