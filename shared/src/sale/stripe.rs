//! Stripe's signature of a webhook: the header `Stripe-Signature`, scheme `v1`.
//!
//! The header reads `t=1492774577,v1=5257a8...,v1=...`: the time at which the request was signed, and a signature for each
//! of the endpoint's secrets, of which there are two while one is rolled over. What is signed is the time, a full stop and
//! the body as it was sent. <https://docs.stripe.com/webhooks#verify-manually>

use std::time::Duration;

use ring::hmac;

use crate::{Error, Result, Timestamp, error::Credential};

/// How old a signature may be: as long as Stripe's own libraries allow.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

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
    /// # Errors
    /// [`Credential::Caller`] when no signature is right, or the time is more than [`TOLERANCE`] away: what was signed
    /// long ago may be a replay.
    pub fn verify(&self, header: &str, body: &[u8], now: Timestamp) -> Result<()> {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
        let signed_at = signed_at.ok_or(Error::Unauthenticated(Credential::Caller))?;
        let seconds: i64 = signed_at
            .parse()
            .map_err(|_| Error::Unauthenticated(Credential::Caller))?;
        let tolerance = TOLERANCE.as_secs();
        if now.seconds().abs_diff(seconds) > tolerance {
            return Err(Error::Unauthenticated(Credential::Caller));
        }
        let signed = [signed_at.as_bytes(), b".", body].concat();
        let mut signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value);
        // `hmac::verify` takes the same time wherever two signatures differ.
        let right = |signature: &str| bytes(signature).is_some_and(|tag| hmac::verify(&self.0, &signed, &tag).is_ok());
        if signatures.any(right) {
            Ok(())
        } else {
            Err(Error::Unauthenticated(Credential::Caller))
        }
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pair = |pair: &[u32]| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok();
    digits.chunks(2).map(pair).collect()
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
    fn a_signature_is_good_for_five_minutes_either_way() {
        let secret = SigningSecret::new("whsec_test");
        for (age, right) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
            let at = now().seconds() - age;
            let header = format!("t={at},v1={}", signature("whsec_test", at, BODY));
            assert_eq!(secret.verify(&header, BODY, now()).is_ok(), right, "{age} s old");
        }
    }
}
