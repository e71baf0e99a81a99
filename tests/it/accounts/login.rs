//! `POST /api/auth/login`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use keystead_core::{
    account::{
        AccountPolicy,
        password::{Hashing, Password, PasswordHash},
    },
    config::Config,
};
use keystead_functions::frame::passwords::{AT_ONCE, Passwords};
use keystead_tests::{DAY, HOUR, Options, PASSWORD, TestApp, request};
use serde_json::json;

use super::{ANN, cookie, expect_refusal, guess_from_everywhere, login, login_in_browser, me, post_from};

#[tokio::test]
async fn a_login_ends_by_itself() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.advance(6 * DAY);
    ann.get("/api/auth/me").await.expect(200);
    app.advance(6 * DAY);
    ann.get("/api/auth/me").await.expect(200);
    app.advance(2 * DAY - Duration::from_secs(1));
    ann.get("/api/auth/me").await.expect(200);
    app.advance(Duration::from_secs(1));
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
}

#[tokio::test]
async fn who_tries_too_often_from_one_place_locks_nobody_out_elsewhere() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let attempt = async |from: &str, email: &str, password: &str| {
        let who = json!({ "email": email, "password": password });
        post_from(&app, from, "/api/auth/login", who).await
    };
    for _ in 0..10 {
        attempt("203.0.113.9", ANN, "wrong password").await.expect(401);
    }
    // The right password too: who guesses does not learn that it was right.
    for _ in 0..20 {
        attempt("203.0.113.9", ANN, PASSWORD).await.expect(429);
    }
    attempt("203.0.113.10", ANN, PASSWORD).await.expect(200);
    for i in 0..50 {
        let email = format!("guess-{i}@example.com");
        attempt("203.0.113.9", &email, "wrong password").await.expect(401);
    }
    attempt("203.0.113.9", "one-more@example.com", "wrong password")
        .await
        .expect(429);
    attempt("203.0.113.10", "one-more@example.com", "wrong password")
        .await
        .expect(401);
}

#[tokio::test]
async fn right_passwords_use_up_nothing() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    for _ in 0..70 {
        login(&app, ANN, PASSWORD).await.expect(200);
    }
    for _ in 0..9 {
        login(&app, ANN, "wrong password").await.expect(401);
    }
    login(&app, ANN, PASSWORD).await.expect(200);
}

/// A hundred guesses an hour at one account are all that the whole world has; its holder's devices are not among them.
#[tokio::test]
async fn guesses_from_everywhere_are_few_and_keep_no_known_device_out() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let first = login(&app, ANN, PASSWORD).await;
    let device = first.expect(200)["deviceToken"].clone();
    let in_browser = login_in_browser(&app, "theme=dark").await;
    in_browser.expect(200);
    let browser = cookie(&in_browser, "__Host-device").expect("a device");
    for _ in 0..3 {
        assert!(guess_from_everywhere(&app, ANN).await <= 100);
    }
    let who = json!({ "email": ANN, "password": PASSWORD });
    let unknown = post_from(&app, "203.0.113.9", "/api/auth/login", who.clone()).await;
    expect_refusal(&unknown, 429, "Too many attempts. Try again later.");
    // The device that signed in before may, wherever it is by now, and whatever it was that it signed in with.
    let mut known = who.clone();
    known["deviceToken"] = device.clone();
    let answer = post_from(&app, "203.0.113.9", "/api/auth/login", known.clone()).await;
    answer.expect(200);
    assert_eq!(answer.body.get("deviceToken"), None, "it is known");
    let answer = login_in_browser(&app, &format!("__Host-device={browser}")).await;
    answer.expect(200);
    assert_eq!(cookie(&answer, "__Host-device"), None, "it is known");
    // It is no way to guess without end.
    known["password"] = json!("wrong password");
    for _ in 0..10 {
        app.stranger().post("/api/auth/login", known.clone()).await.expect(401);
    }
    app.stranger().post("/api/auth/login", known.clone()).await.expect(429);
    // Of another account it is no device, and neither is what was made up.
    app.person("bob@example.com").await;
    guess_from_everywhere(&app, "bob@example.com").await;
    for device in [device, json!("A".repeat(43))] {
        let theirs = json!({ "email": "bob@example.com", "password": PASSWORD, "deviceToken": device });
        app.stranger().post("/api/auth/login", theirs).await.expect(429);
    }
    app.is_no_credential(&"A".repeat(43));
    app.advance(HOUR);
    post_from(&app, "203.0.113.9", "/api/auth/login", who).await.expect(200);
}

