//! Tokens and signatures, as applications read them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keystead_core::signing::{keys::Algorithm, secrets::Secrets};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value;

use crate::{TestApp, epoch, secrets};

/// What a token says, unverified.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A part of a token, unverified: 0 is its header, 1 its claims.
pub fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("a token has three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("the part is base64url");
    serde_json::from_slice(&bytes).expect("the part is JSON")
}

/// Verifies a token as an application does that is offline: with nothing but a JWK Set.
pub fn verified(token: &str, jwks: &Value) -> Option<Value> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let header = part(token, 0);
    let jwk = jwks["keys"]
        .as_array()?
        .iter()
        .find(|key| key["kid"] == header["kid"])?;
    assert_eq!(header["alg"], jwk["alg"]);
    let bytes = |name: &str| {
        let text = jwk[name].as_str().expect("the key has this member");
        BASE64_URL_SAFE_NO_PAD.decode(text).expect("the member is base64url")
    };
    let good = match jwk["kty"].as_str()? {
        "RSA" => RsaPublicKeyComponents {
            n: bytes("n"),
            e: bytes("e"),
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature),
        "OKP" => UnparsedPublicKey::new(&ED25519, bytes("x")).verify(message.as_bytes(), &signature),
        other => panic!("no JWT library knows the key type {other}"),
    };
    good.is_ok().then(|| claims(token))
}

/// The JWK Set that the service publishes.
pub async fn jwks(app: &TestApp) -> Value {
    app.stranger().get("/.well-known/jwks.json").await.expect(200).clone()
}

/// The tests' secrets with another signing key, of another kind.
pub fn ed25519() -> Secrets {
    let mut secrets = secrets().clone();
    keystead_keygen::rotate(&mut secrets.signing, &secrets.root, Algorithm::EdDsa, epoch()).expect("a rotation");
    secrets.signing.signing_keys.remove(0);
    secrets
}
