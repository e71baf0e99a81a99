//! `POST /api/auth/reset-password`.

use keystead_tests::{MINUTE, PASSWORD, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, reset};

#[tokio::test]
async fn a_forgotten_password_is_set_once_and_ends_every_login() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    forgot(&app, "ANN@example.com").await.expect(200);
    let token = app.mailed_token(ANN);
    expect_refusal(
        &reset(&app, &token, "short").await,
        400,
        "Invalid password: must be 8 to 256 characters",
    );
    reset(&app, &token, "another password")
        .await
        .expect_body(200, &json!({ "success": true }));
    expect_refusal(
        &reset(&app, &token, "a third password").await,
        400,
        "Invalid or expired token",
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    expect_refusal(&login(&app, ANN, PASSWORD).await, 401, "Wrong email or password");
    login(&app, ANN, "another password").await.expect(200);
}

#[tokio::test]
async fn a_password_set_by_many_at_once_is_set_by_one() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    forgot(&app, ANN).await.expect(200);
    let token = app.mailed_token(ANN);
    let set = |i: usize| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { (i, reset(&app, &token, &format!("password number {i}")).await.status) })
    };
    let mut set_by = Vec::new();
    for answer in (0..16).map(set).collect::<Vec<_>>() {
        let (i, status) = answer.await.expect("an answer");
        if status == 200 {
            set_by.push(i);
        } else {
            // As many as may be tried were told that the token was used.
            assert!(status == 400 || status == 429, "{status}");
        }
    }
    app.advance(15 * MINUTE);
    let [one] = set_by[..] else { panic!("set by {set_by:?}") };
    login(&app, ANN, &format!("password number {one}")).await.expect(200);
}
