//! Violations: what a license was caught at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Result, Timestamp,
    ids::Ids,
    license::{key::LicenseId, standing::ThreatLevel},
    value::text::{choice, is_plain, text_value},
};

text_value!(
    /// A violation's id within its license.
    ViolationId,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

choice!(
    /// How grave a violation is.
    Severity {
        /// Threat level 1.
        Low = "low",
        /// Threat level 2.
        Medium = "medium",
        /// Threat level 3.
        High = "high",
        /// Threat level 4: a chargeback or confirmed fraud.
        Critical = "critical",
    }
);

/// A violation, as stored and as the flat API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The license that it is about.
    pub license_id: LicenseId,
    /// Its id within the license.
    pub violation_id: ViolationId,
    /// What was detected, such as `geo_spread`.
    pub r#type: String,
    /// How grave it is.
    pub severity: Severity,
    /// When it was detected.
    pub detected_at: Timestamp,
    /// Whether the vendor has dealt with it.
    pub resolved: bool,
    /// When the vendor dealt with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// What the detector saw.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// What a detector found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The type of the violation.
    pub r#type: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen.
    pub details: Map<String, Value>,
}

impl ViolationId {
    /// A new one: `viol_` and a UUID v7.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(format!("viol_{}", ids.uuid_v7(now)?.simple())))
    }
}

impl Violation {
    /// The type of a key that is used in several countries within a short time.
    pub const GEO_SPREAD: &'static str = "geo_spread";
    /// The type of many new machines within some time.
    pub const MACHINE_CHURN: &'static str = "machine_churn";
    /// The type of a chargeback.
    pub const CHARGEBACK: &'static str = "chargeback";

    /// That the customer of `license` asked their bank for the money.
    pub fn chargeback(license: &LicenseId, violation_id: ViolationId, now: Timestamp) -> Self {
        Self {
            license_id: license.clone(),
            violation_id,
            r#type: Self::CHARGEBACK.to_owned(),
            severity: Severity::Critical,
            detected_at: now,
            resolved: false,
            resolved_at: None,
            details: Map::new(),
        }
    }

    /// That the detectors found this on `license`.
    pub fn found(license: &LicenseId, violation_id: ViolationId, finding: &Finding, now: Timestamp) -> Self {
        Self {
            license_id: license.clone(),
            violation_id,
            r#type: finding.r#type.to_owned(),
            severity: finding.severity,
            detected_at: now,
            resolved: false,
            resolved_at: None,
            details: finding.details.clone(),
        }
    }

    /// Whether it is a chargeback that nobody has dealt with.
    pub fn is_open_chargeback(&self) -> bool {
        !self.resolved && self.r#type == Self::CHARGEBACK
    }
}

impl Severity {
    /// The threat level that one violation of this severity puts a license on.
    pub fn level(self) -> ThreatLevel {
        match self {
            Self::Low => ThreatLevel::WARNED,
            Self::Medium => ThreatLevel::DEGRADED,
            Self::High => ThreatLevel::SUSPENDED,
            Self::Critical => ThreatLevel::REVOKED,
        }
    }
}

/// The threat level of a license with unresolved violations of these severities: that of the gravest, and one more when
/// there are two of it. Two of whatever severity never reach the highest level, which takes a chargeback or confirmed
/// fraud.
pub fn threat_level(unresolved: impl Iterator<Item = Severity>) -> ThreatLevel {
    let levels: Vec<ThreatLevel> = unresolved.map(Severity::level).collect();
    let Some(gravest) = levels.iter().copied().max() else {
        return ThreatLevel::CLEAN;
    };
    let several = levels.iter().filter(|level| **level == gravest).count() > 1;
    if several && gravest < ThreatLevel::SUSPENDED {
        gravest.next()
    } else {
        gravest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_violation_gives_the_level_and_two_of_it_one_more() {
        use Severity::{Critical, High, Low, Medium};

        let cases: [(&[Severity], u8); 10] = [
            (&[], 0),
            (&[Low], 1),
            (&[Low, Low], 2),
            (&[Low, Low, Low], 2),
            (&[Medium], 2),
            (&[Medium, Low, Low], 2),
            (&[Medium, Medium], 3),
            (&[High, High], 3),
            (&[Critical], 4),
            (&[Critical, Low], 4),
        ];
        for (severities, level) in cases {
            assert_eq!(
                threat_level(severities.iter().copied()).number(),
                level,
                "{severities:?}"
            );
        }
    }
}
