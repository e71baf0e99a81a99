//! `POST /cgloungeWebhook`.

use keystead_core::event::{ActorKind, EventType};
use keystead_tests::{DAY, HOUR, MINUTE, OWNER, PRODUCT, TestApp, secrets};
use serde_json::{Value, json};

use super::{bought, license, shown};

#[tokio::test]
async fn a_purchase_makes_a_license_for_the_buyer() {
    let app = TestApp::start().await;
    let answer = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    let bought = license(&answer);
    answer.expect_body(200, &json!({ "success": true, "licenseKey": bought.key }));
    let license = shown(&app, &bought).await;
    for (field, value) in [
        ("email", json!("customer@example.com")),
        ("productId", json!(PRODUCT)),
        ("variant", json!("indie")),
        ("licenseType", json!("per-machine")),
        ("maxMachines", json!(2)),
        ("status", json!("active")),
        ("expiresAt", json!(null)),
        ("purchaseId", json!("p-1")),
    ] {
        assert_eq!(license[field], value, "{field}");
    }
    app.machine("a").activate(&bought).await.expect(200);
}

#[tokio::test]
async fn a_purchase_falls_back_to_its_variant_and_may_say_otherwise() {
    let app = TestApp::start().await;
    let farm = json!({ "productId": PRODUCT, "name": "Farm", "licenseType": "floating", "maxMachines": 50 });
    app.admin().post("/createVariant", farm).await.expect(200);
    for (notice, license_type, max) in [
        (json!({ "variant": "farm" }), "floating", 50),
        (json!({ "variant": "app-farm", "maxMachines": 7 }), "floating", 7),
        (
            json!({ "variant": "farm", "licenseType": "site", "maxMachines": -1 }),
            "site",
            -1,
        ),
        (
            json!({ "variant": "", "licenseType": "", "discountCode": "" }),
            "per-machine",
            2,
        ),
    ] {
        let license = shown(&app, &bought(&app, notice.clone()).await).await;
        assert_eq!(
            (&license["licenseType"], &license["maxMachines"]),
            (&json!(license_type), &json!(max)),
            "{notice}"
        );
    }
}

#[tokio::test]
async fn the_duration_goes_before_the_trial_before_the_code_s_trial_before_forever() {
    let app = TestApp::start().await;
    let code = json!({ "code": "SUMMER", "trialDays": 5, "maxUses": 1, "productId": PRODUCT });
    app.admin().post("/createTrialCode", code).await.expect(200);
    let plain = json!({ "code": "TENOFF", "discountPercent": 10, "creatorId": OWNER });
    app.admin().post("/createDiscountCode", plain).await.expect(200);
    for (notice, days) in [
        (
            json!({ "durationDays": 30, "trialDays": 14, "discountCode": "SUMMER" }),
            Some(30),
        ),
        (json!({ "trialDays": 14, "discountCode": "SUMMER" }), Some(14)),
        // It is used up by now. The store has taken it all the same, and a license without an end was not sold.
        (json!({ "discountCode": "summer" }), Some(5)),
        (
            json!({ "durationDays": 0, "trialDays": 0, "discountCode": "SUMMER" }),
            Some(5),
        ),
        (json!({ "discountCode": "TENOFF" }), None),
        (json!({ "discountCode": "NOSUCH" }), None),
        (json!({}), None),
    ] {
        let license = shown(&app, &bought(&app, notice.clone()).await).await;
        let ends = days.map(|days: u32| (app.now() + days * DAY).to_string());
        assert_eq!(license["expiresAt"], json!(ends), "{notice}");
    }
    let codes = app.admin().post("/listDiscountCodes", json!({})).await;
    let used = |name: &str| {
        let codes = codes.body["codes"].as_array().expect("codes");
        codes.iter().find(|code| code["code"] == name).expect("the code")["usedCount"].clone()
    };
    assert_eq!(
        (used("SUMMER"), used("TENOFF")),
        (json!(1), json!(1)),
        "never beyond its maximum"
    );
}

#[tokio::test]
async fn another_owner_s_code_gives_nothing() {
    let app = TestApp::start().await;
    let code = json!({ "code": "HERS", "trialDays": 5, "creatorId": "carol" });
    app.admin().post("/createTrialCode", code).await.expect(200);
    let license = shown(&app, &bought(&app, json!({ "discountCode": "HERS" })).await).await;
    assert_eq!(license["expiresAt"], Value::Null);
    let codes = app.admin().post("/listTrialCodes", json!({})).await;
    assert_eq!(codes.expect(200)["codes"][0]["usedCount"], 0);
}

