//! Signs tokens with AWS-LC, which takes half of ring's time for RS256.
//!
//! Not in the Lambda binaries: AWS-LC's first random number costs 30 ms of CPU, which a server pays once at its start
//! and a function at every cold start.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use keystead_core::signing::keys::{Algorithm, KeyError, Sign, SigningKey};

struct AwsLcRsa {
    pair: RsaKeyPair,
    random: SystemRandom,
}

impl Sign for AwsLcRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
            .map_err(|_| KeyError::NoRandomness)?;
        Ok(signature)
    }
}

/// The fastest signer there is for this key: for [`keystead_core::signing::keys::KeyRing::signing_with`].
///
/// # Errors
/// [`KeyError::Malformed`].
pub fn signer(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Box<dyn Sign>, KeyError> {
    match algorithm {
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
            Ok(Box::new(AwsLcRsa {
                pair,
                random: SystemRandom::new(),
            }))
        }
        Algorithm::EdDsa => Ok(Box::new(SigningKey::from_pkcs8(algorithm, pkcs8)?)),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use keystead_core::{
        Timestamp,
        signing::keys::{Algorithm, SigningKey},
    };

    #[test]
    fn both_libraries_sign_alike() {
        for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
            let secrets = keystead_keygen::secrets(algorithm, Timestamp::from_millis(0)).expect("new secrets");
            let pkcs8 = BASE64_STANDARD
                .decode(&secrets.signing.signing_keys[0].private_key)
                .expect("base64");
            let ring = SigningKey::from_pkcs8(algorithm, &pkcs8)
                .expect("a key")
                .sign(b"message");
            let fast = super::signer(algorithm, &pkcs8).expect("a key").sign(b"message");
            assert_eq!(ring, fast, "{algorithm}: both schemes are deterministic");
        }
    }
}
