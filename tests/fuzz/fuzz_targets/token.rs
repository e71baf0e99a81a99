//! Tokens: what our key has not signed is none, and what it has signed says what was signed.
#![no_main]

use std::sync::LazyLock;

use keystead_core::{
    Timestamp,
    license::{
        key::{LicenseId, LicenseKey},
        machine::Fingerprint,
        standing::LicenseStatus,
    },
    product::{ProductId, variant::VariantId},
    signing::{
        account_token::{AccountKeyRing, AccountToken, Purpose},
        keys::{Algorithm, KeyRing},
        token::{Claims, Token},
    },
};
use keystead_keygen as keygen;
use libfuzzer_sys::{Corpus, fuzz_target};

/// A ring with the keys of both algorithms, of which EdDSA's signs.
static KEYS: LazyLock<KeyRing> = LazyLock::new(|| {
    let mut secrets = keygen::secrets(Algorithm::Rs256, NOW).expect("secrets");
    keygen::rotate(&mut secrets.signing, &secrets.root, Algorithm::EdDsa, NOW).expect("another key");
    KeyRing::new(&secrets.signing.signing_keys).expect("keys")
});

/// The ring of accounts.
static ACCOUNT_KEYS: LazyLock<AccountKeyRing> =
    LazyLock::new(|| AccountKeyRing::new(&keygen::accounts().expect("keys")).expect("keys"));

const NOW: Timestamp = Timestamp::from_millis(1_893_456_000_000);

fn refused(text: &str) {
    if let Some(token) = Token::parse(text) {
        assert!(KEYS.verify(&token, NOW).is_err(), "{text}");
    }
    if let Some(token) = AccountToken::parse(text) {
        assert!(
            ACCOUNT_KEYS.verify_account_token(&token, Purpose::Login, NOW).is_none(),
            "{text}"
        );
    }
}

/// Claims whose texts are these, should they be well formed.
fn claims(text: &str) -> Option<Claims> {
    let mut texts = text.split('\n');
    let mut next = || texts.next().unwrap_or("x");
    let seconds = NOW.seconds();
    Some(Claims {
        iss: next().to_owned(),
        sub: LicenseId::parse(next())?,
        license_key: LicenseKey::parse(next())?,
        machine_fingerprint: Fingerprint::parse(next())?,
        product_id: ProductId::parse(next())?,
        variant: VariantId::parse(next())?,
        status: LicenseStatus::Active,
        iat: seconds,
        exp: seconds + 1,
        grace_until: next().parse().ok(),
        offline_days: next().parse().ok(),
    })
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((way, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    let text = String::from_utf8_lossy(rest);
    if way % 2 == 0 {
        // Under each of our headers, whose signature it does not have.
        let genuine = claims("keystead")
            .and_then(|claims| KEYS.issue(&claims).ok())
            .expect("a token");
        let (header, _) = genuine.as_str().split_once('.').expect("a header");
        refused(&text);
        refused(&format!("{header}.{text}"));
        // Blanks around a token are none of it.
        if !text.trim().is_empty() {
            refused(&format!("{genuine}{text}"));
        }
        return Corpus::Keep;
    }
    let Some(claims) = claims(&text) else {
        return Corpus::Reject;
    };
    // Only what is longer than a token may be is not issued.
    let Ok(token) = KEYS.issue(&claims) else {
        return Corpus::Keep;
    };
    assert_eq!(KEYS.verify(&token, NOW).expect("it is ours"), claims);
    assert!(KEYS.verify(&token, claims.expiry()).is_err(), "it outlives its end");
    // Any one bit of it, and which one is the input's length.
    let mut flipped = token.as_str().as_bytes().to_vec();
    let bit = rest.iter().fold(rest.len(), |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let bit = bit % (flipped.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    if let Ok(flipped) = String::from_utf8(flipped) {
        refused(&flipped);
    }
    Corpus::Keep
});
