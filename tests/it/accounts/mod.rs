//! The accounts API: `/api/auth/...`.

mod forgot_password;
mod login;
mod logout;
mod me;
mod register;
mod reset_password;
mod verify;

use http::Method;
use keystead_tests::{Answer, TestApp};
use serde_json::json;

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
