//! Points in time, as every API writes and every table stores them.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::value::json_schema::schema;

/// A minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

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

    /// Parses an ISO 8601 date and time with a zone, in the extended format (`2024-01-01T00:00:00Z`) or the basic one
    /// (`20240101T000000Z`), with or without seconds and their fraction. `None` when it is not one, or when its year is not
    /// one from 1 to 9999, which is what clients in Python can read. A date alone is none: it is a day long, and where it
    /// begins depends on who writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let time = DateTime::parse_from_rfc3339(text)
            .map_or_else(|_| iso_8601(text), |time| Some(time.with_timezone(&Utc)))?;
        (1..=9999).contains(&time.year()).then(|| Self(time.timestamp_millis()))
    }

    /// When the hour began that this is in.
    pub fn hour(self) -> Self {
        let hour = i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.div_euclid(hour).saturating_mul(hour))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A date and time in the forms of ISO 8601 that RFC 3339 leaves out: zones of hours alone or without a colon, times without
/// seconds or with a decimal comma, and everything in the basic format.
fn iso_8601(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone = rest.find(['Z', 'z', '+', '-', '\u{2212}'])?;
    let (time, zone) = rest.split_at(zone);
    let (year, month, day) = match date.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => (*year, *month, *day),
        [basic] if basic.len() == 8 && is_number(basic) => (&basic[..4], &basic[4..6], &basic[6..]),
        _ => return None,
    };
    if year.len() != 4 || !is_number(year) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, two(month)?, two(day)?)?;
    let (whole, fraction) = match time.split_once(['.', ',']) {
        Some((whole, fraction)) if is_number(fraction) => (whole, Some(fraction)),
        Some(_) => return None,
        None => (time, None),
    };
    let (hour, minute, second) = clock(whole)?;
    // A fraction is one of a second, not of a minute.
    let millis = match (fraction, second) {
        (None, _) => 0,
        (Some(fraction), Some(_)) => format!("{fraction:0<3}").get(..3)?.parse().ok()?,
        (Some(_), None) => return None,
    };
    let time = NaiveTime::from_hms_milli_opt(hour, minute, second.unwrap_or(0), millis)?;
    let local = date.and_time(time);
    Some((local - offset(zone)?).and_utc())
}

/// Hours, minutes and seconds, with colons between all of them or none.
fn clock(text: &str) -> Option<(u32, u32, Option<u32>)> {
    let parts: Vec<&str> = match text.len() {
        4 | 6 => (0..text.len())
            .step_by(2)
            .map(|at| text.get(at..at + 2))
            .collect::<Option<_>>()?,
        _ => text.split(':').collect(),
    };
    match parts.as_slice() {
        [hour, minute] => Some((two(hour)?, two(minute)?, None)),
        [hour, minute, second] => Some((two(hour)?, two(minute)?, Some(two(second)?))),
        _ => None,
    }
}

/// How much later than UTC a zone's clocks show: `Z`, `+02`, `+0200` or `+02:00`.
fn offset(zone: &str) -> Option<TimeDelta> {
    let mut rest = zone.chars();
    let sign = match rest.next()? {
        'Z' | 'z' => return rest.as_str().is_empty().then(TimeDelta::zero),
        '+' => 1,
        '-' | '\u{2212}' => -1,
        _ => return None,
    };
    let rest = rest.as_str();
    let (hours, minutes) = if rest.len() == 2 && is_number(rest) {
        (rest.parse().ok()?, 0)
    } else {
        let (hours, minutes, seconds) = clock(rest)?;
        (hours, seconds.is_none().then_some(minutes)?)
    };
    let sound = hours < 24 && minutes < 60;
    sound.then(|| TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

fn two(digits: &str) -> Option<u32> {
    if digits.len() == 2 && is_number(digits) {
        digits.parse().ok()
    } else {
        None
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
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
            ("2030-01-31T12:00:00+0000", "2030-01-31T12:00:00.000Z"),
            ("2030-01-31T12:00:00+02", "2030-01-31T10:00:00.000Z"),
            ("2030-01-31T12:00Z", "2030-01-31T12:00:00.000Z"),
            ("2030-01-31T12:00-0530", "2030-01-31T17:30:00.000Z"),
            ("20300131T120000Z", "2030-01-31T12:00:00.000Z"),
            ("20300131T1200+01", "2030-01-31T11:00:00.000Z"),
            ("2030-01-31T12:00:00.000+0200", "2030-01-31T10:00:00.000Z"),
            ("2030-01-31T12:00:00,5+0200", "2030-01-31T10:00:00.500Z"),
            ("2030-01-31T12:00:00.1234567\u{2212}02:00", "2030-01-31T14:00:00.123Z"),
            ("2030-01-31 12:00:00+00", "2030-01-31T12:00:00.000Z"),
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
            "20240101",
            "2024-01-01T12Z",
            "2024-01-01T12:00.5Z",
            "2024-01-01T24:00:01Z",
            "2024-01-01T12:00:00+2",
            "2024-01-01T12:00:00+24:00",
            "2024-01-01T12:00:00+02:00:00",
            "2024-01-01T12:00:00 UTC",
            "2024-01-01T12:00:00.Z",
            "2024-01-01T1200:00Z",
            "2024-W01-1T12:00Z",
            "+2024-01-01T12:00Z",
            "99999999T999999Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
