//! The secrets of a deployment: which function has which, and how they are replaced while functions run.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use keystead_core::{
    Error,
    signing::{
        keys::Algorithm,
        secrets::{CredentialName, SecretName, Secrets},
    },
};
use keystead_functions::{
    frame::{
        context::Context,
        secrets::{KnownSecrets, ReadSecret},
    },
    routes,
};
use keystead_tests::{
    Answer, HOUR, MINUTE, Machine, Options, TestApp, TestLicense,
    examples::{World, row},
    secrets,
    storm::{at_once, caller},
    template::{function_id, template},
    token::{claims, jwks, part},
};
use serde_json::{Value, json};

/// Where functions read their secrets: Secrets Manager, in short.
struct Deployment {
    secrets: Mutex<Secrets>,
    reads: AtomicUsize,
    is_down: AtomicBool,
}

impl Deployment {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            secrets: Mutex::new(secrets().clone()),
            reads: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Secrets)) {
        change(&mut self.secrets.lock().expect("a lock"));
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn document(&self, name: SecretName) -> keystead_core::Result<String> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::internal("it is down"));
        }
        let all = self.secrets.lock().expect("a lock").clone();
        match name {
            SecretName::Root => panic!("no function reads the root key"),
            SecretName::Signing => serde_json::to_string(&all.signing),
            SecretName::Credentials => serde_json::to_string(&all.credentials),
            SecretName::Accounts => serde_json::to_string(&all.accounts),
        }
        .map_err(Error::internal)
    }

    /// The service as a process that starts now knows it.
    async fn started(self: &Arc<Self>, app: &TestApp) -> TestApp {
        let deployment = Arc::clone(self);
        let read: ReadSecret = Arc::new(move |name| {
            let deployment = Arc::clone(&deployment);
            Box::pin(async move {
                // Others may go on meanwhile, as they do while a real one is read.
                tokio::task::yield_now().await;
                deployment.document(name)
            })
        });
        let names = [SecretName::Signing, SecretName::Credentials, SecretName::Accounts];
        let known = KnownSecrets::read(&names, &read).await.expect("secrets");
        app.with_context(Context {
            keys: known.keys,
            credentials: known.credentials,
            account_keys: known.account_keys,
            ..app.cx.as_ref().clone()
        })
    }
}

async fn validate(app: &TestApp, license: &TestLicense, machine: &Machine, token: &str) -> Answer {
    let body = json!({ "licenseKey": license.key, "machineFingerprint": machine.fingerprint, "token": token });
    app.stranger().post("/validate", body).await
}

async fn with_admin_secret(app: &TestApp, secret: &str) -> Answer {
    app.stranger()
        .post("/listApiKeys", json!({ "adminSecret": secret }))
        .await
}

/// A token of a key that nobody has, as someone makes it up.
fn made_up(token: &str, number: u8) -> String {
    let kid = BASE64_URL_SAFE_NO_PAD.encode([number; 32]);
    let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}"#));
    format!("{header}.{}", token.split_once('.').expect("a header").1)
}

#[tokio::test]
async fn every_function_has_the_secrets_that_it_needs_and_no_other() {
    const NONCE: &str = "n0nce-of-16-bytes";
    for served in routes::functions() {
        // That these are enough, every story shows: the harness gives a function no others.
        let names = served.secrets();
        for name in &names {
            let rest: Vec<SecretName> = names.iter().copied().filter(|other| other != name).collect();
            let mut is_missed = false;
            for route in served.routes {
                for method in route.methods() {
                    let world = World::for_route(route).await;
                    let mut body = world.let_in(route, (row(route).good)(&world));
                    if *name == SecretName::Credentials && !body["apiKey"].is_null() {
                        body["apiKey"] = Value::Null;
                        body["adminSecret"] = json!(secrets().credentials.admin_secret);
                    }
                    if route.face.signs {
                        body["nonce"] = json!(NONCE);
                    }
                    body.as_object_mut()
                        .expect("an object")
                        .retain(|_, value| !value.is_null());
                    let world = World {
                        app: world.app.with_context(world.app.cx.with_secrets_only(&rest)),
                        ..world
                    };
                    is_missed |= world.send(route, method, &body).await.status == 500;
                    if route.name == "v1-register" {
                        // The first of a deployment shows the admin secret.
                        let shown = secrets().credentials.admin_secret.as_str();
                        let asked = json!({ "email": "first@example.com" }).to_string();
                        let by_admin = world.app.stranger();
                        let method = Method::POST;
                        let headers = [("x-admin-token", shown)];
                        let answer = by_admin.send(&method, route.path(), &headers, asked.as_bytes()).await;
                        is_missed |= answer.status == 500;
                    }
                }
            }
            assert!(is_missed, "{} may read {name}, and does well without", served.name);
        }
    }
}

