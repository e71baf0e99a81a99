//! `Idempotency-Key`: a request that arrives twice is carried out once.

use std::collections::HashSet;

use http::Method;
use keystead_core::store::schema;
use keystead_tests::{Answer, DAY, Fault, MINUTE, OWNER, PRODUCT, TestApp, secrets};
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn ask(app: &TestApp, path: &str, name: &str, mut body: Value) -> Answer {
    if body.get("apiKey").is_none() {
        body["adminSecret"] = secrets().credentials.admin_secret.as_str().into();
    }
    let headers = [("idempotency-key", name)];
    app.stranger()
        .send(&Method::POST, path, &headers, body.to_string().as_bytes())
        .await
}

fn wanted(email: &str) -> Value {
    json!({ "email": email, "productId": PRODUCT })
}

async fn licenses_of(app: &TestApp, email: &str) -> usize {
    let listed = app.admin().post("/listLicenses", json!({ "email": email })).await;
    listed.expect(200)["licenses"].as_array().expect("a list").len()
}

#[tokio::test]
async fn the_second_request_gets_the_answer_of_the_first() {
    let app = TestApp::start().await;
    let first = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    app.advance(DAY - MINUTE);
    let second = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    second.expect_body(200, first.expect(200));
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(licenses_of(&app, "a@example.com").await, 1);
}

#[tokio::test]
async fn a_refusal_is_repeated_as_well() {
    let app = TestApp::start().await;
    let product = json!({ "name": "Brush", "slug": "brush", "creatorId": OWNER });
    let wanted = json!({ "email": "a@example.com", "productId": "brush" });
    for _ in 0..2 {
        let refused = ask(&app, "/createLicense", "order-1", wanted.clone()).await;
        refused.expect_refusal(404, "Product not found");
        // It would be found now.
        app.admin().post("/createProduct", product.clone()).await;
    }
    ask(&app, "/createLicense", "order-2", wanted).await.expect(200);
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let app = TestApp::start().await;
    let used = "The Idempotency-Key was used for another request";
    let first = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    let other_body = ask(&app, "/createLicense", "order-1", wanted("b@example.com")).await;
    other_body.expect_refusal(409, used);
    let key = first.expect(200)["licenseKey"].clone();
    let other_route = ask(&app, "/revokeLicense", "order-1", json!({ "licenseKey": key })).await;
    other_route.expect_refusal(409, used);
    assert_eq!(licenses_of(&app, "b@example.com").await, 0);
    // In another order, and with other spaces, it is the same request.
    let same = format!(
        r#"{{ "productId" : "{PRODUCT}","adminSecret":"{}", "email":"a@example.com" }}"#,
        secrets().credentials.admin_secret
    );
    let headers = [("idempotency-key", "order-1")];
    let stranger = app.stranger();
    let again = stranger.send(&Method::POST, "/createLicense", &headers, same.as_bytes());
    again.await.expect_body(200, &first.body);
}

#[tokio::test]
async fn a_day_later_the_key_is_free() {
    let app = TestApp::start().await;
    ask(&app, "/createLicense", "order-1", wanted("a@example.com"))
        .await
        .expect(200);
    app.advance(DAY);
    ask(&app, "/createLicense", "order-1", wanted("b@example.com"))
        .await
        .expect(200);
    assert_eq!(licenses_of(&app, "b@example.com").await, 1);
}

#[tokio::test]
async fn the_keys_of_different_callers_do_not_meet() {
    let app = TestApp::start().await;
    app.make_product("hers", "carol", "live").await;
    let (alice, carol) = (app.creator(OWNER).await, app.creator("carol").await);
    let mut answers = HashSet::new();
    for (api_key, product) in [(&alice.api_key, PRODUCT), (&carol.api_key, "hers")] {
        let body = json!({ "apiKey": api_key, "email": "a@example.com", "productId": product });
        let answer = ask(&app, "/createLicense", "order-1", body).await;
        answers.insert(answer.expect(200)["licenseKey"].to_string());
    }
    let answer = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    answers.insert(answer.expect(200)["licenseKey"].to_string());
    assert_eq!(answers.len(), 3);
}

#[tokio::test]
async fn a_key_that_lets_nobody_in_any_more_gets_no_answer_again() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    let body = json!({ "apiKey": alice.api_key, "email": "a@example.com", "productId": PRODUCT });
    ask(&app, "/createLicense", "order-1", body.clone()).await.expect(200);
    let revoke = json!({ "apiKey": alice.api_key });
    app.admin().post("/revokeApiKey", revoke).await.expect(200);
    let again = ask(&app, "/createLicense", "order-1", body).await;
    again.expect_refusal(401, "Unauthorized");
}

#[tokio::test]
async fn of_sixty_four_at_once_one_is_carried_out() {
    for seed in 0..3 {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let mut all = JoinSet::new();
        for _ in 0..64 {
            let app = app.clone();
            all.spawn(async move { ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await });
        }
        let answers = all.join_all().await;
        let keys: HashSet<String> = answers
            .iter()
            .map(|answer| answer.expect(200)["licenseKey"].to_string())
            .collect();
        assert_eq!(keys.len(), 1, "seed {seed}");
        assert_eq!(licenses_of(&app, "a@example.com").await, 1, "seed {seed}");
        let carried_out = answers.iter().filter(|a| a.header("idempotency-replayed").is_empty());
        assert_eq!(carried_out.count(), 1, "seed {seed}");
    }
}

