//! Stripe's signature of a webhook: the header `Stripe-Signature`, scheme `v1`.
//!
//! The header reads `t=1492774577,v1=5257a8...,v1=...`: the time at which the request was signed, and a signature for each
//! of the endpoint's secrets, of which there are two while one is rolled over. What is signed is the time, a full stop and
//! the body as it was sent. <https://docs.stripe.com/webhooks#verify-manually>

use std::time::Duration;

use ring::hmac;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::{Error, Result, Timestamp, error::Credential, value::json_schema::schema};

/// How old a signature may be: as long as Stripe's own libraries allow.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// How long the header may be. Two signatures take 150 bytes.
pub const LONGEST_HEADER: usize = 1024;

/// How many signatures are compared. There are two while a secret is rolled over.
pub const MOST_SIGNATURES: usize = 5;

/// The secret of a webhook endpoint as Stripe shows it: `whsec_...`. Stored sealed only, never shown, never logged.
#[derive(Clone)]
pub struct EndpointSecret(String);

impl EndpointSecret {
    const PREFIX: &str = "whsec_";
    /// What one looks like, in words.
    pub const EXPECTED: &str = "a signing secret of Stripe's, which begins with whsec_";

    /// The secret in `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Stripe's have 32 letters and digits.
        let rest = text.strip_prefix(Self::PREFIX)?;
        let sound = (16..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_graphic());
        sound.then(|| Self(text.to_owned()))
    }

    /// The secret in clear, to be sealed or to check with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndpointSecret(..)")
    }
}

impl<'de> Deserialize<'de> for EndpointSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = EndpointSecret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(EndpointSecret::EXPECTED)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<EndpointSecret, E> {
                let refused = || E::invalid_value(serde::de::Unexpected::Other("text"), &self);
                EndpointSecret::parse(text).ok_or_else(refused)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

schema!(EndpointSecret, {
    "type": "string",
    "description": "The signing secret of a webhook endpoint, as Stripe shows it.",
    "pattern": "^\\s*whsec_[!-~]{16,128}\\s*$",
    "writeOnly": true
});

/// The secret with which Stripe signs what it sends to one endpoint: `whsec_...`.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

impl SigningSecret {
    /// The secret as Stripe shows it, the prefix included.
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.trim().as_bytes()))
    }

    /// Checks that `body` was signed with this secret, not long before `now`.
    ///
    /// Until it is known to be right, a header is anybody's. So its length is bounded, the HMAC over the body is computed once
    /// and not for each signature, and only the first [`MOST_SIGNATURES`] are compared with it.
    ///
    /// # Errors
    /// [`Credential::Caller`] when no signature is right, the header is longer than [`LONGEST_HEADER`], or the time is more
    /// than [`TOLERANCE`] away: what was signed long ago may be a replay.
    pub fn verify(&self, header: &str, body: &[u8], now: Timestamp) -> Result<()> {
        const REFUSED: Error = Error::Unauthenticated(Credential::Caller);

        if header.len() > LONGEST_HEADER {
            return Err(REFUSED);
        }
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
        let signed_at = signed_at.ok_or(REFUSED)?;
        let seconds: i64 = signed_at.parse().map_err(|_| REFUSED)?;
        if now.seconds().abs_diff(seconds) > TOLERANCE.as_secs() {
            return Err(REFUSED);
        }
        let signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value);
        let mut signatures = signatures.take(MOST_SIGNATURES).filter_map(bytes).peekable();
        if signatures.peek().is_none() {
            return Err(REFUSED);
        }
        let mut signed = hmac::Context::with_key(&self.0);
        signed.update(signed_at.as_bytes());
        signed.update(b".");
        signed.update(body);
        let right = signed.sign();
        if signatures.any(|signature| right.as_ref().ct_eq(&signature).into()) {
            Ok(())
        } else {
            Err(REFUSED)
        }
    }
}

/// The signature that these hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    fn signature(secret: &str, at: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = [at.to_string().as_bytes(), b".", body].concat();
        hex::encode(hmac::sign(&key, &signed).as_ref())
    }

    /// `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`
    #[test]
    fn a_signature_that_openssl_made_is_right() {
        let header = "t=1700000000,v1=c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";
        assert!(SigningSecret::new("whsec_test").verify(header, BODY, now()).is_ok());
    }

    #[test]
    fn one_right_signature_among_several_is_enough_and_none_is_not() {
        let secret = SigningSecret::new("whsec_new");
        let at = now().seconds();
        let (old, new) = (signature("whsec_old", at, BODY), signature("whsec_new", at, BODY));
        for (header, right) in [
            (format!("t={at},v1={new}"), true),
            (format!("t={at},v1={old},v1={new}"), true),
            (format!("v1={new}, t={at} ,v0=ab"), true),
            (format!("t={at},v1={}", new.to_uppercase()), true),
            (format!("t={at},v1={old}"), false),
            (format!("t={at},v0={new}"), false),
            (format!("t={at}"), false),
            (format!("v1={new}"), false),
            (format!("t={},v1={new}", at + 1), false),
            (format!("t={at},v1={}", &new[1..]), false),
            (format!("t={at},v1={}", &new[..62]), false),
            (format!("t={at},v1="), false),
            (format!("t=x,v1={new}"), false),
            ("t=99999999999999999999,v1=00".to_owned(), false),
            (String::new(), false),
            (",,=,".to_owned(), false),
            (format!("t={at},v1=äö"), false),
        ] {
            assert_eq!(secret.verify(&header, BODY, now()).is_ok(), right, "{header}");
        }
        let header = format!("t={at},v1={new}");
        assert!(secret.verify(&header, br#"{"id":"evt_2"}"#, now()).is_err());
    }

    #[test]
    fn five_signatures_are_compared_and_a_header_has_a_kibibyte_at_most() {
        let secret = SigningSecret::new("whsec_test");
        let at = now().seconds();
        let right = signature("whsec_test", at, BODY);
        let after = |others: usize| format!("t={at},{}v1={right}", format!("v1={},", "0".repeat(64)).repeat(others));
        let of_length = |length: usize| {
            let header = format!("t={at},v1={right},v0=");
            format!("{header}{}", "0".repeat(length - header.len()))
        };
        for (header, is_right) in [
            (after(4), true),
            (after(5), false),
            (of_length(1024), true),
            (of_length(1025), false),
        ] {
            assert_eq!(secret.verify(&header, BODY, now()).is_ok(), is_right, "{header}");
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        let secret = SigningSecret::new("whsec_test");
        for (age, right) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
            let at = now().seconds() - age;
            let header = format!("t={at},v1={}", signature("whsec_test", at, BODY));
            assert_eq!(secret.verify(&header, BODY, now()).is_ok(), right, "{age} s old");
        }
    }
}
