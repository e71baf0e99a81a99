//! `POST /api/auth/register`.

use keystead_tests::{PASSWORD, TestApp};
use serde_json::{Value, json};

use super::{ANN, expect_refusal, login, me, verify};

#[tokio::test]
async fn someone_registers_verifies_their_address_and_signs_in() {
    let app = TestApp::start().await;
    app.register("Ann@Example.com").await;
    let mails = app.mails.mails();
    assert_eq!(
        (mails.len(), mails[0].to.as_str(), mails[0].subject.as_str()),
        (1, "Ann@Example.com", "Verify your email address")
    );
    let token = app.mailed_token("Ann@Example.com");
    // The link may be followed twice.
    for _ in 0..2 {
        verify(&app, &token).await.expect_body(200, &json!({ "success": true }));
    }
    let answer = login(&app, " ann@example.com ", PASSWORD).await;
    let body = answer.expect(200);
    assert_eq!(body["success"], true);
    assert_eq!(body["expiresAt"], "2030-01-15T00:00:00.000Z");
    let token = body["token"].as_str().expect("a token");
    let cookie = answer.header("set-cookie");
    assert_eq!(
        cookie,
        format!("session={token}; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let bearer = format!("Bearer {token}");
    let lower = format!("bearer {token}");
    let in_cookie = format!("theme=dark; session={token}; a=b");
    for header in [
        ("authorization", bearer.as_str()),
        ("authorization", lower.as_str()),
        ("cookie", in_cookie.as_str()),
    ] {
        let answer = me(&app, &[header]).await;
        assert_eq!(
            (&answer.expect(200)["email"], &answer.body["emailVerified"]),
            (&json!("Ann@Example.com"), &json!(true)),
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn whoever_asks_with_another_s_address_gets_nothing_of_it_be_it_first_or_last() {
    let theirs = json!({ "email": ANN, "password": "a thief's password" });
    for thief_is_first in [true, false] {
        let app = TestApp::start().await;
        let steal = async || {
            app.stranger()
                .post("/api/auth/register", theirs.clone())
                .await
                .expect(200);
            app.mailed_token(ANN)
        };
        let own = async || {
            app.register(ANN).await;
            app.mailed_token(ANN)
        };
        let (own, stolen) = if thief_is_first {
            let stolen = steal().await;
            (own().await, stolen)
        } else {
            let own = own().await;
            (own, steal().await)
        };
        // Nobody is let in before the mailbox's owner has said so.
        for password in [PASSWORD, "a thief's password"] {
            expect_refusal(&login(&app, ANN, password).await, 401, "Wrong email or password");
        }
        verify(&app, &own).await.expect(200);
        login(&app, ANN, PASSWORD).await.expect(200);
        expect_refusal(
            &login(&app, ANN, "a thief's password").await,
            401,
            "Wrong email or password",
        );
        // What was mailed for the thief is good for nothing now, and neither is another try.
        expect_refusal(&verify(&app, &stolen).await, 400, "Invalid or expired token");
        let again = app.stranger().post("/api/auth/register", theirs.clone()).await;
        again.expect(200);
        expect_refusal(
            &login(&app, ANN, "a thief's password").await,
            401,
            "Wrong email or password",
        );
        login(&app, ANN, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn a_letter_that_lowers_to_another_is_another_mailbox() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "mi\u{212A}e@example.com").create().await;
    let other = app.person("mike@example.com").await;
    let answer = other
        .post("/api/license-keys/shuffle", json!({ "key": license.key }))
        .await;
    expect_refusal(&answer, 403, "Forbidden");
}

#[tokio::test]
async fn an_address_that_mail_could_read_otherwise_is_none() {
    let app = TestApp::start().await;
    for email in [
        "x1<victim@site.com>",
        "x1 victim@site.com",
        "victim@site.com,x1@site.com",
        "x1@victim@site.com",
        "\"x1\"@site.com",
        "x1(y)@site.com",
        "x1:victim@site.com;",
        "x1@[127.0.0.1]",
        "x1\\@site.com",
        "x1\u{a0}@site.com",
    ] {
        let who = json!({ "email": email, "password": PASSWORD });
        let answer = app.stranger().post("/api/auth/register", who).await;
        assert!(
            answer.expect(400)["error"]
                .as_str()
                .is_some_and(|text| text.starts_with("Invalid email")),
            "{email}"
        );
        let bought = json!({ "email": email, "productId": "app" });
        let answer = app.admin().post("/createLicense", bought).await;
        answer.expect_refusal(400, "Invalid email: must be an email address");
    }
    // Who can't be mailed may buy, and has no account.
    for email in ["jürgen@site.com", "anna@bücher.example"] {
        let bought = json!({ "email": email, "productId": "app" });
        app.admin().post("/createLicense", bought).await.expect(200);
        let who = json!({ "email": email, "password": PASSWORD });
        for path in ["/api/auth/register", "/api/auth/forgot-password"] {
            let answer = app.stranger().post(path, who.clone()).await;
            expect_refusal(&answer, 400, "Invalid email: must be an email address in ASCII");
        }
        expect_refusal(&login(&app, email, PASSWORD).await, 401, "Wrong email or password");
    }
    assert!(app.mails.mails().is_empty());
    app.register("o'Hara+a.b{c}~|!#$%&*-/=?^_`@xn--bcher-kva.example").await;
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = TestApp::start().await;
    let register = async |body: Value| app.stranger().post("/api/auth/register", body).await;
    for (body, text) in [
        (json!({}), "Missing required fields: email, password"),
        (json!({ "email": ANN }), "Missing required fields: email, password"),
        (
            json!({ "email": "ann", "password": PASSWORD }),
            "Invalid email: must be an email address in ASCII",
        ),
        (
            json!({ "email": ANN, "password": "seven77" }),
            "Invalid password: must be 8 to 256 characters",
        ),
        (
            json!({ "email": ANN, "password": "x".repeat(257) }),
            "Invalid password: must be 8 to 256 characters",
        ),
        (
            json!({ "email": ANN, "password": 12_345_678 }),
            "Invalid password: must be 8 to 256 characters",
        ),
    ] {
        expect_refusal(&register(body).await, 400, text);
    }
    let role = json!({ "creatorId": "alice", "email": ANN, "role": "king" });
    app.admin()
        .post("/addMember", role)
        .await
        .expect_refusal(400, "Invalid role");
}
