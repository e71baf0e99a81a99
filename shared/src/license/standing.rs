//! Standing: whether a license works, and why not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::Denial,
    value::{reference::Reference, text::choice},
};

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

/// What the detectors hold against a license, since when, and how it stood until then.
///
/// **Invariant**: it is there only while the license is degraded or suspended by the enforcement rules. Whatever a vendor sets
/// by hand takes it away, and holds for every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detected {
    /// When they first found something that nobody has put aside since.
    pub at: Timestamp,
    /// The status that the license had then.
    pub before: LicenseStatus,
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

/// How a license stands: whether it works, and what is held against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingState {
    /// Whether it works.
    pub status: LicenseStatus,
    /// How grave its unresolved violations are.
    pub threat_level: ThreatLevel,
    /// Its suspension, while its status is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute_reason: Option<Reference>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed_at: Option<Timestamp>,
    /// What the detectors hold against it, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected: Option<Detected>,
}

impl StandingState {
    /// It works, and nothing is held against it.
    pub const GOOD: Self = Self {
        status: LicenseStatus::Active,
        threat_level: ThreatLevel::CLEAN,
        suspension: None,
        dispute_reason: None,
        disputed_at: None,
        detected: None,
    };

    /// How the license stands for a machine that was let in at `first_seen`. What the detectors hold against it is for
    /// newcomers: an established machine, which was in before they found anything, goes on as if they had not. So who has
    /// nothing but the key, and can make the detectors find something, stops nobody's machine.
    #[must_use]
    pub fn for_machine(&self, first_seen: Option<Timestamp>) -> Self {
        let is_established = |detected: &Detected| first_seen.is_some_and(|seen| seen < detected.at);
        if self.detected.as_ref().is_some_and(is_established) {
            self.for_established()
        } else {
            self.clone()
        }
    }

    /// How the license stands for a machine that was let in before the detectors found anything.
    #[must_use]
    pub fn for_established(&self) -> Self {
        let by_detectors = match self.status {
            LicenseStatus::Degraded => true,
            LicenseStatus::Suspended => self
                .suspension
                .is_some_and(|suspension| suspension.by == SuspendedBy::Enforcement),
            LicenseStatus::Active | LicenseStatus::Revoked => false,
        };
        match self.detected.filter(|_| by_detectors) {
            Some(detected) => Self {
                status: detected.before,
                suspension: None,
                detected: None,
                ..self.clone()
            },
            None => self.clone(),
        }
    }

    /// Whether the license works at `now`, and how to speak of it; of one that `has_expired` or not.
    ///
    /// # Errors
    /// In the contract's order of precedence: [`Denial::Revoked`], [`Denial::Expired`],
    /// [`Denial::Suspended`].
    pub fn of(&self, has_expired: bool, now: Timestamp) -> Result<Standing> {
        if self.status == LicenseStatus::Revoked {
            return Err(Error::Denied(Denial::Revoked));
        }
        if has_expired {
            return Err(Error::Denied(Denial::Expired));
        }
        match self.status {
            LicenseStatus::Active => Ok(Standing::Good),
            LicenseStatus::Degraded => Ok(Standing::Flagged),
            LicenseStatus::Suspended if self.is_blocked(now) => Err(Error::Denied(Denial::Suspended)),
            LicenseStatus::Suspended => Ok(Standing::Ending),
            LicenseStatus::Revoked => Err(Error::Denied(Denial::Revoked)),
        }
    }