#[tokio::test]
async fn a_purchase_that_is_told_again_makes_no_second_license() {
    let app = TestApp::start().await;
    let first = bought(&app, json!({ "purchaseId": "p-1" })).await;
    app.advance(400 * DAY);
    for notice in [
        json!({ "purchaseId": "p-1" }),
        json!({ "purchaseId": "p-1", "email": "other@example.com" }),
    ] {
        let again = app.store().tell("purchase.completed", notice).await;
        let expected = json!({ "success": true, "licenseKey": first.key, "duplicate": true });
        again.expect_body(200, &expected);
    }
    let other = bought(&app, json!({ "purchaseId": "p-2" })).await;
    assert_ne!(first.key, other.key);
}

#[tokio::test]
async fn a_purchase_that_has_a_license_from_create_license_gets_that() {
    let app = TestApp::start().await;
    let made = app.license().with("purchaseId", "p-1").create().await;
    let told = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(license(&told).key, made.key);
    // A vendor may make several of one purchase; the first is the purchase's.
    let second = app.license().with("purchaseId", "p-1").create().await;
    assert_ne!(second.key, made.key);
    let told = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(license(&told).key, made.key);
}

#[tokio::test]
async fn one_owner_s_purchases_are_not_another_s() {
    let app = TestApp::start().await;
    app.make_product("hers", "carol", "live").await;
    let carol = app.creator("carol").await;
    let squat = json!({ "email": "c@example.com", "productId": "hers", "purchaseId": "p-1" });
    let hers = license(&carol.post("/createLicense", squat).await);
    let ours = bought(&app, json!({ "purchaseId": "p-1" })).await;
    assert_ne!(hers.key, ours.key);
    let refunded = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(license(&refunded).key, ours.key);
    assert_eq!(shown(&app, &hers).await["status"], "active");
}

#[tokio::test]
async fn a_purchase_of_a_product_that_was_archived_since_is_a_purchase() {
    let app = TestApp::start().await;
    app.archive(PRODUCT);
    bought(&app, json!({ "purchaseId": "p-1" })).await;
}

#[tokio::test]
async fn a_refund_revokes() {
    let app = TestApp::start().await;
    let license = bought(&app, json!({ "purchaseId": "p-1" })).await;
    app.machine("a").activate(&license).await.expect(200);
    app.advance(MINUTE);
    let told = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    told.expect_body(200, &json!({ "success": true, "licenseKey": license.key }));
    let shown = app.shown(&license).await;
    assert_eq!(
        (&shown["license"]["status"], &shown["license"]["threatLevel"]),
        (&json!("revoked"), &json!(4))
    );
    assert_eq!(shown["license"]["disputeReason"], "refund");
    assert_eq!(shown["license"]["disputedAt"], app.now().to_string());
    assert_eq!(shown["violations"], json!([]), "a refund is nobody's fault");
    app.machine("b")
        .activate(&license)
        .await
        .expect_error(403, "License has been revoked");
}

#[tokio::test]
async fn a_chargeback_revokes_and_is_a_violation() {
    let app = TestApp::start().await;
    let license = bought(&app, json!({ "purchaseId": "p-1" })).await;
    app.store()
        .tell("purchase.disputed", json!({ "purchaseId": "p-1" }))
        .await
        .expect(200);
    let shown = app.shown(&license).await;
    assert_eq!(
        (&shown["license"]["status"], &shown["license"]["threatLevel"]),
        (&json!("revoked"), &json!(4))
    );
    assert_eq!(shown["license"]["disputeReason"], "chargeback");
    assert_eq!(shown["unresolvedViolationsCount"], 1);
    let violation = &shown["violations"][0];
    for (field, value) in [
        ("type", json!("chargeback")),
        ("severity", json!("critical")),
        ("resolved", json!(false)),
        ("detectedAt", json!(app.now().to_string())),
    ] {
        assert_eq!(violation[field], value, "{field}");
    }
    // Putting it aside does not undo the revocation.
    let resolve = json!({ "licenseKey": license.key, "violationIds": [violation["id"]] });
    let resolved = app.admin().post("/resolveLicense", resolve).await;
    assert_eq!(resolved.expect(200)["status"], "revoked");
}

