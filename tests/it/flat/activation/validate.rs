//! `POST /validate`.

use keystead_core::{
    license::{expiry::Expiry, key::LicenseKey, standing::SuspendedBy},
    signing::token::Token,
};
use keystead_tests::{DAY, HOUR, MINUTE, Machine, OWNER, PRODUCT, TestApp, TestLicense, token::claims};
use serde_json::json;

const BAD_TOKEN: &str = "Invalid or expired token";

/// A machine that is in.
async fn activated(app: &TestApp, license: &TestLicense) -> Machine {
    let machine = app.machine("a");
    machine.activate(license).await.expect(200);
    machine
}

#[tokio::test]
async fn a_token_that_is_far_from_its_end_is_echoed() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).with("variant", "pro").create().await;
    let machine = activated(&app, &license).await;
    let token = machine.token();
    app.advance(DAY);
    machine.validate(&license).await.expect_body(
        200,
        &json!({
            "valid": true,
            "token": token,
            "expiresAt": "2030-01-31T00:00:00.000Z",
            "refreshed": false,
            "status": "active",
            "variant": "pro",
            "message": "License is active",
            "licenseExpiresAt": null,
            "machinesUsed": 1,
            "maxMachines": 3,
        }),
    );
}

#[tokio::test]
async fn a_token_with_seven_days_left_is_replaced() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    let first = machine.token();
    app.advance(23 * DAY - MINUTE);
    assert_eq!(
        machine.validate(&license).await.expect(200)["refreshed"],
        false,
        "7 days and a minute left"
    );

    app.advance(MINUTE);
    let answer = machine.validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(body["refreshed"], true, "7 days left");
    assert_eq!(body["expiresAt"], "2030-02-23T00:00:00.000Z");
    let second = machine.token();
    assert_ne!(second, first);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["tokenExpiry"], "2030-02-23T00:00:00.000Z");

    // The new one will do for as long again; and the old one until it expires.
    assert_eq!(machine.validate(&license).await.expect(200)["token"], second);
    machine
        .validate_with(&license, json!({ "token": first }))
        .await
        .0
        .expect(200);
}

#[tokio::test]
async fn a_token_is_good_until_the_second_it_expires() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    let token = json!({ "token": machine.token() });
    app.advance(30 * DAY - std::time::Duration::from_secs(1));
    machine.validate_with(&license, token.clone()).await.0.expect(200);
    app.advance(std::time::Duration::from_secs(1));
    machine
        .validate_with(&license, token)
        .await
        .0
        .expect_invalid(401, BAD_TOKEN);
}

#[tokio::test]
async fn a_degraded_license_s_token_is_replaced_by_one_of_24_hours() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    license.degrade(&app).await;
    let answer = machine.validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["refreshed"], &body["status"]),
        (&json!(true), &json!("degraded"))
    );
    assert_eq!(
        body["message"],
        "License has been flagged for unusual activity. Please contact support."
    );
    assert_eq!(body["expiresAt"], "2030-01-02T00:00:00.000Z");

    app.advance(12 * HOUR);
    let answer = machine.validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["refreshed"], &body["expiresAt"]),
        (&json!(true), &json!("2030-01-02T12:00:00.000Z"))
    );
    app.advance(24 * HOUR);
    machine.validate(&license).await.expect_invalid(401, BAD_TOKEN);
}

#[tokio::test]
async fn a_token_that_the_license_cuts_short_is_replaced_though_a_new_one_lives_no_longer() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-01-04T00:00:00Z").create().await;
    let machine = activated(&app, &license).await;
    app.advance(DAY);
    let answer = machine.validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["refreshed"], &body["expiresAt"]),
        (&json!(true), &json!("2030-01-04T00:00:00.000Z"))
    );
    assert_eq!(body["licenseExpiresAt"], "2030-01-04T00:00:00.000Z");
    assert_eq!(claims(&machine.token())["iat"], (app.now()).seconds() - 60);
}

#[tokio::test]
async fn the_three_fields_are_required_and_the_product_is_not() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    for field in ["licenseKey", "machineFingerprint", "token"] {
        for absent in [json!(null), json!(""), json!("  ")] {
            let (answer, _) = machine.validate_with(&license, json!({ field: absent })).await;
            answer.expect_invalid(400, "Missing required fields");
        }
    }
    for (product, status) in [(json!(null), 200), (json!(PRODUCT), 200), (json!("other"), 403)] {
        let (answer, _) = machine.validate_with(&license, json!({ "productId": product })).await;
        answer.expect(status);
    }
}

