//! `POST /api/auth/change-email` and `POST /api/auth/confirm-email`.

use keystead_tests::{HOUR, PASSWORD, Person, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, me, reset, verify};

const NEW: &str = "ann@new.example";

async fn change(person: &Person, email: &str, password: &str) -> keystead_tests::Answer {
    let body = json!({ "email": email, "password": password });
    person.post("/api/auth/change-email", body).await
}

async fn confirm(person: &Person, token: &str) -> keystead_tests::Answer {
    person.post("/api/auth/confirm-email", json!({ "token": token })).await
}

#[tokio::test]
async fn an_account_gets_another_address_once_the_new_mailbox_has_spoken() {
    let app = TestApp::start().await;
    let license = app.license().with("email", ANN).create().await;
    let ann = app.person(ANN).await;
    expect_refusal(
        &change(&ann, NEW, "wrong password").await,
        400,
        "Invalid password: must be the account's password",
    );
    change(&ann, NEW, PASSWORD)
        .await
        .expect_body(200, &json!({ "success": true }));
    let token = app.mailed_token(NEW);
    // The new mailbox alone moves nothing: it may be a stranger's, whose address was typed by mistake.
    let alone = app
        .stranger()
        .post("/api/auth/confirm-email", json!({ "token": token }))
        .await;
    expect_refusal(&alone, 401, "Unauthorized");
    let other = app.person("bob@example.com").await;
    expect_refusal(&confirm(&other, &token).await, 400, "Invalid or expired token");
    ann.get("/api/auth/me").await.expect(200);
    confirm(&ann, &token)
        .await
        .expect_body(200, &json!({ "success": true }));
    // The old address is told, and every session is over.
    assert_eq!(
        app.mailed_subjects(ANN).last().map(String::as_str),
        Some("The address of your account was changed")
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    expect_refusal(&login(&app, ANN, PASSWORD).await, 401, "Wrong email or password");
    let ann = Person::sign_in(&app, NEW).await;
    let bearer = format!("Bearer {}", ann.token);
    assert_eq!(me(&app, &[("authorization", &bearer)]).await.expect(200)["email"], NEW);
    expect_refusal(&confirm(&ann, &token).await, 400, "Invalid or expired token");
    // What was bought with the old address is still theirs.
    let listed = ann.get(&format!("/api/license-keys?email={ANN}")).await;
    assert_eq!(listed.expect(200)["licenseKeys"][0]["key"], license.key);
    assert_eq!(listed.body["formerEmails"], json!([ANN]));
    let shuffle = json!({ "key": license.key });
    ann.post("/api/license-keys/shuffle", shuffle).await.expect(200);
}

/// Who took an account over and moved it away has what was bought with the old address only until its owner comes back.
#[tokio::test]
async fn who_reads_the_old_mailbox_takes_back_what_was_bought_with_it() {
    let app = TestApp::start().await;
    let license = app.license().with("email", ANN).create().await;
    let thief = app.person(ANN).await;
    change(&thief, "thief@example.com", PASSWORD).await.expect(200);
    confirm(&thief, &app.mailed_token("thief@example.com"))
        .await
        .expect(200);
    let thief = Person::sign_in(&app, "thief@example.com").await;
    app.advance(HOUR);
    let ann = app.person(ANN).await;
    let reset = json!({ "key": license.key });
    expect_refusal(
        &thief.post("/api/license-keys/shuffle", reset.clone()).await,
        403,
        "Forbidden",
    );
    let listed = thief.get(&format!("/api/license-keys?email={ANN}")).await;
    expect_refusal(&listed, 400, "Invalid email: must be an address of your account");
    ann.post("/api/license-keys/shuffle", reset).await.expect(200);
}

#[tokio::test]
async fn an_address_that_is_another_account_s_stays_so() {
    let app = TestApp::start().await;
    let bob = app.person("bob@example.com").await;
    let ann = app.person(ANN).await;
    change(&ann, "bob@example.com", PASSWORD)
        .await
        .expect_body(200, &json!({ "success": true }));
    let mails = app.mails.mails();
    let last = mails.last().expect("a mail");
    assert_eq!(last.to.as_str(), "bob@example.com");
    assert_eq!(keystead_tests::token_in(&last.text), None, "{}", last.text);
    bob.get("/api/auth/me").await.expect(200);
    // An account that is made between the mail and the confirmation is not written over either.
    change(&ann, NEW, PASSWORD).await.expect(200);
    let token = app.mailed_token(NEW);
    app.register(NEW).await;
    verify(&app, &app.mailed_token(NEW), "a chosen password")
        .await
        .expect(200);
    expect_refusal(&confirm(&ann, &token).await, 400, "Invalid or expired token");
    login(&app, NEW, "a chosen password").await.expect(200);
    login(&app, ANN, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_new_password_takes_back_a_change_of_address_that_is_not_confirmed() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    change(&ann, NEW, PASSWORD).await.expect(200);
    let token = app.mailed_token(NEW);
    forgot(&app, ANN).await.expect(200);
    reset(&app, &app.mailed_token(ANN), "another password")
        .await
        .expect(200);
    let who = json!({ "email": ANN, "password": "another password" });
    let signed_in = app.stranger().post("/api/auth/login", who).await;
    let bearer = format!("Bearer {}", signed_in.expect(200)["token"].as_str().expect("a token"));
    let body = json!({ "token": token }).to_string();
    let headers = [("authorization", bearer.as_str())];
    let confirmed = app
        .stranger()
        .send(
            &http::Method::POST,
            "/api/auth/confirm-email",
            &headers,
            body.as_bytes(),
        )
        .await;
    expect_refusal(&confirmed, 400, "Invalid or expired token");
}

#[tokio::test]
async fn two_accounts_that_move_to_one_address_at_once_are_not_made_one() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.person(ANN).await, app.person("bob@example.com").await);
    change(&ann, NEW, PASSWORD).await.expect(200);
    let of_ann = app.mailed_token(NEW);
    change(&bob, NEW, PASSWORD).await.expect(200);
    let of_bob = app.mailed_token(NEW);
    let (first, second) = tokio::join!(confirm(&ann, &of_ann), confirm(&bob, &of_bob));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    login(&app, NEW, PASSWORD).await.expect(200);
    let stayed = if first.status == 200 { "bob@example.com" } else { ANN };
    login(&app, stayed, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_letter_case_of_an_address_is_changed_in_place() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    change(&ann, "Ann@Example.com", PASSWORD).await.expect(200);
    confirm(&ann, &app.mailed_token("Ann@Example.com")).await.expect(200);
    let ann = Person::sign_in(&app, ANN).await;
    assert_eq!(ann.get("/api/auth/me").await.expect(200)["email"], "Ann@Example.com");
}
