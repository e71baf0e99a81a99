//! How hard license keys are to guess.

use keystead_core::license::key::LicenseKey;

/// As many bits of chance as a key should have: nobody tries so many.
const ENOUGH: f64 = 64.0;

/// Whether a key can be guessed, as far as its length and its characters tell.
pub(super) fn is_weak(key: &LicenseKey) -> bool {
    bits(key.as_str()) < ENOUGH
}

/// At most as many bits as a key of such characters has, were each drawn by chance.
fn bits(key: &str) -> f64 {
    let has = |class: fn(&char) -> bool| key.chars().any(|c| class(&c));
    let mut alphabet = 0;
    if has(char::is_ascii_digit) {
        alphabet += 10;
    }
    for (class, beyond_hex) in [
        (char::is_ascii_lowercase as fn(&char) -> bool, 'g'..='z'),
        (char::is_ascii_uppercase, 'G'..='Z'),
    ] {
        if has(class) {
            alphabet += if key.chars().any(|c| beyond_hex.contains(&c)) {
                26
            } else {
                6
            };
        }
    }
    if has(|c| !c.is_ascii()) {
        alphabet += 64;
    }
    // What separates groups is always the same.
    let drawn = key.chars().filter(|c| c.is_alphanumeric()).count();
    drawn as f64 * f64::from(alphabet.max(1)).log2()
}

#[cfg(test)]
mod tests {
    use keystead_core::license::key::LicenseKey;

    use super::is_weak;

    #[test]
    fn keys_are_weak_by_their_length_and_their_characters() {
        let weak = |key: &str| is_weak(&LicenseKey::parse(key).expect("a key"));
        for strong in [
            "80e15db5-c796-436b-850c-8f9c98a48abe",
            "GLD-ABCD-EF23-GH45-JK67",
            "AAAA1111-BBBB2222-CCCC3333-DDDD4444",
            "01234567890123456789",
            "aB3dE5gH7jK9",
        ] {
            assert!(!weak(strong), "{strong}");
        }
        for short in [
            "K-1",
            "ABCD-1234-EFGH",
            "0123456789012345678",
            "0123-4567-89ab-cdf",
            "-------------------------",
        ] {
            assert!(weak(short), "{short}");
        }
    }
}
