//! `POST /api/license-keys/validate`.

use keystead_core::{config::Config, license::standing::SuspendedBy};
use keystead_tests::{DAY, MINUTE, Options, PRODUCT, TestApp};
use serde_json::{Value, json};

use super::{events, expect_bad, good, grouped, types, update_product, validate};

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
        assert_eq!(
            good(&app, &license.key, none).await["hwid"],
            Value::Null,
            "nor is told which it is"
        );
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
        "Membership is no longer active",
    )
    .await;
    app.advance(120 * DAY);
    expect_bad(&app, &license.key, Some("hw-2"), "EXPIRED", "Key has expired").await;
    let revoke = json!({ "licenseKey": license.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    expect_bad(&app, &license.key, Some("hw-2"), "REVOKED", "Key has been revoked").await;
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
    // And from then on, of which an event tells once an hour.
    for _ in 0..2 {
        app.advance(30 * MINUTE);
        good(&app, &license.key, Some("hw-1")).await;
    }
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
async fn one_license_works_by_both_apis() {
    let app = TestApp::start().await;
    for license in [app.license().create().await, grouped(&app).await] {
        good(&app, &license.key, Some("hw-1")).await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        machine.validate(&license).await.expect(200);
        // A binding is no seat, and a seat no binding.
        let stored = app.assert_counters_true(&license).await;
        assert_eq!((stored.seats.machines_used, stored.lock.bindings), (1, 1));
        machine.deactivate(&license).await.expect(200);
        assert_eq!(good(&app, &license.key, Some("hw-1")).await["hwid"], "hw-1");
    }
}

#[tokio::test]
async fn a_product_may_want_the_machine_to_be_named() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let id = app.stored(&license).await.license_id.to_string();
    let missing = json!({ "valid": false, "error": "Hardware ID is required" });
    // Usually it does not.
    good(&app, &license.key, None).await;
    update_product(&app, json!({ "requireHwid": true })).await;
    app.advance(MINUTE);
    for none in [None, Some(""), Some("  ")] {
        validate(&app, &license.key, none).await.expect_body(400, &missing);
    }
    good(&app, &license.key, Some("hw-1")).await;
    validate(&app, &license.key, None).await.expect_body(400, &missing);
    expect_bad(&app, &license.key, Some("hw-2"), "ACTIVE", "Hardware ID mismatch").await;
    // What was refused is no validation.
    assert_eq!(types(&events(&app, &id).await), ["VALIDATED", "VALIDATED", "CREATED"]);
    // What is wrong with the key itself comes first, as the contract has it.
    validate(&app, "GLD-AAAA-BBBB-CCCC-DDDD", None).await.expect(404);
    let revoke = json!({ "licenseKey": license.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    expect_bad(&app, &license.key, None, "REVOKED", "Key has been revoked").await;
    // Null: as usual.
    let other = grouped(&app).await;
    update_product(&app, json!({ "requireHwid": null })).await;
    app.advance(MINUTE);
    good(&app, &other.key, None).await;
    let wanted = json!({ "name": "Strict", "slug": "strict", "creatorId": "alice", "requireHwid": true });
    app.admin().post("/createProduct", wanted).await.expect(200);
    let strict = app.license().with("productId", "strict").create().await;
    validate(&app, &strict.key, None).await.expect_body(400, &missing);
}

#[tokio::test]
async fn that_a_key_is_good_is_told_once_an_hour() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let id = app.stored(&license).await.license_id.to_string();
    let told = async || {
        let events = events(&app, &id).await;
        types(&events).iter().filter(|name| **name == "VALIDATED").count()
    };
    for hour in 1..=3 {
        for _ in 0..6 {
            good(&app, &license.key, Some("hw-1")).await;
            good(&app, &license.key, None).await;
            assert_eq!(told().await, hour);
            app.advance(10 * MINUTE);
        }
    }
    // What is refused is none.
    app.advance(10 * MINUTE);
    expect_bad(&app, &license.key, Some("hw-2"), "ACTIVE", "Hardware ID mismatch").await;
    assert_eq!(told().await, 3);
}
