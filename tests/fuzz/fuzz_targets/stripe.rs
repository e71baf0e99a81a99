//! Stripe's signatures: no header is right but one that the secret has made, lately, of this body.
#![no_main]

use keystead_core::{Timestamp, sale::stripe::SigningSecret};
use libfuzzer_sys::{Corpus, fuzz_target};
use ring::hmac;

const SECRET: &str = "whsec_of-the-fuzzer";
const NOW: Timestamp = Timestamp::from_millis(1_893_456_000_000);

fn signature(at: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, &[at.to_string().as_bytes(), b".", body].concat());
    hex::encode(tag)
}

fuzz_target!(|data: &[u8]| -> Corpus {
    // A header, a line break, a body.
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return Corpus::Reject;
    };
    let (header, body) = (String::from_utf8_lossy(&data[..end]), &data[end + 1..]);
    let secret = SigningSecret::new(SECRET);
    assert!(secret.verify(&header, body, NOW).is_err(), "nobody has signed this");

    // Beside anything else that is no other time, the right signature is right, in a header that is not too long.
    if header.len() > 900 {
        return Corpus::Reject;
    }
    let at = NOW.seconds() + i64::from(body.len() as u16) % 601 - 300;
    let right = format!("t={at},v1={},{header}", signature(at, body));
    assert!(secret.verify(&right, body, NOW).is_ok(), "{right}");

    // For no other body, by no other secret, with no other bit, and not too late or too early.
    let longer = [body, b" "].concat();
    assert!(secret.verify(&right, &longer, NOW).is_err());
    assert!(SigningSecret::new("whsec_other").verify(&right, body, NOW).is_err());
    let mut digits = signature(at, body).into_bytes();
    let place = header.len() % digits.len();
    digits[place] ^= 1 << (body.len() % 4);
    let flipped = String::from_utf8_lossy(&digits);
    assert!(
        secret
            .verify(&format!("t={at},v1={flipped},{header}"), body, NOW)
            .is_err()
    );
    for at in [NOW.seconds() - 301, NOW.seconds() + 301] {
        let stale = format!("t={at},v1={},{header}", signature(at, body));
        assert!(secret.verify(&stale, body, NOW).is_err(), "{stale}");
    }
    Corpus::Keep
});
