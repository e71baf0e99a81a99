//! Expiry: when a license ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    value::{days::Days, number::number_value},
};

number_value!(
    /// How many days after its first use a license ends.
    DaysOfUse, "a whole number of days", 1 to 36500
);

impl DaysOfUse {
    /// This many and as many more, or as many as there can be.
    #[must_use]
    pub fn saturating_add(self, more: Days) -> Self {
        Self((self.0 + more.number()).min(Self::MAX))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 24 * 60 * 60)
    }
}

impl From<Days> for DaysOfUse {
    fn from(days: Days) -> Self {
        Self(days.number())
    }
}

/// When a license ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredExpiry", into = "StoredExpiry")]
pub enum Expiry {
    /// It does not.
    #[default]
    Never,
    /// At this time.
    At(Timestamp),
    /// So many days after its first use.
    AfterFirstUse {
        /// How many.
        days: DaysOfUse,
    },
    /// So many days after its first use, and at this time at the latest.
    Both {
        /// At the latest.
        at: Timestamp,
        /// How many days after its first use.
        days: DaysOfUse,
    },
}

/// An expiry as it is stored.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct StoredExpiry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<DaysOfUse>,
}

impl From<StoredExpiry> for Expiry {
    fn from(stored: StoredExpiry) -> Self {
        Self::of(stored.at, stored.days)
    }
}

impl From<Expiry> for StoredExpiry {
    fn from(expiry: Expiry) -> Self {
        let (at, days) = expiry.parts();
        Self { at, days }
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(at: Option<Timestamp>) -> Self {
        Self::of(at, None)
    }
}

impl Expiry {
    /// At this time, so many days after the first use, whichever is earlier.
    pub fn of(at: Option<Timestamp>, days: Option<DaysOfUse>) -> Self {
        match (at, days) {
            (None, None) => Self::Never,
            (Some(at), None) => Self::At(at),
            (None, Some(days)) => Self::AfterFirstUse { days },
            (Some(at), Some(days)) => Self::Both { at, days },
        }
    }

    /// At which time, and how many days after the first use.
    pub fn parts(self) -> (Option<Timestamp>, Option<DaysOfUse>) {
        match self {
            Self::Never => (None, None),
            Self::At(at) => (Some(at), None),
            Self::AfterFirstUse { days } => (None, Some(days)),
            Self::Both { at, days } => (Some(at), Some(days)),
        }
    }

    /// Whether it never comes.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }

    /// Whether it depends on when the license is first used.
    pub fn counts_from_first_use(self) -> bool {
        self.parts().1.is_some()
    }

    /// When the license ends that was first used then: the earlier of the two. `None` when it does not, as far as is known
    /// now.
    pub fn effective_at(self, first_used: Option<Timestamp>) -> Option<Timestamp> {
        let (at, days) = self.parts();
        let used_up = first_used
            .zip(days)
            .map(|(first_used, days)| first_used + days.duration());
        [at, used_up].into_iter().flatten().min()
    }

    /// The expiry after the license was paid for so much longer: from its end on, or from `now`. What never expires stays
    /// so; of a license that was not used yet, the days grow.
    #[must_use]
    pub fn extended(self, first_used: Option<Timestamp>, by: Days, now: Timestamp) -> Self {
        let later = |at: Timestamp| at.max(now) + by.duration();
        match (self.parts(), first_used) {
            ((at, Some(days)), None) => Self::of(at.map(later), Some(days.saturating_add(by))),
            ((_, Some(_)), Some(_)) | ((_, None), _) => Self::from(self.effective_at(first_used).map(later)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 24 * 60 * 60 * 1000)
    }

    fn days(number: i64) -> DaysOfUse {
        DaysOfUse::parse(number).expect("days")
    }

    #[test]
    fn a_license_ends_at_the_earlier_of_its_end_and_its_days_after_first_use() {
        let (after, both) = (
            Expiry::AfterFirstUse { days: days(30) },
            Expiry::Both {
                at: day(100),
                days: days(30),
            },
        );
        let cases = [
            (Expiry::Never, None, None),
            (Expiry::Never, Some(day(1)), None),
            (Expiry::At(day(9)), None, Some(day(9))),
            (Expiry::At(day(9)), Some(day(1)), Some(day(9))),
            (after, None, None),
            (after, Some(day(1)), Some(day(31))),
            (both, None, Some(day(100))),
            (both, Some(day(1)), Some(day(31))),
            (both, Some(day(90)), Some(day(100))),
        ];
        for (expiry, first_used, ends) in cases {
            assert_eq!(expiry.effective_at(first_used), ends, "{expiry:?}, used {first_used:?}");
            let stored = serde_json::to_value(expiry).expect("a value");
            assert_eq!(serde_json::from_value::<Expiry>(stored).expect("an expiry"), expiry);
        }
    }

    #[test]
    fn paying_again_prolongs_an_end_and_grows_days_that_have_not_begun() {
        let after = Expiry::AfterFirstUse { days: days(30) };
        let cases = [
            (Expiry::Never, None, Expiry::Never),
            (Expiry::At(day(5)), None, Expiry::At(day(15))),
            (Expiry::At(day(20)), None, Expiry::At(day(25))),
            (after, None, Expiry::AfterFirstUse { days: days(35) }),
            (after, Some(day(1)), Expiry::At(day(36))),
        ];
        for (expiry, first_used, extended) in cases {
            assert_eq!(
                expiry.extended(first_used, Days::parse(5).expect("days"), day(10)),
                extended,
                "{expiry:?}"
            );
        }
    }
}
