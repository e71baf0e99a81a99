//! People with accounts.

use std::sync::Arc;

use http::Method;
use keystead_core::account::secret::Secret;
use keystead_core::store::meter::Usage;
use serde_json::{Value, json};
use tokio::sync::Mutex;

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
    /// The tokens of their login at `/v1`, from when they first ask for something there.
    tokens: Arc<Mutex<Option<Value>>>,
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
            tokens: Arc::default(),
        }
    }

    /// Their access token, with which they ask at `/v1`.
    pub async fn access(&self) -> String {
        self.of_tokens("accessToken").await
    }

    /// What gets them the next access token.
    pub async fn refresh_token(&self) -> String {
        self.of_tokens("refreshToken").await
    }

    async fn of_tokens(&self, name: &str) -> String {
        let mut tokens = self.tokens.lock().await;
        if tokens.is_none() {
            let who = json!({ "email": self.email, "password": PASSWORD });
            let answer = self.app.stranger().post("/v1/auth/login", who).await;
            *tokens = Some(answer.expect(200)["data"]["tokens"].clone());
        }
        let token = tokens.as_ref().and_then(|tokens| tokens[name].as_str());
        token.expect("a token").to_owned()
    }

    /// Gets another access token: each is good for a quarter of an hour.
    pub async fn refresh(&self) {
        let shown = json!({ "refreshToken": self.refresh_token().await });
        let answer = self.app.stranger().post("/v1/auth/refresh", shown).await;
        *self.tokens.lock().await = Some(answer.expect(200)["data"]["tokens"].clone());
    }

    /// The header `Authorization` with which they ask at this path.
    pub async fn authorization(&self, path: &str) -> String {
        if path.starts_with("/v1/") {
            format!("Bearer {}", self.access().await)
        } else {
            format!("Bearer {}", self.token)
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

    /// As [`Person::get`]; answers beside it what it cost at DynamoDB.
    pub async fn get_metered(&self, path: &str) -> (Answer, Usage) {
        self.send_metered(&Method::GET, path, &[], b"").await
    }

    /// Sends a JSON body with another method.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.send(&method, path, &[], body.to_string().as_bytes()).await
    }

    /// Deletes what is at a path, without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(&Method::DELETE, path, &[], b"").await
    }

    /// Makes an organisation, and answers its id.
    pub async fn organisation(&self, name: &str) -> String {
        let made = self.post("/v1/dashboard/orgs", json!({ "name": name })).await;
        made.expect(201)["data"]["org"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Invites somebody to an organisation, and answers the invite's id.
    pub async fn invite(&self, org: &str, email: &str, role: &str) -> String {
        let asked = json!({ "email": email, "role": role });
        let made = self.post(&format!("/v1/dashboard/orgs/{org}/invites"), asked).await;
        made.expect(201)["data"]["invite"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Makes a product of an organisation's, and answers its id.
    pub async fn product(&self, org: &str, name: &str) -> String {
        let wanted = json!({ "orgId": org, "name": name });
        let made = self.post("/v1/dashboard/products", wanted).await;
        made.expect(201)["data"]["product"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Makes an API key of a product, with these permissions or with all, and answers its id and its secret.
    pub async fn api_key(&self, product: &str, permissions: &[&str]) -> (String, String) {
        let mut wanted = json!({ "productId": product, "name": "Back end" });
        if !permissions.is_empty() {
            wanted["permissions"] = json!(permissions);
        }
        let made = self.post("/v1/dashboard/api-keys", wanted).await;
        let data = &made.expect(201)["data"];
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&data["apiKey"]["id"]), text(&data["key"]))
    }

    async fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_metered(method, path, headers, body).await.0
    }

    async fn send_metered(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Answer, Usage) {
        let bearer = self.authorization(path).await;
        let headers = [headers, &[("authorization", bearer.as_str())]].concat();
        self.app.send(request(method, path, &headers, body)).await
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
