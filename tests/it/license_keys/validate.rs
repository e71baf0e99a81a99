//! The license-keys API: `/api/license-keys/...`.

use http::Method;
use keystead_core::{
    config::Config,
    license::{key::LicenseKey, standing::SuspendedBy},
    product::key_rules::KeyPrefix,
    store::schema,
    value::reference::Reference,
};
use keystead_tests::{Answer, DAY, HOUR, OWNER, Options, PRODUCT, Person, TestApp, TestLicense, request};
use serde_json::{Value, json};

const BUYER: &str = "customer@example.com";

async fn validate(app: &TestApp, key: &str, hwid: Option<&str>) -> Answer {
    let body = json!({ "key": key, "hwid": hwid });
    app.stranger().post("/api/license-keys/validate", body).await
}

/// Asserts that the key is good, and answers the body.
async fn good(app: &TestApp, key: &str, hwid: Option<&str>) -> Value {
    let answer = validate(app, key, hwid).await;
    assert_eq!(answer.expect(200)["valid"], true, "{}", answer.body);
    answer.body
}

async fn expect_bad(app: &TestApp, key: &str, hwid: Option<&str>, status: &str, reason: &str) {
    let bad = json!({ "valid": false, "status": status, "reason": reason, "key": key });
    validate(app, key, hwid).await.expect_body(200, &bad);
}

#[track_caller]
fn expect_refusal(answer: &Answer, status: u16, text: &str) {
    answer.expect_body(status, &json!({ "error": text }));
}

async fn update_product(app: &TestApp, change: Value) {
    let mut body = json!({ "productId": PRODUCT });
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    app.admin().post("/updateProduct", body).await.expect(200);
}

async fn grouped(app: &TestApp) -> TestLicense {
    app.license().with("keyFormat", "grouped").create().await
}

async fn shuffle(buyer: &Person, license: &TestLicense) -> TestLicense {
    let answer = buyer
        .post("/api/license-keys/shuffle", json!({ "key": license.key }))
        .await;
    let key = answer.expect(200)["key"].as_str().expect("a key").to_owned();
    TestLicense { key }
}

/// The types of the events that a seller is shown.
async fn events(app: &TestApp, id: &str) -> Vec<Value> {
    let seller = seller(app).await;
    let answer = seller.get(&format!("/api/license-keys/{id}/events")).await;
    answer.expect(200).as_array().expect("a bare array").clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect()
}

async fn seller(app: &TestApp) -> Person {
    let email = "seller@example.com";
    let member = json!({ "creatorId": OWNER, "email": email, "role": "viewer" });
    app.admin().post("/addMember", member).await.expect(200);
    let known = keystead_core::value::email::Email::parse(email).expect("an address");
    match app.cx.store.account_get(&known).await.expect("a read") {
        Some(_) => Person::sign_in(app, email).await,
        None => app.person(email).await,
    }
}

#[tokio::test]
async fn a_grouped_key_is_a_prefix_and_four_groups_without_letters_that_look_alike() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let groups: Vec<&str> = license.key.split('-').collect();
    assert_eq!((groups.len(), groups[0]), (5, "GLD"), "{}", license.key);
    let alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    for group in &groups[1..] {
        assert_eq!(group.len(), 4);
        assert!(group.chars().all(|letter| alphabet.contains(letter)), "{}", license.key);
    }
    let uuid = app.license().with("keyFormat", "uuid").create().await;
    assert_eq!(uuid.key.len(), 36);
    let other = json!({ "email": BUYER, "productId": PRODUCT, "keyFormat": "GROUPED" });
    app.admin()
        .post("/createLicense", other)
        .await
        .expect_refusal(400, "Invalid keyFormat");
}

#[tokio::test]
async fn a_product_with_a_prefix_of_its_own_makes_grouped_keys_unless_asked_for_others() {
    let app = TestApp::start().await;
    assert_eq!(app.license().create().await.key.len(), 36);
    update_product(&app, json!({ "keyPrefix": "acme" })).await;
    assert!(app.license().create().await.key.starts_with("ACME-"));
    assert_eq!(app.license().with("keyFormat", "uuid").create().await.key.len(), 36);
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert!(
        sold.expect(200)["licenseKey"]
            .as_str()
            .expect("a key")
            .starts_with("ACME-")
    );
    let bad = json!({ "productId": PRODUCT, "keyPrefix": "A-B" });
    app.admin()
        .post("/updateProduct", bad)
        .await
        .expect_refusal(400, "Invalid keyPrefix: must be 1 to 10 letters and digits");
    update_product(&app, json!({ "keyPrefix": null })).await;
    assert_eq!(app.license().create().await.key.len(), 36);
}

