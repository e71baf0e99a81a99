//! `POST /createLicense`.

use keystead_core::{
    audit::Origin,
    ids::CreationId,
    license::seats::{LicenseType, SeatLimit},
    owner::OwnerId,
    product::{
        ProductId,
        variant::{Variant, VariantId},
    },
    value::name::Name,
};
use keystead_tests::{Answer, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

const MISSING: &str = "Missing required fields: email, productId";

fn wanted(fields: Value) -> Value {
    let mut body = json!({ "email": "customer@example.com", "productId": PRODUCT });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn shown(app: &TestApp, answer: &Answer) -> Value {
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    app.shown(&TestLicense { key }).await["license"].clone()
}

/// A variant, which no endpoint makes yet.
async fn variant(app: &TestApp, id: &str, license_type: LicenseType, max: Option<i64>, concurrent: Option<i64>) {
    let variant = Variant {
        product_id: ProductId::parse(PRODUCT).expect("a product id"),
        variant_id: VariantId::parse(id).expect("a variant id"),
        name: Name::parse(id).expect("a name"),
        license_type,
        max_machines: max.and_then(SeatLimit::parse),
        max_concurrent: concurrent.and_then(SeatLimit::parse),
        trial_days: None,
        offline_days: None,
        price: None,
        active: true,
        creation: CreationId::new(&app.cx.ids).expect("an id"),
    };
    let (owner, audit) = (OwnerId::parse(OWNER).expect("an id"), app.cx.audit(&Origin::keystead()));
    assert!(
        app.cx
            .store
            .variant_create(&variant, &owner, &audit)
            .await
            .expect("a write")
    );
}

#[tokio::test]
async fn the_answer_is_success_and_a_key_of_uuid_v4_s_shape_in_lower_case() {
    let app = TestApp::start().await;
    let answer = app.admin().post("/createLicense", wanted(json!({}))).await;
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key");
    answer.expect_body(200, &json!({ "success": true, "licenseKey": key }));
    let groups: Vec<usize> = key.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{key}");
    assert!(key.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | '-')), "{key}");
    assert_eq!(&key[14..15], "4", "the version of {key}");
    assert!(matches!(&key[19..20], "8" | "9" | "a" | "b"), "the variant of {key}");
}

#[tokio::test]
async fn what_is_not_said_has_the_documented_default() {
    let app = TestApp::start().await;
    for unsaid in [
        json!({}),
        json!({ "variant": null, "maxMachines": null, "maxConcurrent": null, "licenseType": null, "expiresAt": null,
                "discountCode": null, "purchaseId": null, "bundleId": null, "unlockedProducts": null }),
    ] {
        let answer = app.admin().post("/createLicense", wanted(unsaid)).await;
        let license = shown(&app, &answer).await;
        for (field, value) in [
            ("variant", json!("indie")),
            ("maxMachines", json!(2)),
            ("maxConcurrent", json!(null)),
            ("licenseType", json!("per-machine")),
            ("status", json!("active")),
            ("threatLevel", json!(0)),
            ("expiresAt", json!(null)),
        ] {
            assert_eq!(license[field], value, "{field}");
        }
    }
}

