//! Accounts: `/v1/auth/...`.

use http::Method;
use keystead_core::{account::Registration, config::Config};
use keystead_tests::{
    Answer, DAY, MINUTE, Options, PASSWORD, Person, TestApp, secrets,
    storm::{CALLERS, at_once, caller},
};
use serde_json::{Value, json};

use super::{expect_refusal, members, of};

const ANN: &str = "ann@example.com";
const NO_SESSION: &str = "Invalid or missing session token";

async fn open() -> TestApp {
    let mut config = Config::default();
    config.accounts.registration = Registration::Open;
    Options::default().config(config).start().await
}

async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    app.stranger().post(path, body).await
}

async fn login(app: &TestApp, password: &str) -> Answer {
    post(app, "/v1/auth/login", json!({ "email": ANN, "password": password })).await
}

async fn refresh(app: &TestApp, token: &Value) -> Answer {
    post(app, "/v1/auth/refresh", json!({ "refreshToken": token })).await
}

/// Asks with this access token.
async fn ask(app: &TestApp, token: &Value, method: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let headers = [("authorization", bearer.as_str())];
    app.stranger().send(&method, path, &headers, b"{}").await
}

async fn me(app: &TestApp, token: &Value) -> Answer {
    ask(app, token, "GET", "/v1/dashboard/me").await
}

/// The tokens that an answer holds.
#[track_caller]
fn tokens(answer: &Answer) -> (Value, Value) {
    let tokens = &answer.expect(200)["data"]["tokens"];
    assert_eq!(tokens["expiresIn"], 900);
    (tokens["accessToken"].clone(), tokens["refreshToken"].clone())
}

#[tokio::test]
async fn whoever_registers_chooses_a_password_with_what_is_mailed_and_is_signed_in() {
    let app = open().await;
    let wanted = json!({ "email": "Ann@Example.com", "name": " Ann ", "password": "ignored" });
    let answer = post(&app, "/v1/auth/register", wanted).await;
    answer.expect_body(201, &json!({ "ok": true, "data": { "verificationSent": true } }));
    let chosen = json!({ "token": app.mailed_token("Ann@Example.com"), "password": PASSWORD });
    let verified = post(&app, "/v1/auth/verify", chosen).await;
    let (access, _) = tokens(&verified);
    assert_eq!(verified.header("set-cookie"), "");
    let user = &verified.body["data"]["user"];
    let shown = [&user["email"], &user["name"], &user["emailVerified"]];
    assert_eq!(shown, [&json!("Ann@Example.com"), &json!("Ann"), &json!(true)]);
    me(&app, &access)
        .await
        .expect_body(200, &json!({ "ok": true, "data": { "user": user } }));
    tokens(&login(&app, PASSWORD).await);

    // There is an account by now: the answer is the same, and the mail sets another password of it.
    let again = json!({ "email": ANN, "name": "Mallory" });
    let again = post(&app, "/v1/auth/register", again).await;
    again.expect_body(201, &answer.body);
    let chosen = json!({ "token": app.mailed_token("Ann@Example.com"), "password": "another password" });
    let reset = post(&app, "/v1/auth/reset-password", chosen).await;
    tokens(&reset);
    assert_eq!(reset.body["data"]["user"], *user);
    expect_refusal(&me(&app, &access).await, 401, "UNAUTHORIZED", NO_SESSION);
}

#[tokio::test]
async fn without_an_invite_only_the_operator_asks_for_accounts() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    owner.invite(&org, ANN, "DEV").await;
    let token = app.mailed_token(ANN);
    let mails = app.mails.mails().len();
    for refused in [
        json!({ "email": ANN }),
        json!({ "email": ANN, "inviteToken": "x".repeat(43) }),
        json!({ "email": "other@example.com", "inviteToken": token }),
        // A token that was mailed for something else is no invite.
        json!({ "email": "owner@example.com", "inviteToken": app.mailed_token("owner@example.com") }),
    ] {
        let answer = post(&app, "/v1/auth/register", refused).await;
        expect_refusal(&answer, 403, "FORBIDDEN", "Registration is by invitation");
    }
    let ask = async |secret: &str| {
        let body = json!({ "email": "new@example.com" }).to_string();
        let headers = [("x-admin-token", secret)];
        let stranger = app.stranger();
        stranger
            .send(&Method::POST, "/v1/auth/register", &headers, body.as_bytes())
            .await
    };
    let wrong = ask("a wrong admin secret").await;
    expect_refusal(&wrong, 403, "FORBIDDEN", "Registration is by invitation");
    assert_eq!(app.mails.mails().len(), mails);
    ask(&secrets().credentials.admin_secret).await.expect(201);
    assert_eq!(app.mailed_subjects("new@example.com"), ["Choose a password"]);
}

