//! The accounts API: `/api/auth/...`.

mod change_email;
mod change_password;
mod events;
mod forgot_password;
mod login;
mod logout;
mod me;
mod register;
mod reset_password;
mod sessions;
mod verify;

use std::net::IpAddr;

use http::Method;
use keystead_tests::{Answer, PASSWORD, TestApp, request};
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

async fn verify(app: &TestApp, token: &str, password: &str) -> Answer {
    let chosen = json!({ "token": token, "password": password });
    app.stranger().post("/api/auth/verify", chosen).await
}

async fn register(app: &TestApp, email: &str) -> Answer {
    app.stranger()
        .post("/api/auth/register", json!({ "email": email }))
        .await
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

/// A request from this address.
async fn post_from(app: &TestApp, address: &str, path: &str, body: Value) -> Answer {
    let mut asked = request(&Method::POST, path, &[], body.to_string().as_bytes());
    asked.peer = address.parse::<IpAddr>().expect("an address").into();
    app.send(asked).await.0
}

/// Whoever guesses at a password, from so many addresses that no limit of one of them is reached.
async fn guess_from_everywhere(app: &TestApp, email: &str) -> usize {
    let mut admitted = 0;
    for i in 0..120 {
        let guess = json!({ "email": email, "password": "wrong password" });
        let address = format!("198.51.{}.7", i / 5);
        let answer = post_from(app, &address, "/api/auth/login", guess).await;
        admitted += usize::from(answer.status == 401);
    }
    admitted
}

/// The value of the cookie with this name that an answer sets.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut own = cookies.filter_map(|cookie| cookie.to_str().ok()?.strip_prefix(name)?.strip_prefix('='));
    own.next().and_then(|rest| rest.split(';').next()).map(str::to_owned)
}

/// What a browser sends that is on a page of the service itself.
const SAME_ORIGIN: [(&str, &str); 2] = [
    ("origin", "https://keystead.example"),
    ("sec-fetch-site", "same-origin"),
];

/// Signs in with a browser, which has these cookies.
async fn login_in_browser(app: &TestApp, cookies: &str) -> Answer {
    let who = json!({ "email": ANN, "password": PASSWORD }).to_string();
    let headers = [SAME_ORIGIN.as_slice(), &[("cookie", cookies)]].concat();
    app.stranger()
        .send(&Method::POST, "/api/auth/login", &headers, who.as_bytes())
        .await
}