    /// Whether the license was blocked: revoked, or suspended and its grace is over.
    pub fn is_blocked(&self, now: Timestamp) -> bool {
        match self.status {
            LicenseStatus::Active | LicenseStatus::Degraded => false,
            // By hand, it blocks at once, be the clock here a little behind the one by which it was suspended.
            LicenseStatus::Suspended => self
                .suspension
                .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor || suspension.blocks_from() <= now),
            LicenseStatus::Revoked => true,
        }
    }

    /// The license with the mark of a revocation, or `None` when it is revoked already: then the first reason stands.
    ///
    /// A refund, a chargeback or fraud also puts it on the highest threat level.
    pub fn revoke(&self, reason: Option<Reference>, now: Timestamp) -> Option<Self> {
        if self.status == LicenseStatus::Revoked {
            return None;
        }
        let disputed = reason
            .as_ref()
            .is_some_and(|r| matches!(r.as_str(), "refund" | "chargeback" | "fraud"));
        Some(Self {
            status: LicenseStatus::Revoked,
            threat_level: if disputed {
                ThreatLevel::REVOKED
            } else {
                self.threat_level
            },
            dispute_reason: reason,
            disputed_at: Some(now),
            suspension: None,
            detected: None,
        })
    }

    /// The license after the money for it was given back, or `None` when that is known already. It is revoked and on the
    /// highest threat level, even if it was revoked for another reason before; a chargeback outweighs a refund.
    pub fn dispute(&self, dispute: Dispute, now: Timestamp) -> Option<Self> {
        let known = self.dispute_reason.as_ref().map(Reference::as_str);
        let disputed = self.status == LicenseStatus::Revoked && self.threat_level == ThreatLevel::REVOKED;
        let weighed = known == Some(Dispute::Chargeback.as_str()) || known == Some(dispute.as_str());
        if disputed && weighed {
            return None;
        }
        Some(Self {
            status: LicenseStatus::Revoked,
            threat_level: ThreatLevel::REVOKED,
            dispute_reason: Some(Reference::known(dispute.as_str())),
            disputed_at: Some(now),
            suspension: None,
            detected: None,
        })
    }

    /// With the status that a vendor asks for, when violations are `unresolved` or none.
    pub(crate) fn set_status(&self, status: LicenseStatus, unresolved: u32, now: Timestamp) -> Self {
        if status == self.status {
            return self.clone();
        }
        match status {
            LicenseStatus::Revoked => self.revoke(None, now).unwrap_or_else(|| self.clone()),
            LicenseStatus::Suspended => self.suspend(now),
            LicenseStatus::Active | LicenseStatus::Degraded => Self {
                status,
                // The level of a dispute goes with the dispute; what nobody has put aside still counts.
                threat_level: if self.fraud_level() == ThreatLevel::REVOKED && unresolved == 0 {
                    ThreatLevel::CLEAN
                } else {
                    self.threat_level
                },
                suspension: None,
                detected: None,
                ..self.without_dispute()
            },
        }
    }

    /// The license suspended by hand, should it not be already.
    pub(crate) fn suspend(&self, now: Timestamp) -> Self {
        let by_hand = self
            .suspension
            .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor);
        if self.status == LicenseStatus::Suspended && by_hand {
            return self.clone();
        }
        Self {
            status: LicenseStatus::Suspended,
            suspension: Some(Suspension {
                at: now,
                by: SuspendedBy::Vendor,
                blocks_from: None,
            }),
            detected: None,
            ..self.without_dispute()
        }
    }

    /// The license made to work again, whatever blocked it. Its threat level is that of what is still unresolved.
    #[must_use]
    pub fn reinstate(&self, unresolved: ThreatLevel) -> Self {
        Self {
            status: LicenseStatus::Active,
            threat_level: unresolved,
            suspension: None,
            detected: None,
            ..self.without_dispute()
        }
    }

    /// The license once violations of this level are unresolved. What was revoked, or suspended by hand, stays so; what is
    /// suspended by this is blocked after `grace`.
    #[must_use]
    pub fn resolve(&self, unresolved: ThreatLevel, now: Timestamp, grace: Duration) -> Self {
        let by_hand = self
            .suspension
            .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor);
        if self.status == LicenseStatus::Revoked || (self.status == LicenseStatus::Suspended && by_hand) {
            return Self {
                threat_level: unresolved.max(self.fraud_level()),
                ..self.clone()
            };
        }
        // A vendor has let it work again in spite of a chargeback.
        if unresolved == ThreatLevel::REVOKED {
            return Self {
                threat_level: unresolved,
                ..self.clone()
            };
        }
        let status = unresolved.status();
        let suspension = match (status, self.suspension) {
            (LicenseStatus::Suspended, Some(running)) => Some(running),
            (LicenseStatus::Suspended, None) => Some(Suspension {
                at: now,
                by: SuspendedBy::Enforcement,
                blocks_from: (grace != Suspension::GRACE).then(|| now + grace),
            }),
            (LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Revoked, _) => None,
        };
        let before = match self.status {
            // By hand: the detectors had found nothing yet.
            LicenseStatus::Degraded => LicenseStatus::Degraded,
            LicenseStatus::Active | LicenseStatus::Suspended | LicenseStatus::Revoked => LicenseStatus::Active,
        };
        let detected = match status {
            LicenseStatus::Degraded | LicenseStatus::Suspended => self.detected.or(Some(Detected { at: now, before })),
            LicenseStatus::Active | LicenseStatus::Revoked => None,
        };
        Self {
            status,
            threat_level: unresolved,
            suspension,
            detected,
            ..self.clone()
        }
    }

    /// The level that a dispute keeps a revoked license on.
    fn fraud_level(&self) -> ThreatLevel {
        let disputed = self.status == LicenseStatus::Revoked && self.threat_level == ThreatLevel::REVOKED;
        if disputed {
            ThreatLevel::REVOKED
        } else {
            ThreatLevel::CLEAN
        }
    }

    fn without_dispute(&self) -> Self {
        Self {
            dispute_reason: None,
            disputed_at: None,
            ..self.clone()
        }
    }

    /// When a suspension blocks the license. A suspension without a date is one by hand.
    pub(crate) fn blocks_from(&self) -> Option<Timestamp> {
        (self.status == LicenseStatus::Suspended).then_some(self.suspension?.blocks_from())
    }
}