#[test]
fn keys_are_found_as_people_type_them() {
    let typed = |text: &str| LicenseKey::typed(text).map(|key| key.to_string());
    for (text, key) in [
        (" gld-abcd-ef23-gh45-jk67\n", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLD-ZYXW-VUTS-RQPO-NMLK", Some("GLD-ZYXW-VUTS-RQPO-NMLK")),
        (
            "DE300000-0000-4000-8000-00000000000A",
            Some("de300000-0000-4000-8000-00000000000a"),
        ),
        // As they are: neither a group too few nor one of another length, nor anything else.
        ("gld-abcd-ef23-gh45", Some("gld-abcd-ef23-gh45")),
        ("gld-abcd-ef23-gh45-jk678", Some("gld-abcd-ef23-gh45-jk678")),
        ("Imported Key", Some("Imported Key")),
        (
            "de300000000040008000000000000001",
            Some("de300000000040008000000000000001"),
        ),
        ("  ", None),
    ] {
        assert_eq!(typed(text).as_deref(), key, "{text:?}");
    }
    assert_eq!(KeyPrefix::default().as_str(), "GLD");
}

#[tokio::test]
async fn the_first_machine_is_bound_and_then_the_only_one() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let answer = validate(&app, &license.key, Some("hw-1")).await;
    answer.expect_body(
        200,
        &json!({
            "valid": true, "status": "ACTIVE", "reason": null, "key": license.key, "activationCount": 1,
            "maxActivations": null, "hwid": "hw-1", "hwidResetCount": 0, "expiresAt": null,
            "product": { "name": "App", "slug": PRODUCT, "image": null },
        }),
    );
    assert_eq!(good(&app, &license.key, Some("hw-1")).await["activationCount"], 1);
    expect_bad(&app, &license.key, Some("hw-2"), "ACTIVE", "Hardware ID mismatch").await;
    // Who does not say which machine it is, is not bound and not asked.
    for none in [None, Some(""), Some("  ")] {
        assert_eq!(good(&app, &license.key, none).await["hwid"], "hw-1");
    }
    let lower = license.key.to_lowercase();
    assert_eq!(
        good(&app, &format!(" {lower} "), Some("hw-1")).await["key"],
        license.key
    );
}

