//! `POST /api/auth/logout`.

use keystead_tests::{Person, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, me};

#[tokio::test]
async fn a_token_is_dead_once_its_holder_has_signed_out() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let elsewhere = Person::sign_in(&app, ANN).await;
    ann.get("/api/auth/me").await.expect(200);
    let answer = ann.post("/api/auth/logout", json!({})).await;
    answer.expect_body(200, &json!({ "success": true }));
    assert_eq!(
        answer.header("set-cookie"),
        "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    let stolen = format!("session={}", ann.token);
    expect_refusal(&me(&app, &[("cookie", &stolen)]).await, 401, "Unauthorized");
    expect_refusal(&ann.post("/api/auth/logout", json!({})).await, 401, "Unauthorized");
    // Another login of the same account goes on.
    elsewhere.get("/api/auth/me").await.expect(200);
}
