//! `POST /revokeLicense`.

use keystead_core::license::{
    License,
    standing::{LicenseStatus, StandingState, ThreatLevel},
};
use keystead_tests::{DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

async fn revoke(app: &TestApp, license: &TestLicense, reason: Value) {
    let asked = json!({ "licenseKey": license.key, "reason": reason });
    let answer = app.admin().post("/revokeLicense", asked).await;
    answer.expect_body(200, &json!({ "success": true }));
}

#[tokio::test]
async fn a_revoked_license_is_refused_at_every_client_endpoint_from_then_on() {
    let app = TestApp::start().await;
    let text = "License has been revoked";
    for license in [app.license().create().await, app.license().floating(2).create().await] {
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        revoke(&app, &license, json!("fraud")).await;
        machine.activate(&license).await.expect_refusal(403, text);
        machine.validate(&license).await.expect_invalid(403, text);
        machine.heartbeat(&license).await.expect_refusal(403, text);
        let asked = json!({ "licenseKey": license.key, "productId": PRODUCT });
        let answer = app.stranger().post("/verify", asked).await;
        answer.expect_body(403, &json!({ "valid": false, "error": text, "reason": "revoked" }));
    }
}

#[tokio::test]
async fn the_reason_and_the_time_are_kept_and_some_reasons_raise_the_threat_level() {
    let app = TestApp::start().await;
    app.advance(DAY);
    for (reason, threat_level) in [
        ("refund", 4),
        ("chargeback", 4),
        ("fraud", 4),
        ("manual", 0),
        ("cancelled", 0),
        ("the customer asked for it, twice", 0),
    ] {
        let license = app.license().create().await;
        revoke(&app, &license, json!(reason)).await;
        let shown = &app.shown(&license).await["license"];
        assert_eq!(shown["status"], "revoked");
        assert_eq!(shown["disputeReason"], reason);
        assert_eq!(shown["disputedAt"], "2030-01-02T00:00:00.000Z");
        assert_eq!(shown["threatLevel"], threat_level, "{reason}");
    }
}

#[tokio::test]
async fn a_manual_revocation_leaves_the_threat_level_as_it_was() {
    let app = TestApp::start().await;
    let degraded = |license: &License| License {
        standing: StandingState {
            status: LicenseStatus::Degraded,
            threat_level: ThreatLevel::parse(2).expect("a level"),
            ..license.standing.clone()
        },
        ..license.clone()
    };
    for (reason, threat_level) in [("manual", 2), ("cancelled", 2), ("fraud", 4)] {
        let license = app.license().changed(degraded).create().await;
        revoke(&app, &license, json!(reason)).await;
        assert_eq!(app.shown(&license).await["license"]["threatLevel"], threat_level);
    }
}

#[tokio::test]
async fn a_reason_is_not_needed() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    revoke(&app, &license, json!(null)).await;
    let shown = &app.shown(&license).await["license"];
    assert_eq!(shown["status"], "revoked");
    assert_eq!(shown.get("disputeReason"), None);
    assert_eq!(shown["disputedAt"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn revoking_twice_is_no_error_and_the_first_reason_stands() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    revoke(&app, &license, json!("refund")).await;
    app.advance(DAY);
    revoke(&app, &license, json!("manual")).await;
    let shown = &app.shown(&license).await["license"];
    assert_eq!(
        (&shown["disputeReason"], &shown["threatLevel"]),
        (&json!("refund"), &json!(4))
    );
    assert_eq!(shown["disputedAt"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn the_activations_and_their_count_stay() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    revoke(&app, &license, json!("manual")).await;
    assert_eq!(app.shown(&license).await["machinesUsed"], 1);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn the_key_is_required_and_must_be_in_scope() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let missing = "Missing required fields: licenseKey";
    app.admin()
        .post("/revokeLicense", json!({ "reason": "fraud" }))
        .await
        .expect_refusal(400, missing);
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
    app.admin()
        .post("/revokeLicense", unknown)
        .await
        .expect_refusal(404, "License not found");
    let asked = json!({ "licenseKey": license.key });
    let bob = app.creator("bob").await;
    bob.post("/revokeLicense", asked.clone())
        .await
        .expect_refusal(404, "License not found");
    assert_eq!(app.shown(&license).await["license"]["status"], "active");
    app.creator(OWNER).await.post("/revokeLicense", asked).await.expect(200);
}

#[tokio::test]
async fn any_text_is_a_reason() {
    let app = TestApp::start().await;
    let long = "ä".repeat(200);
    for (reason, kept) in [
        (json!(""), json!(null)),
        (json!(" \n "), json!(null)),
        (json!(null), json!(null)),
        (
            json!("asked\tby mail,\nline by line"),
            json!("asked by mail, line by line"),
        ),
        (json!(long), json!("ä".repeat(128))),
    ] {
        let license = app.license().create().await;
        let asked = json!({ "licenseKey": license.key, "reason": reason });
        app.admin().post("/revokeLicense", asked).await.expect(200);
        let shown = app.shown(&license).await["license"].clone();
        assert_eq!((&shown["status"], &shown["disputeReason"]), (&json!("revoked"), &kept));
    }
}
