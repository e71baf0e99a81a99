//! Days: how long something lasts that a vendor sells or allows.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::value::{json_schema::schema, number::whole_number};

/// A number of days, from 1 to 3650.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Days(u32);

impl Days {
    /// How long a trial lasts when nobody says.
    pub const TRIAL: Self = Self(14);

    /// The number, if it is in range.
    pub fn parse(days: i64) -> Option<Self> {
        u32::try_from(days)
            .ok()
            .filter(|days| (1..=3650).contains(days))
            .map(Self)
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// This many and as many more, or as many as there can be.
    #[must_use]
    pub fn saturating_add(self, more: Self) -> Self {
        Self((self.0 + more.0).min(3650))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 24 * 60 * 60)
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole_number(deserializer, "a whole number of days from 1 to 3650", Self::parse)
    }
}

schema!(Days, { "type": "integer", "description": "A number of days.", "minimum": 1, "maximum": 3650 });
