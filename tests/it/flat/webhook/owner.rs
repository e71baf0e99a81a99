//! The webhook secret of an owner's own store.

use http::Method;
use keystead_tests::{Answer, OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

/// A key for a store of this owner's.
async fn store_key(app: &TestApp, owner: &str) -> String {
    let wanted = json!({ "creatorId": owner, "name": "shop", "purpose": "store" });
    let answer = app.admin().post("/createApiKey", wanted).await;
    let made = answer.expect(200);
    assert_eq!(made["purpose"], "store");
    let key = made["apiKey"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("cgws_") && key.len() == 69, "{key}");
    key
}

async fn tell(app: &TestApp, key: &str, r#type: &str, notice: Value) -> Answer {
    let mut body =
        json!({ "type": r#type, "email": "customer@example.com", "productId": PRODUCT, "purchaseId": "p-1" });
    body.as_object_mut()
        .expect("fields")
        .extend(notice.as_object().expect("fields").clone());
    let headers = [("x-webhook-secret", key)];
    app.stranger()
        .send(&Method::POST, "/cgloungeWebhook", &headers, body.to_string().as_bytes())
        .await
}

#[tokio::test]
async fn a_store_of_an_owner_sells_what_is_theirs() {
    let app = TestApp::start().await;
    let key = store_key(&app, OWNER).await;
    let sold = tell(&app, &key, "purchase.completed", json!({})).await;
    let license = sold.expect(200)["licenseKey"].clone();
    let again = tell(&app, &key, "purchase.completed", json!({})).await;
    assert_eq!(again.expect(200)["duplicate"], true);
    tell(&app, &key, "purchase.refunded", json!({})).await.expect(200);
    let shown = app.admin().post("/getLicense", json!({ "licenseKey": license })).await;
    assert_eq!(shown.expect(200)["license"]["status"], "revoked");
    // In the body, as the deployment's own may be.
    let body = json!({
        "type": "purchase.completed", "email": "a@example.com", "productId": PRODUCT, "webhookSecret": key,
    });
    app.stranger().post("/cgloungeWebhook", body).await.expect(200);
}

#[tokio::test]
async fn a_store_of_an_owner_neither_makes_nor_revokes_what_is_another_s() {
    let app = TestApp::start().await;
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    let license = sold.expect(200)["licenseKey"].clone();
    app.make_product("bobs", "bob", "live").await;
    let bob = store_key(&app, "bob").await;
    for r#type in [
        "purchase.completed",
        "purchase.refunded",
        "purchase.disputed",
        "subscription.renewed",
        "subscription.cancelled",
    ] {
        let foreign = tell(&app, &bob, r#type, json!({ "durationDays": 30 })).await;
        foreign.expect_error(404, "Product not found");
        let unknown = tell(&app, &bob, r#type, json!({ "durationDays": 30, "productId": "none" })).await;
        assert_eq!(foreign.body, unknown.body, "nor does it learn that there is one");
    }
    // The same id of a purchase of its own is another purchase.
    let own = tell(&app, &bob, "purchase.completed", json!({ "productId": "bobs" })).await;
    assert_ne!(own.expect(200)["licenseKey"], license);
    let shown = app.admin().post("/getLicense", json!({ "licenseKey": license })).await;
    assert_eq!(shown.expect(200)["license"]["status"], "active");
}

#[tokio::test]
async fn a_store_s_key_opens_the_webhook_alone_and_no_other_key_does() {
    let app = TestApp::start().await;
    let key = store_key(&app, OWNER).await;
    let alice = app.creator(OWNER).await;
    let listed = app.stranger().post("/listLicenses", json!({ "apiKey": key })).await;
    listed.expect(401);
    tell(&app, &alice.api_key, "purchase.completed", json!({}))
        .await
        .expect(401);
    // With the other's prefix, neither is one of the kind.
    app.is_no_credential("cgls_of-a-store");
    tell(
        &app,
        &key.replacen("cgws_", "cgls_", 1),
        "purchase.completed",
        json!({}),
    )
    .await
    .expect(401);
    let listed = app.admin().post("/listApiKeys", json!({ "creatorId": OWNER })).await;
    let keys = listed.expect(200)["keys"].clone();
    let purposes: Vec<&Value> = keys
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["purpose"])
        .collect();
    assert!(
        purposes.contains(&&json!("store")) && purposes.contains(&&Value::Null),
        "{keys}"
    );

    app.admin()
        .post("/revokeApiKey", json!({ "apiKey": key }))
        .await
        .expect(200);
    tell(&app, &key, "purchase.completed", json!({})).await.expect(401);
}

#[tokio::test]
async fn a_wrong_webhook_secret_has_nothing_looked_up() {
    let app = TestApp::start().await;
    app.faults.calls();
    tell(
        &app,
        "wrong-but-long-enough-to-be-a-secret",
        "purchase.completed",
        json!({}),
    )
    .await
    .expect(401);
    assert_eq!(app.faults.calls().len(), 0);
}