#[tokio::test]
async fn what_is_said_is_kept() {
    let app = TestApp::start().await;
    let fields = json!({
        "variant": "studio",
        "maxMachines": 9999,
        "maxConcurrent": 7,
        "licenseType": "floating",
        "expiresAt": "2031-01-01T00:00:00Z",
        "discountCode": "SPRING",
        "purchaseId": "order-1",
        "bundleId": "suite",
    });
    let answer = app.admin().post("/createLicense", wanted(fields.clone())).await;
    let license = shown(&app, &answer).await;
    for (field, value) in fields.as_object().expect("an object") {
        if field != "expiresAt" {
            assert_eq!(license[field], *value, "{field}");
        }
    }
    assert_eq!(license["expiresAt"], "2031-01-01T00:00:00.000Z");
    assert_eq!(
        (&license["email"], &license["productId"]),
        (&json!("customer@example.com"), &json!(PRODUCT))
    );
    assert_eq!(license["createdAt"], "2030-01-01T00:00:00.000Z");
    assert_eq!(license["purchasedAt"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn email_and_product_are_required() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for body in [
        json!({}),
        json!({ "email": "c@example.com" }),
        json!({ "productId": PRODUCT }),
        json!({ "email": null, "productId": PRODUCT }),
        json!({ "email": "c@example.com", "productId": "  " }),
    ] {
        app.admin()
            .post("/createLicense", body.clone())
            .await
            .expect_refusal(400, MISSING);
        alice.post("/createLicense", body).await.expect_refusal(400, MISSING);
    }
}

#[tokio::test]
async fn a_product_that_is_unknown_or_another_s_is_not_found() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    bob.post("/createLicense", wanted(json!({})))
        .await
        .expect_refusal(404, "Product not found");
    let unknown = json!({ "productId": "unknown" });
    app.admin()
        .post("/createLicense", wanted(unknown.clone()))
        .await
        .expect_refusal(404, "Product not found");
    bob.post("/createLicense", wanted(unknown))
        .await
        .expect_refusal(404, "Product not found");
}

#[tokio::test]
async fn no_license_is_made_for_an_archived_product_but_one_is_for_an_unlisted_one() {
    let app = TestApp::start().await;
    app.make_product("old", OWNER, "archived").await;
    app.make_product("hidden", OWNER, "unlisted").await;
    let alice = app.creator(OWNER).await;
    let of = |product: &str| wanted(json!({ "productId": product }));
    alice
        .post("/createLicense", of("old"))
        .await
        .expect_refusal(400, "Product is archived");
    alice.post("/createLicense", of("hidden")).await.expect(200);
    // Another's product is not found, whatever its status.
    let bob = app.creator("bob").await;
    bob.post("/createLicense", of("old"))
        .await
        .expect_refusal(404, "Product not found");
}

#[tokio::test]
async fn a_variant_that_exists_gives_the_defaults() {
    let app = TestApp::start().await;
    variant(&app, "farm", LicenseType::Floating, Some(50), Some(10)).await;
    variant(&app, "solo", LicenseType::PerMachine, None, None).await;
    for (fields, license_type, max_machines, max_concurrent) in [
        (json!({ "variant": "farm" }), "floating", json!(50), json!(10)),
        (
            json!({ "variant": "farm", "maxMachines": 3 }),
            "floating",
            json!(3),
            json!(10),
        ),
        (
            json!({ "variant": "farm", "maxConcurrent": -1 }),
            "floating",
            json!(50),
            json!(-1),
        ),
        (
            json!({ "variant": "farm", "licenseType": "site" }),
            "site",
            json!(50),
            json!(10),
        ),
        (json!({ "variant": "solo" }), "per-machine", json!(2), json!(null)),
        (json!({ "variant": "unknown" }), "per-machine", json!(2), json!(null)),
    ] {
        let answer = app.admin().post("/createLicense", wanted(fields.clone())).await;
        let license = shown(&app, &answer).await;
        assert_eq!(license["licenseType"], license_type, "{fields}");
        assert_eq!(
            (&license["maxMachines"], &license["maxConcurrent"]),
            (&max_machines, &max_concurrent),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn a_variant_s_id_may_come_with_the_product_s_prefix_and_is_kept_without() {
    let app = TestApp::start().await;
    variant(&app, "farm", LicenseType::Floating, Some(50), None).await;
    for (written, kept, max_machines) in [
        ("app-farm", "farm", 50),
        ("farm", "farm", 50),
        ("app-studio", "studio", 2),
    ] {
        let answer = app
            .admin()
            .post("/createLicense", wanted(json!({ "variant": written })))
            .await;
        let license = shown(&app, &answer).await;
        assert_eq!(
            (&license["variant"], &license["maxMachines"]),
            (&json!(kept), &json!(max_machines))
        );
    }
}

#[tokio::test]
async fn an_unknown_discount_code_does_not_stand_in_the_way() {
    let app = TestApp::start().await;
    let answer = app
        .admin()
        .post("/createLicense", wanted(json!({ "discountCode": "NOSUCH" })))
        .await;
    assert_eq!(shown(&app, &answer).await["discountCode"], "NOSUCH");
}

#[tokio::test]
async fn what_desktop_tools_send_is_enough() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for (max_machines, license_type) in [(-1, "site"), (1, "per-machine"), (5, "floating"), (9999, "floating")] {
        let body = wanted(json!({
            "variant": "indie", "licenseType": license_type, "maxMachines": max_machines,
            "expiresAt": "2031-12-31T23:59:59Z",
        }));
        let license = shown(&app, &alice.post("/createLicense", body).await).await;
        assert_eq!(
            (&license["maxMachines"], &license["licenseType"]),
            (&json!(max_machines), &json!(license_type))
        );
    }
}

#[tokio::test]
async fn every_license_has_a_key_of_its_own() {
    let app = TestApp::start().await;
    let (one, two) = (app.license().create().await, app.license().create().await);
    assert_ne!(one.key, two.key);
}

#[tokio::test]
async fn a_license_that_comes_from_elsewhere_keeps_its_key_and_its_date_of_purchase() {
    let app = TestApp::start().await;
    let own = json!({ "licenseKey": " GLD-AAAA-BBBB ", "purchasedAt": "2019-05-01T12:00:00Z" });
    let answer = app.admin().post("/createLicense", wanted(own)).await;
    answer.expect_body(200, &json!({ "success": true, "licenseKey": "GLD-AAAA-BBBB" }));
    let license = shown(&app, &answer).await;
    assert_eq!(license["purchasedAt"], "2019-05-01T12:00:00.000Z");
    assert_eq!(license["createdAt"], app.now().to_string());
}

#[tokio::test]
async fn a_key_that_is_taken_is_not_given_again() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "first@example.com").create().await;
    let again = wanted(json!({ "licenseKey": license.key, "email": "second@example.com" }));
    app.admin()
        .post("/createLicense", again)
        .await
        .expect_error(409, "A license with this key already exists");
    assert_eq!(app.stored(&license).await.email.as_str(), "first@example.com");
}

#[tokio::test]
async fn a_license_that_comes_from_elsewhere_is_made_in_the_status_it_had_there() {
    let app = TestApp::start().await;
    for (fields, status, reason) in [
        (
            json!({ "status": "active", "disputeReason": "refund" }),
            "active",
            json!(null),
        ),
        (json!({ "status": "degraded" }), "degraded", json!(null)),
        (json!({ "status": "suspended" }), "suspended", json!(null)),
        (json!({ "status": "revoked" }), "revoked", json!(null)),
        (
            json!({ "status": "revoked", "disputeReason": " refund\n" }),
            "revoked",
            json!("refund"),
        ),
    ] {
        let answer = app.admin().post("/createLicense", wanted(fields)).await;
        let license = shown(&app, &answer).await;
        assert_eq!(
            (&license["status"], &license["disputeReason"]),
            (&json!(status), &reason)
        );
        let key = license["key"].as_str().expect("a key").to_owned();
        let works = app.machine("a").activate(&TestLicense { key }).await.status == 200;
        assert_eq!(works, matches!(status, "active" | "degraded"), "{status}");
    }
}

#[tokio::test]
async fn what_a_form_leaves_blank_is_not_said() {
    let app = TestApp::start().await;
    let blank = json!({ "variant": "", "discountCode": " ", "purchaseId": "", "bundleId": "", "expiresAt": "" });
    let answer = app.admin().post("/createLicense", wanted(blank)).await;
    let license = shown(&app, &answer).await;
    assert_eq!(
        (&license["variant"], &license["expiresAt"]),
        (&json!("indie"), &json!(null))
    );
}
