//! Races around purchases: what a store tells many times at once is acted on once.

use std::collections::HashSet;

use keystead_core::event::EventType;
use keystead_tests::{
    Answer, DAY, OWNER, PRODUCT, TestApp, TestLicense,
    storm::{CALLERS, at_once, caller, seeds, storm},
};
use serde_json::{Value, json};

/// Tells the same by as many deliveries as there are callers.
async fn tell(app: &TestApp, r#type: &'static str, notice: &Value) -> Vec<Answer> {
    let delivery = |_| {
        let (store, notice) = (app.store(), notice.clone());
        caller(async move { store.tell(r#type, notice).await })
    };
    at_once((0..CALLERS).map(delivery)).await
}

/// The one key that all answers tell, of which all but one say that it was told before.
#[track_caller]
fn one_key(answers: &[Answer]) -> TestLicense {
    let keys: HashSet<&str> = answers
        .iter()
        .map(|answer| answer.expect(200)["licenseKey"].as_str().expect("a key"))
        .collect();
    assert_eq!(keys.len(), 1);
    let first = answers.iter().filter(|answer| answer.body.get("duplicate").is_none());
    assert_eq!(first.count(), 1, "one delivery was acted on");
    TestLicense {
        key: keys.into_iter().next().expect("a key").to_owned(),
    }
}

async fn licenses(app: &TestApp) -> usize {
    let listed = app.admin().post("/listLicenses", json!({ "limit": 1000 })).await;
    listed.expect(200)["licenses"].as_array().expect("a list").len()
}

async fn events_of(app: &TestApp, license: &TestLicense) -> Vec<EventType> {
    let stored = app.stored(license).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let mut types: Vec<EventType> = events.iter().map(|event| event.r#type).collect();
    types.sort_unstable();
    types
}

#[tokio::test]
async fn a_purchase_that_is_told_many_times_at_once_makes_one_license() {
    for seed in seeds(8) {
        let app = storm(seed).await;
        let code = json!({ "code": "SUMMER", "trialDays": 14, "productId": PRODUCT });
        app.admin().post("/createTrialCode", code).await.expect(200);
        let notice = json!({ "purchaseId": "p-1", "discountCode": "summer" });
        let license = one_key(&tell(&app, "purchase.completed", &notice).await);
        assert_eq!(licenses(&app).await, 1, "seed {seed}");
        assert_eq!(events_of(&app, &license).await, [EventType::Created]);
        let codes = app.admin().post("/listTrialCodes", json!({})).await;
        assert_eq!(codes.expect(200)["codes"][0]["usedCount"], 1);
    }
}

/// A checkout, a renewal, the first payment and the refund of it: sixteen times each, all at once.
#[tokio::test]
async fn what_stripe_tells_many_times_and_all_at_once_makes_one_license_and_counts_once() {
    let session = json!({
        "id": "cs_1", "mode": "subscription", "payment_status": "paid", "subscription": "sub_1", "invoice": "in_1",
        "customer_details": { "email": "customer@example.com" },
        "metadata": { "productId": PRODUCT, "durationDays": "31" },
    });
    let invoice = json!({ "id": "in_2", "subscription": "sub_1", "billing_reason": "subscription_cycle",
                          "lines": { "data": [{ "period": { "start": 1_900_000_000, "end": 1_902_592_000 } }] } });
    let payment = json!({ "id": "inpay_1", "invoice": "in_1", "payment": { "payment_intent": "pi_1" } });
    let refund = json!({ "id": "ch_1", "payment_intent": "pi_1", "refunded": true });
    let events = [
        ("checkout.session.completed", session),
        ("invoice.paid", invoice),
        ("invoice_payment.paid", payment),
        ("charge.refunded", refund),
    ];
    for seed in seeds(8) {
        let app = storm(seed).await;
        let delivery = |i: usize| {
            let (stripe, (r#type, object)) = (app.stripe(), events[i % events.len()].clone());
            caller(async move { stripe.deliver(&format!("evt_{i}"), r#type, object).await })
        };
        for answer in at_once((0..CALLERS).map(delivery)).await {
            answer.expect(200);
        }
        assert_eq!(licenses(&app).await, 1, "seed {seed}");
        let listed = app.admin().post("/listLicenses", json!({})).await;
        let license = TestLicense {
            key: listed.expect(200)["licenses"][0]["key"]
                .as_str()
                .expect("a key")
                .to_owned(),
        };
        let stored = app.stored(&license).await;
        assert_eq!(stored.expires_at(), Some(app.now() + 61 * DAY), "seed {seed}");
        let told = events_of(&app, &license).await;
        let count = |r#type| told.iter().filter(|told| **told == r#type).count();
        assert_eq!(
            (count(EventType::Created), count(EventType::Revoked)),
            (1, 1),
            "seed {seed}: {told:?}"
        );
    }
}

#[tokio::test]
async fn a_renewal_that_is_told_many_times_at_once_adds_one_period() {
    for seed in seeds(6) {
        let app = storm(seed).await;
        let notice = json!({ "purchaseId": "p-1", "durationDays": 30 });
        let made = app.store().tell("purchase.completed", notice.clone()).await;
        made.expect(200);
        // By the id that the subscription began with, and then by an id of its own.
        tell(&app, "subscription.renewed", &notice).await;
        let own = json!({ "purchaseId": "p-2", "durationDays": 30 });
        let license = one_key(&tell(&app, "subscription.renewed", &own).await);
        let stored = app.stored(&license).await;
        assert_eq!(stored.expires_at(), Some(app.now() + 90 * DAY), "seed {seed}");
    }
}

#[tokio::test]
async fn a_chargeback_that_is_told_many_times_at_once_is_one_violation() {
    for seed in seeds(6) {
        let app = storm(seed).await;
        for id in [json!({ "purchaseId": "p-1" }), json!({})] {
            let made = app.store().tell("purchase.completed", id.clone()).await;
            let license = TestLicense {
                key: made.expect(200)["licenseKey"].as_str().expect("a key").to_owned(),
            };
            for answer in tell(&app, "purchase.disputed", &id).await {
                assert_eq!(answer.expect(200)["licenseKey"], license.key.as_str());
            }
            let shown = app.shown(&license).await;
            assert_eq!(shown["violations"].as_array().map(Vec::len), Some(1), "seed {seed}");
            assert_eq!(shown["unresolvedViolationsCount"], 1);
            let told = events_of(&app, &license).await;
            assert_eq!(told, [EventType::Created, EventType::Revoked, EventType::Violation]);
            app.advance(DAY);
        }
    }
}

/// While the license is changed by hand, nothing of either is lost.
#[tokio::test]
async fn a_refund_and_a_change_by_hand_both_count() {
    for seed in seeds(10) {
        let app = storm(seed).await;
        let id = json!({ "purchaseId": "p-1" });
        let made = app.store().tell("purchase.completed", id.clone()).await;
        let key = made.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        let (store, admin) = (app.store(), app.admin());
        let refund = store.tell("purchase.refunded", id);
        let change = admin.post("/updateLicense", json!({ "licenseKey": key, "maxMachines": 9 }));
        let (refund, change) = tokio::join!(refund, change);
        refund.expect(200);
        change.expect(200);
        let stored = app.stored(&TestLicense { key }).await;
        assert_eq!(
            stored
                .standing
                .dispute_reason
                .map(|reason| reason.to_string())
                .as_deref(),
            Some("refund")
        );
        assert_eq!(stored.seats.max_machines.number(), 9);
        assert_eq!(stored.revision, 2);
    }
}

/// Sixty-four are sold at a discount that was good for ten: all get their license, and ten uses are counted.
#[tokio::test]
async fn a_code_that_is_used_up_meanwhile_does_not_stand_in_the_way_of_a_license() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let code = json!({ "code": "TEN", "discountPercent": 10, "maxUses": 10, "creatorId": OWNER });
        app.admin().post("/createDiscountCode", code).await.expect(200);
        let buy = |i: usize| {
            let app = app.clone();
            caller(async move {
                let fields =
                    json!({ "email": format!("c{i}@example.com"), "productId": PRODUCT, "discountCode": "TEN" });
                if i.is_multiple_of(2) {
                    app.admin().post("/createLicense", fields).await
                } else {
                    app.store().tell("purchase.completed", fields).await
                }
            })
        };
        for answer in at_once((0..CALLERS).map(buy)).await {
            answer.expect(200);
        }
        assert_eq!(licenses(&app).await, CALLERS, "seed {seed}");
        let codes = app.admin().post("/listDiscountCodes", json!({})).await;
        assert_eq!(codes.expect(200)["codes"][0]["usedCount"], 10);
    }
}