#[tokio::test]
async fn without_a_machine_nothing_is_bound() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let body = good(&app, &license.key, None).await;
    assert_eq!((&body["hwid"], &body["activationCount"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_mismatch_is_403_where_the_deployment_says_so() {
    let config = Config {
        hwid_mismatch_is_forbidden: true,
        ..Config::default()
    };
    let app = Options::default().config(config).start().await;
    let license = grouped(&app).await;
    good(&app, &license.key, Some("hw-1")).await;
    validate(&app, &license.key, Some("hw-2")).await.expect_body(
        403,
        &json!({ "valid": false, "status": "ACTIVE", "reason": "Hardware ID mismatch", "key": license.key }),
    );
    let revoke = json!({ "licenseKey": license.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    expect_bad(&app, &license.key, Some("hw-2"), "REVOKED", "Key has been revoked").await;
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_in_one_order() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-02-01T00:00:00Z").create().await;
    good(&app, &license.key, Some("hw-1")).await;
    let store = app.store();
    let renewed = json!({ "durationDays": 1 });
    store.tell("subscription.renewed", renewed).await.expect(200);
    store.tell("subscription.cancelled", json!({})).await.expect(200);
    let change = json!({ "licenseKey": license.key, "expiresAt": "2030-06-01T00:00:00Z" });
    app.admin().post("/updateLicense", change).await.expect(200);
    app.advance(60 * DAY);
    expect_bad(
        &app,
        &license.key,
        Some("hw-2"),
        "ACTIVE",
        "Subscription is no longer active",
    )
    .await;
    app.advance(120 * DAY);
    expect_bad(&app, &license.key, Some("hw-2"), "EXPIRED", "Key has expired").await;
    let revoke = json!({ "licenseKey": license.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    expect_bad(&app, &license.key, Some("hw-2"), "REVOKED", "Key has been revoked").await;
}

/// However the seller came to it.
#[tokio::test]
async fn a_revocation_is_told_as_one() {
    let app = TestApp::start().await;
    for path in ["/revokeLicense", "/updateLicense"] {
        let license = app.license().create().await;
        let id = app.stored(&license).await.license_id.to_string();
        let revoke = json!({ "licenseKey": license.key, "status": "revoked" });
        app.admin().post(path, revoke.clone()).await.expect(200);
        app.admin().post(path, revoke).await.expect(200);
        assert_eq!(types(&events(&app, &id).await), ["REVOKED", "CREATED"], "{path}");
    }
}

#[tokio::test]
async fn a_suspended_license_is_blocked_here_as_well() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    license.suspend(&app, SuspendedBy::Vendor).await;
    expect_bad(&app, &license.key, Some("hw-1"), "REVOKED", "Key has been revoked").await;
    let license = app.license().create().await;
    license.degrade(&app).await;
    assert_eq!(good(&app, &license.key, Some("hw-1")).await["status"], "ACTIVE");
    // And from then on, by the way that plainly good licenses do not take.
    good(&app, &license.key, Some("hw-1")).await;
    let id = app.stored(&license).await.license_id.to_string();
    assert_eq!(types(&events(&app, &id).await), ["VALIDATED", "VALIDATED", "CREATED"]);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_404_and_a_missing_one_400() {
    let app = TestApp::start().await;
    validate(&app, "GLD-AAAA-BBBB-CCCC-DDDD", Some("hw-1"))
        .await
        .expect_invalid(404, "License key not found");
    for body in [json!({}), json!({ "key": "" }), json!({ "key": null, "hwid": "hw-1" })] {
        let answer = app.stranger().post("/api/license-keys/validate", body).await;
        answer.expect_invalid(400, "License key is required");
    }
    let long = json!({ "key": "k", "hwid": "x".repeat(513) });
    let answer = app.stranger().post("/api/license-keys/validate", long).await;
    answer.expect_invalid(400, "Invalid hwid: must be a string of 1 to 512 characters");
    let answer = app.stranger().post_raw("/api/license-keys/validate", b"{").await;
    answer.expect_invalid(400, "Invalid JSON body");
}

#[tokio::test]
async fn a_key_is_bound_as_often_as_its_product_lets_it() {
    let app = TestApp::start().await;
    update_product(
        &app,
        json!({ "maxActivations": 2, "image": "https://example.com/app.png" }),
    )
    .await;
    let license = grouped(&app).await;
    let buyer = app.person(BUYER).await;
    for (hwid, count) in [("hw-1", 1), ("hw-2", 2)] {
        let body = good(&app, &license.key, Some(hwid)).await;
        assert_eq!(
            (&body["activationCount"], &body["maxActivations"]),
            (&json!(count), &json!(2))
        );
        assert_eq!(body["product"]["image"], "https://example.com/app.png");
        let reset = json!({ "key": license.key });
        buyer
            .post("/api/license-keys/reset", reset)
            .await
            .expect_body(200, &json!({ "success": true }));
    }
    expect_bad(&app, &license.key, Some("hw-3"), "ACTIVE", "Activation limit reached").await;
    // A shuffle begins to count anew.
    let license = shuffle(&buyer, &license).await;
    assert_eq!(good(&app, &license.key, Some("hw-3")).await["activationCount"], 1);
    let listed = app.admin().post("/listProducts", json!({})).await;
    let product = &listed.expect(200)["products"][0];
    assert_eq!(
        (&product["maxActivations"], &product["image"]),
        (&json!(2), &json!("https://example.com/app.png"))
    );
}

#[tokio::test]
async fn a_reset_clears_the_binding_and_nothing_else() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2031-01-01T00:00:00Z").create().await;
    good(&app, &license.key, Some("hw-1")).await;
    let buyer = app.person(BUYER).await;
    let reset = json!({ "key": license.key });
    // A request that may be sent again has a name, and counts once.
    for _ in 0..2 {
        let answer = buyer.post_named("once", "/api/license-keys/reset", reset.clone()).await;
        answer.expect_body(200, &json!({ "success": true }));
    }
    let body = good(&app, &license.key, None).await;
    assert_eq!(
        (
            &body["hwid"],
            &body["hwidResetCount"],
            &body["activationCount"],
            &body["expiresAt"]
        ),
        (&Value::Null, &json!(1), &json!(1), &json!("2031-01-01T00:00:00.000Z"))
    );
    let body = good(&app, &license.key, Some("hw-2")).await;
    assert_eq!((&body["hwid"], &body["activationCount"]), (&json!("hw-2"), &json!(2)));
}

#[tokio::test]
async fn a_shuffled_key_is_dead_and_the_license_goes_on_under_another() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("expiresAt", "2031-01-01T00:00:00Z")
        .with("purchaseId", "p-1")
        .create()
        .await;
    good(&app, &license.key, Some("hw-1")).await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    license.caught(&app, "viol_1", "medium").await;
    let before = app.stored(&license).await;
    let buyer = app.person(BUYER).await;
    buyer
        .post("/api/license-keys/reset", json!({ "key": license.key }))
        .await
        .expect(200);
    let new = shuffle(&buyer, &license).await;
    assert!(new.key.starts_with("GLD-"));

    validate(&app, &license.key, Some("hw-1"))
        .await
        .expect_invalid(404, "License key not found");
    app.machine("a")
        .activate(&license)
        .await
        .expect_error(404, "License not found");
    machine.validate(&license).await.expect(404);
    let body = good(&app, &new.key, None).await;
    assert_eq!(
        (
            &body["hwid"],
            &body["activationCount"],
            &body["hwidResetCount"],
            &body["expiresAt"]
        ),
        (&Value::Null, &json!(0), &json!(0), &json!("2031-01-01T00:00:00.000Z"))
    );
    let after = app.assert_counters_true(&new).await;
    assert_eq!(after.license_id, before.license_id);
    assert_eq!((after.machines_used, after.unresolved_violations), (0, 1));
    let shown = app.shown(&new).await;
    assert_eq!(shown["violations"][0]["id"], "viol_1");
    assert_eq!(shown["activations"], json!([]));
    // No machine is left on the dead key.
    let dead = LicenseKey::parse(&license.key).expect("a key");
    assert_eq!(app.cx.store.activation_list(&dead).await.expect("a read"), []);
    // What happened under the old key is still told, newest first.
    let told = events(&app, before.license_id.as_str()).await;
    assert_eq!(
        types(&told),
        ["VALIDATED", "SHUFFLED", "HWID_RESET", "VALIDATED", "CREATED"]
    );
    // Of the machine it tells where one asked, and not where a buyer did.
    let machines: Vec<&Value> = told.iter().map(|event| &event["hwid"]).collect();
    let (none, machine) = (&Value::Null, &json!("hw-1"));
    assert_eq!(machines, [none, none, none, machine, none]);
    // A store that tells of the purchase finds the license under its new key.
    let again = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(again.expect(200)["licenseKey"], new.key);
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], new.key);
    expect_bad(&app, &new.key, None, "REVOKED", "Key has been revoked").await;
}

#[tokio::test]
async fn a_license_with_more_machines_than_a_transaction_holds_is_shuffled_too() {
    // As many as just fit, one more, and many more.
    for machines in [95, 96, 120] {
        let app = TestApp::start().await;
        app.weather.ungoverned();
        let license = app.license().with("licenseType", "site").create().await;
        for i in 0..machines {
            app.machine(&format!("m-{i}")).activate(&license).await.expect(200);
        }
        let buyer = app.person(BUYER).await;
        let new = shuffle(&buyer, &license).await;
        assert_eq!(app.assert_counters_true(&new).await.machines_used, 0, "{machines}");
        let dead = LicenseKey::parse(&license.key).expect("a key");
        assert_eq!(app.cx.store.activation_list(&dead).await.expect("a read"), []);
        app.machine("m-1").activate(&new).await.expect(200);
    }
}

#[tokio::test]
async fn shuffle_and_reset_refuse_in_the_contract_s_order() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let (buyer, other) = (
        app.person("Customer@Example.com").await,
        app.person("other@example.com").await,
    );
    for (path, disabled, setting) in [
        (
            "/api/license-keys/shuffle",
            "Key regeneration is disabled for this product. Contact the seller.",
            "allowBuyerShuffle",
        ),
        (
            "/api/license-keys/reset",
            "Device reset is disabled for this product. Contact the seller.",
            "allowBuyerReset",
        ),
    ] {
        let key = json!({ "key": license.key });
        expect_refusal(&app.stranger().post(path, json!({})).await, 401, "Unauthorized");
        expect_refusal(&app.stranger().post_raw(path, b"{").await, 401, "Unauthorized");
        expect_refusal(&other.post_raw(path, b"{").await, 400, "Invalid JSON body");
        expect_refusal(&other.post(path, json!({})).await, 400, "License key is required");
        let unknown = json!({ "key": "GLD-AAAA-BBBB-CCCC-DDDD" });
        expect_refusal(&other.post(path, unknown).await, 404, "License key not found");
        update_product(&app, json!({ setting: false })).await;
        expect_refusal(&other.post(path, key.clone()).await, 403, "Forbidden");
        let revoke = json!({ "licenseKey": license.key });
        app.admin().post("/revokeLicense", revoke.clone()).await.expect(200);
        expect_refusal(&buyer.post(path, key.clone()).await, 403, disabled);
        update_product(&app, json!({ setting: null })).await;
        expect_refusal(&buyer.post(path, key.clone()).await, 400, "License key is not active");
        app.admin().post("/reinstateLicense", revoke).await.expect(200);
    }
    shuffle(&buyer, &license).await;
}

#[tokio::test]
async fn a_key_that_was_exchanged_never_comes_back() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("licenseKey", "Key 1")
        .with("purchaseId", "p-1")
        .create()
        .await;
    let buyer = app.person(BUYER).await;
    let second = shuffle(&buyer, &license).await;
    let third = shuffle(&buyer, &second).await;
    for key in ["Key 1", &second.key] {
        let again = json!({ "email": BUYER, "productId": PRODUCT, "licenseKey": key });
        app.admin()
            .post("/createLicense", again)
            .await
            .expect_refusal(409, "A license with this key already exists");
        validate(&app, key, None)
            .await
            .expect_invalid(404, "License key not found");
    }
    // However often it was exchanged, what is told of the purchase leads to the license.
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], third.key);
    let other = json!({ "email": BUYER, "productId": PRODUCT, "licenseKey": "Key 2" });
    app.admin().post("/createLicense", other).await.expect(200);
}

