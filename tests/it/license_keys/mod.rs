//! The license-keys API: `/api/license-keys/...`.

mod events;
mod key;
mod list;
mod reset;
mod shuffle;
mod validate;

use keystead_tests::{Answer, OWNER, PRODUCT, Person, TestApp, TestLicense};
use serde_json::{Value, json};

const BUYER: &str = "customer@example.com";

async fn validate(app: &TestApp, key: &str, hwid: Option<&str>) -> Answer {
    let body = json!({ "key": key, "hwid": hwid });
    app.stranger().post("/api/license-keys/validate", body).await
}

/// Asserts that the key is good, and answers the body.
async fn good(app: &TestApp, key: &str, hwid: Option<&str>) -> Value {
    let answer = validate(app, key, hwid).await;
    assert_eq!(answer.expect(200)["valid"], true, "{}", answer.body);
    answer.body
}

async fn expect_bad(app: &TestApp, key: &str, hwid: Option<&str>, status: &str, reason: &str) {
    let bad = json!({ "valid": false, "status": status, "reason": reason, "key": key });
    validate(app, key, hwid).await.expect_body(200, &bad);
}

#[track_caller]
fn expect_refusal(answer: &Answer, status: u16, text: &str) {
    answer.expect_body(status, &json!({ "error": text }));
}

async fn update_product(app: &TestApp, change: Value) {
    let mut body = json!({ "productId": PRODUCT });
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    app.admin().post("/updateProduct", body).await.expect(200);
}

async fn grouped(app: &TestApp) -> TestLicense {
    app.license().with("keyFormat", "grouped").create().await
}

async fn shuffle(buyer: &Person, license: &TestLicense) -> TestLicense {
    let answer = buyer
        .post("/api/license-keys/shuffle", json!({ "key": license.key }))
        .await;
    let key = answer.expect(200)["key"].as_str().expect("a key").to_owned();
    TestLicense { key }
}

/// The types of the events that a seller is shown.
async fn events(app: &TestApp, id: &str) -> Vec<Value> {
    let seller = seller(app).await;
    let answer = seller.get(&format!("/api/license-keys/{id}/events")).await;
    answer.expect(200).as_array().expect("a bare array").clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect()
}

async fn seller(app: &TestApp) -> Person {
    let email = "seller@example.com";
    let member = json!({ "creatorId": OWNER, "email": email, "role": "viewer" });
    app.admin().post("/addMember", member).await.expect(200);
    let known = keystead_core::value::email::Email::parse(email).expect("an address");
    match app.cx.store.account_get(&known).await.expect("a read") {
        Some(_) => Person::sign_in(app, email).await,
        None => app.person(email).await,
    }
}