#[tokio::test]
async fn who_was_invited_is_a_member_once_the_address_is_verified() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    for (email, path) in [
        (ANN, "/v1/auth/verify"),
        ("bob@example.com", "/v1/auth/reset-password"),
        ("carol@example.com", "/api/auth/verify"),
    ] {
        owner.invite(&org, email, "DEV").await;
        let asked = json!({ "email": email, "inviteToken": app.mailed_token(email) });
        post(&app, "/v1/auth/register", asked).await.expect(201);
        let before = members(&owner, &org).await.len();
        let chosen = json!({ "token": app.mailed_token(email), "password": PASSWORD });
        // Its answer may be lost, so it is given twice.
        for _ in 0..2 {
            post(&app, path, chosen.clone()).await.expect(200);
        }
        let members = members(&owner, &org).await;
        assert_eq!(members.len(), before + 1, "{email}");
        let joined = members.iter().find(|member| member["email"] == email);
        assert_eq!(joined.expect("a member")["role"], "DEV");
        let person = Person::sign_in(&app, email).await;
        let shown = person.get(&of(&org, "")).await;
        assert_eq!(shown.expect(200)["data"]["org"]["role"], "DEV");
    }
}

#[tokio::test]
async fn an_invite_that_is_taken_back_meanwhile_makes_nobody_a_member() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let invite = owner.invite(&org, ANN, "DEV").await;
    let asked = json!({ "email": ANN, "inviteToken": app.mailed_token(ANN) });
    post(&app, "/v1/auth/register", asked).await.expect(201);
    let revoked = of(&org, &format!("/invites/{invite}/revoke"));
    owner.post(&revoked, json!({})).await.expect(200);
    let chosen = json!({ "token": app.mailed_token(ANN), "password": PASSWORD });
    tokens(&post(&app, "/v1/auth/verify", chosen).await);
    assert_eq!(members(&owner, &org).await.len(), 1);
}

#[tokio::test]
async fn a_token_that_was_mailed_with_an_invite_sets_no_password() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    owner.invite(&org, ANN, "DEV").await;
    for path in ["/v1/auth/verify", "/v1/auth/reset-password", "/api/auth/verify"] {
        let chosen = json!({ "token": app.mailed_token(ANN), "password": PASSWORD });
        post(&app, path, chosen).await.expect(400);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_a_device_is_known_again() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let wrong = login(&app, "wrong password").await;
    expect_refusal(&wrong, 401, "UNAUTHORIZED", "Invalid email or password");
    let unknown = json!({ "email": "nobody@example.com", "password": PASSWORD });
    let unknown = post(&app, "/v1/auth/login", unknown).await;
    unknown.expect_body(401, &wrong.body);
    let first = login(&app, PASSWORD).await;
    assert_eq!(first.header("set-cookie"), "");
    let device = first.expect(200)["data"]["deviceToken"].clone();
    for _ in 0..20 {
        login(&app, "wrong password").await;
    }
    assert_eq!(login(&app, PASSWORD).await.expect(429)["error"]["code"], "RATE_LIMITED");
    let known = json!({ "email": ANN, "password": PASSWORD, "deviceToken": device });
    let known = post(&app, "/v1/auth/login", known).await;
    assert_eq!(known.expect(200)["data"].get("deviceToken"), None);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_shown_again_it_ends_the_login() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let (access, first) = tokens(&login(&app, PASSWORD).await);
    let (_, elsewhere) = tokens(&login(&app, PASSWORD).await);
    app.advance(15 * MINUTE);
    let expired = me(&app, &access).await;
    expect_refusal(&expired, 401, "EXPIRED_TOKEN", "The session token has expired");
    let (access, second) = tokens(&refresh(&app, &first).await);
    me(&app, &access).await.expect(200);
    let (newer, third) = tokens(&refresh(&app, &second).await);

    // Nobody can tell which of the two who show it is its holder.
    let reused = refresh(&app, &first).await;
    expect_refusal(&reused, 401, "UNAUTHORIZED", NO_SESSION);
    for access in [&access, &newer] {
        expect_refusal(&me(&app, access).await, 401, "UNAUTHORIZED", NO_SESSION);
    }
    expect_refusal(&refresh(&app, &third).await, 401, "UNAUTHORIZED", NO_SESSION);
    // The account's other logins go on, for a month each time.
    app.advance(29 * DAY);
    let (_, next) = tokens(&refresh(&app, &elsewhere).await);
    app.advance(30 * DAY);
    refresh(&app, &next).await.expect(401);
}

#[tokio::test]
async fn what_is_no_refresh_token_costs_nothing() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let access = ann.access().await;
    let made_up = "A".repeat(400);
    for garbage in ["x", made_up.as_str(), access.as_str(), ann.token.as_str()] {
        app.faults.calls();
        let answer = refresh(&app, &json!(garbage)).await;
        expect_refusal(&answer, 401, "UNAUTHORIZED", NO_SESSION);
        assert_eq!(app.faults.calls(), Vec::<String>::new(), "{garbage}");
    }
}

