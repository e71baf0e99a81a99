//! Request signatures: by one, who holds a product's API key shows that a request is theirs as it stands, and new.

use std::time::Duration;

use ring::hmac;

use crate::{
    Error, Result, Timestamp,
    error::Credential,
    owner::api_key::RawApiKey,
    value::text::{is_plain, text_value},
};

text_value!(
    /// What a client uses for one signature, and never again.
    SignatureNonce,
    "a string of 8 to 128 characters",
    |text| (is_plain(text, SignatureNonce::LONGEST) && text.chars().count() >= SignatureNonce::SHORTEST)
        .then(|| text.to_owned())
);

impl SignatureNonce {
    const SHORTEST: usize = 8;
    const LONGEST: usize = 128;

    /// How long a nonce is remembered.
    ///
    /// **Invariant**: as long as any time that is signed with it passes, which may be as far ahead as behind.
    pub const RETENTION: Duration = Duration::from_secs(2 * SKEW.as_secs());
}

/// How far the time of a signature may be from the service's.
pub const SKEW: Duration = Duration::from_secs(300);

/// From which number on a time is in milliseconds, not in seconds: as seconds, it would be in the year 5138.
const MILLISECONDS: i64 = 100_000_000_000;

/// What a signature is of, and what its headers say.
#[derive(Clone, Copy, Debug)]
pub struct RequestSignature<'a> {
    /// `X-GG-Timestamp`: when it was signed, in seconds or milliseconds since 1970.
    pub timestamp: &'a str,
    /// `X-GG-Nonce`.
    pub nonce: &'a str,
    /// `X-GG-Signature`: HMAC-SHA256 in hex, with or without `sha256=` before it.
    pub signature: &'a str,
    /// The request's method, in capitals.
    pub method: &'a str,
    /// Its path as it was sent, and with `?` its query if it has one.
    pub target: &'a str,
    /// Its body as it was sent.
    pub body: &'a [u8],
}

impl RequestSignature<'_> {
    /// Whether the holder of `key` signed the request, and just now. Answers the nonce, which must not have been used before:
    /// that is asked last, and of nobody whose signature is wrong.
    ///
    /// # Errors
    /// In the order of precedence: [`Credential::Caller`], of a signature that is wrong or malformed;
    /// [`Credential::SignatureTime`].
    pub fn verify(&self, key: &RawApiKey, now: Timestamp) -> Result<SignatureNonce> {
        const WRONG: Error = Error::Unauthenticated(Credential::Caller);

        let nonce = SignatureNonce::parse(self.nonce).ok_or(WRONG)?;
        let signed_at = time(self.timestamp).ok_or(WRONG)?;
        let digits = self.signature.strip_prefix("sha256=").unwrap_or(self.signature);
        let tag = hex::decode(digits).map_err(|_| WRONG)?;
        // In constant time.
        hmac::verify(&hmac_key(key), &self.message(), &tag).map_err(|_| WRONG)?;
        if signed_at.millis().abs_diff(now.millis()) > u64::try_from(SKEW.as_millis()).unwrap_or(0) {
            return Err(Error::Unauthenticated(Credential::SignatureTime));
        }
        Ok(nonce)
    }

    /// `timestamp.nonce.METHOD.target.body`.
    fn message(&self) -> Vec<u8> {
        let head = format!("{}.{}.{}.{}.", self.timestamp, self.nonce, self.method, self.target);
        [head.as_bytes(), self.body].concat()
    }
}

fn hmac_key(key: &RawApiKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.reveal().as_bytes())
}