#[tokio::test]
async fn no_number_of_shuffles_puts_a_license_out_of_a_refund_s_reach() {
    for shuffles in [1, 101] {
        let app = TestApp::start().await;
        let sold = app
            .store()
            .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
            .await;
        let first = sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        let buyer = app.person(BUYER).await;
        let mut license = TestLicense { key: first };
        for _ in 0..shuffles {
            license = shuffle(&buyer, &license).await;
        }
        app.weather.calls();
        let refund = app
            .store()
            .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
            .await;
        assert_eq!(refund.expect(200)["licenseKey"], license.key);
        assert_eq!(
            app.weather.calls().len(),
            9,
            "after {shuffles}, as after any other number"
        );
        expect_bad(&app, &license.key, None, "REVOKED", "Key has been revoked").await;
    }
}

/// How often a key may be bound is asked of the product itself, whatever an index still says.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_behind_decides_no_binding() {
    for (before, now) in [(json!(null), json!(1)), (json!(1), json!(null)), (json!(2), json!(1))] {
        let app = TestApp::start().await;
        update_product(&app, json!({ "maxActivations": before })).await;
        let license = app.license().create().await;
        good(&app, &license.key, Some("hw-1")).await;
        let buyer = app.person(BUYER).await;
        let named = json!({ "key": license.key });
        buyer.post("/api/license-keys/reset", named).await.expect(200);
        let other = app.restarted().await;
        other.indexes_stand_still().await;
        update_product(&app, json!({ "maxActivations": now })).await;
        other.weather.calls();
        if now == 1 {
            let reason = "Activation limit reached";
            expect_bad(&other, &license.key, Some("hw-2"), "ACTIVE", reason).await;
        } else {
            let body = good(&other, &license.key, Some("hw-2")).await;
            assert_eq!((&body["activationCount"], &body["maxActivations"]), (&json!(2), &now));
        }
        let calls = other.weather.calls();
        let count = |operation: &str| calls.iter().filter(|call| *call == operation).count();
        // What the index said was to be decided on: by a transaction that was refused, or by a refusal.
        assert_eq!((count("Query"), count("TransactWriteItems")), (1, 2), "{calls:?}");
    }
}