#[tokio::test]
async fn of_many_who_show_one_refresh_token_at_once_one_gets_the_next() {
    for seed in 0..4 {
        let app = TestApp::start().await;
        app.person(ANN).await;
        let (_, token) = tokens(&login(&app, PASSWORD).await);
        app.faults.seed(seed);
        // As many as an address may ask for within a minute.
        let storm = (0..CALLERS / 2).map(|_| {
            let (app, token) = (app.clone(), token.clone());
            caller(async move { refresh(&app, &token).await })
        });
        let answers = at_once(storm).await;
        let next: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .map(tokens)
            .collect();
        assert_eq!(next.len(), 1);
        assert!(answers.iter().all(|answer| [200, 401].contains(&answer.status)));
        // All but one were copies, so nobody goes on with it.
        for (access, token) in &next {
            refresh(&app, token).await.expect(401);
            me(&app, access).await.expect(401);
        }
    }
}

#[tokio::test]
async fn whoever_signs_out_is_let_in_by_neither_token() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let (access, token) = tokens(&login(&app, PASSWORD).await);
    let out = ask(&app, &access, "POST", "/v1/auth/logout").await;
    out.expect_body(200, &json!({ "ok": true, "data": { "loggedOut": true } }));
    for again in [me(&app, &access).await, refresh(&app, &token).await] {
        expect_refusal(&again, 401, "UNAUTHORIZED", NO_SESSION);
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let (access, _) = tokens(&login(&app, PASSWORD).await);
    let (other, token) = tokens(&login(&app, PASSWORD).await);
    let listed = ask(&app, &access, "GET", "/v1/auth/sessions").await;
    let sessions = listed.expect(200)["data"]["sessions"]
        .as_array()
        .expect("a list")
        .clone();
    // With the one by which they are signed in at `/api/auth`.
    let current: Vec<_> = sessions.iter().map(|session| session["current"].clone()).collect();
    assert_eq!(current, [json!(false), json!(true), json!(false)]);
    assert_eq!(sessions[0]["ip"], "127.0.0.1");

    let id = sessions[0]["id"].as_str().expect("an id");
    let revoked = ask(&app, &access, "POST", &format!("/v1/auth/sessions/{id}/revoke")).await;
    revoked.expect_body(200, &json!({ "ok": true, "data": { "revoked": true } }));
    me(&app, &other).await.expect(401);
    refresh(&app, &token).await.expect(401);

    let (_, third) = tokens(&login(&app, PASSWORD).await);
    let all = ask(&app, &access, "POST", "/v1/auth/sessions/revoke-all").await;
    all.expect_body(200, &json!({ "ok": true, "data": { "revoked": 2 } }));
    refresh(&app, &third).await.expect(401);
    ann.get("/api/auth/me").await.expect(401);
    me(&app, &access).await.expect(200);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail_and_ends_every_other_session() {
    let app = TestApp::start().await;
    app.person(ANN).await;
    let (access, token) = tokens(&login(&app, PASSWORD).await);
    for email in ["nobody@example.com", ANN] {
        let asked = post(&app, "/v1/auth/forgot-password", json!({ "email": email })).await;
        asked.expect_body(200, &json!({ "ok": true, "data": { "sent": true } }));
    }
    let chosen = json!({ "token": app.mailed_token(ANN), "password": "another password" });
    let (newer, _) = tokens(&post(&app, "/v1/auth/reset-password", chosen).await);
    me(&app, &newer).await.expect(200);
    me(&app, &access).await.expect(401);
    refresh(&app, &token).await.expect(401);
    login(&app, PASSWORD).await.expect(401);
    tokens(&login(&app, "another password").await);
}

#[tokio::test]
async fn a_token_of_one_api_opens_no_other() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let (access, token) = tokens(&login(&app, PASSWORD).await);
    for access in [&access, &token] {
        ask(&app, access, "GET", "/api/auth/me").await.expect(401);
    }
    for login in [&json!(ann.token), &token] {
        expect_refusal(&me(&app, login).await, 401, "UNAUTHORIZED", NO_SESSION);
    }
    // No cookie speaks here, and no token in a URL.
    let access = access.as_str().expect("a token");
    let cookie = format!("session={access}");
    let headers = [("cookie", cookie.as_str())];
    let stranger = app.stranger();
    stranger
        .send(&Method::GET, "/v1/dashboard/me", &headers, b"")
        .await
        .expect(401);
    for name in ["accessToken", "token", "access_token"] {
        stranger
            .get(&format!("/v1/dashboard/me?{name}={access}"))
            .await
            .expect(401);
    }
}
