//! `POST /reissueLicense`.

use keystead_core::{event::EventType, license::key::LicenseKey};
use keystead_tests::{DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

const CUSTOMER: &str = "customer@example.com";

/// The license under its new key, and whether that was mailed.
async fn reissued(app: &TestApp, license: &TestLicense, fields: Value) -> (TestLicense, bool) {
    let mut body = fields;
    body["licenseKey"] = json!(license.key);
    let answer = app.admin().post("/reissueLicense", body).await;
    let made = answer.expect(200);
    let key = made["licenseKey"].as_str().expect("a key").to_owned();
    (TestLicense { key }, made["mailed"] == true)
}

#[tokio::test]
async fn a_reissued_key_is_another_and_the_old_one_is_dead() {
    let app = TestApp::start().await;
    let expires = "2031-01-01T00:00:00.000Z";
    let license = app.license().max_machines(2).with("expiresAt", expires).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let bound = json!({ "key": license.key, "hwid": "hw-1" });
    app.stranger()
        .post("/api/license-keys/validate", bound.clone())
        .await
        .expect(200);
    let before = app.stored(&license).await;
    let (new, mailed) = reissued(&app, &license, json!({})).await;
    assert!(mailed);
    // No machine is left on it, and nothing of the old key opens anything.
    machine.activate(&license).await.expect_error(404, "License not found");
    machine.validate(&license).await.expect(404);
    machine.heartbeat(&license).await.expect(404);
    machine.deactivate(&license).await.expect(404);
    app.stranger()
        .post("/api/license-keys/validate", bound)
        .await
        .expect(404);
    let after = app.assert_counters_true(&new).await;
    assert_eq!(
        (
            &after.license_id,
            after.seats.machines_used,
            after.lock.hwid.clone(),
            after.expires_at()
        ),
        (&before.license_id, 0, None, before.expires_at())
    );
    machine.activate(&new).await.expect(200);
    // It never comes back.
    let taken = json!({ "email": CUSTOMER, "productId": PRODUCT, "licenseKey": license.key });
    app.admin()
        .post("/createLicense", taken)
        .await
        .expect_refusal(409, "A license with this key already exists");
    app.admin()
        .post("/reissueLicense", json!({ "licenseKey": license.key }))
        .await
        .expect_refusal(404, "License not found");
}

#[tokio::test]
async fn a_new_key_reads_as_those_of_its_product_do() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (uuid, _) = reissued(&app, &license, json!({})).await;
    assert_eq!(uuid.key.len(), 36, "{}", uuid.key);
    let prefix = json!({ "productId": PRODUCT, "keyPrefix": "ACME" });
    app.admin().post("/updateProduct", prefix).await.expect(200);
    let (grouped, _) = reissued(&app, &uuid, json!({})).await;
    assert!(grouped.key.starts_with("ACME-"), "{}", grouped.key);
}

#[tokio::test]
async fn the_customer_is_mailed_the_new_key_unless_the_vendor_says_otherwise() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (new, _) = reissued(&app, &license, json!({})).await;
    let mails = app.mails.mails();
    let mail = mails.last().expect("a mail");
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        (CUSTOMER, "Your license has a new key")
    );
    assert!(
        mail.text.contains(&new.key) && !mail.text.contains(&license.key),
        "{}",
        mail.text
    );
    let (_, mailed) = reissued(&app, &new, json!({ "notify": false })).await;
    assert!(!mailed);
    assert_eq!(app.mails.mails().len(), mails.len());
}

#[tokio::test]
async fn a_deployment_without_mail_answers_well_and_says_that_nothing_was_mailed() {
    let app = TestApp::start().await;
    let silent = app.with_context(keystead_functions::frame::context::Context {
        mailer: keystead_functions::frame::mail::Mailer::Nowhere,
        ..(*app.cx).clone()
    });
    let license = app.license().create().await;
    let (new, mailed) = reissued(&silent, &license, json!({})).await;
    assert!(!mailed);
    let resend = json!({ "licenseKey": new.key });
    let answer = silent.admin().post("/resendLicense", resend).await;
    answer.expect_body(200, &json!({ "success": true, "mailed": false }));
}