#[tokio::test]
async fn an_index_that_still_has_the_old_key_leads_to_the_license() {
    let app = TestApp::start().await;
    // The purchase itself leads to the first alone; the second is known by the index, and the third by its customer.
    let first = app.license().with("purchaseId", "p-1").create().await;
    let second = app.license().with("purchaseId", "p-1").create().await;
    let third = app.license().with("email", "other@example.com").create().await;
    let id = app.stored(&second).await.license_id.to_string();
    let (buyer, other) = (app.person(BUYER).await, app.person("other@example.com").await);
    app.indexes_stand_still().await;
    let between = shuffle(&buyer, &second).await;
    let second = shuffle(&buyer, &between).await;
    let third = shuffle(&other, &third).await;

    assert_eq!(types(&events(&app, &id).await), ["SHUFFLED", "SHUFFLED", "CREATED"]);
    let about = json!({ "purchaseId": "p-1" });
    let refund = app.store().tell("purchase.refunded", about).await;
    assert_eq!(refund.expect(200)["licenseKey"], first.key);
    expect_bad(&app, &second.key, None, "REVOKED", "Key has been revoked").await;
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "email": "other@example.com" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], third.key);

    // Of a license that no index has yet, neither under its old key nor under its new one, the id is enough.
    let new = app.license().create().await;
    let id = app.stored(&new).await.license_id.to_string();
    let new = shuffle(&buyer, &new).await;
    assert_eq!(types(&events(&app, &id).await), ["SHUFFLED", "CREATED"]);
    app.indexes_catch_up();
    good(&app, &new.key, None).await;
}

