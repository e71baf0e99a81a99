//! `POST /createApiKey`.

use keystead_core::{ids::Ids, owner::api_key::RawApiKey, store::schema};
use keystead_tests::{OWNER, TestApp};
use serde_json::json;

#[tokio::test]
async fn the_raw_key_is_shown_once() {
    let app = TestApp::start().await;
    let wanted = json!({ "creatorId": "bob", "name": "release script" });
    let answer = app.admin().post("/createApiKey", wanted).await;
    let key = answer.expect(200)["apiKey"].as_str().expect("a key");
    answer.expect_body(
        200,
        &json!({ "success": true, "apiKey": key, "name": "release script", "creatorId": "bob" }),
    );
    let digits = key.strip_prefix("cgls_").expect("its prefix");
    assert_eq!(digits.len(), 64);
    assert!(digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')), "{key}");
}

#[tokio::test]
async fn only_a_hash_is_stored() {
    let app = TestApp::start().await;
    let raw = app.creator("bob").await.api_key;
    for table in schema::ALL {
        let scan = json!({ "TableName": table.name }).to_string();
        let (status, items) = app.database.answer("Scan", scan.as_bytes());
        assert_eq!(status, 200);
        assert!(
            !String::from_utf8_lossy(&items).contains(&raw["cgls_".len()..]),
            "{}",
            table.name
        );
    }
    let hash = RawApiKey::parse(&raw).expect("a key").hash();
    let stored = app
        .cx
        .store
        .api_key_by_hash_unscoped(&hash)
        .await
        .expect("a read")
        .expect("the key is there");
    assert_eq!(stored.key_hash.as_str().len(), 64, "SHA-256 in hex");
    assert!(stored.active);
    assert_eq!(stored.created_at, app.now());
}

#[tokio::test]
async fn owner_and_name_are_required() {
    let app = TestApp::start().await;
    for body in [
        json!({}),
        json!({ "creatorId": "bob" }),
        json!({ "name": "script" }),
        json!({ "creatorId": " ", "name": "script" }),
        json!({ "creatorId": "bob", "name": null }),
    ] {
        let answer = app.admin().post("/createApiKey", body).await;
        answer.expect_refusal(400, "Missing required fields: creatorId, name");
    }
}

#[tokio::test]
async fn only_the_admin_secret_makes_keys() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    let wanted = json!({ "creatorId": OWNER, "name": "one more" });
    alice
        .post("/createApiKey", wanted.clone())
        .await
        .expect_refusal(401, "Unauthorized");
    app.stranger()
        .post("/createApiKey", wanted)
        .await
        .expect_refusal(401, "Unauthorized");
}

#[tokio::test]
async fn every_key_lets_its_owner_in_beside_the_others() {
    let app = TestApp::start().await;
    let (one, two) = (app.creator("bob").await, app.creator("bob").await);
    assert_ne!(one.api_key, two.api_key);
    for creator in [one, two] {
        creator.post("/listProducts", json!({})).await.expect(200);
    }
}

#[test]
fn keys_are_random_outside_of_tests() {
    let ids = Ids::random();
    let (one, two) = (
        RawApiKey::new(&ids).expect("a key"),
        RawApiKey::new(&ids).expect("a key"),
    );
    assert_ne!(one.reveal(), two.reveal());
    let leading = |key: &RawApiKey| key.reveal()["cgls_".len()..][..16].to_owned();
    assert_ne!(leading(&one), leading(&two));
}