#[tokio::test]
async fn a_token_that_is_not_ours_or_not_for_this_machine_is_refused() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let another = app.license().create().await;
    let machine = activated(&app, &license).await;
    let other_machine = app.machine("b");
    other_machine.activate(&license).await.expect(200);
    machine.clone().activate(&another).await.expect(200);
    let of_another_license = machine.token();
    machine.activate(&license).await.expect(200);

    for token in [
        of_another_license,
        other_machine.token(),
        "not a token".to_owned(),
        "a.b.c".to_owned(),
    ] {
        let (answer, _) = machine.validate_with(&license, json!({ "token": token })).await;
        answer.expect_invalid(401, BAD_TOKEN);
    }
    // The same token from another machine.
    let (answer, _) = machine
        .validate_with(&license, json!({ "machineFingerprint": "fingerprint-of-b" }))
        .await;
    answer.expect_invalid(401, BAD_TOKEN);
}

#[tokio::test]
async fn every_state_of_the_license_is_refused_in_the_words_of_activate() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let license = app.license().with("expiresAt", "2030-02-01T00:00:00Z").create().await;
    let machine = activated(&app, &license).await;
    app.advance(29 * DAY);
    machine.validate(&license).await.expect(200);

    let (answer, _) = machine.validate_with(&license, json!({ "productId": "other" })).await;
    answer.expect_invalid(403, "License is for a different product");
    license.suspend(&app, SuspendedBy::Vendor).await;
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "License is suspended");
    license.revoke(&app).await;
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "License has been revoked");
}

#[tokio::test]
async fn a_license_that_expires_before_its_token_is_told_to_have_expired() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    let now = app.now();
    license
        .change(&app, |license| keystead_core::license::License {
            expiry: Expiry::from(Some(now)),
            ..license.clone()
        })
        .await;
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "License has expired");
}

#[tokio::test]
async fn a_license_suspended_by_the_rules_validates_for_72_hours() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    let token = json!({ "token": machine.token() });
    license.suspend(&app, SuspendedBy::Enforcement).await;
    app.advance(72 * HOUR - MINUTE);
    let (answer, _) = machine.validate_with(&license, token.clone()).await;
    let body = answer.expect(200);
    assert_eq!(body["status"], "suspended");
    assert_eq!(
        body["message"],
        "License is suspended and will stop working soon. Please contact support."
    );
    app.advance(MINUTE);
    let (answer, _) = machine.validate_with(&license, token).await;
    answer.expect_invalid(403, "License is suspended");
}

#[tokio::test]
async fn a_machine_that_was_taken_off_is_told_so() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    machine.deactivate(&license).await.expect(200);
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "Machine is not activated");
    machine.activate(&license).await.expect(200);
    let asked = json!({ "licenseKey": license.key });
    app.admin().post("/resetActivations", asked).await.expect(200);
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "Machine is not activated");
}

#[tokio::test]
async fn a_good_token_of_a_license_that_is_gone_is_not_found() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    // As a restored backup would have it: the token is ours, and its license is not there.
    let token = Token::parse(&machine.token()).expect("a token");
    let mut claims = app.cx.keys.verify(&token, app.now()).await.expect("our own token");
    claims.license_key = LicenseKey::parse("gone").expect("a key");
    let token = app.cx.keys.issue(&claims).expect("a token");
    let gone = json!({ "licenseKey": "gone", "token": token });
    machine
        .validate_with(&license, gone)
        .await
        .0
        .expect_invalid(404, "License not found");
}

#[tokio::test]
async fn a_validation_notes_when_and_where_the_machine_was_seen() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a").in_country("US");
    machine.activate(&license).await.expect(200);
    app.advance(15 * MINUTE);
    machine.clone().in_country("CA").validate(&license).await.expect(200);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["firstSeen"], "2030-01-01T00:00:00.000Z");
    assert_eq!(activation["lastSeen"], "2030-01-01T00:15:00.000Z");
    assert_eq!(activation["lastCountry"], "CA");
    assert_eq!(activation["countries"], json!(["CA", "US"]));

    app.advance(15 * MINUTE);
    machine.validate(&license).await.expect(200);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["lastSeen"], "2030-01-01T00:30:00.000Z");
    assert_eq!(activation["lastCountry"], "US");
}

#[tokio::test]
async fn validations_are_not_limited_in_number() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = activated(&app, &license).await;
    for _ in 0..20 {
        machine.validate(&license).await.expect(200);
    }
}
