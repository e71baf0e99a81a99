//! License keys: the credential of the client API, and what is left of one that was exchanged.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Result, Timestamp,
    ids::Ids,
    product::key_rules::{KeyFormat, KeyPrefix},
    value::{
        base32,
        text::{is_invisible, is_plain, text_value, trimmed},
    },
};

text_value!(
    /// A license key: opaque, matched exactly, and the credential of the client API. Ours are UUIDs in lower case; an
    /// imported one may be any text.
    LicenseKey,
    "a string of 1 to 128 characters",
    |text| {
        let text = trimmed(text);
        is_plain(text, 128).then(|| text.to_owned())
    },
    // Clients may send one of ours as it was typed, be it over two lines.
    r"[^\s\x00-\x1f\x7f-\x9f]"
);

text_value!(
    /// The id that a license keeps when its key is re-issued.
    LicenseId,
    "a string of 1 to 128 characters",
    |text| is_plain(text, 128).then(|| text.to_owned())
);

impl LicenseKey {
    /// A new key in this format.
    pub fn new(ids: &Ids, format: KeyFormat, prefix: &KeyPrefix) -> Result<Self> {
        Ok(match format {
            KeyFormat::Uuid => Self(ids.uuid_v4()?.to_string()),
            // 80 random bits.
            KeyFormat::Grouped => Self::from_bits(prefix, ids.bytes()?),
        })
    }
}

impl LicenseKey {
    /// A new key in five groups of five, as `/v1` makes them where a product has no rules of its own: 125 random bits.
    pub fn in_fives(ids: &Ids) -> Result<Self> {
        let bits: [u8; 16] = ids.bytes()?;
        let bits = u128::from_be_bytes(bits);
        let letter = |place: usize| {
            let chosen = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
            char::from(FIVES[chosen])
        };
        let groups: Vec<String> = (0..5)
            .map(|group| (0..5).map(|place| letter(5 * group + place)).collect())
            .collect();
        Ok(Self(groups.join("-")))
    }
}

/// The characters of keys in five groups of five: none that is taken for another.
const FIVES: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl LicenseId {
    /// A new one: a UUID v7, so that ids sort by when they were made.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}

impl LicenseKey {
    /// A grouped key of these bits.
    fn from_bits(prefix: &KeyPrefix, bits: [u8; 10]) -> Self {
        Self(in_groups(prefix, &base32::encode(&bits)))
    }

    /// The key that someone typed: one of ours however it is written, any other exactly as it is.
    pub fn typed(text: &str) -> Option<Self> {
        Self::ours(text).or_else(|| Self::parse(text))
    }

    /// The key of our own making that reads like `text`, which may be written in any letter case, in full-width letters,
    /// with another dash, and with what can't be seen anywhere in it; of a grouped key also with blanks or nothing for its
    /// dashes, and broken over two lines.
    ///
    /// What reads so may be a key from elsewhere all the same, and then is another one.
    pub fn ours(text: &str) -> Option<Self> {
        if is_uuid_as_written(text) {
            return Some(Self(text.to_owned()));
        }
        // Longer than any key, whatever is between its letters.
        const LONGEST: usize = 512;
        if text.len() > LONGEST {
            return None;
        }
        let plain: String = text
            .chars()
            .filter(|c| !is_invisible(*c))
            .map(plain_character)
            .collect();
        let joined = || plain.replace(['\r', '\n'], "");
        grouped(&plain)
            .or_else(|| grouped(&joined()))
            .or_else(|| in_fives(&plain))
            .or_else(|| in_fives(&joined()))
            .or_else(|| uuid(&plain))
            .map(Self)
    }
}

/// The ASCII character that was meant: a dash for every dash, and the usual width for a full one.
fn plain_character(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2e3a}'..='\u{2e3b}'
        | '\u{30fc}'
        | '\u{fe58}'
        | '\u{fe63}' => '-',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// The key in five groups of five that `text` is, with dashes or blanks between all of them or none.
fn in_fives(text: &str) -> Option<String> {
    let parts = text.split(|c: char| c == '-' || c.is_whitespace());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let sound = match parts.as_slice() {
        [whole] => whole.len() == 25,
        groups => groups.len() == 5 && groups.iter().all(|group| group.len() == 5),
    };
    let letters = parts.concat().to_ascii_uppercase();
    let ours = sound && letters.bytes().all(|letter| FIVES.contains(&letter));
    ours.then(|| {
        let groups: Vec<&str> = (0..5).map(|group| &letters[5 * group..5 * group + 5]).collect();
        groups.join("-")
    })
}

/// The grouped key that `text` is: a prefix and four groups of four, with dashes or blanks between all of them or none.
fn grouped(text: &str) -> Option<String> {
    const GROUPS: usize = 16;
    let parts = text.split(|c: char| c == '-' || c.is_whitespace());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    if !parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return None;
    }
    let (prefix, groups) = match parts.as_slice() {
        [prefix, groups @ ..] if groups.len() == 4 && groups.iter().all(|group| group.len() == 4) => {
            ((*prefix).to_owned(), groups.concat())
        }
        [whole] => {
            let (prefix, groups) = whole.split_at_checked(whole.len().checked_sub(GROUPS)?)?;
            (prefix.to_owned(), groups.to_owned())
        }
        _ => return None,
    };
    Some(in_groups(&KeyPrefix::parse(&prefix)?, &groups.to_ascii_uppercase()))
}

/// A prefix, and letters in groups of four.
fn in_groups(prefix: &KeyPrefix, letters: &str) -> String {
    let mut key = prefix.as_str().to_owned();
    for (place, letter) in letters.chars().enumerate() {
        if place % 4 == 0 {
            key.push('-');
        }
        key.push(letter);
    }
    key
}

/// Whether `text` is a UUID letter for letter as ours are written. Nearly every request's key is, and takes no reading.
fn is_uuid_as_written(text: &str) -> bool {
    let is_written_so = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_written_so)
}

/// The UUID that `text` is, with its hyphens.
fn uuid(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let uuid = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36)?;
    Some(uuid.to_string())
}

text_value!(
    /// What is left of a license key once the license has another: enough to find what was noted under it, and nothing
    /// that lets anyone in.
    KeyMark,
    "a string of 1 to 64 characters",
    |text| is_plain(text, 64).then(|| text.to_owned())
);

impl KeyMark {
    /// The mark of a key.
    pub fn of(key: &LicenseKey) -> Self {
        Self(hex::encode(&Sha256::digest(key.as_str().as_bytes())[..16]))
    }

    /// Under what the key is found that a license has now. No mark of a key has a `#`.
    pub(crate) fn of_license(id: &LicenseId) -> Self {
        Self(format!("license#{id}"))
    }
}
