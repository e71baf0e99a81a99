//! `POST /api/auth/verify`.

use keystead_tests::{DAY, HOUR, PASSWORD, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, reset, verify};

#[tokio::test]
async fn what_is_mailed_is_good_for_a_while() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    forgot(&app, ANN).await.expect(200);
    let to_reset = app.mailed_token(ANN);
    app.register("slow@example.com").await;
    let to_verify = app.mailed_token("slow@example.com");
    app.advance(HOUR);
    expect_refusal(
        &reset(&app, &to_reset, "another password").await,
        400,
        "Invalid or expired token",
    );
    app.advance(22 * HOUR);
    verify(&app, &to_verify).await.expect(200);
    app.register("late@example.com").await;
    let too_late = app.mailed_token("late@example.com");
    app.advance(DAY);
    expect_refusal(&verify(&app, &too_late).await, 400, "Invalid or expired token");
}

#[tokio::test]
async fn of_several_registrations_that_are_verified_at_once_one_makes_the_account() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for i in 0..5 {
        let who = json!({ "email": ANN, "password": format!("password number {i}") });
        app.stranger().post("/api/auth/register", who).await.expect(200);
        tokens.push(app.mailed_token(ANN));
    }
    let verify_all = tokens.iter().flat_map(|token| [token, token]).map(|token| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { verify(&app, &token).await.status })
    });
    let mut statuses = Vec::new();
    for answer in verify_all.collect::<Vec<_>>() {
        statuses.push(answer.await.expect("an answer"));
    }
    let good: Vec<usize> = (0..5).filter(|i| statuses[2 * i] == 200).collect();
    let [one] = good[..] else { panic!("{statuses:?}") };
    assert_eq!(statuses[2 * one + 1], 200, "the same token twice: {statuses:?}");
    login(&app, ANN, &format!("password number {one}")).await.expect(200);
}

#[tokio::test]
async fn a_mailed_token_is_tried_ten_times_in_a_while() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    forgot(&app, ANN).await.expect(200);
    let token = app.mailed_token(ANN);
    reset(&app, &token, "another password").await.expect(200);
    for _ in 0..9 {
        expect_refusal(&reset(&app, &token, PASSWORD).await, 400, "Invalid or expired token");
    }
    let answer = reset(&app, &token, PASSWORD).await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    // Who signs in meanwhile is not counted with them.
    login(&app, ANN, "another password").await.expect(200);
}
