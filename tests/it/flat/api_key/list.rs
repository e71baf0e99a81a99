//! `GET|POST /listApiKeys`.

use keystead_tests::{MINUTE, OWNER, TestApp, secrets};
use serde_json::json;

use super::hash;

#[tokio::test]
async fn keys_are_listed_by_their_hashes_newest_first_and_never_shown() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    app.advance(MINUTE);
    let bob = app.creator("bob").await;
    let answer = app.admin().post("/listApiKeys", json!({})).await;
    answer.expect_body(
        200,
        &json!({
            "success": true,
            "count": 2,
            "keys": [
                {
                    "hash": hash(&bob), "name": "script", "creatorId": "bob", "active": true,
                    "createdAt": "2030-01-01T00:01:00.000Z",
                },
                {
                    "hash": hash(&alice), "name": "script", "creatorId": "alice", "active": true,
                    "createdAt": "2030-01-01T00:00:00.000Z",
                },
            ],
        }),
    );
    assert!(!answer.body.to_string().contains("cgls_"));
    for hash in [hash(&alice), hash(&bob)] {
        assert_eq!(hash.len(), 64);
    }
}

#[tokio::test]
async fn an_owner_s_keys_are_listed_alone_and_by_a_get_as_well() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    app.creator(OWNER).await;
    let answer = app.admin().post("/listApiKeys", json!({ "creatorId": "bob" })).await;
    assert_eq!(answer.expect(200)["count"], 1);
    assert_eq!(answer.body["keys"][0]["hash"], hash(&bob));
    let answer = app.admin().post("/listApiKeys", json!({ "creatorId": "nobody" })).await;
    answer.expect_body(200, &json!({ "success": true, "count": 0, "keys": [] }));
    let secret = &secrets().credentials.admin_secret;
    for (query, count) in [("", 2), ("&creatorId=bob", 1), ("&creatorId=", 2)] {
        let path = format!("/listApiKeys?adminSecret={secret}{query}");
        assert_eq!(app.stranger().get(&path).await.expect(200)["count"], count);
    }
}
