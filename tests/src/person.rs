//! People with accounts.

use http::Method;
use keystead_core::account::secret::Secret;
use serde_json::{Value, json};

use crate::{Answer, TestApp, request};

/// What every person of the tests signs in with.
pub const PASSWORD: &str = "correct horse";

/// Somebody who has an account, has verified their address, and is signed in.
#[derive(Clone)]
pub struct Person {
    app: TestApp,
    /// Their address.
    pub email: String,
    /// The token of their login.
    pub token: String,
}

impl Person {
    pub(crate) async fn new(app: &TestApp, email: &str) -> Self {
        app.register(email).await;
        let chosen = json!({ "token": app.mailed_token(email), "password": PASSWORD });
        app.stranger().post("/api/auth/verify", chosen).await.expect(200);
        Self::sign_in(app, email).await
    }

    /// Somebody who signs in to an account that is there.
    pub async fn sign_in(app: &TestApp, email: &str) -> Self {
        let who = json!({ "email": email, "password": PASSWORD });
        let answer = app.stranger().post("/api/auth/login", who).await;
        Self {
            app: app.clone(),
            email: email.to_owned(),
            token: answer.expect(200)["token"].as_str().expect("a token").to_owned(),
        }
    }

    /// Posts a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(&Method::POST, path, &[], body.to_string().as_bytes()).await
    }

    /// Posts a body as it is.
    pub async fn post_raw(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&Method::POST, path, &[], body).await
    }

    /// Posts a JSON body under a name, so that it may be sent again.
    pub async fn post_named(&self, name: &str, path: &str, body: Value) -> Answer {
        let headers = [("idempotency-key", name)];
        self.send(&Method::POST, path, &headers, body.to_string().as_bytes())
            .await
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(&Method::GET, path, &[], b"").await
    }

    async fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [headers, &[("authorization", bearer.as_str())]].concat();
        self.app.send(request(method, path, &headers, body)).await.0
    }
}

impl TestApp {
    /// Somebody who has an account, has verified their address, and is signed in.
    pub async fn person(&self, email: &str) -> Person {
        Person::new(self, email).await
    }

    /// Asks for an account, which is then to be verified.
    pub async fn register(&self, email: &str) {
        let answer = self
            .stranger()
            .post("/api/auth/register", json!({ "email": email }))
            .await;
        answer.expect_body(200, &json!({ "success": true }));
    }

    /// The token in the latest mail to this address.
    pub fn mailed_token(&self, email: &str) -> String {
        let mails = self.mails.mails();
        let mail = mails.iter().rev().find(|mail| mail.to.as_str() == email);
        token_in(&mail.expect("a mail").text).expect("a token in the mail")
    }

    /// The subjects of the mails to this address.
    pub fn mailed_subjects(&self, email: &str) -> Vec<String> {
        let mails = self.mails.mails();
        let own = mails.iter().filter(|mail| mail.to.as_str() == email);
        own.map(|mail| mail.subject.clone()).collect()
    }
}

/// The token that a mail holds: alone, or in a link.
pub fn token_in(text: &str) -> Option<String> {
    let mut words = text
        .split_whitespace()
        .map(|word| word.rsplit(['=', '#']).next().unwrap_or(word));
    words.find(|word| Secret::parse(word).is_some()).map(str::to_owned)
}
