//! `POST /api/auth/login`.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use keystead_core::account::password::{Hashing, Password, PasswordHash};
use keystead_functions::frame::passwords::{AT_ONCE, Passwords};
use keystead_tests::{DAY, HOUR, MINUTE, PASSWORD, TestApp, request};
use serde_json::json;

use super::{ANN, expect_refusal, login};

#[tokio::test]
async fn a_login_ends_by_itself() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.advance(14 * DAY - Duration::from_secs(1));
    ann.get("/api/auth/me").await.expect(200);
    app.advance(Duration::from_secs(1));
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
}

#[tokio::test]
async fn who_tries_too_often_from_one_place_locks_nobody_out_elsewhere() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    let from = |ip: [u8; 4], email: String, password: &'static str| {
        let who = json!({ "email": email, "password": password }).to_string();
        let mut asked = request(&Method::POST, "/api/auth/login", &[], who.as_bytes());
        asked.peer = IpAddr::from(ip).into();
        let app = app.clone();
        async move { app.send(asked).await.0 }
    };
    for i in 0..60 {
        let guess = from([203, 0, 113, 9], format!("guess-{i}@example.com"), "wrong password");
        guess.await.expect(401);
    }
    for _ in 0..20 {
        from([203, 0, 113, 9], ANN.to_owned(), "wrong password")
            .await
            .expect(429);
    }
    from([203, 0, 113, 10], ANN.to_owned(), PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_foreign_page_s_form_signs_nobody_in() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let who = json!({ "email": ANN, "password": PASSWORD }).to_string();
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let stranger = app.stranger();
    let answer = stranger.send(&Method::POST, "/api/auth/login", &headers, who.as_bytes());
    expect_refusal(&answer.await, 403, "Forbidden");
    // A script of the vendor's own page, wherever that is, may.
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")];
    let answer = stranger.send(&Method::POST, "/api/auth/login", &headers, who.as_bytes());
    answer.await.expect(200);
}

#[tokio::test]
async fn a_login_and_a_registration_cost_the_same_calls_whether_there_is_an_account_or_not() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let cost = async |path: &str, email: &str, password: &str| {
        let who = json!({ "email": email, "password": password }).to_string();
        let (answer, usage) = app.send(request(&Method::POST, path, &[], who.as_bytes())).await;
        (answer.status, usage.calls, usage.rounds)
    };
    for path in ["/api/auth/login", "/api/auth/register", "/api/auth/forgot-password"] {
        let known = cost(path, ANN, "another password").await;
        let unknown = cost(path, "nobody@example.com", "another password").await;
        assert_eq!(known, unknown, "{path}");
    }
}

#[tokio::test]
async fn logins_are_limited_for_an_account_and_for_an_address() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    for _ in 0..10 {
        expect_refusal(
            &login(&app, ANN, "wrong password").await,
            401,
            "Wrong email or password",
        );
    }
    // The right password too: who guesses does not learn that it was right.
    let answer = login(&app, "ANN@example.com", PASSWORD).await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    assert_eq!(answer.header("retry-after"), "901");
    app.advance(15 * MINUTE);
    login(&app, ANN, PASSWORD).await.expect(200);

    let from = |ip: [u8; 4], email: String| {
        let who = json!({ "email": email, "password": "wrong password" }).to_string();
        let mut asked = request(&Method::POST, "/api/auth/login", &[], who.as_bytes());
        asked.peer = IpAddr::from(ip).into();
        let app = app.clone();
        async move { app.send(asked).await.0 }
    };
    for i in 0..60 {
        from([203, 0, 113, 9], format!("guess-{i}@example.com"))
            .await
            .expect(401);
    }
    from([203, 0, 113, 9], "one-more@example.com".to_owned())
        .await
        .expect(429);
    from([203, 0, 113, 10], "one-more@example.com".to_owned())
        .await
        .expect(401);
}

#[tokio::test]
async fn many_guesses_at_once_are_counted_one_by_one() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    let guesses = (0..64).map(|i| {
        let app = app.clone();
        tokio::spawn(async move { login(&app, ANN, &format!("guess number {i}")).await.status })
    });
    let mut statuses = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        statuses.push(guess.await.expect("an answer"));
    }
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(401), count(429)), (10, 54));
}

#[test]
fn a_password_is_hashed_as_owasp_advises() {
    let password = Password::parse(PASSWORD).expect("a password");
    let hash = PasswordHash::of(&password, &[7; 16], Hashing::default()).expect("a hash");
    let kept = serde_json::to_string(&hash).expect("JSON");
    assert!(kept.starts_with("\"$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    assert!(hash.matches(&password));
    assert!(!hash.matches(&Password::parse("correct horsf").expect("a password")));
    let salted = PasswordHash::of(&password, &[8; 16], Hashing::default()).expect("a hash");
    assert_ne!(hash, salted);
    assert!(!format!("{password:?} {hash:?}").contains("correct"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_passwords_at_once_take_no_more_room_than_there_is() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let cx = keystead_functions::frame::context::Context {
        // As slow as in earnest, so that all of them are there at once.
        passwords: Passwords::new(Hashing::default()),
        ..(*app.cx).clone()
    };
    let app = app.with_context(cx);
    let answered = Arc::new(AtomicUsize::new(0));
    let try_it = |i: usize| {
        let (app, answered) = (app.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let who = json!({ "email": format!("someone-{i}@example.com"), "password": PASSWORD }).to_string();
            let mut asked = request(&Method::POST, "/api/auth/login", &[], who.as_bytes());
            asked.peer = IpAddr::from([203, 0, 113, u8::try_from(i).expect("small")]).into();
            let answer = app.send(asked).await.0;
            answered.fetch_add(1, Ordering::SeqCst);
            answer
        })
    };
    let tried: Vec<_> = (0..128).map(try_it).collect();
    // Who wants something else is answered meanwhile.
    let mut meanwhile = 0;
    while answered.load(Ordering::SeqCst) < 128 {
        machine.validate(&license).await.expect(200);
        meanwhile += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(meanwhile > 10, "{meanwhile} others were answered");
    let mut statuses = Vec::new();
    for answer in tried {
        let answer = answer.await.expect("an answer");
        if answer.status == 503 {
            expect_refusal(&answer, 503, "The service is busy. Try again later.");
            assert_eq!(answer.header("retry-after"), "1");
        }
        statuses.push(answer.status);
    }
    assert_eq!(app.cx.passwords.most_at_once(), AT_ONCE);
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!(count(401) + count(503), 128);
    assert!(count(401) >= 64, "those who may wait are answered: {}", count(401));
    assert!(count(503) > 0, "others are told to come again");
    login(&app, ANN, PASSWORD).await.expect(401);
}
