//! `POST /verify`.

use keystead_core::license::standing::SuspendedBy;
use keystead_tests::{Answer, DAY, HOUR, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

async fn verify(app: &TestApp, license: &TestLicense, product: &str) -> Answer {
    let body = json!({ "licenseKey": license.key, "productId": product });
    app.stranger().post("/verify", body).await
}

fn refusal(text: &str, reason: &str) -> Value {
    json!({ "valid": false, "error": text, "reason": reason })
}

#[tokio::test]
async fn one_request_tells_that_a_license_is_good() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    verify(&app, &license, PRODUCT).await.expect_body(
        200,
        &json!({
            "valid": true,
            "status": "active",
            "variant": "indie",
            "licenseType": "per-machine",
            "expiresAt": null,
            "message": "License is active",
        }),
    );
}

#[tokio::test]
async fn the_type_the_variant_and_the_license_s_expiry_are_told() {
    let app = TestApp::start().await;
    for license_type in ["per-machine", "floating", "site"] {
        let license = app
            .license()
            .with("licenseType", license_type)
            .with("variant", "studio")
            .with("expiresAt", "2031-06-01T12:00:00+02:00")
            .create()
            .await;
        let answer = verify(&app, &license, PRODUCT).await;
        let body = answer.expect(200);
        assert_eq!(body["licenseType"], license_type);
        assert_eq!(body["variant"], "studio");
        assert_eq!(body["expiresAt"], "2031-06-01T10:00:00.000Z");
    }
}

#[tokio::test]
async fn both_fields_are_required() {
    let app = TestApp::start().await;
    let bodies = [
        json!({}),
        json!({ "licenseKey": "k" }),
        json!({ "productId": "p" }),
        json!({ "licenseKey": null, "productId": "p" }),
        json!({ "licenseKey": "k", "productId": " " }),
    ];
    for body in bodies {
        app.stranger()
            .post("/verify", body)
            .await
            .expect_invalid(400, "Missing required fields");
    }
}

#[tokio::test]
async fn every_refusal_has_a_reason_that_programs_can_read() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let unknown = TestLicense {
        key: "XXXX-XXXX-XXXX-XXXX".to_owned(),
    };
    let license = app.license().create().await;
    let expiring = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    let revoked = app.license().create().await;
    revoked.revoke(&app).await;
    let suspended = app.license().suspended(SuspendedBy::Vendor).create().await;
    app.advance(DAY);
    for (license, product, status, text, reason) in [
        (&unknown, PRODUCT, 404, "License not found", "not_found"),
        (
            &license,
            "other",
            403,
            "License is for a different product",
            "wrong_product",
        ),
        (
            &revoked,
            "other",
            403,
            "License is for a different product",
            "wrong_product",
        ),
        (&revoked, PRODUCT, 403, "License has been revoked", "revoked"),
        (&expiring, PRODUCT, 403, "License has expired", "expired"),
        (&suspended, PRODUCT, 403, "License is suspended", "suspended"),
    ] {
        verify(&app, license, product)
            .await
            .expect_body(status, &refusal(text, reason));
    }
}

#[tokio::test]
async fn a_flagged_license_is_valid_with_a_message() {
    let app = TestApp::start().await;
    let degraded = app.license().degraded().create().await;
    let suspended = app.license().suspended(SuspendedBy::Enforcement).create().await;
    for (license, status, message) in [
        (
            &degraded,
            "degraded",
            "License has been flagged for unusual activity. Please contact support.",
        ),
        (
            &suspended,
            "suspended",
            "License is suspended and will stop working soon. Please contact support.",
        ),
    ] {
        let answer = verify(&app, license, PRODUCT).await;
        let body = answer.expect(200);
        assert_eq!((&body["status"], &body["message"]), (&json!(status), &json!(message)));
    }
    app.advance(72 * HOUR);
    let blocked = verify(&app, &suspended, PRODUCT).await;
    blocked.expect_body(403, &refusal("License is suspended", "suspended"));
}

#[tokio::test]
async fn no_seat_is_taken_and_no_row_is_left() {
    let app = TestApp::start().await;
    let full = app.license().max_machines(0).create().await;
    for _ in 0..20 {
        verify(&app, &full, PRODUCT).await.expect(200);
    }
    let shown = app.shown(&full).await;
    assert_eq!((&shown["machinesUsed"], &shown["activations"]), (&json!(0), &json!([])));
}
