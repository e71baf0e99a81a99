//! Points in time, as every API writes and every table stores them.

use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::value::json_schema::schema;

/// An hour.
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// A day, of 24 hours.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A point in time in UTC, to the millisecond.
///
/// Written as `2024-01-01T00:00:00.000Z`, always with three digits of a second: clients parse that with Python 3.9's
/// `fromisoformat`, and texts of one width sort as the times they stand for, which the indexes rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time this many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as tokens and TTL attributes count.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time without its fraction of a second: what a token, which counts in seconds, can carry.
    pub const fn whole_seconds(self) -> Self {
        Self(self.seconds() * 1000)
    }

    /// Parses an ISO 8601 date and time with a zone, such as `2024-01-01T00:00:00Z`. `None` when it is not one, or when
    /// its year is not one from 1 to 9999, which is what clients in Python can read.
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text.trim()).ok()?.with_timezone(&Utc);
        (1..=9999).contains(&time.year()).then(|| Self(time.timestamp_millis()))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an ISO 8601 date and time such as 2030-01-31T00:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("text"), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

schema!(Timestamp, {
    "type": "string",
    "format": "date-time",
    "description": "A time in ISO 8601, in UTC with three digits of a second. Other zones and fractions are understood.",
    "examples": ["2030-01-31T00:00:00.000Z"],
});

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn every_zone_and_fraction_becomes_utc_milliseconds() {
        for (text, written) in [
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z"),
            ("2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00.000Z"),
            ("2024-02-29T23:59:59.123456Z", "2024-02-29T23:59:59.123Z"),
            (" 9999-12-31T23:59:59Z ", "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(
                Timestamp::parse(text).map(|t| t.to_string()).as_deref(),
                Some(written),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_date_and_time_is_refused() {
        for text in [
            "",
            "2024-01-01",
            "yesterday",
            "1704067200",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
