//! Subscriptions: licenses that are linked to one, as stores tell of it.

use keystead_tests::{Answer, DAY, PRODUCT, TestApp};
use serde_json::{Value, json};

async fn validate(app: &TestApp, key: &str) -> Value {
    let body = json!({ "key": key, "hwid": "hw-1" });
    let answer: Answer = app.stranger().post("/api/license-keys/validate", body).await;
    answer.expect(200).clone()
}

async fn bought(app: &TestApp, terms: Value) -> String {
    let answer = app.store().tell("purchase.completed", terms).await;
    answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned()
}

fn reason(answer: &Value) -> (bool, Option<&str>) {
    (answer["valid"].as_bool().expect("a bool"), answer["reason"].as_str())
}

const ENDED: (bool, Option<&str>) = (false, Some("Membership is no longer active"));
const GOOD: (bool, Option<&str>) = (true, None);

#[tokio::test]
async fn a_cancelled_subscription_goes_on_until_what_was_paid_for_is_used_up() {
    let app = TestApp::start().await;
    let key = bought(&app, json!({ "purchaseId": "p-1", "durationDays": 30 })).await;
    let cancelled = json!({ "purchaseId": "p-1" });
    app.store()
        .tell("subscription.cancelled", cancelled)
        .await
        .expect_body(200, &json!({ "success": true }));
    app.advance(29 * DAY);
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    // The vendor lets the license itself go on; the subscription is over all the same.
    let change = json!({ "licenseKey": key, "expiresAt": null });
    app.admin().post("/updateLicense", change).await.expect(200);
    app.advance(2 * DAY);
    let answer = validate(&app, &key).await;
    assert_eq!((reason(&answer), &answer["status"]), (ENDED, &json!("ACTIVE")));
    // The flat API goes by the license's end alone.
    let verify = json!({ "licenseKey": key, "productId": PRODUCT });
    app.stranger().post("/verify", verify).await.expect(200);
}

#[tokio::test]
async fn a_subscription_of_a_license_without_an_end_is_over_when_it_is_cancelled() {
    let app = TestApp::start().await;
    let key = bought(&app, json!({ "purchaseId": "p-1" })).await;
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    app.store()
        .tell("subscription.cancelled", json!({ "purchaseId": "p-1" }))
        .await
        .expect(200);
    assert_eq!(reason(&validate(&app, &key).await), ENDED);
    // Whoever pays again is a member again.
    let renewed = json!({ "purchaseId": "p-1", "durationDays": 30 });
    app.store().tell("subscription.renewed", renewed).await.expect(200);
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    let shown = app.admin().post("/getLicense", json!({ "licenseKey": key })).await;
    assert_eq!(
        shown.expect(200)["license"]["expiresAt"],
        Value::Null,
        "perpetual as before"
    );
}

#[tokio::test]
async fn a_cancellation_that_comes_late_or_twice_ends_no_period_that_was_paid_for() {
    let app = TestApp::start().await;
    let key = bought(&app, json!({ "purchaseId": "p-1", "durationDays": 30 })).await;
    let cancel = async || {
        let told = app
            .store()
            .tell("subscription.cancelled", json!({ "purchaseId": "p-1" }))
            .await;
        told.expect(200);
    };
    cancel().await;
    app.advance(20 * DAY);
    let renewed = json!({ "purchaseId": "p-1", "durationDays": 30 });
    app.store().tell("subscription.renewed", renewed).await.expect(200);
    cancel().await;
    cancel().await;
    app.advance(39 * DAY);
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    app.advance(2 * DAY);
    assert_eq!(reason(&validate(&app, &key).await), (false, Some("Key has expired")));
}

#[tokio::test]
async fn a_cancellation_of_what_is_not_known_is_accepted() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for about in [json!({}), json!({ "purchaseId": "unknown" })] {
        app.store().tell("subscription.cancelled", about).await.expect(200);
    }
    assert_eq!(reason(&validate(&app, &license.key).await), GOOD);
}

