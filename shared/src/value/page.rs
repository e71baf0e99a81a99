//! Pages: which part of a list, for lists whose pages are numbered.

use crate::value::number::number_value;

number_value!(
    /// The number of a page, from 1.
    PageNumber, "a whole number", 1 to 1_000_000
);

number_value!(
    /// How many records a page has at most. More than a list allows is as many as it allows.
    PageSize, "a whole number", 1 to 1_000_000
);

impl Default for PageNumber {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}
