//! Patches: what a request changes of a value that may be absent.

use serde::{Deserialize, Deserializer};

/// A change of a value that may be absent. A field of this type, with `#[serde(default)]`, tells being absent from being
/// null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field is absent: the value stays.
    #[default]
    Keep,
    /// It is null: the value is taken away.
    Clear,
    /// It has another value.
    Set(T),
}

impl<T> Patch<T> {
    /// Changes `value`.
    pub fn apply(&self, value: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Self::Keep => {}
            Self::Clear => *value = None,
            Self::Set(new) => *value = Some(new.clone()),
        }
    }

    /// The same change, of what `convert` makes of the value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }
}

impl<T, E> Patch<Result<T, E>> {
    /// The change, if its value could be made.
    ///
    /// # Errors
    /// Why it could not.
    pub fn transpose(self) -> Result<Patch<T>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given: Option<T> = Deserialize::deserialize(deserializer)?;
        Ok(given.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Option<T>>()
    }
}
