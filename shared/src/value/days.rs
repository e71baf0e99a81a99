//! Days: how long something lasts that a vendor sells or allows.

use std::time::Duration;

use crate::value::number::number_value;

number_value!(
    /// A number of days.
    Days, "a whole number of days", 1 to 3650
);

impl Days {
    /// How long a trial lasts when nobody says.
    pub const TRIAL: Self = Self(14);

    /// This many and as many more, or as many as there can be.
    #[must_use]
    pub fn saturating_add(self, more: Self) -> Self {
        Self((self.0 + more.0).min(Self::MAX))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 24 * 60 * 60)
    }
}
