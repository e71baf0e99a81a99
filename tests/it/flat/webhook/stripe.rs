//! `POST /stripeWebhook`.

use keystead_tests::{DAY, MINUTE, PRODUCT, TestApp};

use serde_json::{Value, json};

use super::{license, shown};

fn session(id: &str) -> Value {
    json!({
        "id": format!("cs_{id}"), "mode": "payment", "payment_status": "paid",
        "payment_intent": format!("pi_{id}"), "customer_details": { "email": "customer@example.com" },
        "metadata": { "productId": PRODUCT, "variant": "pro", "maxMachines": "3" },
    })
}

fn subscription(id: &str) -> Value {
    json!({
        "id": format!("cs_{id}"), "mode": "subscription", "payment_status": "paid", "payment_intent": null,
        "subscription": format!("sub_{id}"), "invoice": format!("in_{id}_1"),
        "customer_details": { "email": "customer@example.com" },
        "metadata": { "productId": PRODUCT, "durationDays": "31" },
    })
}

fn invoice(id: &str, number: u32, reason: &str) -> Value {
    json!({
        "id": format!("in_{id}_{number}"), "billing_reason": reason, "subscription": format!("sub_{id}"),
        "payment_intent": format!("pi_{id}_{number}"), "charge": format!("ch_{id}_{number}"),
        "lines": { "data": [{ "period": { "start": 1_900_000_000, "end": 1_900_000_000 + 30 * 86_400 } }] },
    })
}

