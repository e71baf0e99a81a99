//! The dashboard API: `/v1/...`.

mod api_key;
mod auth;
mod authorize;
mod blacklist;
mod invite;
mod license;
mod license_import;
mod license_reports;
mod license_search;
mod member;
mod operator;
mod organisation;
mod permissions;
mod product;
mod product_licenses;
mod roles;

use http::Method;
use keystead_tests::{Answer, Person, TestApp};
use serde_json::{Value, json};

/// Asserts a refusal with this status, code and text.
#[track_caller]
fn expect_refusal(answer: &Answer, status: u16, code: &str, message: &str) {
    let error = &answer.expect(status)["error"];
    assert_eq!((&error["code"], &error["message"]), (&json!(code), &json!(message)));
}

/// The path of an organisation, and what stands under it.
fn of(org: &str, rest: &str) -> String {
    format!("/v1/dashboard/orgs/{org}{rest}")
}

/// Somebody who becomes a member, with this role.
async fn joined(app: &TestApp, by: &Person, org: &str, name: &str, role: &str) -> Person {
    let person = app.person(&format!("{name}@example.com")).await;
    by.invite(org, &person.email, role).await;
    let token = json!({ "token": app.mailed_token(&person.email) });
    person.post("/v1/dashboard/invites/accept", token).await.expect(200);
    person
}

/// The members of an organisation, as `asker` sees them.
async fn members(asker: &Person, org: &str) -> Vec<Value> {
    let listed = asker.get(&of(org, "/members")).await;
    listed.expect(200)["data"]["members"]
        .as_array()
        .expect("a list")
        .clone()
}

/// The id of a member.
async fn member_id(asker: &Person, org: &str, email: &str) -> String {
    let members = members(asker, org).await;
    let member = members.iter().find(|member| member["email"] == email);
    member.expect("a member")["id"].as_str().expect("an id").to_owned()
}

/// The path of a product, and what stands under it.
fn product_path(product: &str, rest: &str) -> String {
    format!("/v1/dashboard/products/{product}{rest}")
}

/// What the holder of an API key of a product gets.
async fn with_key(app: &TestApp, key: &str, method: &str, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {key}");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let body = if method == Method::GET {
        String::new()
    } else {
        body.to_string()
    };
    let headers = [("authorization", bearer.as_str())];
    app.stranger().send(&method, path, &headers, body.as_bytes()).await
}