#[tokio::test]
async fn an_api_key_that_is_told_again_is_stored_nowhere_in_clear() {
    let app = TestApp::start().await;
    let body = json!({ "creatorId": OWNER, "name": "script" });
    let first = ask(&app, "/createApiKey", "key-1", body.clone()).await;
    ask(&app, "/createApiKey", "key-1", body)
        .await
        .expect_body(200, first.expect(200));
    let raw = first.body["apiKey"].as_str().expect("a key");
    for table in schema::ALL {
        let scan = json!({ "TableName": table.name }).to_string();
        let (status, items) = app.database.answer("Scan", scan.as_bytes());
        let items = String::from_utf8_lossy(&items);
        assert_eq!(status, 200);
        for secret in [raw, secrets().credentials.admin_secret.as_str(), "key-1"] {
            assert!(!items.contains(secret), "{secret} is in {}", table.name);
        }
    }
    let listed = app.admin().post("/listApiKeys", json!({})).await;
    assert_eq!(listed.expect(200)["count"], 1);
    // It lets its holder in.
    let product = json!({ "apiKey": raw, "name": "Brush", "slug": "brush" });
    app.stranger().post("/createProduct", product).await.expect(200);
}

#[tokio::test]
async fn a_failure_is_no_answer_and_the_request_can_be_made_again_at_once() {
    let app = TestApp::start().await;
    // The claim goes through, the write does not, and neither does any try of it again.
    let faults = [Fault::None, Fault::None].into_iter().chain([Fault::ServerError; 4]);
    app.faults.inject(faults);
    let failed = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    failed.expect_refusal(500, "Internal error");
    app.faults.inject([]);
    let again = ask(&app, "/createLicense", "order-1", wanted("a@example.com")).await;
    assert_eq!(again.header("idempotency-replayed"), "");
    again.expect(200);
    assert_eq!(licenses_of(&app, "a@example.com").await, 1);
}

#[tokio::test]
async fn who_comes_while_it_is_carried_out_is_told_to_wait_should_it_take_too_long() {
    let app = TestApp::start().await;
    app.faults.inject([Fault::None, Fault::None, Fault::CrashBefore]);
    let first = ask(&app, "/createLicense", "order-1", wanted("a@example.com"));
    assert!(app.faults.until_crash(first).await.is_none());
    let next = app.restarted().await;
    let second = ask(&next, "/createLicense", "order-1", wanted("a@example.com")).await;
    second.expect_refusal(
        409,
        "A request with this Idempotency-Key is in progress. Try again later.",
    );
}

#[tokio::test]
async fn a_name_has_1_to_255_printable_ascii_characters() {
    let app = TestApp::start().await;
    let text = "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters";
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    for (name, good) in [
        ("", false),
        (" ", false),
        (&longest, true),
        (&too_long, false),
        ("ä", false),
    ] {
        let answer = ask(&app, "/createLicense", name, wanted("a@example.com")).await;
        if good {
            answer.expect(200);
        } else {
            answer.expect_refusal(400, text);
        }
    }
    assert_eq!(licenses_of(&app, "a@example.com").await, 1);
}

#[tokio::test]
async fn a_machine_that_names_its_activation_is_not_let_in_from_memory() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let body = json!({
        "licenseKey": license.key, "machineFingerprint": "a", "hostname": "a.local", "productId": PRODUCT,
    });
    let ask = async || {
        let headers = [("idempotency-key", "start-1")];
        let stranger = app.stranger();
        stranger
            .send(&Method::POST, "/activate", &headers, body.to_string().as_bytes())
            .await
    };
    ask().await.expect(200);
    ask().await.expect(200);
    license.revoke(&app).await;
    ask().await.expect_error(403, "License has been revoked");
}

#[tokio::test]
async fn what_was_done_before_a_crash_is_not_done_again_over_what_others_did_since() {
    for (path, fields) in [
        ("/updateLicense", json!({ "status": "suspended" })),
        ("/revokeLicense", json!({ "reason": "fraud" })),
    ] {
        let app = TestApp::start().await;
        let license = app.license().create().await;
        let mut body = fields;
        body["licenseKey"] = license.key.as_str().into();
        // The license, the claim, the change; the process dies before the answer is kept.
        app.faults
            .inject([Fault::None, Fault::None, Fault::None, Fault::CrashBefore]);
        let died = app.faults.until_crash(ask(&app, path, "change-1", body.clone())).await;
        assert!(died.is_none(), "{path}");
        let next = app.restarted().await;
        next.advance(MINUTE);
        let reinstate = json!({ "licenseKey": license.key });
        next.admin().post("/reinstateLicense", reinstate).await.expect(200);
        ask(&next, path, "change-1", body).await.expect(200);
        assert_eq!(next.shown(&license).await["license"]["status"], "active", "{path}");
        let stored = next.stored(&license).await;
        let events = next.cx.store.event_list(&stored).await.expect("a read");
        assert_eq!(events.len(), 3, "{path}: made, changed, reinstated");
    }
}