#[tokio::test]
async fn an_index_that_has_both_keys_leads_to_the_license_once() {
    let app = TestApp::start().await;
    let license = app.license().with("purchaseId", "p-1").create().await;
    let buyer = app.person(BUYER).await;
    let behind = app.indexes_stand_still().await;
    let new = shuffle(&buyer, &license).await;
    let read = json!({ "TableName": schema::LICENSES.name, "Key": { "licenseKey": { "S": new.key } } });
    let (_, item) = app.database.answer("GetItem", read.to_string().as_bytes());
    let item: Value = serde_json::from_slice(&item).expect("an item");
    let put = json!({ "TableName": schema::LICENSES.name, "Item": item["Item"] });
    assert_eq!(behind.answer("PutItem", put.to_string().as_bytes()).0, 200);

    let product = app.stored(&new).await.product_id;
    let catalog = app.cx.store.kept_catalog(&product, app.now()).await.expect("a read");
    let product = catalog.expect("a product").product.clone();
    let purchase = Reference::parse("p-1").expect("an id");
    let found = app.cx.store.license_list_by_purchase(&product, &purchase).await;
    let keys: Vec<String> = found
        .expect("a read")
        .iter()
        .map(|license| license.license_key.to_string())
        .collect();
    assert_eq!(keys, [new.key]);
}

#[tokio::test]
async fn a_key_from_elsewhere_is_found_as_it_is() {
    let app = TestApp::start().await;
    for key in [
        "DE300000-0000-4000-8000-00000000000A",
        "gld-abcd-ef23-gh45-jk67",
        "Imported Key",
    ] {
        let license = app.license().with("licenseKey", key).create().await;
        assert_eq!(good(&app, key, Some("hw-1")).await["key"], key);
        good(&app, key, Some("hw-1")).await;
        let buyer = match app.mails.mails().is_empty() {
            true => app.person(BUYER).await,
            false => Person::sign_in(&app, BUYER).await,
        };
        let reset = json!({ "key": key });
        buyer.post("/api/license-keys/reset", reset).await.expect(200);
        shuffle(&buyer, &license).await;
    }
}