#[test]
fn no_function_that_answers_requests_may_read_the_root_key() {
    let resources = template()["Resources"].as_object().expect("resources");
    let named: BTreeSet<&str> = resources
        .iter()
        .filter(|(id, resource)| *id != "RootSecret" && resource.to_string().contains("RootSecret"))
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(
        named,
        BTreeSet::from(["Bootstrap", "BootstrapBoundary", "BootstrapFunction"]),
        "what in template.yaml names RootSecret"
    );
    for served in routes::functions() {
        assert!(
            !served.secrets().contains(&SecretName::Root),
            "{}",
            function_id(served.name)
        );
    }
    // Whoever has every other secret can't certify a key.
    let all = secrets();
    for document in [
        serde_json::to_string(&all.signing).expect("JSON"),
        serde_json::to_string(&all.credentials).expect("JSON"),
        serde_json::to_string(&all.accounts).expect("JSON"),
    ] {
        assert!(!document.contains(&all.root.root_key));
    }
}

#[tokio::test]
async fn a_key_that_was_made_since_is_read_when_it_is_met() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let deployment = Deployment::new();
    let old = deployment.started(&app).await;
    deployment.change(|all| {
        keystead_keygen::rotate(&mut all.signing, &all.root, Algorithm::EdDsa, app.now()).expect("a key");
    });
    let new = deployment.started(&app).await;
    new.machine("a").activate(&license).await.expect(200);
    let token = {
        let answer = new.machine("a").activate(&license).await;
        answer.expect(200)["token"].as_str().expect("a token").to_owned()
    };
    assert_eq!(part(&token, 0)["alg"], "EdDSA");
    let before = deployment.reads();
    // Many at once wait for one read, and all are let in.
    let callers = (0..8).map(|_| {
        let (old, license, machine, token) = (old.clone(), license.clone(), machine.clone(), token.clone());
        caller(async move { validate(&old, &license, &machine, &token).await })
    });
    for answer in at_once(callers).await {
        answer.expect(200);
    }
    assert_eq!(deployment.reads(), before + 1);
    validate(&old, &license, &machine, &token).await.expect(200);
    assert_eq!(deployment.reads(), before + 1, "it is known by now");
}

#[tokio::test]
async fn keys_that_strangers_make_up_are_looked_for_once_a_minute() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let token = machine.token();
    let deployment = Deployment::new();
    let app = deployment.started(&app).await;
    let before = deployment.reads();
    for minute in 1..=2 {
        for number in 0..9 {
            let made_up = made_up(&token, number);
            validate(&app, &license, &machine, &made_up)
                .await
                .expect_invalid(401, "Invalid or expired token");
        }
        validate(&app, &license, &machine, &token).await.expect(200);
        assert_eq!(deployment.reads(), before + minute);
        app.advance(MINUTE);
    }
    // What is no header of ours names no key.
    for text in ["a.b.c", &token.replacen("ey", "eyJ", 1), &format!(".{token}")] {
        validate(&app, &license, &machine, text).await.expect(401);
    }
    assert_eq!(deployment.reads(), before + 2);
}

#[tokio::test]
async fn a_key_that_can_not_be_looked_for_is_not_called_wrong() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let deployment = Deployment::new();
    let old = deployment.started(&app).await;
    deployment.change(|all| {
        keystead_keygen::rotate(&mut all.signing, &all.root, Algorithm::Rs256, app.now()).expect("a key");
    });
    let new = deployment.started(&app).await;
    let answer = new.machine("a").activate(&license).await;
    let token = answer.expect(200)["token"].as_str().expect("a token").to_owned();
    deployment.is_down.store(true, Ordering::SeqCst);
    let before = deployment.reads();
    for _ in 0..3 {
        validate(&old, &license, &machine, &token).await.expect(500);
    }
    assert_eq!(deployment.reads(), before + 1, "nor is it looked for again and again");
    deployment.is_down.store(false, Ordering::SeqCst);
    old.advance(MINUTE);
    validate(&old, &license, &machine, &token).await.expect(200);
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_good_for_nothing() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let token = machine.token();
    let kid = part(&token, 0)["kid"].as_str().expect("a key's id").to_owned();
    let deployment = Deployment::new();
    deployment.change(|all| {
        let found = keystead_keygen::revoke(&mut all.signing, &all.root, &kid, app.now()).expect("another key");
        assert!(found);
        assert!(!keystead_keygen::revoke(&mut all.signing, &all.root, "unknown", app.now()).expect("no key"));
    });
    let app = deployment.started(&app).await;
    let before = deployment.reads();
    validate(&app, &license, &machine, &token)
        .await
        .expect_invalid(401, "Invalid or expired token");
    assert_eq!(deployment.reads(), before, "a revoked key is known, and not looked for");
    let keys = jwks(&app).await;
    assert!(!keys.to_string().contains(&kid), "{keys}");
    let certificate = app.stranger().get("/getSigningKey").await;
    assert_ne!(certificate.expect(200)["kid"], json!(kid));
    let answer = app.machine("a").activate(&license).await;
    let token = answer.expect(200)["token"].as_str().expect("a token").to_owned();
    validate(&app, &license, &machine, &token).await.expect(200);
    let kept = serde_json::to_string(&deployment.secrets.lock().expect("a lock").signing).expect("JSON");
    let private = &secrets().signing.signing_keys[0].private_key;
    assert!(!kept.contains(private.as_str()), "nobody has its private half any more");
}

