//! Who acts in a test.

use std::sync::{Arc, Mutex};

use http::Method;
use keystead_core::{
    Timestamp,
    license::machine::{Fingerprint, MachineId},
    store::meter::Usage,
};
use ring::hmac;
use serde_json::{Value, json};

use crate::{Answer, PRODUCT, TestApp, TestLicense, merged, request, secrets};

/// Someone without a credential.
#[derive(Clone)]
pub struct Stranger {
    app: TestApp,
}

impl Stranger {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self { app: app.clone() }
    }

    /// Posts a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_raw(path, body.to_string().as_bytes()).await
    }

    /// Posts a body as it is.
    pub async fn post_raw(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&Method::POST, path, &[("content-type", "application/json")], body)
            .await
    }

    /// Gets a path, with its query.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(&Method::GET, path, &[], b"").await
    }

    /// Gets a path as the holder of a product's API key, who signs the request.
    pub async fn get_signed(&self, key: &str, path: &str) -> Answer {
        const NONCE: &str = "a nonce of the tests";
        let (at, bearer) = (self.app.now().seconds().to_string(), format!("Bearer {key}"));
        let signed = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = hex::encode(hmac::sign(&signed, format!("{at}.{NONCE}.GET.{path}.").as_bytes()));
        let headers = [
            ("authorization", bearer.as_str()),
            ("x-gg-timestamp", at.as_str()),
            ("x-gg-nonce", NONCE),
            ("x-gg-signature", signature.as_str()),
        ];
        self.send(&Method::GET, path, &headers, b"").await
    }

    /// Sends whatever is given.
    pub async fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.app.send(request(method, path, headers, body)).await.0
    }
}

/// The super admin.
#[derive(Clone)]
pub struct Admin {
    app: TestApp,
}

impl Admin {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self { app: app.clone() }
    }

    /// Posts a JSON body, to which the admin secret is added.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_metered(path, body).await.0
    }

    /// As [`Admin::post`]; answers beside it what it cost at DynamoDB.
    pub async fn post_metered(&self, path: &str, body: Value) -> (Answer, Usage) {
        let body = merged(body, json!({ "adminSecret": secrets().credentials.admin_secret }));
        self.app
            .send(request(&Method::POST, path, &[], body.to_string().as_bytes()))
            .await
    }
}

/// An owner's script, with an API key.
#[derive(Clone)]
pub struct Creator {
    app: TestApp,
    /// The key, in clear.
    pub api_key: String,
}

impl Creator {
    pub(crate) async fn new(app: &TestApp, owner: &str) -> Self {
        let answer = app
            .admin()
            .post("/createApiKey", json!({ "creatorId": owner, "name": "script" }))
            .await;
        let api_key = answer.expect(200)["apiKey"].as_str().expect("a key").to_owned();
        Self {
            app: app.clone(),
            api_key,
        }
    }

    /// Posts a JSON body, to which the API key is added.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_metered(path, body).await.0
    }

    /// As [`Creator::post`]; answers beside it what it cost at DynamoDB.
    pub async fn post_metered(&self, path: &str, body: Value) -> (Answer, Usage) {
        let body = merged(body, json!({ "apiKey": self.api_key }));
        self.app
            .send(request(&Method::POST, path, &[], body.to_string().as_bytes()))
            .await
    }
}

/// A store.
#[derive(Clone)]
pub struct Store {
    app: TestApp,
}

