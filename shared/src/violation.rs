//! Violations: what a license was caught at.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::LicenseId,
    text::{choice, is_plain, text_value},
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
    pub details: serde_json::Map<String, serde_json::Value>,
}
