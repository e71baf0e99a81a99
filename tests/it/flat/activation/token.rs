//! Tokens, as whoever holds one sees them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keystead_core::signing::{
    keys::{Algorithm, KeyRing},
    secrets::Secrets,
};
use keystead_tests::{
    DAY, HOUR, Options, PRODUCT, TestApp, epoch, secrets,
    token::{claims, ed25519, jwks, part, verified},
};
use serde_json::{Value, json};

const BAD_TOKEN: &str = "Invalid or expired token";

/// A service over the same data after its signing key was rotated.
async fn rotated(app: &TestApp, secrets: Secrets) -> TestApp {
    let next = TestApp::over(app.database.clone(), Options::default().secrets(secrets)).await;
    next.advance(app.now().since(next.now()));
    next
}

#[tokio::test]
async fn a_token_is_verified_with_the_jwk_set_and_nothing_else() {
    let app = TestApp::start().await;
    let license = app.license().with("variant", "pro").create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let token = machine.token();
    let stored = app.stored(&license).await;
    let now = app.now().seconds();
    assert_eq!(
        verified(&token, &jwks(&app).await),
        Some(json!({
            "iss": "keystead",
            "sub": stored.license_id,
            "licenseKey": license.key,
            "machineFingerprint": "fingerprint-of-a",
            "productId": PRODUCT,
            "variant": "pro",
            "status": "active",
            "iat": now - 60,
            "exp": now + 30 * 24 * 60 * 60,
            "graceUntil": now + 37 * 24 * 60 * 60,
            "offlineDays": 30,
        }))
    );
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let forged = format!("{message}A.{signature}");
    assert_eq!(verified(&forged, &jwks(&app).await), None);
}

#[tokio::test]
async fn a_header_tells_rs256_jwt_and_the_current_key_s_id() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let key = app.stranger().get("/getSigningKey").await;
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.expect(200)["kid"] });
    assert_eq!(part(&machine.token(), 0), header);
}

#[tokio::test]
async fn a_token_s_life_is_thirty_days_or_what_its_license_warrants() {
    let app = TestApp::start().await;
    for (license, life) in [
        (app.license(), 30 * DAY),
        (app.license().with("licenseType", "site"), 30 * DAY),
        (app.license().floating(2), 24 * HOUR),
        (app.license().degraded(), 24 * HOUR),
        (app.license().with("expiresAt", "2030-01-11T00:00:00Z"), 10 * DAY),
        (app.license().with("expiresAt", "2030-03-01T00:00:00Z"), 30 * DAY),
        (
            app.license().floating(2).with("expiresAt", "2030-01-01T06:00:00Z"),
            6 * HOUR,
        ),
    ] {
        let license = license.create().await;
        let machine = app.machine("a");
        let answer = machine.activate(&license).await;
        let expiry = epoch() + life;
        assert_eq!(answer.expect(200)["expiresAt"], expiry.to_string());
        assert_eq!(claims(&machine.token())["exp"], expiry.seconds());
    }
}

#[tokio::test]
async fn each_machine_of_a_site_license_has_a_token_of_its_own() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    assert_eq!(claims(&a.token())["machineFingerprint"], "fingerprint-of-a");
    assert_eq!(claims(&b.token())["machineFingerprint"], "fingerprint-of-b");
    let (answer, _) = a.validate_with(&license, json!({ "token": b.token() })).await;
    answer.expect_invalid(401, BAD_TOKEN);
}

#[tokio::test]
async fn a_token_whose_header_claims_or_signature_were_touched_is_refused() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let token = machine.token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("a token has three parts");
    };
    let base64 = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let kid = part(&token, 0)["kid"].clone();
    let mut longer = claims(&token);
    longer["exp"] = json!(4_102_444_800_i64);
    let none = base64(&json!({ "alg": "none", "typ": "JWT", "kid": kid }));
    let hmac = base64(&json!({ "alg": "HS256", "typ": "JWT", "kid": kid }));
    let other_key = base64(&json!({ "alg": "RS256", "typ": "JWT", "kid": "other" }));
    let elsewhere = base64(&json!({ "alg": "RS256", "typ": "JWT", "kid": kid, "jku": "https://evil.example" }));
    for forged in [
        format!("{header}.{}.{signature}", base64(&longer)),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{hmac}.{payload}.{signature}"),
        format!("{other_key}.{payload}.{signature}"),
        format!("{elsewhere}.{payload}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{}", &signature[..signature.len() - 4]),
        format!("{token}.{signature}"),
        format!("..{token}"),
    ] {
        let (answer, _) = machine.validate_with(&license, json!({ "token": forged })).await;
        answer.expect_invalid(401, BAD_TOKEN);
    }
    // RFC 7515 has no white space in a token; around it there is only that of the envelope.
    let (answer, _) = machine
        .validate_with(&license, json!({ "token": format!(" {token}\n") }))
        .await;
    answer.expect(200);
}

#[tokio::test]
async fn a_token_of_another_service_is_refused() {
    let app = TestApp::start().await;
    let another = Options::default().secrets(ed25519()).start().await;
    let license = app.license().create().await;
    let same_key = another.license().create().await;
    assert_eq!(license.key, same_key.key, "both count their keys from one");
    let (machine, stranger) = (app.machine("a"), another.machine("a"));
    machine.activate(&license).await.expect(200);
    stranger.activate(&same_key).await.expect(200);
    let (answer, _) = machine
        .validate_with(&license, json!({ "token": stranger.token() }))
        .await;
    answer.expect_invalid(401, BAD_TOKEN);
}

#[tokio::test]
async fn after_a_rotation_old_tokens_stay_good_and_new_ones_name_the_new_key() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let old = machine.token();

    app.advance(DAY);
    let mut secrets = secrets().clone();
    keystead_keygen::rotate(&mut secrets.signing, &secrets.root, Algorithm::Rs256, app.now()).expect("a rotation");
    let app = rotated(&app, secrets).await;
    let (answer, _) = app.machine("a").validate_with(&license, json!({ "token": old })).await;
    assert_eq!(answer.expect(200)["token"], old);
    let again = app.machine("a");
    again.activate(&license).await.expect(200);

    let set = jwks(&app).await;
    let kids: Vec<&Value> = set["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["kid"])
        .collect();
    let certificate = app.stranger().get("/getSigningKey").await;
    assert_eq!(
        kids,
        [&certificate.body["kid"], &part(&old, 0)["kid"]],
        "the current one first"
    );
    assert_eq!(part(&again.token(), 0)["kid"], certificate.body["kid"]);
    for token in [&old, &again.token()] {
        assert!(verified(token, &set).is_some());
    }
}

#[tokio::test]
async fn a_vendor_can_choose_ed25519() {
    let app = Options::default().secrets(ed25519()).start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let claims = verified(&machine.token(), &jwks(&app).await).expect("a good token");
    assert_eq!(claims["licenseKey"], license.key);
    machine.validate(&license).await.expect(200);
}

#[tokio::test]
async fn private_halves_are_in_no_answer() {
    let app = TestApp::start().await;
    for path in ["/getSigningKey", "/.well-known/jwks.json"] {
        let body = app.stranger().get(path).await.expect(200).to_string();
        for private in ["\"d\"", "\"p\"", "\"q\"", "PRIVATE", &secrets().root.root_key] {
            assert!(!body.contains(private), "{path} holds {private}");
        }
    }
}

#[test]
fn a_ring_without_a_current_key_is_refused() {
    let mut keys = secrets().signing.signing_keys.clone();
    keys[0].retired_at = Some(epoch());
    assert!(KeyRing::new(&keys).is_err());
}
