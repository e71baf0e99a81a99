//! `POST /api/auth/forgot-password`.

use keystead_core::{account::AccountPolicy, config::Config};
use keystead_tests::{HOUR, MINUTE, Options, PASSWORD, TestApp};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, reset, verify};

#[tokio::test]
async fn no_answer_tells_whether_there_is_an_account() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.register("claimed@example.com").await;
    let emails = [ANN, "claimed@example.com", "nobody@example.com"];
    for email in emails {
        expect_refusal(
            &login(&app, email, "wrong password").await,
            401,
            "Wrong email or password",
        );
        forgot(&app, email).await.expect_body(200, &json!({ "success": true }));
        app.register(email).await;
    }
    // Whoever reads the mail is told.
    let subjects = |email: &str| {
        let mails = app.mails.mails();
        let of = mails.iter().filter(|mail| mail.to.as_str() == email);
        of.map(|mail| mail.subject.clone()).collect::<Vec<_>>()
    };
    assert_eq!(subjects(ANN)[1..], ["Set a new password", "You have an account"]);
    assert_eq!(
        subjects("claimed@example.com")[1..],
        ["You have no account", "Verify your email address"]
    );
    assert_eq!(
        subjects("nobody@example.com"),
        ["You have no account", "Verify your email address"]
    );
}

#[tokio::test]
async fn nobody_s_mailbox_is_filled() {
    let app = TestApp::start().await;
    let who = json!({ "email": ANN, "password": PASSWORD });
    let register = async || app.stranger().post("/api/auth/register", who.clone()).await;
    for _ in 0..5 {
        forgot(&app, ANN).await.expect(200);
        register().await.expect(200);
    }
    for answer in [forgot(&app, ANN).await, register().await] {
        expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    }
    assert_eq!(app.mails.mails().len(), 10);
    app.advance(HOUR);
    forgot(&app, ANN).await.expect(200);
    register().await.expect(200);
}

#[tokio::test]
async fn strangers_keep_nobody_from_a_new_password() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    // Whoever registers with another's address as often as they can, and guesses at their password.
    let who = json!({ "email": ANN, "password": "wrong password" });
    while app.stranger().post("/api/auth/register", who.clone()).await.status == 200 {}
    while login(&app, ANN, "wrong password").await.status == 401 {}
    forgot(&app, ANN).await.expect(200);
    let token = app.mailed_token(ANN);
    reset(&app, &token, "another password").await.expect(200);
    app.advance(15 * MINUTE);
    login(&app, ANN, "another password").await.expect(200);
}

#[tokio::test]
async fn mail_leads_to_the_vendor_s_page_where_there_is_one() {
    for (page, link) in [
        ("https://example.com/account", "https://example.com/account?verify="),
        (
            "https://example.com/?page=account",
            "https://example.com/?page=account&verify=",
        ),
    ] {
        let config = Config {
            accounts: AccountPolicy {
                page: Some(page.to_owned()),
                ..AccountPolicy::default()
            },
            ..Config::default()
        };
        let app = Options::default().config(config).start().await;
        app.register(ANN).await;
        let text = app.mails.mails()[0].text.clone();
        let (_, rest) = text.split_once(link).expect("a link");
        let token = rest.split_whitespace().next().expect("a token");
        verify(&app, token).await.expect(200);
    }
}