impl Store {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self { app: app.clone() }
    }

    /// Tells something about a purchase of [`PRODUCT`] by a customer, unless `notice` says otherwise.
    pub async fn tell(&self, r#type: &str, notice: Value) -> Answer {
        let usual = json!({ "type": r#type, "email": "customer@example.com", "productId": PRODUCT });
        let body = merged(usual, notice).to_string();
        let headers = [("x-webhook-secret", secrets().credentials.webhook_secret.as_str())];
        let asked = request(&Method::POST, "/cgloungeWebhook", &headers, body.as_bytes());
        self.app.send(asked).await.0
    }
}

/// Stripe: the deployment's account or, at an endpoint of its own, an owner's.
#[derive(Clone)]
pub struct Stripe {
    app: TestApp,
    secret: String,
    path: String,
}

impl Stripe {
    pub(crate) fn new(app: &TestApp) -> Self {
        let secret = &secrets().credentials.stripe_webhook_secret;
        Self {
            app: app.clone(),
            secret: secret.clone().expect("a secret"),
            path: "/stripeWebhook".to_owned(),
        }
    }

    /// Signing with another secret.
    #[must_use]
    pub fn signing_with(self, secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..self
        }
    }

    /// Delivering to this endpoint.
    #[must_use]
    pub fn at(self, endpoint: &str) -> Self {
        Self {
            path: format!("/stripeWebhook/{endpoint}"),
            ..self
        }
    }

    /// Delivers an event, signed now.
    pub async fn deliver(&self, id: &str, r#type: &str, object: Value) -> Answer {
        let event = json!({ "id": id, "type": r#type, "data": { "object": object } }).to_string();
        let signature = self.sign(&event);
        self.deliver_signed(&event, &signature).await
    }

    /// As [`Stripe::deliver`], of an event that says when it was made.
    pub async fn deliver_made_at(&self, id: &str, r#type: &str, object: Value, made_at: Timestamp) -> Answer {
        let event = json!({ "id": id, "type": r#type, "created": made_at.seconds(), "data": { "object": object } });
        let event = event.to_string();
        let signature = self.sign(&event);
        self.deliver_signed(&event, &signature).await
    }

    /// Delivers a body with this signature.
    pub async fn deliver_signed(&self, body: &str, signature: &str) -> Answer {
        let headers = [("stripe-signature", signature)];
        let asked = request(&Method::POST, &self.path, &headers, body.as_bytes());
        self.app.send(asked).await.0
    }

    /// The header `Stripe-Signature` of a body that is sent now.
    pub fn sign(&self, body: &str) -> String {
        let at = self.app.now().seconds();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
        let digits = hex::encode(tag);
        format!("t={at},v1={digits}")
    }
}

/// A machine. It remembers the last token it was given, as an application would.
#[derive(Clone)]
pub struct Machine {
    app: TestApp,
    /// Its fingerprint.
    pub fingerprint: String,
    hostname: String,
    country: Option<String>,
    address: Option<String>,
    token: Arc<Mutex<Option<String>>>,
}

impl Machine {
    pub(crate) fn new(app: &TestApp, name: &str) -> Self {
        Self {
            app: app.clone(),
            fingerprint: format!("fingerprint-of-{name}"),
            hostname: format!("{name}.local"),
            country: None,
            address: None,
            token: Arc::default(),
        }
    }

    /// In this country, as the trusted proxy tells.
    #[must_use]
    pub fn in_country(mut self, country: &str) -> Self {
        self.country = Some(country.to_owned());
        self
    }

    /// At this address, as the trusted proxy tells.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    /// What people are shown it as.
    pub fn shown(&self) -> String {
        let fingerprint = Fingerprint::parse(&self.fingerprint).expect("a fingerprint");
        MachineId::of(&fingerprint).shown().to_owned()
    }

    /// The token that it was last given.
    pub fn token(&self) -> String {
        self.token
            .lock()
            .expect("a lock")
            .clone()
            .expect("the machine has a token")
    }

    /// `POST /activate`, for [`PRODUCT`].
    pub async fn activate(&self, license: &TestLicense) -> Answer {
        self.activate_with(license, json!({})).await.0
    }

    /// `POST /activate` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn activate_with(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let body = json!({
            "licenseKey": license.key,
            "machineFingerprint": self.fingerprint,
            "hostname": self.hostname,
            "productId": PRODUCT,
        });
        self.post("/activate", merged(body, fields)).await
    }

    /// `POST /validate` with the token it was last given.
    pub async fn validate(&self, license: &TestLicense) -> Answer {
        self.validate_with(license, json!({})).await.0
    }

    /// `POST /validate` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn validate_with(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let token = self.token.lock().expect("a lock").clone();
        let body = json!({ "licenseKey": license.key, "machineFingerprint": self.fingerprint, "token": token });
        self.post("/validate", merged(body, fields)).await
    }

    /// `POST /heartbeat`.
    pub async fn heartbeat(&self, license: &TestLicense) -> Answer {
        self.heartbeat_with(license, json!({})).await.0
    }

    /// `POST /heartbeat` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn heartbeat_with(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let body = json!({ "licenseKey": license.key, "machineFingerprint": self.fingerprint });
        self.post("/heartbeat", merged(body, fields)).await
    }

    /// `POST /deactivate`.
    pub async fn deactivate(&self, license: &TestLicense) -> Answer {
        self.deactivate_with(license, json!({})).await.0
    }

    /// `POST /deactivate` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn deactivate_with(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let body = json!({ "licenseKey": license.key, "machineFingerprint": self.fingerprint });
        self.post("/deactivate", merged(body, fields)).await
    }

    /// `POST /listMachines`, as a machine on the license.
    pub async fn list_machines(&self, license: &TestLicense) -> Answer {
        self.list_machines_with(license, json!({})).await.0
    }

    /// `POST /listMachines` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn list_machines_with(&self, license: &TestLicense, fields: Value) -> (Answer, Usage) {
        let body = json!({ "licenseKey": license.key, "machineFingerprint": self.fingerprint });
        self.post("/listMachines", merged(body, fields)).await
    }

    /// `POST /moveLicense` from the machine with this fingerprint, or shown so, to this machine.
    pub async fn move_license(&self, license: &TestLicense, release: &str) -> Answer {
        self.move_license_with(license, release, json!({})).await.0
    }

    /// `POST /moveLicense` with further or other fields; answers beside it what it cost at DynamoDB.
    pub async fn move_license_with(&self, license: &TestLicense, release: &str, fields: Value) -> (Answer, Usage) {
        let body = json!({
            "licenseKey": license.key,
            "machineFingerprint": self.fingerprint,
            "hostname": self.hostname,
            "productId": PRODUCT,
            "releaseFingerprint": release,
        });
        self.post("/moveLicense", merged(body, fields)).await
    }

    async fn post(&self, path: &str, body: Value) -> (Answer, Usage) {
        let country = self.country.as_deref();
        let country = country.map(|country| ("cloudfront-viewer-country", country));
        let address = self.address.as_deref().map(|address| ("x-forwarded-for", address));
        let headers: Vec<(&str, &str)> = country.into_iter().chain(address).collect();
        let (answer, usage) = self
            .app
            .send(request(&Method::POST, path, &headers, body.to_string().as_bytes()))
            .await;
        if let Some(token) = answer.body["token"].as_str() {
            *self.token.lock().expect("a lock") = Some(token.to_owned());
        }
        (answer, usage)
    }
}
