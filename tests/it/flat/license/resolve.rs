//! `POST /resolveLicense`.

use keystead_core::license::{
    License,
    standing::{LicenseStatus, StandingState, SuspendedBy, Suspension, ThreatLevel},
};
use keystead_tests::{Answer, DAY, OWNER, TestApp, TestLicense};
use serde_json::{Value, json};

async fn resolve(app: &TestApp, license: &TestLicense, ids: Value) -> Answer {
    let asked = json!({ "licenseKey": license.key, "violationIds": ids });
    app.admin().post("/resolveLicense", asked).await
}

/// A license that was caught at violations of these severities, `viol_0` and on, and is on the level and in the status
/// that they warrant.
async fn caught(app: &TestApp, severities: &[&str], level: u8) -> TestLicense {
    let at = app.now();
    let license = app
        .license()
        .changed(move |license| {
            let threat_level = ThreatLevel::parse(level).expect("a level");
            let status = threat_level.status();
            let by = SuspendedBy::Enforcement;
            let suspension = (status == LicenseStatus::Suspended).then_some(Suspension {
                at,
                by,
                blocks_from: None,
            });
            License {
                standing: StandingState {
                    status,
                    threat_level,
                    suspension,
                    ..license.standing.clone()
                },
                ..license.clone()
            }
        })
        .create()
        .await;
    for (i, severity) in severities.iter().enumerate() {
        license.caught(app, &format!("viol_{i}"), severity).await;
    }
    license
}

#[tokio::test]
async fn the_level_and_the_status_are_those_of_what_is_left() {
    let app = TestApp::start().await;
    for (severities, level, ids, left, status, resolved) in [
        (&["low"][..], 1, &["viol_0"][..], 0, "active", 1),
        (&["medium"], 2, &["viol_0"], 0, "active", 1),
        (&["high"], 3, &["viol_0"], 0, "active", 1),
        (&["medium", "low"], 2, &["viol_0"], 1, "active", 1),
        (&["medium", "low"], 2, &["viol_1"], 2, "degraded", 1),
        (&["low", "low", "low"], 2, &["viol_0"], 2, "degraded", 1),
        (&["low", "low"], 2, &["viol_1"], 1, "active", 1),
        (&["medium", "medium"], 3, &["viol_0"], 2, "degraded", 1),
        (&["medium", "medium"], 3, &["viol_0", "viol_1"], 0, "active", 2),
        (&["high", "high"], 3, &["viol_0"], 3, "suspended", 1),
        (&["high", "medium", "low"], 3, &["viol_0"], 2, "degraded", 1),
        (
            &["high", "medium", "low"],
            3,
            &["viol_2", "viol_0", "viol_1"],
            0,
            "active",
            3,
        ),
    ] {
        let license = caught(&app, severities, level).await;
        let answer = resolve(&app, &license, json!(ids)).await;
        answer.expect_body(
            200,
            &json!({ "success": true, "threatLevel": left, "status": status, "resolvedCount": resolved }),
        );
        let shown = app.shown(&license).await;
        let unresolved = severities.len() - ids.len();
        assert_eq!(
            (&shown["license"]["threatLevel"], &shown["license"]["status"]),
            (&json!(left), &json!(status)),
            "{severities:?} without {ids:?}"
        );
        for count in [
            &shown["unresolvedViolationsCount"],
            &shown["license"]["unresolvedViolationsCount"],
        ] {
            assert_eq!(*count, unresolved, "{severities:?} without {ids:?}");
        }
    }
}

#[tokio::test]
async fn what_is_resolved_stays_to_be_seen_with_the_time() {
    let app = TestApp::start().await;
    let license = caught(&app, &["medium", "low"], 2).await;
    app.advance(DAY);
    resolve(&app, &license, json!(["viol_0"])).await.expect(200);
    assert_eq!(
        app.shown(&license).await["violations"],
        json!([
            {
                "id": "viol_0", "type": "geo_spread", "severity": "medium", "detectedAt": "2030-01-01T00:00:00.000Z",
                "resolved": true, "resolvedAt": "2030-01-02T00:00:00.000Z", "details": {},
            },
            {
                "id": "viol_1", "type": "geo_spread", "severity": "low", "detectedAt": "2030-01-01T00:00:00.000Z",
                "resolved": false, "details": {},
            },
        ])
    );
    app.advance(DAY);
    let answer = resolve(&app, &license, json!(["viol_0"])).await;
    assert_eq!(answer.expect(200)["resolvedCount"], 0);
    assert_eq!(
        app.shown(&license).await["violations"][0]["resolvedAt"],
        "2030-01-02T00:00:00.000Z"
    );
}

#[tokio::test]
async fn ids_that_are_unknown_or_come_twice_are_passed_over() {
    let app = TestApp::start().await;
    let license = caught(&app, &["medium", "low"], 2).await;
    let other = caught(&app, &["high"], 3).await;
    for ids in [json!([]), json!(["viol_7"]), json!(["viol_7", "viol_8", "VIOL_0"])] {
        let answer = resolve(&app, &license, ids).await;
        answer.expect_body(
            200,
            &json!({ "success": true, "threatLevel": 2, "status": "degraded", "resolvedCount": 0 }),
        );
    }
    let answer = resolve(&app, &license, json!(["viol_7", "viol_0", "viol_0"])).await;
    answer.expect_body(
        200,
        &json!({ "success": true, "threatLevel": 1, "status": "active", "resolvedCount": 1 }),
    );
    assert_eq!(app.stored(&license).await.watch.unresolved_violations, 1);
    // Another license's violations have the same ids.
    assert_eq!(app.stored(&other).await.watch.unresolved_violations, 1);
}

