//! Email addresses.

use crate::text::{is_plain, text_value};

text_value!(
    /// An email address: `local@domain`, at most 254 characters, kept as it was typed.
    ///
    /// No more is checked than every address has; whether mail arrives is known only by sending it.
    Email,
    "an email address",
    |text| {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let sound = is_plain(text, 254) && !text.contains(char::is_whitespace) && !local.is_empty() && !domain.is_empty();
        sound.then(|| text.to_owned())
    },
    r"^[\t-\r ]*[^\s\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+[\t-\r ]*$"
);

impl Email {
    /// The form in which addresses are compared and indexed: two that differ only in case are one mailbox. Of ASCII alone:
    /// there are letters beyond that lower to one of its own, and another mailbox would be taken for this one.
    pub fn folded(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// The address in that form.
    #[must_use]
    pub fn to_folded(&self) -> Self {
        Self(self.folded())
    }
}
