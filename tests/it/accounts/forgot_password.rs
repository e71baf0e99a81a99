//! `POST /api/auth/forgot-password`.

use http::Method;
use keystead_core::{account::AccountPolicy, config::Config};
use keystead_tests::{DAY, HOUR, MINUTE, Options, PASSWORD, TestApp, request};
use serde_json::json;

use super::{ANN, expect_refusal, forgot, login, post_from, register, reset, verify};

#[tokio::test]
async fn no_answer_tells_whether_there_is_an_account() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.register("claimed@example.com").await;
    app.advance(HOUR);
    for email in [ANN, "claimed@example.com", "nobody@example.com"] {
        expect_refusal(
            &login(&app, email, "wrong password").await,
            401,
            "Wrong email or password",
        );
        forgot(&app, email).await.expect_body(200, &json!({ "success": true }));
        app.register(email).await;
    }
    // Whoever reads the mail is told, and gets what is needed whichever way they asked.
    assert_eq!(
        app.mailed_subjects(ANN)[1..],
        ["Set a new password", "Set a new password"]
    );
    for email in ["claimed@example.com", "nobody@example.com"] {
        let subjects = app.mailed_subjects(email);
        assert_eq!(
            subjects[subjects.len() - 2..],
            ["Choose a password", "Choose a password"]
        );
    }
}

/// However it is asked and from wherever, and whatever stands behind a plus.
#[tokio::test]
async fn nobody_s_mailbox_is_filled() {
    let app = TestApp::start().await;
    for i in 0..50 {
        let path = ["/api/auth/register", "/api/auth/forgot-password"][i % 2];
        let address = [
            ANN.to_owned(),
            format!("ann+{i}@example.com"),
            "ANN@example.com".to_owned(),
        ][i % 3]
            .clone();
        let answer = post_from(&app, &format!("198.51.{i}.7"), path, json!({ "email": address })).await;
        // Neither does the answer tell that the mailbox has had enough.
        answer.expect_body(200, &json!({ "success": true }));
    }
    assert_eq!(app.mails.mails().len(), 2);
    // From one place, there is less.
    for _ in 0..5 {
        app.advance(HOUR);
        register(&app, ANN).await.expect(200);
    }
    let answer = register(&app, ANN).await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    assert_eq!(app.mails.mails().len(), 7);
    let elsewhere = post_from(&app, "198.51.100.7", "/api/auth/register", json!({ "email": ANN })).await;
    elsewhere.expect(200);
    assert_eq!(app.mails.mails().len(), 8);
}

/// Somebody without an account has forgotten no password: who says so for them again and again fills no mailbox.
#[tokio::test]
async fn an_address_without_an_account_is_mailed_of_a_forgotten_password_once_a_day() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(DAY);
    let cost = async |email: &str| {
        let who = json!({ "email": email }).to_string();
        let asked = request(&Method::POST, "/api/auth/forgot-password", &[], who.as_bytes());
        let (answer, usage) = app.send(asked).await;
        answer.expect_body(200, &json!({ "success": true }));
        (usage.calls, usage.rounds)
    };
    let nobody = "nobody@example.com";
    for _ in 0..3 {
        // Neither what it answers nor what it costs tells that one was mailed and the other was not.
        assert_eq!(cost(ANN).await, cost(nobody).await);
        app.advance(HOUR);
    }
    assert_eq!(app.mailed_subjects(nobody).len(), 1);
    assert_eq!(app.mailed_subjects(ANN).len(), 1 + 3);
    // Whoever wants an account is mailed all the same.
    register(&app, nobody).await.expect(200);
    assert_eq!(app.mailed_subjects(nobody).len(), 2);
    verify(&app, &app.mailed_token(nobody), "a chosen password")
        .await
        .expect(200);
    let another = "nobody-else@example.com";
    cost(another).await;
    app.advance(DAY);
    cost(another).await;
    assert_eq!(app.mailed_subjects(another).len(), 2);
}