/// A time in seconds or milliseconds since 1970: digits alone.
fn time(text: &str) -> Option<Timestamp> {
    let digits = !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = text.parse().ok().filter(|_| digits)?;
    let millis = if number > MILLISECONDS { number } else { number * 1000 };
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const NOW: i64 = 1_700_000_000;
    const KEY: &str = "gg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const PATH: &str = "/v1/licenses/authorize";
    const BODY: &[u8] = br#"{"productId":"p","licenseKey":"k"}"#;

    fn sign(timestamp: &str, nonce: &str) -> String {
        let key = RawApiKey::parse(KEY).expect("a key");
        let message = [format!("{timestamp}.{nonce}.POST.{PATH}.").as_bytes(), BODY].concat();
        hex::encode(hmac::sign(&hmac_key(&key), &message))
    }

    fn verify(change: impl FnOnce(&mut RequestSignature<'_>), timestamp: &str, nonce: &str) -> Option<ErrorCode> {
        let signature = sign(timestamp, nonce);
        let mut request = RequestSignature {
            timestamp,
            nonce,
            signature: &signature,
            method: "POST",
            target: PATH,
            body: BODY,
        };
        change(&mut request);
        let key = RawApiKey::parse(KEY).expect("a key");
        let verified = request.verify(&key, Timestamp::from_millis(NOW * 1000));
        verified.err().map(|error| error.code())
    }

    #[test]
    fn a_signature_is_the_hmac_that_the_contract_writes_down() {
        // Made with another implementation: Python's hmac.
        let expected = "006c325c71ffd46a1145b7737b10c26a28df594328810cba4cdee1906550342d";
        assert_eq!(sign("1700000000", "nonce-0001"), expected);
    }

    #[test]
    fn the_time_may_be_five_minutes_off_in_seconds_or_milliseconds() {
        let (skew, wrong) = (Some(ErrorCode::TimestampSkew), Some(ErrorCode::Unauthorized));
        for (timestamp, refused) in [
            (NOW.to_string(), None),
            ((NOW - 300).to_string(), None),
            ((NOW + 300).to_string(), None),
            ((NOW - 301).to_string(), skew),
            ((NOW + 301).to_string(), skew),
            ((NOW * 1000 + 300_000).to_string(), None),
            ((NOW * 1000 + 300_001).to_string(), skew),
            ("0".to_owned(), skew),
            ("999999999999999".to_owned(), skew),
            ("9999999999999999".to_owned(), wrong),
            (format!("+{NOW}"), wrong),
            (format!("-{NOW}"), wrong),
            (format!("{NOW}.5"), wrong),
            (String::new(), wrong),
            ("now".to_owned(), wrong),
        ] {
            assert_eq!(verify(|_| {}, &timestamp, "nonce-0001"), refused, "{timestamp}");
        }
    }

    #[test]
    fn whatever_was_signed_must_be_as_it_was() {
        let (now, wrong) = (NOW.to_string(), Some(ErrorCode::Unauthorized));
        let verify = |change: fn(&mut RequestSignature<'_>)| verify(change, &now, "nonce-0001");
        assert_eq!(verify(|_| {}), None);
        assert_eq!(verify(|request| request.method = "PUT"), wrong);
        assert_eq!(verify(|request| request.target = "/v1/licenses/authorize?a=b"), wrong);
        assert_eq!(verify(|request| request.body = b"{}"), wrong);
        assert_eq!(verify(|request| request.nonce = "nonce-0002"), wrong);
        assert_eq!(verify(|request| request.timestamp = "1700000001"), wrong);
        assert_eq!(verify(|request| request.signature = ""), wrong);
        assert_eq!(verify(|request| request.signature = "sha256="), wrong);
        assert_eq!(verify(|request| request.signature = "zz"), wrong);
        assert_eq!(verify(|request| request.signature = "00"), wrong);
    }

    #[test]
    fn a_signature_is_read_in_both_of_its_spellings_and_by_its_own_key_alone() {
        let (now, at) = (NOW.to_string(), Timestamp::from_millis(NOW * 1000));
        let signature = sign(&now, "nonce-0001");
        for spelling in [format!("sha256={signature}"), signature.to_uppercase(), signature] {
            let request = RequestSignature {
                timestamp: &now,
                nonce: "nonce-0001",
                signature: &spelling,
                method: "POST",
                target: PATH,
                body: BODY,
            };
            for (key, is_right) in [(KEY, true), ("gg_another", false)] {
                let key = RawApiKey::parse(key).expect("a key");
                assert_eq!(request.verify(&key, at).is_ok(), is_right, "{spelling}");
            }
        }
    }

    #[test]
    fn a_nonce_has_eight_to_a_hundred_and_twenty_eight_characters() {
        let now = NOW.to_string();
        for (length, sound) in [(0, false), (7, false), (8, true), (128, true), (129, false)] {
            let refused = verify(|_| {}, &now, &"n".repeat(length));
            assert_eq!(refused.is_none(), sound, "{length}");
        }
        assert!(verify(|_| {}, &now, "nonce\n0001").is_some());
    }
}
