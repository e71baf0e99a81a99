//! Accounts: `/api/auth/...`.

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
    store::schema,
};
use keystead_functions::frame::passwords::{AT_ONCE, Passwords};
use keystead_tests::{Answer, DAY, HOUR, MINUTE, Options, PASSWORD, Person, TestApp, request};
use serde_json::{Value, json};

const ANN: &str = "ann@example.com";

#[track_caller]
fn expect_refusal(answer: &Answer, status: u16, text: &str) {
    answer.expect_body(status, &json!({ "error": text }));
}

async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    let who = json!({ "email": email, "password": password });
    app.stranger().post("/api/auth/login", who).await
}

async fn verify(app: &TestApp, token: &str) -> Answer {
    app.stranger().post("/api/auth/verify", json!({ "token": token })).await
}

async fn forgot(app: &TestApp, email: &str) -> Answer {
    let who = json!({ "email": email });
    app.stranger().post("/api/auth/forgot-password", who).await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> Answer {
    let new = json!({ "token": token, "password": password });
    app.stranger().post("/api/auth/reset-password", new).await
}

async fn me(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    app.stranger().send(&Method::GET, "/api/auth/me", headers, b"").await
}

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
async fn a_token_is_dead_once_its_holder_has_signed_out() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let elsewhere = Person::sign_in(&app, ANN).await;
    ann.get("/api/auth/me").await.expect(200);
    let answer = ann.post("/api/auth/logout", json!({})).await;
    answer.expect_body(200, &json!({ "success": true }));
    assert_eq!(
        answer.header("set-cookie"),
        "session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    let stolen = format!("session={}", ann.token);
    expect_refusal(&me(&app, &[("cookie", &stolen)]).await, 401, "Unauthorized");
    expect_refusal(&ann.post("/api/auth/logout", json!({})).await, 401, "Unauthorized");
    // Another login of the same account goes on.
    elsewhere.get("/api/auth/me").await.expect(200);
}

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
        verify(&app, &ann.token).await,
        reset(&app, &ann.token, "another password").await,
    ] {
        expect_refusal(&answer, 400, "Invalid or expired token");
    }
    expect_refusal(
        &reset(&app, &mailed, "another password").await,
        400,
        "Invalid or expired token",
    );
}

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
async fn a_forgotten_password_is_set_once_and_ends_every_login() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    forgot(&app, "ANN@example.com").await.expect(200);
    let token = app.mailed_token(ANN);
    expect_refusal(
        &reset(&app, &token, "short").await,
        400,
        "Invalid password: must be 8 to 256 characters",
    );
    reset(&app, &token, "another password")
        .await
        .expect_body(200, &json!({ "success": true }));
    expect_refusal(
        &reset(&app, &token, "a third password").await,
        400,
        "Invalid or expired token",
    );
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
    expect_refusal(&login(&app, ANN, PASSWORD).await, 401, "Wrong email or password");
    login(&app, ANN, "another password").await.expect(200);
}

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
    verify(&app, &to_verify).await.expect(200);
    app.register("late@example.com").await;
    let too_late = app.mailed_token("late@example.com");
    app.advance(DAY);
    expect_refusal(&verify(&app, &too_late).await, 400, "Invalid or expired token");
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
async fn of_several_registrations_that_are_verified_at_once_one_makes_the_account() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for i in 0..5 {
        let who = json!({ "email": ANN, "password": format!("password number {i}") });
        app.stranger().post("/api/auth/register", who).await.expect(200);
        tokens.push(app.mailed_token(ANN));
    }
    let verify_all = tokens.iter().flat_map(|token| [token, token]).map(|token| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { verify(&app, &token).await.status })
    });
    let mut statuses = Vec::new();
    for answer in verify_all.collect::<Vec<_>>() {
        statuses.push(answer.await.expect("an answer"));
    }
    let good: Vec<usize> = (0..5).filter(|i| statuses[2 * i] == 200).collect();
    let [one] = good[..] else { panic!("{statuses:?}") };
    assert_eq!(statuses[2 * one + 1], 200, "the same token twice: {statuses:?}");
    login(&app, ANN, &format!("password number {one}")).await.expect(200);
}

#[tokio::test]
async fn who_tries_too_often_from_one_place_locks_nobody_out_elsewhere() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    let from = |ip: [u8; 4], email: String, password: &'static str| {
        let who = json!({ "email": email, "password": password }).to_string();
        let mut asked = request(&Method::POST, "/api/auth/login", &[], who.as_bytes());
        asked.ip = Some(ip.into());
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

/// Behind a proxy everybody connects from the proxy.
#[tokio::test]
async fn who_tries_too_often_is_known_by_the_address_that_a_trusted_proxy_tells() {
    let trusting = Config {
        address_header: "x-forwarded-for".to_owned(),
        ..Config::default()
    };
    let app = Options::default().config(trusting).start().await;
    app.person(ANN).await;
    app.advance(HOUR);
    let from = |address: &str, password: &str| {
        let who = json!({ "email": ANN, "password": password }).to_string();
        let headers = [("x-forwarded-for", address)];
        let mut asked = request(&Method::POST, "/api/auth/login", &headers, who.as_bytes());
        asked.ip = Some([127, 0, 0, 1].into());
        let app = app.clone();
        async move { app.send(asked).await.0 }
    };
    for i in 0..60 {
        let who = json!({ "email": format!("guess-{i}@example.com"), "password": "wrong password" }).to_string();
        let forged = format!("198.51.100.{i}, 203.0.113.9");
        let headers = [("x-forwarded-for", forged.as_str())];
        let asked = request(&Method::POST, "/api/auth/login", &headers, who.as_bytes());
        app.send(asked).await.0.expect(401);
    }
    for same in ["203.0.113.9", "203.0.113.9:46532", "198.51.100.7,203.0.113.9"] {
        from(same, PASSWORD).await.expect(429);
    }
    for other in ["203.0.113.10", "[2001:db8::9]:443", "2001:db8:0:0:0:0:0:10:443"] {
        from(other, PASSWORD).await.expect(200);
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
        asked.ip = Some(ip.into());
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
async fn a_password_set_by_many_at_once_is_set_by_one() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    forgot(&app, ANN).await.expect(200);
    let token = app.mailed_token(ANN);
    let set = |i: usize| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { (i, reset(&app, &token, &format!("password number {i}")).await.status) })
    };
    let mut set_by = Vec::new();
    for answer in (0..16).map(set).collect::<Vec<_>>() {
        let (i, status) = answer.await.expect("an answer");
        if status == 200 {
            set_by.push(i);
        } else {
            // As many as may be tried were told that the token was used.
            assert!(status == 400 || status == 429, "{status}");
        }
    }
    app.advance(15 * MINUTE);
    let [one] = set_by[..] else { panic!("set by {set_by:?}") };
    login(&app, ANN, &format!("password number {one}")).await.expect(200);
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
            let answer = login(&app, &format!("someone-{i}@example.com"), PASSWORD).await;
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
