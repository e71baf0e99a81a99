//! `GET /.well-known/jwks.json`.

use keystead_tests::{Answer, TestApp, secrets};
use serde_json::json;

#[tokio::test]
async fn the_key_set_holds_the_same_key_as_any_jwt_library_reads_it() {
    let app = TestApp::start().await;
    let answer = app.stranger().get("/.well-known/jwks.json").await;
    let jwk = &secrets().signing.signing_keys[0].jwk;
    answer.expect_body(
        200,
        &json!({ "keys": [
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": jwk.kid, "n": jwk.n, "e": "AQAB" },
        ] }),
    );
}

#[tokio::test]
async fn both_may_be_kept_for_a_while_and_nothing_else_may() {
    let app = TestApp::start().await;
    let cache = |answer: &Answer| answer.header("cache-control").to_owned();
    for path in ["/getSigningKey", "/.well-known/jwks.json"] {
        assert_eq!(cache(&app.stranger().get(path).await), "public, max-age=300");
    }
    let license = app.license().create().await;
    assert_eq!(cache(&app.machine("a").activate(&license).await), "no-store");
    assert_eq!(
        cache(&app.stranger().post("/getSigningKey", json!([])).await),
        "no-store",
        "a refusal"
    );
}