/// A browser has its session in a cookie, of which no page and no sibling domain sees or plants anything.
#[tokio::test]
async fn a_browser_gets_a_cookie_and_no_token_in_the_answer() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let answer = login_in_browser(&app, "theme=dark").await;
    assert_eq!(answer.expect(200).get("token"), None);
    assert_eq!(answer.body.get("deviceToken"), None);
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().expect("a text"))
        .collect();
    assert_eq!(cookies.len(), 2);
    for (cookie, (name, life)) in cookies
        .iter()
        .zip([("__Host-device", 15_552_000), ("__Host-session", 1_209_600)])
    {
        let (_, attributes) = cookie.split_once("; ").expect("attributes");
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert_eq!(
            attributes,
            format!("Path=/; Max-Age={life}; HttpOnly; Secure; SameSite=Strict")
        );
    }
    let session = cookie(&answer, "__Host-session").expect("a session");
    let shown = format!("a=b; __Host-session={session}");
    let browser = [("sec-fetch-site", "same-origin"), ("cookie", shown.as_str())];
    me(&app, &browser).await.expect(200);
    // A page on another site has no use for a cookie, and asks for the token.
    let config = Config {
        accounts: AccountPolicy {
            origins: vec!["https://vendor.example".to_owned()],
            ..AccountPolicy::default()
        },
        ..Config::default()
    };
    let app = Options::default().config(config).start().await;
    app.person(ANN).await;
    let who = json!({ "email": ANN, "password": PASSWORD, "client": "tool" }).to_string();
    let headers = [("origin", "https://vendor.example"), ("sec-fetch-site", "cross-site")];
    let answer = app
        .stranger()
        .send(&Method::POST, "/api/auth/login", &headers, who.as_bytes())
        .await;
    assert!(answer.expect(200)["token"].is_string());
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn of_two_session_cookies_none_counts() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.person(ANN).await, app.person("bob@example.com").await);
    let pair = |first: &str, second: &str| format!("{first}={}; {second}={}", ann.token, bob.token);
    for cookies in [
        pair("__Host-session", "__Host-session"),
        pair("session", "session"),
        pair("__Host-session", "session"),
    ] {
        expect_refusal(&me(&app, &[("cookie", &cookies)]).await, 401, "Unauthorized");
    }
    let lines = [
        ("cookie", format!("session={}", ann.token)),
        ("cookie", format!("session={}", bob.token)),
    ];
    let mut asked = request(&Method::GET, "/api/auth/me", &[], b"");
    for (name, value) in lines {
        asked.headers.append(name, value.parse().expect("a value"));
    }
    expect_refusal(&app.send(asked).await.0, 401, "Unauthorized");
    // What a sibling domain can plant in a browser counts for nothing there, and does not keep anybody out either.
    let planted = format!("session={}", bob.token);
    let browser = [("sec-fetch-site", "same-origin"), ("cookie", planted.as_str())];
    expect_refusal(&me(&app, &browser).await, 401, "Unauthorized");
    let both = pair("__Host-session", "session");
    let browser = [("sec-fetch-site", "same-origin"), ("cookie", both.as_str())];
    assert_eq!(me(&app, &browser).await.expect(200)["email"], ANN);
}

#[tokio::test]
async fn a_login_and_a_registration_cost_the_same_calls_whether_there_is_an_account_or_not() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
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
            let answer = {
                let who = json!({ "email": format!("someone-{i}@example.com"), "password": PASSWORD });
                post_from(&app, &format!("198.51.{i}.7"), "/api/auth/login", who).await
            };
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
