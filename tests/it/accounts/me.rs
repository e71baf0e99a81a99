//! `GET /api/auth/me`, and what lets somebody in.

use keystead_core::store::schema;
use keystead_tests::{PASSWORD, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, me, reset, verify};

#[tokio::test]
async fn no_other_token_of_ours_signs_anybody_in() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let mailed = app.mailed_token(ANN);
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let forged = format!("{}x", &ann.token[..ann.token.len() - 1]);
    let (head, rest) = ann.token.split_once('.').expect("a header");
    let unsigned = format!("{head}.{}.", rest.split('.').next().expect("a payload"));
    for token in [mailed.as_str(), &machine.token(), &forged, &unsigned, "", "a.b.c"] {
        let bearer = format!("Bearer {token}");
        expect_refusal(&me(&app, &[("authorization", &bearer)]).await, 401, "Unauthorized");
    }
    // Nor does a login's token do what is mailed for.
    for answer in [
        verify(&app, &ann.token, PASSWORD).await,
        reset(&app, &ann.token, "another password").await,
    ] {
        expect_refusal(&answer, 400, "Invalid token: must be a token of 43 characters");
    }
    expect_refusal(
        &reset(&app, &mailed, "another password").await,
        400,
        "Invalid or expired token",
    );
}

#[tokio::test]
async fn nothing_of_a_password_or_a_login_is_stored_or_logged() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    ann.get("/api/auth/me").await.expect(200);
    let mut written = app.cx.log.written();
    for table in schema::ALL {
        let (status, items) = app
            .database
            .answer("Scan", json!({ "TableName": table.name }).to_string().as_bytes());
        assert_eq!(status, 200);
        written.push_str(&String::from_utf8_lossy(&items));
    }
    assert!(written.contains("$argon2id$v=19$"), "the hash is there");
    let signature = ann.token.rsplit('.').next().expect("a signature");
    for secret in [PASSWORD, signature] {
        assert!(!written.contains(secret));
    }
}
