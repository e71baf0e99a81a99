//! Accounts: `/api/auth/...`.

use std::time::Duration;

use http::Method;
use keystead_core::{
    config::{AccountPolicy, Config},
    password::{Hashing, Password, PasswordHash},
    store::schema,
};
use keystead_functions::passwords::Passwords;
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
    app.register(ANN).await;
    let mailed = app.mailed_token(ANN);
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let ann = Person::sign_in(&app, ANN).await;
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
        ["Set a new password", "Verify your email address"]
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
    app.register(ANN).await;
    let to_verify = app.mailed_token(ANN);
    forgot(&app, ANN).await.expect(200);
    let to_reset = app.mailed_token(ANN);
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
async fn whoever_claims_an_address_first_has_nothing_of_it_when_its_owner_verifies_theirs() {
    let app = TestApp::start().await;
    // A thief registers with the address of someone who has bought a license.
    let theirs = json!({ "email": ANN, "password": "a thief's password" });
    app.stranger().post("/api/auth/register", theirs).await.expect(200);
    let first_mail = app.mailed_token(ANN);
    let answer = login(&app, ANN, "a thief's password").await;
    let bearer = format!("Bearer {}", answer.expect(200)["token"].as_str().expect("a token"));
    // Then she registers herself.
    app.register(ANN).await;
    expect_refusal(&me(&app, &[("authorization", &bearer)]).await, 401, "Unauthorized");
    expect_refusal(
        &login(&app, ANN, "a thief's password").await,
        401,
        "Wrong email or password",
    );
    expect_refusal(&verify(&app, &first_mail).await, 400, "Invalid or expired token");
    verify(&app, &app.mailed_token(ANN)).await.expect(200);
    login(&app, ANN, PASSWORD).await.expect(200);
    // From now on, nobody can register with it.
    let theirs = json!({ "email": ANN, "password": "a thief's password" });
    app.stranger().post("/api/auth/register", theirs).await.expect(200);
    expect_refusal(
        &login(&app, ANN, "a thief's password").await,
        401,
        "Wrong email or password",
    );
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
    for _ in 0..5 {
        forgot(&app, ANN).await.expect(200);
    }
    expect_refusal(&forgot(&app, ANN).await, 429, "Too many attempts. Try again later.");
    let who = json!({ "email": ANN, "password": PASSWORD });
    let answer = app.stranger().post("/api/auth/register", who).await;
    expect_refusal(&answer, 429, "Too many attempts. Try again later.");
    assert_eq!(app.mails.mails().len(), 5);
    app.advance(HOUR);
    forgot(&app, ANN).await.expect(200);
}

#[tokio::test]
async fn many_who_register_with_one_address_make_one_account() {
    let app = TestApp::start().await;
    let register = |_| {
        let app = app.clone();
        tokio::spawn(async move {
            let who = json!({ "email": ANN, "password": PASSWORD });
            app.stranger().post("/api/auth/register", who).await.status
        })
    };
    let mut registered = 0;
    for answer in (0..32).map(register).collect::<Vec<_>>() {
        registered += usize::from(answer.await.expect("an answer") == 200);
    }
    assert_eq!(registered, 5, "as many as may be mailed");
    let (_, items) = app.engine.answer(
        "Scan",
        json!({ "TableName": schema::ACCOUNTS.name }).to_string().as_bytes(),
    );
    let items: Value = serde_json::from_slice(&items).expect("JSON");
    assert_eq!(items["Count"], 1);
    // Of all that was mailed, the last verifies.
    let mails = app.mails.mails();
    let token = |text: &str| {
        text.split_whitespace()
            .find(|word| word.len() > 100)
            .expect("a token")
            .to_owned()
    };
    let mut good = 0;
    for mail in &mails {
        good += usize::from(verify(&app, &token(&mail.text)).await.status == 200);
    }
    assert_eq!((mails.len(), good), (5, 1));
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
            assert_eq!(status, 400);
        }
    }
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
            "Invalid email: must be an email address",
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
            .engine
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
    let cx = keystead_functions::context::Context {
        // As slow as in earnest, so that all of them are there at once.
        passwords: Passwords::new(Hashing::default()),
        ..(*app.cx).clone()
    };
    let app = app.with_context(cx);
    let try_it = |i: usize| {
        let app = app.clone();
        tokio::spawn(async move { login(&app, &format!("someone-{i}@example.com"), PASSWORD).await })
    };
    let mut statuses = Vec::new();
    for answer in (0..128).map(try_it).collect::<Vec<_>>() {
        let answer = answer.await.expect("an answer");
        if answer.status == 503 {
            expect_refusal(&answer, 503, "The service is busy. Try again later.");
            assert_eq!(answer.header("retry-after"), "1");
        }
        statuses.push(answer.status);
    }
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!(count(401) + count(503), 128);
    assert!(count(401) >= 64, "those who may wait are answered: {}", count(401));
    assert!(count(503) > 0, "others are told to come again");
    login(&app, ANN, PASSWORD).await.expect(401);
}