#[tokio::test]
async fn a_product_is_made_with_its_rules_for_keys() {
    let app = TestApp::start().await;
    let product = json!({
        "name": "Brush", "slug": "brush", "creatorId": OWNER, "image": "http://example.com/brush.png",
        "keyPrefix": "br", "allowBuyerShuffle": false, "allowBuyerReset": "0", "maxActivations": -1,
    });
    app.admin().post("/createProduct", product).await.expect(200);
    let license = app.license().with("productId", "brush").create().await;
    assert!(license.key.starts_with("BR-"), "{}", license.key);
    let body = good(&app, &license.key, Some("hw-1")).await;
    assert_eq!(
        (&body["maxActivations"], &body["product"]),
        (
            &Value::Null,
            &json!({ "name": "Brush", "slug": "brush", "image": "http://example.com/brush.png" })
        )
    );
    let buyer = app.person(BUYER).await;
    for path in ["/api/license-keys/shuffle", "/api/license-keys/reset"] {
        let answer = buyer.post(path, json!({ "key": license.key })).await;
        assert!(
            answer.expect(403)["error"]
                .as_str()
                .is_some_and(|text| text.ends_with("Contact the seller."))
        );
    }
    let image = json!({ "name": "B", "slug": "b", "creatorId": OWNER, "image": "javascript:alert(1)" });
    app.admin().post("/createProduct", image).await.expect_refusal(
        400,
        "Invalid image: must be an http or https URL of up to 2048 characters",
    );
}

#[tokio::test]
async fn a_vendor_takes_a_binding_back_with_the_machines() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    good(&app, &license.key, Some("hw-1")).await;
    assert_eq!(app.shown(&license).await["license"]["hwid"], "hw-1");
    let reset = json!({ "licenseKey": license.key });
    let answer = app.admin().post("/resetActivations", reset).await;
    assert_eq!(answer.expect(200)["deletedCount"], 1);
    let body = good(&app, &license.key, Some("hw-2")).await;
    assert_eq!((&body["hwid"], &body["hwidResetCount"]), (&json!("hw-2"), &json!(1)));
}

#[tokio::test]
async fn one_license_works_by_both_apis() {
    let app = TestApp::start().await;
    for license in [app.license().create().await, grouped(&app).await] {
        good(&app, &license.key, Some("hw-1")).await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        machine.validate(&license).await.expect(200);
        // A binding is no seat, and a seat no binding.
        let stored = app.assert_counters_true(&license).await;
        assert_eq!((stored.machines_used, stored.bindings), (1, 1));
        machine.deactivate(&license).await.expect(200);
        assert_eq!(good(&app, &license.key, Some("hw-1")).await["hwid"], "hw-1");
    }
}