#[tokio::test]
async fn a_cancellation_of_an_unknown_subscription_ends_no_other_one() {
    let app = TestApp::start().await;
    let renewed = |id: &str| json!({ "purchaseId": id, "durationDays": 30 });
    let key = bought(&app, json!({ "purchaseId": "p-1" })).await;
    app.store()
        .tell("subscription.renewed", renewed("p-1"))
        .await
        .expect(200);
    let unknown = json!({ "purchaseId": "p-2" });
    app.store()
        .tell("subscription.cancelled", unknown.clone())
        .await
        .expect_body(200, &json!({ "success": true }));
    app.advance(31 * DAY);
    assert_eq!(reason(&validate(&app, &key).await), GOOD);

    // Of a license that was sold without an id, it may be the subscription.
    let sold_without = app.license().create().await;
    let without = json!({ "durationDays": 30 });
    app.store().tell("subscription.renewed", without).await.expect(200);
    app.store().tell("subscription.cancelled", unknown).await.expect(200);
    app.advance(31 * DAY);
    assert_eq!(reason(&validate(&app, &sold_without.key).await), ENDED);
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
}

#[tokio::test]
async fn a_renewal_that_is_told_again_undoes_no_cancellation() {
    for perpetual in [false, true] {
        let app = TestApp::start().await;
        let terms = if perpetual {
            json!({ "purchaseId": "p-1" })
        } else {
            json!({ "purchaseId": "p-1", "durationDays": 30 })
        };
        let key = bought(&app, terms).await;
        let renewed = json!({ "purchaseId": "p-1", "durationDays": 30 });
        app.store()
            .tell("subscription.renewed", renewed.clone())
            .await
            .expect(200);
        app.store()
            .tell("subscription.cancelled", json!({ "purchaseId": "p-1" }))
            .await
            .expect(200);
        app.store().tell("subscription.renewed", renewed).await.expect(200);
        app.advance(29 * DAY);
        assert_eq!(
            reason(&validate(&app, &key).await),
            GOOD,
            "what was paid for is used up first"
        );
        let change = json!({ "licenseKey": key, "expiresAt": null });
        app.admin().post("/updateLicense", change).await.expect(200);
        app.advance(100 * DAY);
        assert_eq!(reason(&validate(&app, &key).await), ENDED);
    }
}

#[tokio::test]
async fn a_cancellation_is_known_by_the_id_of_any_payment_and_goes_along_to_a_new_key() {
    let app = TestApp::start().await;
    let key = bought(&app, json!({ "purchaseId": "p-1" })).await;
    let payment = json!({ "purchaseId": "pay-2", "durationDays": 30 });
    app.store().tell("subscription.renewed", payment).await.expect(200);
    app.store()
        .tell("subscription.cancelled", json!({ "purchaseId": "pay-2" }))
        .await
        .expect(200);
    let buyer = app.person("customer@example.com").await;
    let shuffled = buyer.post("/api/license-keys/shuffle", json!({ "key": key })).await;
    let key = shuffled.expect(200)["key"].as_str().expect("a key").to_owned();
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    app.advance(31 * DAY);
    assert_eq!(reason(&validate(&app, &key).await), ENDED);
}

#[tokio::test]
async fn a_subscription_that_stripe_ends_is_over_at_once() {
    let app = TestApp::start().await;
    let session = json!({
        "id": "cs_1", "mode": "subscription", "payment_status": "paid", "subscription": "sub_1",
        "customer_details": { "email": "customer@example.com" },
        "metadata": { "productId": PRODUCT, "durationDays": "30" },
    });
    let answer = app
        .stripe()
        .deliver("evt_1", "checkout.session.completed", session)
        .await;
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    assert_eq!(reason(&validate(&app, &key).await), GOOD);
    let deleted = json!({ "id": "sub_1", "object": "subscription" });
    for _ in 0..2 {
        app.stripe()
            .deliver("evt_2", "customer.subscription.deleted", deleted.clone())
            .await
            .expect_body(200, &json!({ "success": true }));
        app.advance(DAY);
    }
    assert_eq!(reason(&validate(&app, &key).await), ENDED);
    let verify = json!({ "licenseKey": key, "productId": PRODUCT });
    app.stranger().post("/verify", verify).await.expect(200);
    // Stripe promises no order: an invoice that is told late brings nothing back.
    let invoice = json!({
        "id": "in_1", "subscription": "sub_1", "billing_reason": "subscription_cycle",
        "lines": { "data": [{ "period": { "start": 1_893_456_000, "end": 1_896_134_400 } }] },
    });
    let late = app.stripe().deliver("evt_3", "invoice.paid", invoice).await;
    late.expect(200);
    assert_eq!(reason(&validate(&app, &key).await), ENDED);
}
