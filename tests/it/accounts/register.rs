//! `POST /api/auth/register`.

use keystead_tests::{HOUR, Options, PASSWORD, Person, TestApp};
use serde_json::{Value, json};

use super::{ANN, expect_refusal, login, me, register, verify};

#[tokio::test]
async fn someone_registers_chooses_a_password_and_signs_in() {
    let app = TestApp::start().await;
    app.register("Ann@Example.com").await;
    let mails = app.mails.mails();
    assert_eq!(
        (mails.len(), mails[0].to.as_str(), mails[0].subject.as_str()),
        (1, "Ann@Example.com", "Choose a password")
    );
    let token = app.mailed_token("Ann@Example.com");
    let chosen = verify(&app, &token, PASSWORD).await;
    assert_eq!(chosen.expect(200)["success"], true);
    assert_eq!(chosen.header("set-cookie"), "");
    let answer = login(&app, " ann@example.com ", PASSWORD).await;
    let body = answer.expect(200);
    assert_eq!(body["success"], true);
    assert_eq!(body["expiresAt"], "2030-01-15T00:00:00.000Z");
    let token = body["token"].as_str().expect("a token");
    // What is no browser gets a token, and no cookie.
    assert_eq!(answer.header("set-cookie"), "");
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

/// Who registers first with another's address had chosen the password of the account that the owner's click made.
#[tokio::test]
async fn who_registers_with_another_s_address_owns_nothing_of_what_its_owner_s_click_makes() {
    let app = TestApp::start().await;
    let license = app.license().with("email", ANN).create().await;
    let theirs = json!({ "email": ANN, "password": "a thief's password" });
    let register = app.stranger().post("/api/auth/register", theirs).await;
    register.expect_body(200, &json!({ "success": true }));
    // The victim, or whatever reads links for them, follows the mail. Without a password nothing is made.
    let token = app.mailed_token(ANN);
    let followed = app.stranger().post("/api/auth/verify", json!({ "token": token })).await;
    expect_refusal(&followed, 400, "Missing required fields: token, password");
    expect_refusal(
        &login(&app, ANN, "a thief's password").await,
        401,
        "Wrong email or password",
    );
    // With the password that the victim chooses, the account is the victim's.
    verify(&app, &token, PASSWORD).await.expect(200);
    expect_refusal(
        &login(&app, ANN, "a thief's password").await,
        401,
        "Wrong email or password",
    );
    let ann = Person::sign_in(&app, ANN).await;
    let shuffled = ann
        .post("/api/license-keys/shuffle", json!({ "key": license.key }))
        .await;
    shuffled.expect(200);
}

#[tokio::test]
async fn whoever_asks_with_another_s_address_gets_nothing_of_it_be_it_first_or_last() {
    let theirs = json!({ "email": ANN, "password": "a thief's password" });
    for thief_is_first in [true, false] {
        let app = TestApp::start().await;
        let steal = async || {
            let asked = app.stranger().post("/api/auth/register", theirs.clone()).await;
            asked.expect(200);
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
        verify(&app, &own, PASSWORD).await.expect(200);
        login(&app, ANN, PASSWORD).await.expect(200);
        // What was mailed beside it is good for nothing now.
        let late = verify(&app, &stolen, "a thief's password").await;
        expect_refusal(&late, 400, "Invalid or expired token");
        expect_refusal(
            &login(&app, ANN, "a thief's password").await,
            401,
            "Wrong email or password",
        );
        login(&app, ANN, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn strangers_who_register_have_no_password_hashed_and_nothing_but_a_token_s_hash_stored() {
    let app = TestApp::start().await;
    for i in 0..10 {
        register(&app, &format!("nobody-{i}@example.com")).await.expect(200);
    }
    assert_eq!(app.cx.passwords.most_at_once(), 0);
    let (_, items) = app.database.answer("Scan", br#"{ "TableName": "accounts" }"#);
    let items: Value = serde_json::from_slice(&items).expect("items");
    assert_eq!(items["Count"], 0);
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
        let answer = register(&app, email).await;
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
        let who = json!({ "email": email });
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
    let answer = app.stranger().post("/api/auth/register", json!({})).await;
    expect_refusal(&answer, 400, "Missing required fields: email");
    let answer = register(&app, "ann").await;
    expect_refusal(&answer, 400, "Invalid email: must be an email address in ASCII");
    app.register(ANN).await;
    let token = app.mailed_token(ANN);
    app.is_no_credential(ANN);
    let choose = async |password: Value| {
        let chosen = json!({ "token": token, "password": password });
        app.stranger().post("/api/auth/verify", chosen).await
    };
    for (password, text) in [
        (json!("seven77"), "Invalid password: must be 8 to 256 characters"),
        (json!("x".repeat(257)), "Invalid password: must be 8 to 256 characters"),
        (json!(12_345_678), "Invalid password: must be 8 to 256 characters"),
        (
            json!("password"),
            "Invalid password: must be one that is not easily guessed",
        ),
        (
            json!("P@ssw0rd123!"),
            "Invalid password: must be one that is not easily guessed",
        ),
        (
            json!("12345678"),
            "Invalid password: must be one that is not easily guessed",
        ),
        (json!(ANN), "Invalid password: must be one that is not easily guessed"),
    ] {
        expect_refusal(&choose(password).await, 400, text);
    }
    app.advance(HOUR);
    choose(json!(PASSWORD)).await.expect(200);
    let role = json!({ "creatorId": "alice", "email": ANN, "role": "king" });
    app.admin()
        .post("/addMember", role)
        .await
        .expect_refusal(400, "Invalid role");
}

#[tokio::test]
async fn a_deployment_without_mail_says_so_and_pages_nobody() {
    let app = Options::default().without_mail().start().await;
    for path in ["/api/auth/register", "/api/auth/forgot-password"] {
        let answer = app.stranger().post(path, json!({ "email": ANN })).await;
        expect_refusal(
            &answer,
            503,
            "Accounts are not set up here: the operator has to say whom mail is from",
        );
    }
    let log = app.cx.log.written();
    assert!(log.contains(r#""code":"mail_not_set_up""#), "{log}");
    assert!(!log.contains(r#""level":"error""#), "{log}");
}
