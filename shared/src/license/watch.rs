//! Watch: what is seen of a license's machines, and the limits by which the detectors judge it.
//!
//! A license remembers in which countries it was seen lately, and which machines came to it lately. Both are part of the
//! license's own item, so that what is read for every request is enough to tell whether something is wrong, and what is
//! written for a new machine anyway notes it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    license::{
        machine::{Country, MachineMark},
        seats::LicenseType,
    },
    value::{number::number_value, timestamp::HOUR},
};

/// What is seen of a license's machines.
///
/// **Invariant**: each changes only in the transaction that writes what it counts or notes, never with the rest of the
/// license.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// When it was last seen in each country, of those that it was seen in lately.
    #[serde(default)]
    pub seen_in: BTreeMap<Country, Timestamp>,
    /// Counter: the machines that ever came, and came back ([`crate::license::activation::RETURN_AFTER`]).
    #[serde(default)]
    pub arrived: u64,
    /// When each of them came back, in seconds since 1970, of those that did lately.
    #[serde(default)]
    pub arrivals: BTreeMap<MachineMark, i64>,
    /// Counter: the violations that nobody has resolved.
    pub unresolved_violations: u32,
}

/// Of which licenses new machines are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChurnWatch {
    /// Of none.
    Off,
    /// Of licenses that are for a number of machines. On a floating license any machine may run, and on a site's as well: jobs
    /// in containers come as new ones every time.
    PerMachine,
    /// Of all.
    All,
}

impl ChurnWatch {
    /// Whether those of a license of this type are.
    pub fn covers(self, license_type: LicenseType) -> bool {
        match self {
            Self::Off => false,
            Self::PerMachine => license_type == LicenseType::PerMachine,
            Self::All => true,
        }
    }
}

/// The numbers of the detectors. A product may have its own ([`DetectionOverrides`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionLimits {
    /// Whether countries are looked at.
    pub geo_spread: bool,
    /// Countries within this time count together (`KEYSTEAD_GEO_HOURS`, default 24).
    pub geo_window: Duration,
    /// So many are a violation of medium severity (`KEYSTEAD_GEO_MEDIUM`, default 3).
    pub geo_medium: u32,
    /// So many are one of high severity (`KEYSTEAD_GEO_HIGH`, default 5).
    pub geo_high: u32,
    /// Of which licenses new machines are counted.
    pub machine_churn: ChurnWatch,
    /// New machines within this time count together (`KEYSTEAD_CHURN_DAYS`, default 30).
    pub churn_window: Duration,
    /// More than so many times the license's machines are a violation of medium severity (`KEYSTEAD_CHURN_MEDIUM`,
    /// default 3).
    pub churn_medium: u32,
    /// More than so many times are one of high severity (`KEYSTEAD_CHURN_HIGH`, default 6).
    pub churn_high: u32,
    /// A license counts as one for at least so many machines (`KEYSTEAD_CHURN_MACHINES`, default 2): so six new machines
    /// within the window are never a violation.
    pub churn_machines: u32,
    /// Of a license for any number of machines, so many new ones are a violation of medium severity
    /// (`KEYSTEAD_CHURN_UNLIMITED_MEDIUM`, default 100).
    pub churn_unlimited_medium: u32,
    /// And so many are one of high severity (`KEYSTEAD_CHURN_UNLIMITED_HIGH`, default 200).
    pub churn_unlimited_high: u32,
    /// How long a license that is suspended by this still works (`KEYSTEAD_SUSPENSION_GRACE_HOURS`, default 72).
    pub suspension_grace: Duration,
}

impl Default for DetectionLimits {
    fn default() -> Self {
        Self {
            geo_spread: true,
            geo_window: 24 * HOUR,
            geo_medium: 3,
            geo_high: 5,
            machine_churn: ChurnWatch::PerMachine,
            churn_window: 30 * 24 * HOUR,
            churn_medium: 3,
            churn_high: 6,
            churn_machines: 2,
            churn_unlimited_medium: 100,
            churn_unlimited_high: 200,
            suspension_grace: 72 * HOUR,
        }
    }
}

/// The detection limits that a product sets for its own licenses: the object `enforcement` of `/updateProduct`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct DetectionOverrides {
    /// Whether countries are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_spread: Option<bool>,
    /// Within how many hours countries count together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_hours: Option<Count>,
    /// How many countries are a violation of medium severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_medium: Option<Count>,
    /// How many are one of high severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_high: Option<Count>,
    /// Whether new machines are counted. Usually those of per-machine licenses are; with true, those of floating and site
    /// licenses as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_churn: Option<bool>,
    /// Within how many days new machines count together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_days: Option<Count>,
    /// More than how many times the license's machines are a violation of medium severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_medium: Option<Count>,
    /// More than how many times are one of high severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_high: Option<Count>,
    /// How many machines a license counts for at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_machines: Option<Count>,
    /// How many new machines of an unlimited license are a violation of medium severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_unlimited_medium: Option<Count>,
    /// How many are one of high severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn_unlimited_high: Option<Count>,
    /// For how many hours a license that is suspended by this still works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension_grace_hours: Option<Count>,
}

number_value!(
    /// A whole number.
    Count, "a whole number", 1 to 1000
);

impl DetectionLimits {
    /// The policy of a product that has these numbers of its own.
    #[must_use]
    pub fn with(self, overrides: &DetectionOverrides) -> Self {
        let count = |own: Option<Count>, usual: u32| own.map_or(usual, |own| own.0);
        let time = |own: Option<Count>, unit: Duration, usual: Duration| own.map_or(usual, |own| unit * own.0);
        Self {
            geo_spread: overrides.geo_spread.unwrap_or(self.geo_spread),
            geo_window: time(overrides.geo_hours, HOUR, self.geo_window),
            geo_medium: count(overrides.geo_medium, self.geo_medium),
            geo_high: count(overrides.geo_high, self.geo_high),
            machine_churn: match overrides.machine_churn {
                Some(true) => ChurnWatch::All,
                Some(false) => ChurnWatch::Off,
                None => self.machine_churn,
            },
            churn_window: time(overrides.churn_days, 24 * HOUR, self.churn_window),
            churn_medium: count(overrides.churn_medium, self.churn_medium),
            churn_high: count(overrides.churn_high, self.churn_high),
            churn_machines: count(overrides.churn_machines, self.churn_machines),
            churn_unlimited_medium: count(overrides.churn_unlimited_medium, self.churn_unlimited_medium),
            churn_unlimited_high: count(overrides.churn_unlimited_high, self.churn_unlimited_high),
            suspension_grace: time(overrides.suspension_grace_hours, HOUR, self.suspension_grace),
        }
    }

    /// That no number for high severity is below that for medium.
    ///
    /// # Errors
    /// A field error that names the pair.
    pub fn sound(&self) -> Result<()> {
        for (name, medium, high) in [
            ("enforcement.geoHigh", self.geo_medium, self.geo_high),
            ("enforcement.churnHigh", self.churn_medium, self.churn_high),
            (
                "enforcement.churnUnlimitedHigh",
                self.churn_unlimited_medium,
                self.churn_unlimited_high,
            ),
        ] {
            if high < medium {
                return Err(Error::field(name, "at least as many as for medium severity"));
            }
        }
        Ok(())
    }
}
