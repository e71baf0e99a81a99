//! `POST /api/auth/verify`.

use keystead_tests::{DAY, HOUR, PASSWORD, TestApp};

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
    verify(&app, &to_verify, PASSWORD).await.expect(200);
    app.register("late@example.com").await;
    let too_late = app.mailed_token("late@example.com");
    app.advance(DAY);
    expect_refusal(
        &verify(&app, &too_late, PASSWORD).await,
        400,
        "Invalid or expired token",
    );
}

#[tokio::test]
async fn of_several_tokens_that_are_used_at_once_one_makes_the_account() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        app.register(ANN).await;
        tokens.push(app.mailed_token(ANN));
    }
    let at_once = tokens.iter().flat_map(|token| (0..4).map(move |i| (token, i)));
    let at_once = at_once.map(|(token, i)| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move {
            let password = format!("passphrase number {token} {i}");
            (verify(&app, &token, &password).await.status, password)
        })
    });
    let mut set_by = Vec::new();
    for answer in at_once.collect::<Vec<_>>() {
        let (status, password) = answer.await.expect("an answer");
        if status == 200 {
            set_by.push(password);
        } else {
            assert_eq!(status, 400);
        }
    }
    let [one] = &set_by[..] else {
        panic!("set by {set_by:?}")
    };
    login(&app, ANN, one).await.expect(200);
}

/// A reply may be lost, and a page may post twice.
#[tokio::test]
async fn the_same_token_with_the_same_password_is_answered_the_same_also_at_once() {
    let app = TestApp::start().await;
    app.register(ANN).await;
    let token = app.mailed_token(ANN);
    let twice = (0..2).map(|_| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { verify(&app, &token, PASSWORD).await.status })
    });
    for answer in twice.collect::<Vec<_>>() {
        assert_eq!(answer.await.expect("an answer"), 200);
    }
    verify(&app, &token, PASSWORD).await.expect(200);
    expect_refusal(
        &verify(&app, &token, "another password").await,
        400,
        "Invalid or expired token",
    );
    login(&app, ANN, PASSWORD).await.expect(200);
    // Once the password is another, the token says nothing of it.
    forgot(&app, ANN).await.expect(200);
    let newer = app.mailed_token(ANN);
    reset(&app, &newer, "a third password").await.expect(200);
    for password in [PASSWORD, "a third password"] {
        expect_refusal(&verify(&app, &token, password).await, 400, "Invalid or expired token");
    }
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

#[tokio::test]
async fn a_token_that_nobody_was_mailed_writes_nothing() {
    let app = TestApp::start().await;
    for token in ["A".repeat(43), "_".repeat(43)] {
        app.is_no_credential(&token);
        expect_refusal(&verify(&app, &token, PASSWORD).await, 400, "Invalid or expired token");
    }
    expect_refusal(
        &verify(&app, "short", PASSWORD).await,
        400,
        "Invalid token: must be a token of 43 characters",
    );
    let (_, items) = app.database.answer("Scan", br#"{ "TableName": "rate-limits" }"#);
    assert!(String::from_utf8_lossy(&items).contains("\"Count\":0"));
}