#[tokio::test]
async fn it_is_an_event_of_the_license_and_an_entry_of_its_owner_s_log() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let owner = app.creator(OWNER).await;
    let asked = json!({ "licenseKey": license.key });
    let made = owner.post("/reissueLicense", asked).await;
    let key = made.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let stored = app.stored(&TestLicense { key }).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let told: Vec<EventType> = events.iter().map(|event| event.r#type).collect();
    assert_eq!(told, [EventType::Created, EventType::Shuffled]);
    let log = owner.post("/listAuditEvents", json!({ "type": "shuffled" })).await;
    let entries = log.expect(200)["events"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["target"], stored.license_id.as_str());
}

#[tokio::test]
async fn another_owner_s_license_is_not_there() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let bob = app.creator("bob").await;
    for path in ["/reissueLicense", "/resendLicense"] {
        let asked = json!({ "licenseKey": license.key });
        bob.post(path, asked).await.expect_refusal(404, "License not found");
    }
    app.stored(&license).await;
    assert!(app.mails.mails().is_empty());
}

/// Many at once, and one whose reply is lost: the license has one key in the end, and the one that asks again is told it.
#[tokio::test]
async fn a_named_request_that_is_sent_again_is_told_the_same_key() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let secret = keystead_tests::secrets().credentials.admin_secret.clone();
    let body = json!({ "licenseKey": license.key, "adminSecret": secret }).to_string();
    let headers = [("idempotency-key", "once"), ("content-type", "application/json")];
    let send = async || {
        let stranger = app.stranger();
        stranger
            .send(&http::Method::POST, "/reissueLicense", &headers, body.as_bytes())
            .await
    };
    let faults = [keystead_tests::Fault::None; 4];
    app.faults
        .inject(faults.into_iter().chain([keystead_tests::Fault::CrashAfter]));
    app.faults.until_crash(send()).await;
    app.faults.inject([]);
    app.advance(keystead_core::request::idempotency::LONGEST_REQUEST);
    let first = send().await;
    let key = first.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let again = send().await;
    assert_eq!(again.expect(200)["licenseKey"], key.as_str());
    app.assert_counters_true(&TestLicense { key: key.clone() }).await;
    let dead = LicenseKey::parse(&license.key).expect("a key");
    assert_eq!(app.cx.store.license_get_unscoped(&dead).await.expect("a read"), None);
}

/// What the license was caught at goes along: who issues another key because of it puts that aside as well.
#[tokio::test]
async fn machines_that_come_after_are_newcomers_until_the_findings_are_put_aside() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(9).create().await;
    let own = app.machine("own").in_country("FR");
    own.activate(&license).await.expect(200);
    app.advance(DAY);
    for country in ["FR", "DE", "US"] {
        app.machine(country)
            .in_country(country)
            .activate(&license)
            .await
            .expect(200);
    }
    assert_eq!(own.validate(&license).await.expect(200)["status"], "active");
    let (new, _) = reissued(&app, &license, json!({})).await;
    assert_eq!(own.activate(&new).await.expect(200)["status"], "degraded");
    let violations = app.shown(&new).await["violations"].clone();
    let resolve = json!({ "licenseKey": new.key, "violationIds": [violations[0]["id"]] });
    app.admin().post("/resolveLicense", resolve).await.expect(200);
    assert_eq!(own.validate(&new).await.expect(200)["status"], "active");
}

#[tokio::test]
async fn what_the_old_key_s_holders_used_up_is_not_used_up_with_the_new_one() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    app.machine("a").activate(&license).await.expect(200);
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "d")] {
        let moved = json!({
            "licenseKey": license.key, "machineFingerprint": format!("fingerprint-of-{to}"), "hostname": "h",
            "productId": PRODUCT, "releaseFingerprint": format!("fingerprint-of-{from}"),
        });
        app.stranger().post("/moveLicense", moved).await.expect(200);
    }
    let before = app.stored(&license).await.seats;
    assert_eq!((before.moves.len(), before.admissions.number), (3, 4));
    let (new, _) = reissued(&app, &license, json!({})).await;
    let after = app.stored(&new).await.seats;
    assert_eq!((after.moves.len(), after.admissions.number), (0, 0));
}

#[tokio::test]
async fn no_mailbox_is_filled_with_new_keys() {
    let app = TestApp::start().await;
    let mut license = app.license().create().await;
    let mut mails = Vec::new();
    for _ in 0..4 {
        let mailed;
        (license, mailed) = reissued(&app, &license, json!({})).await;
        mails.push(mailed);
    }
    assert_eq!(mails, [true, true, false, false], "and the key is another each time");
}
