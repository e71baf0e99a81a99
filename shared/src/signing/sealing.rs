//! Sealing: what clients keep for the service, and can neither read nor make up (AEAD).

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{aead, hkdf};

use crate::{Error, Result, signing::keys::KeyError};

/// From which keys derive, one for each purpose (HKDF, RFC 5869).
#[derive(Clone)]
pub struct SealingRoot(hkdf::Prk);

impl SealingRoot {
    /// The root in `base64`, 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn new(base64: &str) -> std::result::Result<Self, KeyError> {
        let bytes = BASE64_STANDARD.decode(base64).map_err(|_| KeyError::Malformed)?;
        if bytes.len() != 32 {
            return Err(KeyError::Malformed);
        }
        Ok(Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"keystead").extract(&bytes)))
    }

    /// The root that follows from a secret which only one holder shows: what it seals, nobody opens but for them.
    pub fn of_holder(secret: &str) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"keystead holder").extract(secret.as_bytes()))
    }

    /// A secret that stands for one holder as long as the root does, and that nobody derives who has not the root: for those
    /// whose own credential is another one each quarter of an hour.
    ///
    /// # Errors
    /// [`Error::Internal`], never of a name that fits into a table.
    pub fn secret_of(&self, holder: &str) -> Result<String> {
        let refused = |_| Error::internal("a secret of 256 bits is refused");
        let info = [b"secret of ".as_slice(), holder.as_bytes()];
        let derived = self.0.expand(&info, hkdf::HKDF_SHA256).map_err(refused)?;
        let mut secret = [0; 32];
        derived.fill(&mut secret).map_err(refused)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
    }

    /// What seals for `purpose`.
    pub fn seal_for(&self, purpose: &'static str) -> Result<Seal> {
        let refused = |_| Error::internal("a key of 256 bits is refused");
        let info = [purpose.as_bytes()];
        let derived = self.0.expand(&info, &aead::AES_256_GCM).map_err(refused)?;
        Ok(Seal(aead::LessSafeKey::new(aead::UnboundKey::from(derived))))
    }
}

/// Seals for one purpose.
pub struct Seal(aead::LessSafeKey);

impl Seal {
    /// `message` for whoever keeps it, in base64url. It is opened in the same `context` only.
    pub fn seal(&self, context: &str, message: &[u8]) -> Result<String> {
        let nonce = crate::ids::nonce()?;
        let mut sealed = message.to_vec();
        self.0
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(context.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::internal("a message could not be sealed"))?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed in this context; `None` of what was made up, changed, or sealed for another.
    pub fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, aead::Aad::from(context.as_bytes()), &mut sealed);
        Some(opened.ok()?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(byte: u8) -> SealingRoot {
        SealingRoot::new(&BASE64_STANDARD.encode([byte; 32])).expect("a root")
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_key_in_its_context_and_not_otherwise() {
        let seal = root(7).seal_for("a").expect("a key");
        let sealed = seal.seal("list", b"message").expect("sealed");
        assert_eq!(seal.open("list", &sealed).as_deref(), Some(&b"message"[..]));
        assert_ne!(seal.seal("list", b"message").expect("sealed"), sealed);
        assert_eq!(seal.open("another", &sealed), None);
        for other in [root(7).seal_for("b"), root(8).seal_for("a")] {
            assert_eq!(other.expect("a key").open("list", &sealed), None);
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_ne!(seal.open("list", &changed).as_deref(), Some(&b"message"[..]), "{at}");
        }
        for made_up in ["", "x", "AAAA", "%"] {
            assert_eq!(seal.open("list", made_up), None);
        }
        assert!(SealingRoot::new(&BASE64_STANDARD.encode([7; 31])).is_err());
    }

    #[test]
    fn each_holder_has_a_secret_of_their_own_which_stays() {
        let secret = |byte: u8, holder: &str| root(byte).secret_of(holder).expect("a secret");
        assert_eq!(secret(7, "ann"), secret(7, "ann"));
        assert_ne!(secret(7, "ann"), secret(7, "bob"));
        assert_ne!(secret(7, "ann"), secret(8, "ann"));
    }
}
