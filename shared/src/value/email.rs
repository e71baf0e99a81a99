//! Email addresses.

use crate::value::text::{is_plain, text_value};

text_value!(
    /// An email address: `local@domain`, at most 254 characters, kept as it was typed.
    ///
    /// No more is checked than every address has, and that it is one address and no more, wherever it is written: neither
    /// a name before another in angle brackets, nor a list, a comment or a quoted part. Whether mail arrives is known only by
    /// sending it.
    Email,
    "an email address",
    |text| {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || PUNCTUATION.contains(c));
        (is_plain(text, 254) && sound(local) && sound(domain)).then(|| text.to_owned())
    },
    r#"^[\t-\r ]*[^\s@<>()\[\]\\,;:"\x00-\x1f\x7f-\x9f]+@[^\s@<>()\[\]\\,;:"\x00-\x1f\x7f-\x9f]+[\t-\r ]*$"#
);

/// What separates addresses from each other and from what is written around them.
const PUNCTUATION: &str = "@<>()[]\\,;:\"";

text_value!(
    /// An [`Email`] that we can send mail to: Amazon SES takes no letters beyond ASCII, and of a domain that has some its
    /// form that begins with `xn--`.
    Mailbox,
    "an email address in ASCII",
    |text| {
        let email = Email::parse(text)?;
        email.as_str().is_ascii().then(|| email.as_str().to_owned())
    },
    r"^[\t-\r ]*[!#-'*+\-./0-9=?A-Z^-~]+@[!#-'*+\-./0-9=?A-Z^-~]+[\t-\r ]*$"
);

impl From<Mailbox> for Email {
    fn from(mailbox: Mailbox) -> Self {
        Self(mailbox.0)
    }
}

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