#[tokio::test]
async fn each_good_validation_is_an_event_with_where_it_came_from() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let id = app.stored(&license).await.license_id.to_string();
    let asked = |hwid: &str| {
        let body = json!({ "key": license.key, "hwid": hwid }).to_string();
        let mut asked = request(
            &Method::POST,
            "/api/license-keys/validate",
            &[("user-agent", "Brush/1.0")],
            body.as_bytes(),
        );
        asked.ip = Some([203, 0, 113, 9].into());
        asked
    };
    for hwid in ["hw-1", "hw-1", "hw-2", "hw-1"] {
        app.send(asked(hwid)).await.0.expect(200);
        app.advance(HOUR);
    }
    let told = events(&app, &id).await;
    assert_eq!(types(&told), ["VALIDATED", "VALIDATED", "VALIDATED", "CREATED"]);
    for event in &told[..3] {
        assert!(event["id"].as_str().expect("an id").starts_with("evt_"), "{event}");
        assert_eq!(
            (&event["hwid"], &event["ip"], &event["userAgent"]),
            (&json!("hw-1"), &json!("203.0.113.9"), &json!("Brush/1.0"))
        );
        assert_eq!(event.as_object().map(serde_json::Map::len), Some(6));
    }
    assert_eq!(told[0]["createdAt"], "2030-01-01T03:00:00.000Z");
    assert_eq!((&told[3]["hwid"], &told[3]["ip"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_is_not_good_is_never_noted_as_validated() {
    let app = TestApp::start().await;
    let bound = async |license: &TestLicense| {
        good(&app, &license.key, Some("hw-1")).await;
    };
    let revoked = grouped(&app).await;
    bound(&revoked).await;
    revoked.revoke(&app).await;
    let suspended = grouped(&app).await;
    bound(&suspended).await;
    suspended.suspend(&app, SuspendedBy::Vendor).await;
    let expired = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    bound(&expired).await;
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    let key = sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let left = TestLicense { key };
    bound(&left).await;
    let about = json!({ "purchaseId": "p-1" });
    app.store().tell("subscription.cancelled", about).await.expect(200);
    let elsewhere = grouped(&app).await;
    good(&app, &elsewhere.key, Some("hw-2")).await;
    app.advance(2 * DAY);
    for license in [&revoked, &suspended, &expired, &left, &elsewhere] {
        for hwid in [Some("hw-1"), None] {
            let answer = validate(&app, &license.key, hwid).await;
            let noted = answer.expect(200)["valid"] == true;
            // Without a machine, a license that is bound to another is good.
            assert_eq!(noted, license.key == elsewhere.key && hwid.is_none(), "{}", answer.body);
        }
        let stored = app.stored(license).await;
        let types = [keystead_core::event::EventType::Validated];
        let validated = app
            .cx
            .store
            .event_list_latest(&stored, &types, 100)
            .await
            .expect("a read");
        let expected = 1 + usize::from(license.key == elsewhere.key);
        assert_eq!(validated.len(), expected, "{:?}", stored.status);
    }
}

#[tokio::test]
async fn the_latest_hundred_events_are_shown_to_the_owner_s_members_only() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    for _ in 0..103 {
        good(&app, &license.key, Some("hw-1")).await;
        app.advance(HOUR);
    }
    let id = app.stored(&license).await.license_id.to_string();
    let told = events(&app, &id).await;
    assert_eq!(
        (told.len(), &told[0]["createdAt"]),
        (100, &json!("2030-01-05T06:00:00.000Z"))
    );

    let path = format!("/api/license-keys/{id}/events");
    expect_refusal(&app.stranger().get(&path).await, 401, "Unauthorized");
    let buyer = app.person(BUYER).await;
    expect_refusal(&buyer.get(&path).await, 403, "Forbidden");
    for unknown in ["unknown", "%20", "%00", &"x".repeat(129)] {
        let path = format!("/api/license-keys/{unknown}/events");
        expect_refusal(&app.stranger().get(&path).await, 401, "Unauthorized");
        expect_refusal(&buyer.get(&path).await, 404, "Not found");
    }
    // Neither the key itself nor a query stands for the id.
    let by_key = format!("/api/license-keys/{}/events?keyId={id}", license.key);
    expect_refusal(&buyer.get(&by_key).await, 404, "Not found");
    let of_another = json!({ "creatorId": "bob", "email": BUYER, "role": "owner" });
    app.admin().post("/addMember", of_another).await.expect(200);
    expect_refusal(&buyer.get(&path).await, 403, "Forbidden");

    let seller = seller(&app).await;
    seller.get(&path).await.expect(200);
    let gone = json!({ "creatorId": OWNER, "email": "Seller@example.com" });
    app.admin().post("/removeMember", gone).await.expect(200);
    expect_refusal(&seller.get(&path).await, 403, "Forbidden");
}

#[tokio::test]
async fn a_shuffle_whose_answer_was_lost_is_answered_again() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let buyer = app.person(BUYER).await;
    let key = json!({ "key": license.key });
    let ask = || buyer.post_named("shuffle-1", "/api/license-keys/shuffle", key.clone());
    let first = ask().await;
    let again = ask().await;
    again.expect_body(200, first.expect(200));
    assert_eq!(again.header("idempotency-replayed"), "true");
    // Without a name, it is a key that is not there.
    expect_refusal(
        &buyer.post("/api/license-keys/shuffle", key.clone()).await,
        404,
        "License key not found",
    );
}

#[tokio::test]
async fn nothing_of_a_key_is_kept_in_its_events() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    good(&app, &license.key, Some("hw-1")).await;
    let buyer = app.person(BUYER).await;
    let new = shuffle(&buyer, &license).await;
    good(&app, &new.key, Some("hw-1")).await;
    let (status, items) = app.database.answer(
        "Scan",
        json!({ "TableName": schema::EVENTS.name }).to_string().as_bytes(),
    );
    let items = String::from_utf8_lossy(&items);
    assert_eq!(status, 200);
    assert!(items.contains("shuffled"));
    for key in [&license.key, &new.key] {
        assert!(!items.contains(key.as_str()), "{items}");
    }
}
