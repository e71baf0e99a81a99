//! `POST /api/auth/change-password`.

use keystead_tests::{PASSWORD, Person, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, reset};

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_every_other_session_ends() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let elsewhere = Person::sign_in(&app, ANN).await;
    forgot(&app, ANN).await.expect(200);
    let mailed = app.mailed_token(ANN);
    let change = async |current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "password": new });
        ann.post("/api/auth/change-password", body).await
    };
    expect_refusal(
        &change("wrong password", "another password").await,
        400,
        "Invalid currentPassword: must be the account's password",
    );
    expect_refusal(
        &change(PASSWORD, "password1").await,
        400,
        "Invalid password: must be one that is not easily guessed",
    );
    elsewhere.get("/api/auth/me").await.expect(200);
    change(PASSWORD, "another password")
        .await
        .expect_body(200, &json!({ "success": true }));
    ann.get("/api/auth/me").await.expect(200);
    expect_refusal(&elsewhere.get("/api/auth/me").await, 401, "Unauthorized");
    expect_refusal(&login(&app, ANN, PASSWORD).await, 401, "Wrong email or password");
    login(&app, ANN, "another password").await.expect(200);
    assert_eq!(
        app.mailed_subjects(ANN).last().map(String::as_str),
        Some("Your password was changed")
    );
    // What was mailed before is dead with the old password.
    expect_refusal(
        &reset(&app, &mailed, "a third password").await,
        400,
        "Invalid or expired token",
    );
}

#[tokio::test]
async fn who_has_a_session_alone_guesses_ten_times_and_keeps_its_holder_from_nothing() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let thief = Person::sign_in(&app, ANN).await;
    let change = |current: &str| json!({ "currentPassword": current, "password": "another password" });
    for _ in 0..10 {
        thief
            .post("/api/auth/change-password", change("wrong password"))
            .await
            .expect(400);
    }
    let answer = thief.post("/api/auth/change-password", change(PASSWORD)).await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    ann.post("/api/auth/change-password", change(PASSWORD))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_password_that_two_change_at_once_is_changed_by_one() {
    let app = TestApp::start().await;
    let (ann, also_ann) = (app.person(ANN).await, Person::sign_in(&app, ANN).await);
    let change = |new: &str| json!({ "currentPassword": PASSWORD, "password": new });
    let (first, second) = tokio::join!(
        ann.post("/api/auth/change-password", change("another password")),
        also_ann.post("/api/auth/change-password", change("a third password")),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let set = if first.status == 200 {
        "another password"
    } else {
        "a third password"
    };
    login(&app, ANN, set).await.expect(200);
}