#[tokio::test]
async fn an_admin_secret_is_replaced_while_the_old_one_is_good_for_a_while() {
    let app = TestApp::start().await;
    app.is_no_credential("of a wrong guess");
    let old = secrets().credentials.admin_secret.clone();
    let new = "another-admin-secret-of-32-chars".to_owned();
    let deployment = Deployment::new();
    let running = deployment.started(&app).await;
    deployment.change(|all| {
        let now = app.now();
        all.credentials
            .rotate(CredentialName::Admin, new.clone(), now, Some(now + 24 * HOUR));
    });
    let started = deployment.started(&app).await;
    for app in [&running, &started] {
        with_admin_secret(app, &old).await.expect(200);
        with_admin_secret(app, &new).await.expect(200);
        with_admin_secret(app, "of a wrong guess").await.expect(401);
    }
    app.advance(24 * HOUR - Duration::from_secs(1));
    with_admin_secret(&running, &old).await.expect(200);
    app.advance(Duration::from_secs(1));
    for app in [&running, &started] {
        with_admin_secret(app, &old).await.expect(401);
        with_admin_secret(app, &new).await.expect(200);
    }
}

#[tokio::test]
async fn an_admin_secret_that_was_dropped_opens_nothing_to_what_starts_then() {
    let app = TestApp::start().await;
    let deployment = Deployment::new();
    let new = "another-admin-secret-of-32-chars".to_owned();
    deployment.change(|all| {
        all.credentials
            .rotate(CredentialName::Admin, new.clone(), app.now(), None);
    });
    let started = deployment.started(&app).await;
    with_admin_secret(&started, &secrets().credentials.admin_secret)
        .await
        .expect(401);
    with_admin_secret(&started, &new).await.expect(200);
}

#[tokio::test]
async fn stores_show_the_old_webhook_secret_for_a_while() {
    let app = TestApp::start().await;
    let deployment = Deployment::new();
    deployment.change(|all| {
        let now = app.now();
        let new = "another-webhook-secret-of-32-chs".to_owned();
        all.credentials
            .rotate(CredentialName::Webhook, new, now, Some(now + HOUR));
    });
    let app = deployment.started(&app).await;
    let store = app.store();
    store
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await
        .expect(200);
    app.advance(HOUR);
    store
        .tell("purchase.completed", json!({ "purchaseId": "p-2" }))
        .await
        .expect(401);
}

#[tokio::test]
async fn people_stay_signed_in_for_a_while_when_the_key_of_accounts_is_replaced() {
    let app = TestApp::start().await;
    let ann = app.person("ann@example.com").await;
    let deployment = Deployment::new();
    let running = deployment.started(&app).await;
    deployment.change(|all| {
        keystead_keygen::rotate_accounts(&mut all.accounts, app.now(), app.now() + HOUR).expect("a key");
    });
    let started = deployment.started(&app).await;
    let me = async |app: &TestApp, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        app.stranger()
            .send(&Method::GET, "/api/auth/me", &headers, b"")
            .await
            .status
    };
    let again = keystead_tests::Person::sign_in(&started, "ann@example.com").await;
    for app in [&running, &started] {
        assert_eq!(me(app, &ann.token).await, 200);
        assert_eq!(me(app, &again.token).await, 200, "by a key that was made since");
    }
    app.advance(HOUR);
    assert_eq!(me(&running, &ann.token).await, 401);
    assert_eq!(me(&running, &again.token).await, 200);
}

#[tokio::test]
async fn no_key_that_applications_know_signs_anybody_in() {
    let app = TestApp::start().await;
    let ann = app.person("ann@example.com").await;
    let keys = jwks(&app).await;
    let header = part(&ann.token, 0);
    assert_eq!(header["alg"], "HS256");
    let known = keys["keys"].as_array().expect("keys");
    assert!(known.iter().all(|key| key["kid"] != header["kid"]), "{keys}");
    // Nor is it enough to know every key that signs for applications.
    let documents = serde_json::to_string(&secrets().signing).expect("JSON");
    for key in &secrets().accounts.account_keys {
        assert!(!documents.contains(&key.secret));
    }
    assert_eq!(claims(&ann.token)["purpose"], "login");
    let bob = Options::default().start().await;
    let bob = bob.person("bob@example.com").await;
    assert_eq!(part(&bob.token, 0), header, "one key of a deployment");
}
