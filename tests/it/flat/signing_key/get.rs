//! `GET|POST /getSigningKey`.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use keystead_tests::{
    TestApp, secrets,
    token::{claims, part},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::json;

/// The key in a PEM of a `SubjectPublicKeyInfo` of an RSA key of 2048 bits or more, as `ring` takes it: without the 24
/// bytes that name the algorithm and the lengths.
fn rsa_key(pem: &str) -> Vec<u8> {
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    assert!(pem.trim_end().ends_with("\n-----END PUBLIC KEY-----"), "{pem}");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(base64).expect("PEM holds base64")[24..].to_vec()
}

#[tokio::test]
async fn anyone_gets_the_certificate_by_get_and_by_post() {
    let app = TestApp::start().await;
    let by_get = app.stranger().get("/getSigningKey").await;
    let by_post = app.stranger().post("/getSigningKey", json!({})).await;
    let by_empty_post = app.stranger().post_raw("/getSigningKey", b"").await;
    let key = &secrets().signing.signing_keys[0];
    for answer in [by_get, by_post, by_empty_post] {
        answer.expect_body(
            200,
            &json!({ "kid": key.jwk.kid, "publicKey": key.public_key, "rootSignature": key.root_signature, "certificate": key.certificate }),
        );
    }
}

#[tokio::test]
async fn the_root_has_signed_the_text_of_the_public_key() {
    let app = TestApp::start().await;
    let answer = app.stranger().get("/getSigningKey").await;
    let text = |name: &str| answer.expect(200)[name].as_str().expect("a text").to_owned();
    let signature = BASE64_STANDARD.decode(text("rootSignature")).expect("base64");
    let root = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_key(&secrets().root.root_public_key));
    root.verify(text("publicKey").as_bytes(), &signature)
        .expect("the root vouches");
    let touched = text("publicKey").replace("KEY-----\n", "KEY-----\n\n");
    assert!(root.verify(touched.as_bytes(), &signature).is_err());
}

#[tokio::test]
async fn the_public_key_verifies_tokens() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let answer = app.stranger().get("/getSigningKey").await;
    let pem = answer.expect(200)["publicKey"].as_str().expect("a text");
    let token = machine.token();
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_key(pem))
        .verify(message.as_bytes(), &signature)
        .expect("the token is ours");
}

#[tokio::test]
async fn the_root_says_what_the_key_may_sign_and_until_when() {
    let app = TestApp::start().await;
    let answer = app.stranger().get("/getSigningKey").await;
    let text = |name: &str| answer.expect(200)[name].as_str().expect("a text").to_owned();
    let certificate = text("certificate");
    let (message, signature) = certificate.rsplit_once('.').expect("three parts");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let root = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_key(&secrets().root.root_public_key));
    root.verify(message.as_bytes(), &signature).expect("the root vouches");
    assert_eq!(part(&certificate, 0)["typ"], "keystead-certificate+jwt");
    let said = claims(&certificate);
    assert_eq!(said["kid"], text("kid"));
    let spki: String = text("publicKey")
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    assert_eq!(said["spki"], spki);
    assert_eq!(said["use"], json!(["license", "answer"]));
    assert_eq!(said["serial"].as_str().map(str::len), Some(32));
    let now = app.now().seconds();
    let (begins, ends) = (said["nbf"].as_i64(), said["exp"].as_i64());
    assert_eq!(begins, Some(now - 24 * 3600), "clocks may be behind");
    assert_eq!(ends, Some(now + 400 * 24 * 3600));
}

#[test]
fn each_certificate_is_one_of_its_own() {
    let mut all = secrets().clone();
    let now = keystead_tests::epoch();
    let before = all.signing.signing_keys[0].certificate.clone();
    assert!(
        !keystead_keygen::certify(&mut all.signing, &all.root, now, false).expect("keys"),
        "it is good for long"
    );
    assert!(keystead_keygen::certify(&mut all.signing, &all.root, now, true).expect("keys"));
    let after = all.signing.signing_keys[0].certificate.clone();
    assert_ne!(claims(&before)["serial"], claims(&after)["serial"]);
    assert_eq!(claims(&before)["kid"], claims(&after)["kid"]);
}
