//! How the numbers of every noun are read: once, so that a number that exists is a valid one.

use serde::{Deserializer, de};
use serde_json::Number;

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

/// Reads a number, with or without a fraction, and keeps it as it was written. `expected` ends the sentence "the field
/// must be ...".
///
/// What `fits` admits must be in DynamoDB's range, which JSON's numbers go beyond.
pub(crate) fn decimal<'de, D>(deserializer: D, expected: &str, fits: fn(f64) -> bool) -> Result<Number, D::Error>
where
    D: Deserializer<'de>,
{
    struct Visitor<'a> {
        expected: &'a str,
        fits: fn(f64) -> bool,
    }

    impl Visitor<'_> {
        fn check<E: de::Error>(&self, number: Option<Number>) -> Result<Number, E> {
            let number = number.filter(|number| number.as_f64().is_some_and(self.fits));
            number.ok_or_else(|| E::invalid_value(de::Unexpected::Other("number"), self))
        }
    }

    impl de::Visitor<'_> for Visitor<'_> {
        type Value = Number;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
            self.check(Some(number.into()))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
            self.check(Some(number.into()))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
            self.check(Number::from_f64(number))
        }
    }

    deserializer.deserialize_any(Visitor { expected, fits })
}
