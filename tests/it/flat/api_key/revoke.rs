//! `POST /revokeApiKey`.

use keystead_tests::{OWNER, TestApp};
use serde_json::{Value, json};

use super::hash;

async fn revoke(app: &TestApp, asked: Value) {
    let answer = app.admin().post("/revokeApiKey", asked).await;
    answer.expect_body(200, &json!({ "success": true }));
}

#[tokio::test]
async fn a_revoked_key_lets_nobody_in_from_the_next_call_on() {
    let app = TestApp::start().await;
    for by in ["hash", "keyHash", "apiKey", "key"] {
        let (alice, other) = (app.creator(OWNER).await, app.creator(OWNER).await);
        alice.post("/listProducts", json!({})).await.expect(200);
        let named = if by.to_lowercase().contains("hash") {
            hash(&alice)
        } else {
            alice.api_key.clone()
        };
        revoke(&app, json!({ by: named })).await;
        let answer = alice.post("/listProducts", json!({})).await;
        answer.expect_refusal(401, "Unauthorized");
        other.post("/listProducts", json!({})).await.expect(200);
        // A second time changes nothing.
        revoke(&app, json!({ by: named })).await;
        alice.post("/listProducts", json!({})).await.expect(401);
    }
    let answer = app.admin().post("/listApiKeys", json!({})).await;
    let keys = answer.expect(200)["keys"].as_array().expect("a list");
    let active = keys.iter().filter(|key| key["active"] == true).count();
    assert_eq!((keys.len(), active), (8, 4));
}

#[tokio::test]
async fn a_hash_is_found_in_either_case_and_with_blanks_around() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    revoke(
        &app,
        json!({ "hash": format!(" {} ", hash(&alice).to_uppercase()), "apiKey": "" }),
    )
    .await;
    alice.post("/listProducts", json!({})).await.expect(401);
    let bob = app.creator("bob").await;
    revoke(&app, json!({ "hash": null, "apiKey": format!(" {} ", bob.api_key) })).await;
    bob.post("/listProducts", json!({})).await.expect(401);
}

#[tokio::test]
async fn a_revocation_needs_a_key_that_there_is() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    app.is_no_credential(&hash(&alice));
    let missing = "Missing required fields: hash or apiKey";
    for asked in [json!({}), json!({ "hash": "", "apiKey": " " }), json!({ "hash": null })] {
        let answer = app.admin().post("/revokeApiKey", asked).await;
        answer.expect_refusal(400, missing);
    }
    for asked in [
        json!({ "hash": "0".repeat(64) }),
        json!({ "hash": "short" }),
        json!({ "hash": alice.api_key }),
        json!({ "apiKey": hash(&alice) }),
        json!({ "apiKey": format!("cgls_{}", "0".repeat(64)) }),
        json!({ "key": "x" }),
    ] {
        let answer = app.admin().post("/revokeApiKey", asked).await;
        answer.expect_refusal(404, "API key not found");
    }
    alice.post("/listProducts", json!({})).await.expect(200);
}

#[tokio::test]
async fn no_api_key_manages_api_keys_not_even_itself() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for (path, asked) in [
        ("/listApiKeys", json!({ "creatorId": OWNER })),
        ("/revokeApiKey", json!({})),
        ("/revokeApiKey", json!({ "hash": hash(&alice) })),
    ] {
        alice.post(path, asked).await.expect_refusal(401, "Unauthorized");
    }
    let headers = [("x-api-key", alice.api_key.as_str())];
    let answer = app
        .stranger()
        .send(&http::Method::GET, "/listApiKeys", &headers, b"")
        .await;
    answer.expect_refusal(401, "Unauthorized");
    alice.post("/listProducts", json!({})).await.expect(200);
}
