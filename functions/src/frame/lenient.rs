//! Fields that are read leniently: yes and no in a query's words, blanks for what is absent.

#[cfg(feature = "openapi")]
use std::borrow::Cow;
use std::marker::PhantomData;

use keystead_core::value::patch::Patch;
#[cfg(feature = "openapi")]
use schemars::{JsonSchema, Schema, SchemaGenerator};

#[cfg(feature = "openapi")]
use crate::frame::openapi::schema::schema;

/// Yes or no, as JSON's booleans and as a query's `true`, `1`, `false` and `0`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> serde::Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Flag;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
                match text.trim() {
                    "true" | "1" => Ok(Flag(true)),
                    "false" | "0" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Other("text"), &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
schema!(Flag, { "anyOf": [{ "type": "boolean" }, { "enum": ["true", "1", "false", "0"] }] });

/// How many records a page holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    /// Without a word from the client.
    pub(crate) const DEFAULT: usize = 100;
    const MAX: u64 = 1000;
}

impl<'de> serde::Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Limit;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a whole number from 1 to {}", Limit::MAX)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Limit, E> {
                let in_range = (1..=Limit::MAX).contains(&number);
                usize::try_from(number)
                    .ok()
                    .filter(|_| in_range)
                    .map(Limit)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }

            // In JSON, 10.0 is as whole as 10.
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Limit, E> {
                let in_range = (1.0..=Limit::MAX as f64).contains(&number);
                self.visit_u64(if in_range && number.fract() == 0.0 {
                    number as u64
                } else {
                    0
                })
            }
        }

        deserializer.deserialize_u64(Visitor)
    }
}

#[cfg(feature = "openapi")]
schema!(Limit, {
    "description": "How many records a page holds.", "type": "integer", "minimum": 1, "maximum": Limit::MAX, "default": Limit::DEFAULT });

/// A [`Patch`] of an object. What `serde` derives for a struct takes a list of its fields' values as well.
pub(crate) fn object_patch<'de, D, T>(deserializer: D) -> Result<Patch<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    struct Object<T>(T);

    impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Object<T> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Visitor(PhantomData)).map(Object)
        }
    }

    struct Visitor<T>(PhantomData<T>);

    impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(serde::de::value::MapAccessDeserializer::new(fields))
        }
    }

    let patch: Patch<Object<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(patch.map(|Object(object)| object))
}

/// A number of which 0, or a blank, means that there is none.
pub(crate) fn zero_is_absent<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    let is_blank = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    let given = value.filter(|value| value.as_f64() != Some(0.0) && !is_blank(value));
    given.map(T::deserialize).transpose().map_err(serde::de::Error::custom)
}

/// A field that may be left blank: a client that has no token yet may well send an empty one.
pub(crate) fn blank_is_absent<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value: Option<serde_json::Value> = serde::Deserialize::deserialize(deserializer)?;
    let given = value.filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
    given.map(T::deserialize).transpose().map_err(serde::de::Error::custom)
}

/// A field that may be left blank, for [`blank_is_absent`].
#[cfg(feature = "openapi")]
pub(crate) struct MayBeBlank<T>(PhantomData<T>);

#[cfg(feature = "openapi")]
impl<T: JsonSchema> JsonSchema for MayBeBlank<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("MayBeBlank{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "type": "string", "pattern": r"^\s*$" }, { "type": "null" }] })
    }
}

/// A number of which 0, or a blank, means that there is none, for [`zero_is_absent`].
#[cfg(feature = "openapi")]
pub(crate) struct MayBeZero<T>(PhantomData<T>);

#[cfg(feature = "openapi")]
impl<T: JsonSchema> JsonSchema for MayBeZero<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("MayBeZero{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "const": 0 }, { "type": "string", "pattern": r"^\s*$" }, { "type": "null" }] })
    }
}
