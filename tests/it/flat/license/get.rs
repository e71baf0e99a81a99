//! `GET|POST /getLicense`.

use keystead_core::store::schema;
use keystead_tests::{Answer, DAY, OWNER, PRODUCT, TestApp, TestLicense, secrets};
use serde_json::{Value, json};

/// Records a violation, which no endpoint does on demand.
async fn violation(app: &TestApp, license: &TestLicense, id: &str, resolved_at: Option<&str>) {
    let mut item = json!({
        "licenseId": { "S": app.stored(license).await.license_id },
        "violationId": { "S": id },
        "type": { "S": "geo_spread" },
        "severity": { "S": "medium" },
        "detectedAt": { "S": "2030-01-01T00:00:00.000Z" },
        "resolved": { "BOOL": resolved_at.is_some() },
        "details": { "M": { "countries": { "L": [{ "S": "US" }, { "S": "DE" }] } } },
    });
    if let Some(at) = resolved_at {
        item["resolvedAt"] = json!({ "S": at });
    }
    app.put_item(&schema::VIOLATIONS, item);
}

async fn get(app: &TestApp, license: &TestLicense) -> Answer {
    let secret = &secrets().credentials.admin_secret;
    app.stranger()
        .get(&format!("/getLicense?adminSecret={secret}&licenseKey={}", license.key))
        .await
}

#[tokio::test]
async fn a_license_is_shown_with_every_field_and_counter() {
    let app = TestApp::start().await;
    let license = app.license().with("maxMachines", 3).create().await;
    let stored = app.stored(&license).await;
    app.admin()
        .post("/getLicense", json!({ "licenseKey": license.key }))
        .await
        .expect_body(
            200,
            &json!({
                "success": true,
                "license": {
                    "key": license.key,
                    "licenseId": stored.license_id,
                    "email": "customer@example.com",
                    "productId": PRODUCT,
                    "variant": "indie",
                    "licenseType": "per-machine",
                    "status": "active",
                    "threatLevel": 0,
                    "maxMachines": 3,
                    "maxConcurrent": null,
                    "createdAt": "2030-01-01T00:00:00.000Z",
                    "purchasedAt": "2030-01-01T00:00:00.000Z",
                    "expiresAt": null,
                    "machinesUsed": 0,
                    "unresolvedViolationsCount": 0,
                },
                "activations": [],
                "violations": [],
                "machinesUsed": 0,
                "unresolvedViolationsCount": 0,
            }),
        );
}

#[tokio::test]
async fn get_and_post_answer_the_same() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    assert_eq!(*get(&app, &license).await.expect(200), app.shown(&license).await);
}

#[tokio::test]
async fn every_machine_is_shown() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    app.machine("a").in_country("US").activate(&license).await.expect(200);
    app.advance(DAY);
    app.machine("b").activate(&license).await.expect(200);
    let shown = app.shown(&license).await;
    assert_eq!(
        shown["activations"],
        json!([
            {
                "fingerprint": "fingerprint-of-a", "hostname": "a.local",
                "firstSeen": "2030-01-01T00:00:00.000Z", "lastSeen": "2030-01-01T00:00:00.000Z",
                "tokenExpiry": "2030-01-02T00:00:00.000Z",
                "sessionStarted": "2030-01-01T00:00:00.000Z", "sessionActive": false,
                "countries": ["US"], "lastCountry": "US",
            },
            {
                "fingerprint": "fingerprint-of-b", "hostname": "b.local",
                "firstSeen": "2030-01-02T00:00:00.000Z", "lastSeen": "2030-01-02T00:00:00.000Z",
                "tokenExpiry": "2030-01-03T00:00:00.000Z",
                "sessionStarted": "2030-01-02T00:00:00.000Z", "sessionActive": true,
                "countries": [], "lastCountry": "",
            },
        ])
    );
    assert_eq!(
        (&shown["machinesUsed"], &shown["license"]["machinesUsed"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn every_violation_is_shown_and_the_unresolved_ones_are_counted_in_both_places() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    violation(&app, &license, "viol_001", None).await;
    violation(&app, &license, "viol_002", Some("2030-01-02T00:00:00.000Z")).await;
    app.set_attribute(
        &schema::LICENSES,
        &license.key,
        None,
        "watch.unresolvedViolations",
        json!({ "N": "1" }),
    );
    let shown = app.shown(&license).await;
    let one = json!({
        "id": "viol_001", "type": "geo_spread", "severity": "medium", "detectedAt": "2030-01-01T00:00:00.000Z",
        "resolved": false, "details": { "countries": ["US", "DE"] },
    });
    let mut two = one.clone();
    two["id"] = json!("viol_002");
    two["resolved"] = json!(true);
    two["resolvedAt"] = json!("2030-01-02T00:00:00.000Z");
    assert_eq!(shown["violations"], json!([one, two]));
    assert_eq!(shown["unresolvedViolationsCount"], 1);
    assert_eq!(shown["license"]["unresolvedViolationsCount"], 1);
}

#[tokio::test]
async fn a_license_that_expired_keeps_its_status() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    app.advance(2 * DAY);
    let shown = &app.shown(&license).await["license"];
    assert_eq!(
        (&shown["status"], &shown["expiresAt"]),
        (&json!("active"), &json!("2030-01-02T00:00:00.000Z"))
    );
}

#[tokio::test]
async fn the_key_is_required() {
    let app = TestApp::start().await;
    let missing = "Missing required fields: licenseKey";
    app.admin()
        .post("/getLicense", json!({}))
        .await
        .expect_refusal(400, missing);
    app.admin()
        .post("/getLicense", json!({ "licenseKey": " " }))
        .await
        .expect_refusal(400, missing);
    let secret = &secrets().credentials.admin_secret;
    for query in ["", "&licenseKey=", "&licenseKey=%20"] {
        let answer = app
            .stranger()
            .get(&format!("/getLicense?adminSecret={secret}{query}"))
            .await;
        answer.expect_refusal(400, missing);
    }
}

#[tokio::test]
async fn a_key_that_is_unknown_or_of_another_s_license_is_not_found() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let asked = json!({ "licenseKey": license.key });
    app.creator(OWNER)
        .await
        .post("/getLicense", asked.clone())
        .await
        .expect(200);
    app.creator("bob")
        .await
        .post("/getLicense", asked)
        .await
        .expect_refusal(404, "License not found");
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
    app.admin()
        .post("/getLicense", unknown)
        .await
        .expect_refusal(404, "License not found");
}

#[tokio::test]
async fn threat_levels_and_statuses_are_told_as_they_are() {
    let app = TestApp::start().await;
    let license = app.license().degraded().create().await;
    let shown: Value = app.shown(&license).await["license"].clone();
    assert_eq!(
        (&shown["status"], &shown["threatLevel"]),
        (&json!("degraded"), &json!(0))
    );
    assert_eq!(shown.get("disputeReason"), None);
    assert_eq!(shown.get("disputedAt"), None);
}
