//! Short notes: what came with a purchase or a revocation.

use crate::value::text::{harmless, is_plain, text_value};

text_value!(
    /// A short note that came with a purchase or a revocation: a discount code, a purchase id, a reason.
    Reference,
    "a string of 1 to 256 characters",
    |text| {
        let text = harmless(text.trim());
        is_plain(&text, Reference::LONGEST).then_some(text)
    }
);

impl Reference {
    /// A note that may be any text: what a note can't hold is left out, and it is cut short when it is long. `None` when
    /// nothing is left.
    pub fn lenient(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        let plain = plain.trim();
        Self::parse(&plain[..plain.floor_char_boundary(Self::LONGEST)])
    }

    /// The note that `text` is, which is known to be a valid one.
    pub(crate) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    const LONGEST: usize = 256;
}