#[tokio::test]
async fn a_revoked_license_stays_revoked() {
    let app = TestApp::start().await;
    for (reason, level) in [("manual", 0), ("chargeback", 4)] {
        let license = caught(&app, &["high"], 3).await;
        let asked = json!({ "licenseKey": license.key, "reason": reason });
        app.admin().post("/revokeLicense", asked).await.expect(200);
        let answer = resolve(&app, &license, json!(["viol_0"])).await;
        answer.expect_body(
            200,
            &json!({ "success": true, "threatLevel": level, "status": "revoked", "resolvedCount": 1 }),
        );
        let shown = app.shown(&license).await;
        assert_eq!(shown["license"]["disputeReason"], reason);
        assert_eq!(shown["unresolvedViolationsCount"], 0);
        let answer = app.machine("a").activate(&license).await;
        answer.expect_refusal(403, "License has been revoked");
    }
}

#[tokio::test]
async fn a_license_suspended_by_hand_stays_suspended() {
    let app = TestApp::start().await;
    let license = caught(&app, &["medium"], 2).await;
    let asked = json!({ "licenseKey": license.key, "status": "suspended" });
    app.admin().post("/updateLicense", asked).await.expect(200);
    let answer = resolve(&app, &license, json!(["viol_0"])).await;
    answer.expect_body(
        200,
        &json!({ "success": true, "threatLevel": 0, "status": "suspended", "resolvedCount": 1 }),
    );
    let answer = app.machine("a").activate(&license).await;
    answer.expect_refusal(403, "License is suspended");
}

#[tokio::test]
async fn a_grace_goes_on_as_it_was_while_the_suspension_lasts() {
    let app = TestApp::start().await;
    let license = caught(&app, &["high", "high"], 3).await;
    let machine = app.machine("a");
    app.advance(2 * DAY);
    resolve(&app, &license, json!(["viol_0"])).await.expect(200);
    machine.activate(&license).await.expect(200);
    app.advance(DAY);
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License is suspended");
    resolve(&app, &license, json!(["viol_1"])).await.expect(200);
    machine.activate(&license).await.expect(200);
}

#[tokio::test]
async fn two_resolutions_at_once_count_down_once() {
    for seed in 0..16 {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = caught(&app, &["medium", "medium", "low"], 3).await;
        let machine = app.machine("a");
        let (first, second, _) = tokio::join!(
            resolve(&app, &license, json!(["viol_0", "viol_1"])),
            resolve(&app, &license, json!(["viol_1", "viol_0"])),
            machine.activate(&license),
        );
        let counts =
            [first.expect(200), second.expect(200)].map(|body| body["resolvedCount"].as_u64().expect("a count"));
        assert_eq!(counts.iter().sum::<u64>(), 2, "seed {seed}: {counts:?}");
        let shown = app.shown(&license).await;
        assert_eq!(
            (&shown["unresolvedViolationsCount"], &shown["license"]["threatLevel"]),
            (&json!(1), &json!(1)),
            "seed {seed}"
        );
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn the_key_and_the_ids_are_required_and_the_license_must_be_in_scope() {
    let app = TestApp::start().await;
    let license = caught(&app, &["medium"], 2).await;
    let missing = "Missing required fields: licenseKey, violationIds";
    for asked in [
        json!({}),
        json!({ "licenseKey": license.key }),
        json!({ "licenseKey": license.key, "violationIds": null }),
        json!({ "violationIds": ["viol_0"] }),
    ] {
        app.admin()
            .post("/resolveLicense", asked)
            .await
            .expect_refusal(400, missing);
    }
    let answer = resolve(&app, &license, json!(["viol_0", 7])).await;
    answer.expect_refusal(400, "Invalid violationIds[1]: must be a string");
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX", "violationIds": ["viol_0"] });
    let answer = app.admin().post("/resolveLicense", unknown).await;
    answer.expect_refusal(404, "License not found");
    let asked = json!({ "licenseKey": license.key, "violationIds": ["viol_0"] });
    let answer = app.creator("bob").await.post("/resolveLicense", asked.clone()).await;
    answer.expect_refusal(404, "License not found");
    assert_eq!(app.stored(&license).await.watch.unresolved_violations, 1);
    let alice = app.creator(OWNER).await;
    assert_eq!(
        alice.post("/resolveLicense", asked).await.expect(200)["resolvedCount"],
        1
    );
}

#[tokio::test]
async fn ids_that_are_unknown_are_passed_over_however_many() {
    let app = TestApp::start().await;
    let license = caught(&app, &["medium"], 2).await;
    let mut ids: Vec<String> = (0..500).map(|number| format!("unknown {number}")).collect();
    ids.extend(["".to_owned(), "viol_0".to_owned(), "viol_0".to_owned()]);
    let answer = resolve(&app, &license, json!(ids)).await;
    assert_eq!(answer.expect(200)["resolvedCount"], 1);
}

#[tokio::test]
async fn who_was_let_in_again_in_spite_of_a_chargeback_stays_in() {
    let app = TestApp::start().await;
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    let license = TestLicense {
        key: sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned(),
    };
    app.store()
        .tell("purchase.disputed", json!({ "purchaseId": "p-1" }))
        .await
        .expect(200);
    let reinstate = json!({ "licenseKey": license.key });
    app.admin().post("/reinstateLicense", reinstate).await.expect(200);
    license.caught(&app, "viol_other", "low").await;
    let answer = resolve(&app, &license, json!(["viol_other"])).await;
    let body = answer.expect(200);
    assert_eq!((&body["status"], &body["threatLevel"]), (&json!("active"), &json!(4)));
    app.machine("a").activate(&license).await.expect(200);
}
