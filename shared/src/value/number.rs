//! How the numbers of every noun are read: once, so that a number that exists is a valid one.

use serde::{Deserializer, de};
use serde_json::Number;

/// Defines a number in a range, which was checked when it came in. Its description in the OpenAPI document is its doc
/// comment, and the sentence of a refusal ("the field must be ...") names its range.
///
/// - `Days, "a whole number of days", 1 to 3650`: a `u32`.
/// - `SeatLimit, "a whole number", 0 to 1_000_000, or -1 for unlimited`: an enum of `Unlimited` and `Limited`. On the
///   wire and in the tables, -1 means unlimited.
/// - `Percent, "a number from 0.01 to 100", |number| ..., { ... }`: a number that may have a fraction, kept as it was
///   written. It must be in DynamoDB's range, which JSON's numbers go beyond. What `$fits` admits, `$schema` says.
macro_rules! number_value {
    ($(#[doc = $doc:literal])* $name:ident, $kind:literal, $min:literal to $max:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The largest.
            pub const MAX: u32 = $max;

            /// The value that `number` stands for, or `None` when it is out of range.
            pub fn parse(number: i64) -> Option<Self> {
                let number = u32::try_from(number).ok()?;
                ($min..=Self::MAX).contains(&number).then_some(Self(number))
            }

            /// The number.
            pub fn number(self) -> u32 {
                self.0
            }
        }

        crate::value::number::number_value!(
            @read $name, whole_number, concat!($kind, " from ", $min, " to ", $max), Self::parse
        );
        crate::value::number::number_value!(
            @schema $name, [$($doc),*], { "type": "integer", "minimum": $min, "maximum": $max }
        );
    };
    ($(#[doc = $doc:literal])* $name:ident, $kind:literal, $min:literal to $max:literal, or -1 for unlimited) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            /// Any number.
            Unlimited,
            /// This many.
            Limited(u32),
        }

        impl $name {
            /// The largest limit that can be set.
            pub const MAX: u32 = $max;

            /// The limit that `number` stands for, or `None` when it is out of range.
            pub fn parse(number: i64) -> Option<Self> {
                if number == -1 {
                    return Some(Self::Unlimited);
                }
                let limit = u32::try_from(number).ok()?;
                ($min..=Self::MAX).contains(&limit).then_some(Self::Limited(limit))
            }

            /// The limit as the wire has it.
            pub fn number(self) -> i64 {
                self.limit().map_or(-1, i64::from)
            }

            /// The limit, if there is one.
            pub fn limit(self) -> Option<u32> {
                match self {
                    Self::Unlimited => None,
                    Self::Limited(limit) => Some(limit),
                }
            }

            /// Whether one more fits beside `used`.
            pub fn admits(self, used: impl Into<u64>) -> bool {
                self.limit().is_none_or(|limit| used.into() < u64::from(limit))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.number())
            }
        }

        crate::value::number::number_value!(
            @read $name, whole_number, concat!($kind, " from ", $min, " to ", $max, ", or -1 for unlimited"), Self::parse
        );
        crate::value::number::number_value!(
            @schema $name, [$($doc),*], { "type": "integer", "minimum": -1, "maximum": $max }
        );
    };
    ($(#[doc = $doc:literal])* $name:ident, $expected:literal, $fits:expr, $schema:tt) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(serde_json::Number);

        crate::value::number::number_value!(
            @read $name, decimal, $expected, |number: serde_json::Number| {
                let fits: fn(f64) -> bool = $fits;
                number.as_f64().is_some_and(fits).then_some(Self(number))
            }
        );
        crate::value::number::number_value!(@schema $name, [$($doc),*], $schema);
    };
    (@read $name:ident, $read:ident, $expected:expr, $parse:expr) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                crate::value::number::$read(deserializer, $expected, $parse)
            }
        }
    };
    (@schema $name:ident, [$($doc:literal),*], $schema:tt) => {
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::value::json_schema::described(&[$($doc),*], schemars::json_schema!($schema))
            }
        }
    };
}

pub(crate) use number_value;

/// Reads a whole number, of which `parse` makes the value. `expected` ends the sentence "the field must be ...".
pub(crate) fn whole_number<'de, D, T>(
    deserializer: D,
    expected: &str,
    parse: fn(i64) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    struct Visitor<'a, T> {
        expected: &'a str,
        parse: fn(i64) -> Option<T>,
    }

    impl<T> de::Visitor<'_> for Visitor<'_, T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            (self.parse)(number).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
        }

        // JSON has one kind of number, in which 98.0 is whole, and some languages write it so.
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
            match whole(number) {
                Some(number) => self.visit_i64(number),
                None => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
            }
        }
    }

    deserializer.deserialize_i64(Visitor { expected, parse })
}

/// A number without a fraction as an integer. `None` also when it is so large that others would round to it.
fn whole(number: f64) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    (number.fract() == 0.0 && number.abs() <= LARGEST).then_some(number as i64)
}

/// Reads a number, with or without a fraction, of which `parse` makes the value. `expected` ends the sentence "the field
/// must be ...".
pub(crate) fn decimal<'de, D, T>(deserializer: D, expected: &str, parse: fn(Number) -> Option<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    struct Visitor<'a, T> {
        expected: &'a str,
        parse: fn(Number) -> Option<T>,
    }

    impl<T> Visitor<'_, T> {
        fn check<E: de::Error>(&self, number: Option<Number>) -> Result<T, E> {
            let value = number.and_then(self.parse);
            value.ok_or_else(|| E::invalid_value(de::Unexpected::Other("number"), self))
        }
    }

    impl<T> de::Visitor<'_> for Visitor<'_, T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.check(Some(number.into()))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            self.check(Some(number.into()))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
            self.check(Number::from_f64(number))
        }
    }

    deserializer.deserialize_any(Visitor { expected, parse })
}