#[tokio::test]
async fn what_was_told_once_does_not_undo_what_the_vendor_did_since() {
    let app = TestApp::start().await;
    for r#type in ["purchase.refunded", "purchase.disputed"] {
        let id = json!({ "purchaseId": r#type });
        let license = bought(&app, id.clone()).await;
        app.store().tell(r#type, id.clone()).await.expect(200);
        let reinstate = json!({ "licenseKey": license.key });
        app.admin().post("/reinstateLicense", reinstate).await.expect(200);
        let again = app.store().tell(r#type, id).await;
        let expected = json!({ "success": true, "licenseKey": license.key, "duplicate": true });
        again.expect_body(200, &expected);
        assert_eq!(shown(&app, &license).await["status"], "active", "{}", r#type);
    }
}

#[tokio::test]
async fn a_dispute_outweighs_what_a_license_was_revoked_for_before() {
    let app = TestApp::start().await;
    let id = json!({ "purchaseId": "p-1" });
    let license = bought(&app, id.clone()).await;
    let by_hand = json!({ "licenseKey": license.key, "reason": "manual" });
    app.admin().post("/revokeLicense", by_hand).await.expect(200);
    for (r#type, reason) in [("purchase.refunded", "refund"), ("purchase.disputed", "chargeback")] {
        app.store().tell(r#type, id.clone()).await.expect(200);
        let shown = shown(&app, &license).await;
        assert_eq!(
            (&shown["disputeReason"], &shown["threatLevel"]),
            (&json!(reason), &json!(4))
        );
    }
    let other = json!({ "purchaseId": "p-2" });
    let other_license = bought(&app, other.clone()).await;
    for r#type in ["purchase.disputed", "purchase.refunded"] {
        app.store().tell(r#type, other.clone()).await.expect(200);
        assert_eq!(shown(&app, &other_license).await["disputeReason"], "chargeback");
    }
}

#[tokio::test]
async fn without_the_purchase_s_id_the_customer_s_newest_license_of_the_product_is_meant() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let older = app.license().create().await;
    app.advance(MINUTE);
    let newest = app.license().with("email", "Customer@Example.com").create().await;
    app.advance(MINUTE);
    app.license().with("productId", "other").create().await;
    app.license().with("email", "someone@example.com").create().await;
    let told = app.store().tell("purchase.refunded", json!({})).await;
    assert_eq!(license(&told).key, newest.key);
    // Told again, it is still about the same one.
    let told = app.store().tell("purchase.refunded", json!({})).await;
    assert_eq!(license(&told).key, newest.key);
    assert_eq!(shown(&app, &older).await["status"], "active");
}

#[tokio::test]
async fn the_refund_of_an_unknown_purchase_does_not_touch_another_purchase_s_license() {
    let app = TestApp::start().await;
    let by_hand = app.license().create().await;
    app.advance(MINUTE);
    let sold = bought(&app, json!({ "purchaseId": "p-2" })).await;
    let told = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(license(&told).key, by_hand.key);
    assert_eq!(shown(&app, &sold).await["status"], "active");
}

#[tokio::test]
async fn what_leads_to_no_license_is_not_found() {
    let app = TestApp::start().await;
    for (r#type, notice, text) in [
        (
            "purchase.completed",
            json!({ "productId": "unknown" }),
            "Product not found",
        ),
        (
            "purchase.refunded",
            json!({ "productId": "unknown" }),
            "Product not found",
        ),
        (
            "subscription.cancelled",
            json!({ "productId": "unknown" }),
            "Product not found",
        ),
        ("purchase.refunded", json!({ "purchaseId": "p-1" }), "License not found"),
        ("purchase.disputed", json!({}), "License not found"),
        (
            "subscription.renewed",
            json!({ "durationDays": 30 }),
            "License not found",
        ),
    ] {
        let told = app.store().tell(r#type, notice).await;
        told.expect_refusal(404, text);
    }
}

#[tokio::test]
async fn a_renewal_adds_a_period_to_what_is_left() {
    let app = TestApp::start().await;
    let id = json!({ "purchaseId": "sub-1", "durationDays": 30 });
    let license = bought(&app, id.clone()).await;
    let began = app.now();
    app.advance(29 * DAY);
    let told = app.store().tell("subscription.renewed", id.clone()).await;
    told.expect_body(200, &json!({ "success": true, "licenseKey": license.key }));
    assert_eq!(shown(&app, &license).await["expiresAt"], (began + 60 * DAY).to_string());
    // It lapsed: the period begins now.
    app.advance(100 * DAY);
    app.store().tell("subscription.renewed", id).await.expect(200);
    assert_eq!(
        shown(&app, &license).await["expiresAt"],
        (app.now() + 30 * DAY).to_string()
    );
}

#[tokio::test]
async fn a_renewal_that_is_told_again_adds_nothing() {
    let app = TestApp::start().await;
    let first = json!({ "purchaseId": "sub-1", "durationDays": 30 });
    let license = bought(&app, first.clone()).await;
    let ends = app.now() + 60 * DAY;
    // By the id that the subscription began with, which comes with every renewal.
    for _ in 0..3 {
        app.store()
            .tell("subscription.renewed", first.clone())
            .await
            .expect(200);
        app.advance(HOUR);
    }
    assert_eq!(shown(&app, &license).await["expiresAt"], ends.to_string());
    // By an id of its own, however late.
    app.advance(DAY);
    let own = json!({ "purchaseId": "payment-2", "durationDays": 30 });
    for duplicate in [false, true, true] {
        let told = app.store().tell("subscription.renewed", own.clone()).await;
        assert_eq!(told.expect(200).get("duplicate").is_some(), duplicate);
        app.advance(10 * DAY);
    }
    assert_eq!(shown(&app, &license).await["expiresAt"], (ends + 30 * DAY).to_string());
}

#[tokio::test]
async fn a_renewal_leaves_a_perpetual_license_perpetual_and_a_revoked_one_revoked() {
    let app = TestApp::start().await;
    let perpetual = bought(&app, json!({ "purchaseId": "p-1" })).await;
    let renewal = json!({ "purchaseId": "p-1", "durationDays": 30 });
    app.store().tell("subscription.renewed", renewal).await.expect(200);
    assert_eq!(shown(&app, &perpetual).await["expiresAt"], Value::Null);
    let revoked = bought(&app, json!({ "purchaseId": "p-2", "durationDays": 30 })).await;
    revoked.revoke(&app).await;
    let renewal = json!({ "purchaseId": "p-2", "durationDays": 30 });
    app.store().tell("subscription.renewed", renewal).await.expect(200);
    let shown = shown(&app, &revoked).await;
    assert_eq!(shown["status"], "revoked");
    assert_eq!(shown["expiresAt"], (app.now() + 60 * DAY).to_string());
}

#[tokio::test]
async fn a_renewal_must_say_for_how_long() {
    let app = TestApp::start().await;
    bought(&app, json!({ "purchaseId": "p-1", "durationDays": 30 })).await;
    for notice in [
        json!({ "purchaseId": "p-1" }),
        json!({ "durationDays": null }),
        json!({ "durationDays": 0 }),
    ] {
        let told = app.store().tell("subscription.renewed", notice).await;
        told.expect_refusal(400, "Missing required fields: durationDays");
    }
}

#[tokio::test]
async fn a_cancelled_subscription_runs_to_its_end() {
    let app = TestApp::start().await;
    let license = bought(&app, json!({ "purchaseId": "p-1", "durationDays": 30 })).await;
    let before = shown(&app, &license).await;
    let told = app
        .store()
        .tell("subscription.cancelled", json!({ "purchaseId": "p-1" }))
        .await;
    told.expect_body(200, &json!({ "success": true }));
    assert_eq!(shown(&app, &license).await, before);
}

#[tokio::test]
async fn a_store_shows_its_secret_in_a_header_or_in_the_body() {
    let app = TestApp::start().await;
    let secret = secrets().credentials.webhook_secret.as_str();
    let notice = json!({ "type": "purchase.completed", "email": "a@example.com", "productId": PRODUCT });
    let with = |in_body: Option<&str>| {
        let mut body = notice.clone();
        if let Some(secret) = in_body {
            body["webhookSecret"] = secret.into();
        }
        body.to_string()
    };
    for (in_header, in_body, status) in [
        (Some(secret), None, 200),
        (None, Some(secret), 200),
        (Some(secret), Some("wrong"), 200),
        (Some("wrong"), Some(secret), 200),
        (Some(""), Some(secret), 200),
        (Some("wrong"), None, 401),
        (None, Some("wrong"), 401),
        (None, None, 401),
        (Some(""), None, 401),
        (Some(secrets().credentials.admin_secret.as_str()), None, 401),
    ] {
        let headers: Vec<(&str, &str)> = in_header
            .map(|secret| ("x-webhook-secret", secret))
            .into_iter()
            .collect();
        let method = http::Method::POST;
        let body = with(in_body);
        let stranger = app.stranger();
        let answer = stranger
            .send(&method, "/cgloungeWebhook", &headers, body.as_bytes())
            .await;
        if status == 401 {
            answer.expect_refusal(401, "Unauthorized");
        } else {
            answer.expect(200);
        }
    }
}

#[tokio::test]
async fn what_a_store_can_t_mean_is_refused_by_name() {
    let app = TestApp::start().await;
    for (notice, text) in [
        (json!({ "type": "purchase.exploded" }), "Invalid type"),
        (json!({ "type": "" }), "Missing required fields: type, email, productId"),
        (
            json!({ "email": null }),
            "Missing required fields: type, email, productId",
        ),
        (json!({ "licenseType": "cloud" }), "Invalid licenseType"),
        (
            json!({ "durationDays": 4000 }),
            "Invalid durationDays: must be a whole number of days from 1 to 3650",
        ),
    ] {
        let told = app.store().tell("purchase.completed", notice).await;
        let error = told.expect(400)["error"].as_str().expect("a text");
        assert_eq!(error, text);
    }
    let paid = json!({ "amount": 49.5, "currency": "eur" });
    app.store().tell("purchase.completed", paid).await.expect(200);
}

#[tokio::test]
async fn what_a_store_did_is_told_as_the_store_s() {
    let app = TestApp::start().await;
    let license = bought(&app, json!({ "purchaseId": "p-1", "durationDays": 30 })).await;
    let id = json!({ "purchaseId": "p-1", "durationDays": 30 });
    app.advance(MINUTE);
    app.store().tell("subscription.renewed", id.clone()).await.expect(200);
    app.advance(MINUTE);
    app.store().tell("purchase.disputed", id).await.expect(200);
    let stored = app.stored(&license).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let mut types: Vec<EventType> = events.iter().map(|event| event.r#type).collect();
    types.sort_unstable();
    let mut expected = [
        EventType::Created,
        EventType::Updated,
        EventType::Revoked,
        EventType::Violation,
    ];
    expected.sort_unstable();
    assert_eq!(types, expected);
    for event in events {
        assert_eq!(event.actor.kind, ActorKind::Store);
        assert_eq!(event.actor.id.as_deref(), Some("cglounge"));
    }
}

#[tokio::test]
async fn a_refund_revokes_every_license_of_its_purchase() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let id = "p-1";
    let first = app.license().with("purchaseId", id).create().await;
    let second = app.license().with("purchaseId", id).create().await;
    let elsewhere = app
        .license()
        .with("purchaseId", id)
        .with("productId", "other")
        .create()
        .await;
    let unsold = app.license().create().await;
    for duplicate in [false, true] {
        let told = app.store().tell("purchase.refunded", json!({ "purchaseId": id })).await;
        assert_eq!(told.expect(200).get("duplicate").is_some(), duplicate);
        assert_eq!(license(&told).key, first.key);
    }
    for (license, status) in [
        (&first, "revoked"),
        (&second, "revoked"),
        (&elsewhere, "active"),
        (&unsold, "active"),
    ] {
        assert_eq!(shown(&app, license).await["status"], status);
    }
}

#[tokio::test]
async fn who_buys_two_products_at_once_has_bought_both() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let first = bought(&app, json!({ "purchaseId": "cart-1" })).await;
    let second = bought(&app, json!({ "purchaseId": "cart-1", "productId": "other" })).await;
    assert_ne!(first.key, second.key);
    let told = app
        .store()
        .tell(
            "purchase.refunded",
            json!({ "purchaseId": "cart-1", "productId": "other" }),
        )
        .await;
    assert_eq!(license(&told).key, second.key);
    assert_eq!(shown(&app, &first).await["status"], "active");
}

#[tokio::test]
async fn no_money_is_given_back_for_a_trial() {
    let app = TestApp::start().await;
    let paid = app.license().create().await;
    app.advance(MINUTE);
    let code = json!({ "code": "SUMMER", "productId": PRODUCT });
    app.admin().post("/createTrialCode", code).await.expect(200);
    let redeem = json!({ "code": "SUMMER", "email": "customer@example.com" });
    let trial = license(&app.admin().post("/redeemTrialCode", redeem).await);
    let told = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-9" }))
        .await;
    assert_eq!(license(&told).key, paid.key);
    assert_eq!(shown(&app, &trial).await["status"], "active");
}

#[tokio::test]
async fn what_does_not_matter_to_a_notice_does_not_stand_in_its_way() {
    let app = TestApp::start().await;
    for (r#type, odd) in [
        (
            "purchase.completed",
            json!({ "amount": "9.99", "currency": "dollars", "maxMachines": "" }),
        ),
        (
            "purchase.completed",
            json!({ "amount": -29, "currency": "", "maxMachines": 0, "trialDays": "" }),
        ),
        (
            "purchase.refunded",
            json!({ "amount": -29, "durationDays": 5000, "licenseType": "cloud" }),
        ),
        ("purchase.disputed", json!({ "trialDays": "many", "maxMachines": -7 })),
    ] {
        app.store().tell(r#type, odd).await.expect(200);
    }
    let license = shown(&app, &bought(&app, json!({ "maxMachines": 0 })).await).await;
    assert_eq!(license["maxMachines"], 2, "a license for no machine was not sold");
}
