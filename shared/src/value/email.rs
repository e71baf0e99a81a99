//! Email addresses.

use unicode_normalization::UnicodeNormalization as _;

use crate::value::text::{is_name, text_value, trimmed};

text_value!(
    /// An email address: `local@domain`, at most 254 characters, kept as it was typed.
    ///
    /// No more is checked than every address has, and that it is one address and no more, wherever it is written: neither
    /// a name before another in angle brackets, nor a list, a comment or a quoted part. Whether mail arrives is known only by
    /// sending it.
    Email,
    "an email address",
    |text| {
        let text = trimmed(text);
        let (local, domain) = text.split_once('@')?;
        let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || PUNCTUATION.contains(c));
        // In bytes: it is part of a sort key.
        (is_name(text, 254) && text.len() <= 254 && sound(local) && sound(domain)).then(|| text.to_owned())
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
    /// The address of nobody (RFC 2606): of a license that no customer has yet. No mail goes there, and no account has it.
    pub fn nobody() -> Self {
        Self("nobody@keystead.invalid".to_owned())
    }

    /// The form in which addresses are compared and indexed: two that differ only in case, or in how an accent is written,
    /// are one mailbox. It is the canonical composition (NFC) of the lower case.
    pub fn folded(&self) -> String {
        // Most addresses.
        if self.as_str().is_ascii() {
            return self.as_str().to_ascii_lowercase();
        }
        let mut folded = String::with_capacity(self.as_str().len());
        // **Invariant**: no address with a letter beyond ASCII folds to one without. A letter that would become one of
        // ASCII, such as the sign of Kelvin, stays as it is: another mailbox would be taken for this one.
        for part in self.as_str().split_inclusive(becomes_ascii) {
            let kept = part.chars().next_back().filter(|c| becomes_ascii(*c));
            let part = kept.map_or(part, |c| &part[..part.len() - c.len_utf8()]);
            folded.extend(part.nfc().flat_map(lower).nfc());
            folded.extend(kept);
        }
        folded
    }

    /// The mailbox that mail to the address most likely ends in, for counting: what many providers leave out of an address,
    /// from a `+` on, makes no other mailbox.
    pub fn mailbox(&self) -> String {
        let folded = self.folded();
        match folded.split_once('@') {
            Some((local, domain)) => {
                let plain = local.split_once('+').map_or(local, |(plain, _)| plain);
                format!("{plain}@{domain}")
            }
            None => folded,
        }
    }

    /// The address in the form in which it is compared.
    #[must_use]
    pub fn to_folded(&self) -> Self {
        Self(self.folded())
    }
}

/// The lower case of a letter, wherever in a word it stands: a sigma has two.
fn lower(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// Whether a letter beyond ASCII would be one of it once it is folded.
fn becomes_ascii(c: char) -> bool {
    !c.is_ascii() && std::iter::once(c).nfc().flat_map(lower).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::Email;

    fn folded(text: &str) -> String {
        Email::parse(text).expect("an address").folded()
    }

    #[test]
    fn an_address_is_one_in_any_case_and_however_its_accents_are_written() {
        for (one, other) in [
            ("JÜRGEN@example.com", "jürgen@example.com"),
            ("ju\u{308}rgen@example.com", "jürgen@example.com"),
            ("JU\u{308}RGEN@EXAMPLE.COM", "jürgen@example.com"),
            ("\u{200b}ann@example.com\u{feff}", "ann@example.com"),
            ("ΟΔΟΣ@example.gr", "οδος@example.gr"),
            ("ПОЧТА@пример.рф", "почта@пример.рф"),
            ("Ann@Example.COM", "ann@example.com"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
            let again = folded(&folded(one));
            assert_eq!(again, folded(one), "{one}");
        }
    }

    #[test]
    fn no_address_folds_to_another_mailbox_in_ascii() {
        for (one, other) in [
            // The sign of Kelvin, a dotted capital I, a dotless i, a sharp s, full-width letters.
            ("\u{212a}@example.com", "k@example.com"),
            ("\u{130}@example.com", "i@example.com"),
            ("\u{131}@example.com", "i@example.com"),
            ("straße@example.com", "strasse@example.com"),
            ("\u{ff41}@example.com", "a@example.com"),
            ("a\u{1fef}@example.com", "a`@example.com"),
        ] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
        let letters = ('\u{80}'..=char::MAX).filter(|c| Email::parse(&format!("{c}@b.c")).is_some());
        for letter in letters {
            assert!(!folded(&format!("{letter}@b.c")).is_ascii(), "{letter:?}");
        }
    }
}
