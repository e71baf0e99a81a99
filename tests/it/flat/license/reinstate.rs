//! `POST /reinstateLicense`.

use keystead_core::license::{
    License,
    standing::{LicenseStatus, StandingState, SuspendedBy, ThreatLevel},
};
use keystead_tests::{OWNER, TestApp, TestLicense};
use serde_json::json;

async fn reinstate(app: &TestApp, license: &TestLicense) {
    let asked = json!({ "licenseKey": license.key });
    let answer = app.admin().post("/reinstateLicense", asked).await;
    answer.expect_body(200, &json!({ "success": true, "status": "active" }));
}

#[tokio::test]
async fn a_suspended_license_works_again_whoever_suspended_it() {
    let app = TestApp::start().await;
    for by in [SuspendedBy::Vendor, SuspendedBy::Enforcement] {
        let license = app.license().create().await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        license.suspend(&app, by).await;
        reinstate(&app, &license).await;
        let answer = machine.validate(&license).await;
        assert_eq!(answer.expect(200)["message"], "License is active");
        assert_eq!(app.shown(&license).await["license"]["status"], "active");
        assert_eq!(app.stored(&license).await.standing.suspension, None);
    }
}

#[tokio::test]
async fn a_revoked_license_works_again_without_the_marks_of_its_dispute() {
    let app = TestApp::start().await;
    for reason in ["refund", "chargeback", "fraud", "manual"] {
        let license = app.license().create().await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        let asked = json!({ "licenseKey": license.key, "reason": reason });
        app.admin().post("/revokeLicense", asked).await.expect(200);
        reinstate(&app, &license).await;
        machine.validate(&license).await.expect(200);
        let shown = &app.shown(&license).await["license"];
        assert_eq!(
            (&shown["status"], &shown["threatLevel"]),
            (&json!("active"), &json!(0)),
            "{reason}"
        );
        assert_eq!((shown.get("disputeReason"), shown.get("disputedAt")), (None, None));
        assert_eq!(shown["machinesUsed"], 1);
    }
}

#[tokio::test]
async fn the_threat_level_is_that_of_what_is_unresolved_and_the_status_active_all_the_same() {
    let app = TestApp::start().await;
    for (severities, level) in [
        (&["low"][..], 1),
        (&["medium"], 2),
        (&["medium", "medium"], 3),
        (&["high", "low"], 3),
        (&["critical"], 4),
    ] {
        let license = app
            .license()
            .changed(|license| License {
                standing: StandingState {
                    status: LicenseStatus::Revoked,
                    threat_level: ThreatLevel::REVOKED,
                    ..license.standing.clone()
                },
                ..license.clone()
            })
            .create()
            .await;
        for (i, severity) in severities.iter().enumerate() {
            license.caught(&app, &format!("viol_{i}"), severity).await;
        }
        reinstate(&app, &license).await;
        let shown = app.shown(&license).await;
        assert_eq!(
            (&shown["license"]["status"], &shown["license"]["threatLevel"]),
            (&json!("active"), &json!(level)),
            "{severities:?}"
        );
        assert_eq!(shown["unresolvedViolationsCount"], severities.len());
        app.machine("a").activate(&license).await.expect(200);
    }
}

#[tokio::test]
async fn reinstating_twice_is_no_error_and_the_second_time_writes_nothing() {
    let app = TestApp::start().await;
    let license = app.license().suspended(SuspendedBy::Vendor).create().await;
    reinstate(&app, &license).await;
    let revision = app.stored(&license).await.revision;
    reinstate(&app, &license).await;
    assert_eq!(app.stored(&license).await.revision, revision);
}

#[tokio::test]
async fn a_license_that_has_expired_is_active_again_and_still_expired() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("expiresAt", "2030-01-01T00:00:00Z")
        .suspended(SuspendedBy::Vendor)
        .create()
        .await;
    reinstate(&app, &license).await;
    let answer = app.machine("a").activate(&license).await;
    answer.expect_refusal(403, "License has expired");
}

#[tokio::test]
async fn the_key_is_required_and_must_be_in_scope() {
    let app = TestApp::start().await;
    let license = app.license().suspended(SuspendedBy::Vendor).create().await;
    let answer = app.admin().post("/reinstateLicense", json!({})).await;
    answer.expect_refusal(400, "Missing required fields: licenseKey");
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
    let answer = app.admin().post("/reinstateLicense", unknown).await;
    answer.expect_refusal(404, "License not found");
    let asked = json!({ "licenseKey": license.key });
    let answer = app.creator("bob").await.post("/reinstateLicense", asked.clone()).await;
    answer.expect_refusal(404, "License not found");
    assert_eq!(app.shown(&license).await["license"]["status"], "suspended");
    let alice = app.creator(OWNER).await;
    alice.post("/reinstateLicense", asked).await.expect(200);
}