#[tokio::test]
async fn a_checkout_makes_the_license_that_its_metadata_names() {
    let app = TestApp::start().await;
    let answer = app
        .stripe()
        .deliver("evt_1", "checkout.session.completed", session("1"))
        .await;
    let bought = license(&answer);
    let shown = shown(&app, &bought).await;
    for (field, value) in [
        ("email", json!("customer@example.com")),
        ("variant", json!("pro")),
        ("maxMachines", json!(3)),
        ("purchaseId", json!("pi_1")),
        ("expiresAt", json!(null)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    // Stripe tells the same again, signed anew; or tells of the same session in another event.
    for event in ["evt_1", "evt_2"] {
        let again = app
            .stripe()
            .deliver(event, "checkout.session.completed", session("1"))
            .await;
        let expected = json!({ "success": true, "licenseKey": bought.key, "duplicate": true });
        again.expect_body(200, &expected);
    }
}

#[tokio::test]
async fn a_payment_that_takes_days_makes_a_license_when_it_is_through() {
    let app = TestApp::start().await;
    let mut pending = session("1");
    pending["payment_status"] = "unpaid".into();
    let told = app
        .stripe()
        .deliver("evt_1", "checkout.session.completed", pending)
        .await;
    told.expect_body(200, &json!({ "success": true }));
    let through = "checkout.session.async_payment_succeeded";
    license(&app.stripe().deliver("evt_2", through, session("1")).await);
}

#[tokio::test]
async fn stripe_s_refunds_and_disputes_revoke() {
    let app = TestApp::start().await;
    for (id, r#type, object, reason) in [
        (
            "1",
            "charge.refunded",
            json!({ "id": "ch_1", "refunded": true, "payment_intent": "pi_1" }),
            "refund",
        ),
        (
            "2",
            "charge.dispute.created",
            json!({ "id": "dp_2", "charge": "ch_2", "payment_intent": "pi_2" }),
            "chargeback",
        ),
    ] {
        let bought = license(
            &app.stripe()
                .deliver(&format!("evt_{id}"), "checkout.session.completed", session(id))
                .await,
        );
        let event = format!("evt_{id}_back");
        app.stripe().deliver(&event, r#type, object.clone()).await.expect(200);
        let after = shown(&app, &bought).await;
        assert_eq!(
            (&after["status"], &after["disputeReason"]),
            (&json!("revoked"), &json!(reason))
        );
        // Told again after the vendor let the customer in again, it changes nothing.
        let reinstate = json!({ "licenseKey": bought.key });
        app.admin().post("/reinstateLicense", reinstate).await.expect(200);
        let again = app.stripe().deliver(&event, r#type, object).await;
        assert_eq!(again.expect(200)["duplicate"], true);
        assert_eq!(shown(&app, &bought).await["status"], "active");
    }
}

#[tokio::test]
async fn a_part_of_the_money_back_is_no_refund() {
    let app = TestApp::start().await;
    let bought = license(
        &app.stripe()
            .deliver("evt_1", "checkout.session.completed", session("1"))
            .await,
    );
    let part = json!({ "id": "ch_1", "refunded": false, "amount_refunded": 100, "payment_intent": "pi_1" });
    app.stripe().deliver("evt_2", "charge.refunded", part).await.expect(200);
    assert_eq!(shown(&app, &bought).await["status"], "active");
}

#[tokio::test]
async fn a_subscription_is_renewed_by_each_invoice_but_the_first() {
    let app = TestApp::start().await;
    let stripe = app.stripe();
    let bought = license(
        &stripe
            .deliver("evt_1", "checkout.session.completed", subscription("1"))
            .await,
    );
    let ends = app.now() + 31 * DAY;
    let first = invoice("1", 1, "subscription_create");
    stripe.deliver("evt_2", "invoice.paid", first).await.expect(200);
    assert_eq!(shown(&app, &bought).await["expiresAt"], ends.to_string());
    let second = invoice("1", 2, "subscription_cycle");
    for event in ["evt_3", "evt_3", "evt_4"] {
        stripe.deliver(event, "invoice.paid", second.clone()).await.expect(200);
    }
    assert_eq!(shown(&app, &bought).await["expiresAt"], (ends + 30 * DAY).to_string());
    let mut third = invoice("1", 3, "subscription_cycle");
    third["subscription"] = Value::Null;
    third["parent"] = json!({ "subscription_details": {
        "subscription": "sub_1", "metadata": { "productId": PRODUCT, "durationDays": "365" },
    } });
    stripe.deliver("evt_5", "invoice.paid", third).await.expect(200);
    assert_eq!(shown(&app, &bought).await["expiresAt"], (ends + 395 * DAY).to_string());
    let cancelled = json!({ "id": "sub_1" });
    stripe
        .deliver("evt_6", "customer.subscription.deleted", cancelled)
        .await
        .expect(200);
    assert_eq!(shown(&app, &bought).await["expiresAt"], (ends + 395 * DAY).to_string());
}

#[tokio::test]
async fn a_subscription_that_does_not_say_how_long_a_period_is_is_not_sold_for_ever() {
    let app = TestApp::start().await;
    let mut endless = subscription("1");
    endless["metadata"] = json!({ "productId": PRODUCT });
    let told = app
        .stripe()
        .deliver("evt_1", "checkout.session.completed", endless)
        .await;
    told.expect_refusal(400, "Missing required fields: metadata.durationDays");
}

#[tokio::test]
async fn events_about_other_things_are_passed_over() {
    let app = TestApp::start().await;
    let mut other = session("1");
    other["metadata"] = json!({ "color": "blue" });
    for (r#type, object) in [
        ("checkout.session.completed", other),
        ("invoice.paid", json!({ "id": "in_9", "billing_reason": "manual" })),
        ("charge.refunded", json!({ "id": "ch_9", "refunded": false })),
        ("charge.refunded", json!({ "refunded": true })),
        ("charge.dispute.created", json!({ "id": "dp_9" })),
        ("charge.dispute.closed", json!({ "id": "dp_9", "charge": "ch_9" })),
        (
            "charge.dispute.updated",
            json!({ "id": "dp_9", "charge": "ch_9", "status": "new" }),
        ),
        (
            "invoice_payment.paid",
            json!({ "id": "inpay_9", "payment": { "payment_intent": "pi_9" } }),
        ),
        ("customer.created", json!({ "id": "cus_9" })),
        ("customer.subscription.deleted", json!(null)),
    ] {
        let told = app.stripe().deliver("evt_9", r#type, object).await;
        told.expect_body(200, &json!({ "success": true }));
    }
}

#[tokio::test]
async fn metadata_that_can_t_be_meant_is_refused_by_name() {
    let app = TestApp::start().await;
    for (metadata, status, text) in [
        (json!({ "productId": "unknown" }), 404, "Product not found"),
        (
            json!({ "productId": PRODUCT, "maxMachines": "many" }),
            400,
            "Invalid metadata.maxMachines: must be a whole number, or -1 for unlimited",
        ),
        (
            json!({ "productId": PRODUCT, "licenseType": "cloud" }),
            400,
            "Invalid metadata.licenseType: must be per-machine, floating or site",
        ),
    ] {
        let mut odd = session("1");
        odd["metadata"] = metadata;
        let told = app.stripe().deliver("evt_1", "checkout.session.completed", odd).await;
        told.expect_refusal(status, text);
    }
    let mut nobody = session("1");
    nobody["customer_details"] = Value::Null;
    let told = app
        .stripe()
        .deliver("evt_1", "checkout.session.completed", nobody)
        .await;
    told.expect_refusal(400, "Missing required fields: customer_details.email");
}

#[tokio::test]
async fn only_what_stripe_signed_lately_is_taken() {
    let app = TestApp::start().await;
    let stripe = app.stripe();
    let event = json!({ "id": "evt_1", "type": "checkout.session.completed", "data": { "object": session("1") } });
    let event = event.to_string();
    let signature = stripe.sign(&event);
    let wrong = signature.replace("v1=", "v1=0");
    for (body, signature) in [
        (event.as_str(), wrong.as_str()),
        (event.as_str(), ""),
        (&event.replace("pi_1", "pi_2"), &signature),
    ] {
        stripe
            .deliver_signed(body, signature)
            .await
            .expect_refusal(401, "Unauthorized");
    }
    app.stranger()
        .post_raw("/stripeWebhook", event.as_bytes())
        .await
        .expect_refusal(401, "Unauthorized");
    // However many there are, five are looked at, and nothing is looked at in a long header.
    let others = format!("v1={},", "0".repeat(64));
    let at = |place: usize| signature.replace("v1=", &format!("{}v1=", others.repeat(place - 1)));
    let long = format!("{signature},v0={}", "0".repeat(1024));
    for refused in [at(6), long] {
        let answer = stripe.deliver_signed(&event, &refused).await;
        answer.expect_refusal(401, "Unauthorized");
    }
    let fifth = at(5);
    // Beside the signature by a secret that is being rolled over.
    let two = format!("{signature},v1={}", "0".repeat(64));
    stripe.deliver_signed(&event, &two).await.expect(200);
    stripe.deliver_signed(&event, &fifth).await.expect(200);
    // What was recorded and is played again has no second effect, and soon none at all.
    app.advance(5 * MINUTE);
    let again = stripe.deliver_signed(&event, &signature).await;
    assert_eq!(again.expect(200)["duplicate"], true);
    app.advance(MINUTE);
    let replayed = stripe.deliver_signed(&event, &signature).await;
    replayed.expect_refusal(401, "Unauthorized");
}

#[tokio::test]
async fn the_first_period_of_a_subscription_can_be_disputed_as_any_other() {
    for back in [
        json!({ "id": "dp_1", "charge": "ch_1_1", "payment_intent": null }),
        json!({ "id": "dp_1", "charge": null, "payment_intent": "pi_1_1" }),
    ] {
        let app = TestApp::start().await;
        let stripe = app.stripe();
        let bought = license(
            &stripe
                .deliver("evt_1", "checkout.session.completed", subscription("1"))
                .await,
        );
        let first = invoice("1", 1, "subscription_create");
        for event in ["evt_2", "evt_2", "evt_3"] {
            stripe.deliver(event, "invoice.paid", first.clone()).await.expect(200);
        }
        stripe
            .deliver("evt_4", "charge.dispute.created", back)
            .await
            .expect(200);
        assert_eq!(shown(&app, &bought).await["disputeReason"], "chargeback");
    }
}

#[tokio::test]
async fn an_invoice_that_does_not_tell_by_what_it_was_paid_is_told_of_by_its_payment() {
    let app = TestApp::start().await;
    let stripe = app.stripe();
    let bought = license(
        &stripe
            .deliver("evt_1", "checkout.session.completed", subscription("1"))
            .await,
    );
    // As since March 2025.
    let mut second = invoice("1", 2, "subscription_cycle");
    second["payment_intent"] = Value::Null;
    second["charge"] = Value::Null;
    stripe.deliver("evt_2", "invoice.paid", second).await.expect(200);
    let paid = json!({ "id": "inpay_2", "invoice": "in_1_2", "status": "paid",
                       "payment": { "type": "payment_intent", "payment_intent": "pi_1_2" } });
    stripe.deliver("evt_3", "invoice_payment.paid", paid).await.expect(200);
    let renewed = app.now() + 61 * DAY;
    assert_eq!(shown(&app, &bought).await["expiresAt"], renewed.to_string());
    let back = json!({ "id": "ch_1_2", "refunded": true, "payment_intent": "pi_1_2" });
    stripe.deliver("evt_4", "charge.refunded", back).await.expect(200);
    assert_eq!(
        shown(&app, &bought).await["expiresAt"],
        (app.now() + 31 * DAY).to_string()
    );
}

#[tokio::test]
async fn the_period_is_that_of_the_line_that_is_no_part_of_one() {
    let app = TestApp::start().await;
    let stripe = app.stripe();
    let bought = license(
        &stripe
            .deliver("evt_1", "checkout.session.completed", subscription("1"))
            .await,
    );
    let ends = app.now() + 31 * DAY;
    let start = 1_900_000_000;
    let mut second = invoice("1", 2, "subscription_cycle");
    second["lines"] = json!({ "data": [
        { "proration": true, "period": { "start": start, "end": start + 3 * 86_400 } },
        { "parent": { "subscription_item_details": { "proration": true } },
          "period": { "start": start, "end": start + 90 * 86_400 } },
        { "proration": false, "period": { "start": start, "end": start + 30 * 86_400 } },
    ] });
    stripe.deliver("evt_2", "invoice.paid", second).await.expect(200);
    assert_eq!(shown(&app, &bought).await["expiresAt"], (ends + 30 * DAY).to_string());
}

#[tokio::test]
async fn nothing_is_sold_by_noting_how_to_pay_later() {
    let app = TestApp::start().await;
    let mut setup = session("1");
    setup["mode"] = "setup".into();
    setup["payment_status"] = "no_payment_required".into();
    let told = app.stripe().deliver("evt_1", "checkout.session.completed", setup).await;
    told.expect_body(200, &json!({ "success": true }));
}
