//! How the text values of every noun are parsed: once, so that a value that exists is a valid one.

/// Whether `text` has 1 to `max` characters and no control characters.
///
/// They are characters because that is what people count, and what JSON Schema does. DynamoDB counts bytes, of which a
/// character has at most four: a partition key takes 2048 of them, and a sort key 1024.
pub(crate) fn is_plain(text: &str, max: usize) -> bool {
    // Most texts are short of anything else, and a token is long.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return !text.is_empty() && text.len() <= max;
    }
    !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}

/// `text` without what can't be seen at both of its ends: blanks, and what comes along when people copy from a page or a
/// mail.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Whether a character shows nothing by itself: Unicode's property `Default_Ignorable_Code_Point`.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character turns the direction in which what follows it is shown, so that a text reads as another: Unicode's
/// property `Bidi_Control` without the marks, which turn nothing but themselves.
pub const fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `text` is plain, and reads as it is stored: for names, by which people tell one thing from another.
pub(crate) fn is_name(text: &str, max: usize) -> bool {
    is_plain(text, max) && !text.contains(turns_text)
}

/// A note or name that nobody is kept out by: what would turn the text around it is replaced.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(turns_text, "\u{fffd}")
}

/// Defines a text value: a `String` that was checked when it came in.
///
/// `$parse` takes the raw text and answers the value to keep, or `None`. `$expected` ends the sentence "the field must
/// be ...". `$pattern` is for the OpenAPI document: a regular expression, if there is more to tell than the length.
macro_rules! text_value {
    ($(#[doc = $doc:literal])* $name:ident, $expected:literal, $parse:expr $(, $pattern:literal)?) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The value that `text` stands for, or `None` when it can't be one.
            pub fn parse(text: &str) -> Option<Self> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(text).map(Self)
            }

            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<$name, E> {
                        $name::parse(text)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Other("text"), &self))
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let pattern: &[&str] = &[$($pattern)?];
                crate::value::json_schema::of_text(&[$($doc),*], $expected, pattern.first().copied())
            }
        }
    };
}

pub(crate) use text_value;

/// Defines an enum whose values have one fixed spelling on the wire and in the tables.
///
/// A spelling that is not among them is refused with no more than the field's name (`Invalid status`), as the flat
/// API's contract has it.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])* $name:ident {
            $($(#[doc = $value_doc:literal])* $value:ident = $text:literal,)+
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $value_doc])* $value,)+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The value's one spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }

            /// The value with this spelling.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        Ok(())
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<$name, E> {
                        $name::parse(text)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Other("text"), &self))
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::value::json_schema::of_choice(&[$($doc),*], &[$(($text, &[$($value_doc),*])),+])
            }
        }
    };
}

pub(crate) use choice;
