//! Base 32, in letters of which none is taken for another.

/// The alphabet: no I and 1, no O and 0.
pub(crate) const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// `bytes` five bits at a time, the highest first. Bits that are too few for another letter are left out.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let bit = |place: usize| bytes[place / 8] >> (7 - place % 8) & 1;
    let letter = |from: usize| (from..from + 5).fold(0, |value, place| value << 1 | bit(place));
    let letters = (0..bytes.len() * 8 / 5).map(|place| char::from(ALPHABET[usize::from(letter(place * 5))]));
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn every_five_bits_are_a_letter() {
        assert_eq!(encode(&[0; 5]), "AAAAAAAA");
        assert_eq!(encode(&[0xff; 5]), "99999999");
        assert_eq!(encode(&[0, 0, 0, 0, 1]), "AAAAAAAB");
        assert_eq!(encode(&[0x08, 0x42]), "BBB");
        assert_eq!(encode(b""), "");
    }
}