/// What a deployment mails because strangers ask for it has an end, and the operator is told; what its people do goes on.
#[tokio::test]
async fn a_deployment_sends_so_many_mails_a_day_and_no_more() {
    let config = Config {
        accounts: AccountPolicy {
            mails_a_day: 5,
            ..AccountPolicy::default()
        },
        ..Config::default()
    };
    let app = Options::default().config(config).start().await;
    let ann = app.person(ANN).await;
    let ask = |i: u32| {
        let (app, path) = (
            app.clone(),
            ["/api/auth/register", "/api/auth/forgot-password"][i as usize % 2],
        );
        async move {
            let asked = json!({ "email": format!("someone-{i}@example.com") });
            let answer = post_from(&app, &format!("198.51.{i}.7"), path, asked).await;
            answer.expect_body(200, &json!({ "success": true }));
        }
    };
    let many: Vec<_> = (0..20).map(|i| tokio::spawn(ask(i))).collect();
    for one in many {
        one.await.expect("an answer");
    }
    assert_eq!(app.mails.mails().len(), 5);
    let log = app.cx.log.written();
    let told = log
        .lines()
        .filter(|line| line.contains("a mail was not sent: there were too many today"));
    assert_eq!(told.filter(|line| line.contains(r#""level":"error""#)).count(), 16);
    // At another address nobody can confirm one now; but word of what happened is sent.
    let moved = json!({ "email": "ann@home.example", "password": PASSWORD });
    ann.post("/api/auth/change-email", moved).await.expect(200);
    let change = json!({ "currentPassword": PASSWORD, "password": "another password" });
    ann.post("/api/auth/change-password", change).await.expect(200);
    assert_eq!(app.mailed_subjects("ann@home.example").len(), 0);
    assert_eq!(
        app.mailed_subjects(ANN).last().map(String::as_str),
        Some("Your password was changed")
    );
    app.advance(DAY);
    ask(30).await;
    assert_eq!(app.mailed_subjects("someone-30@example.com").len(), 1);
}

#[tokio::test]
async fn one_place_has_mail_sent_to_thirty_addresses_an_hour() {
    let app = TestApp::start().await;
    for i in 0..30 {
        register(&app, &format!("someone-{i}@example.com")).await.expect(200);
    }
    let answer = register(&app, "one-more@example.com").await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    let elsewhere = json!({ "email": "one-more@example.com" });
    let elsewhere = post_from(&app, "198.51.100.7", "/api/auth/register", elsewhere).await;
    elsewhere.expect(200);
}

/// Whenever an owner is mailed nothing because of what strangers asked, the mailbox has a token that is good.
#[tokio::test]
async fn strangers_keep_nobody_from_a_new_password() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    for round in 0..6_u32 {
        app.advance(61 * MINUTE);
        for i in 0..6 {
            let from = format!("198.51.{}.7", 10 * round + i);
            let asked = json!({ "email": ANN });
            post_from(&app, &from, "/api/auth/register", asked).await.expect(200);
        }
        // Some time later the owner asks, and looks into the mailbox.
        app.advance(11 * round * MINUTE);
        let from = format!("203.0.{round}.7");
        let asked = json!({ "email": ANN });
        post_from(&app, &from, "/api/auth/forgot-password", asked)
            .await
            .expect(200);
        let password = format!("passphrase of round {round}");
        reset(&app, &app.mailed_token(ANN), &password).await.expect(200);
        login(&app, ANN, &password).await.expect(200);
    }
}

#[tokio::test]
async fn mail_leads_to_the_vendor_s_page_in_its_fragment_where_there_is_one() {
    for page in [
        "https://example.com/account",
        "https://example.com/?page=account",
        "https://example.com/account#top",
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
        let link = text
            .split_whitespace()
            .find(|word| word.starts_with("https://"))
            .expect("a link");
        let (before, token) = link.split_once("#verify=").expect("a fragment");
        assert_eq!(before, page.trim_end_matches("#top"));
        assert!(
            !before.contains(token) && !token.contains(['&', '?', '@']) && token.len() == 43,
            "{link}"
        );
        verify(&app, token, "a chosen password").await.expect(200);
        forgot(&app, ANN).await.expect(200);
        let text = app.mails.mails()[1].text.clone();
        let (_, token) = text.split_once("#reset=").expect("a fragment");
        let token = token.split_whitespace().next().expect("a token");
        reset(&app, token, "another password").await.expect(200);
    }
}
