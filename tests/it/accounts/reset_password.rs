//! `POST /api/auth/reset-password`.

use keystead_tests::{PASSWORD, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, guess_from_everywhere, login, reset};

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
    assert_eq!(
        reset(&app, &token, "another password").await.expect(200)["success"],
        true
    );
    expect_refusal(
        &reset(&app, &token, "a third password").await,
        400,
        "Invalid or expired token",
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    expect_refusal(&login(&app, ANN, PASSWORD).await, 401, "Wrong email or password");
    login(&app, ANN, "another password").await.expect(200);
    // Whoever set it, the account's holder is told.
    assert_eq!(
        app.mailed_subjects(ANN),
        ["Choose a password", "Set a new password", "Your password was changed"]
    );
}

#[tokio::test]
async fn a_password_set_by_many_at_once_is_set_by_one() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    forgot(&app, ANN).await.expect(200);
    let token = app.mailed_token(ANN);
    let set = |i: usize| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { (i, reset(&app, &token, &format!("passphrase number {i}")).await.status) })
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
    let [one] = set_by[..] else { panic!("set by {set_by:?}") };
    login(&app, ANN, &format!("passphrase number {one}")).await.expect(200);
}

/// Guesses from all over the world close an account to devices that it does not know. Its mailbox opens it.
#[tokio::test]
async fn strangers_keep_nobody_out_who_reads_the_mailbox() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    guess_from_everywhere(&app, ANN).await;
    login(&app, ANN, PASSWORD).await.expect(429);
    forgot(&app, ANN).await.expect(200);
    let set = reset(&app, &app.mailed_token(ANN), "another password").await;
    let device = set.expect(200)["deviceToken"].clone();
    guess_from_everywhere(&app, ANN).await;
    login(&app, ANN, "another password").await.expect(429);
    let who = json!({ "email": ANN, "password": "another password", "deviceToken": device });
    app.stranger().post("/api/auth/login", who).await.expect(200);
}
