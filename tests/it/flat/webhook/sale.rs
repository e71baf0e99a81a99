//! The life of a purchase, as Stripe tells it to `POST /stripeWebhook`: in any order, by what is bought and not by what it is
//! called.

use keystead_tests::{Answer, DAY, HOUR, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{license, shown};

fn checkout() -> Value {
    json!({
        "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "customer_details": { "email": "customer@example.com" }, "metadata": { "productId": PRODUCT },
    })
}

fn subscription() -> Value {
    json!({
        "id": "cs_1", "mode": "subscription", "payment_status": "paid", "subscription": "sub_1", "invoice": "in_1",
        "customer_details": { "email": "customer@example.com" },
        "metadata": { "productId": PRODUCT, "durationDays": "31" },
    })
}

/// A line for so many days from the beginning of the test on.
fn line(app: &TestApp, from: i64, until: i64) -> Value {
    let at = |days: i64| app.now().seconds() + days * 86_400;
    json!({ "period": { "start": at(from), "end": at(until) } })
}

/// An invoice of API version 2025-03-31 or later, which does not tell by what it was paid.
fn invoice(number: u32, reason: &str, lines: Value) -> Value {
    json!({
        "id": format!("in_{number}"), "billing_reason": reason, "lines": { "data": lines },
        "parent": { "subscription_details": { "subscription": "sub_1" } },
    })
}

fn payment(number: u32) -> Value {
    json!({ "id": format!("inpay_{number}"), "invoice": format!("in_{number}"), "status": "paid",
            "payment": { "type": "payment_intent", "payment_intent": format!("pi_{number}") } })
}

fn refund(number: u32) -> Value {
    json!({ "id": format!("ch_{number}"), "payment_intent": format!("pi_{number}"), "refunded": true })
}

fn dispute(status: &str) -> Value {
    json!({ "id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "status": status })
}

/// Delivers what is told, each under an id of its own.
async fn tell(app: &TestApp, events: &[(&str, Value)]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (r#type, object) in events {
        let id = format!("evt_{}_{}", object["id"].as_str().unwrap_or_default(), object["status"]);
        answers.push(app.stripe().deliver(&id, r#type, object.clone()).await);
        answers.last().expect("an answer").expect(200);
    }
    answers
}

async fn bought(app: &TestApp, session: Value) -> TestLicense {
    license(
        &app.stripe()
            .deliver("evt_0", "checkout.session.completed", session)
            .await,
    )
}

async fn only_license(app: &TestApp) -> Value {
    let listed = app.admin().post("/listLicenses", json!({})).await;
    let [license] = listed.expect(200)["licenses"].as_array().expect("a list").as_slice() else {
        panic!("one license: {listed:?}");
    };
    license.clone()
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..count {
        let mut longer = Vec::new();
        for order in orders {
            for place in 0..=order.len() {
                let mut order = order.clone();
                order.insert(place, next);
                longer.push(order);
            }
        }
        orders = longer;
    }
    orders
}

#[tokio::test]
async fn what_is_told_of_a_purchase_before_it_is_known_counts_when_it_is_in_any_order() {
    for order in orders(4) {
        let app = TestApp::start().await;
        let events = [
            (
                "invoice.paid",
                invoice(1, "subscription_create", json!([line(&app, 0, 30)])),
            ),
            ("invoice_payment.paid", payment(1)),
            ("checkout.session.completed", subscription()),
            ("charge.refunded", refund(1)),
        ];
        for at in &order {
            tell(&app, &events[*at..=*at]).await;
            app.advance(DAY);
        }
        let license = only_license(&app).await;
        assert_eq!(license["status"], "revoked", "{order:?}");
        assert_eq!(license["disputeReason"], "refund", "{order:?}");
        // Once all is known, nothing of it changes anything.
        let told = tell(&app, &events).await;
        assert!(told.iter().all(|answer| answer.body["duplicate"] == true), "{order:?}");
        assert_eq!(only_license(&app).await, license, "{order:?}");
    }
}

#[tokio::test]
async fn what_names_nothing_known_is_kept_for_sixty_days_and_the_answer_and_the_log_say_so() {
    let app = TestApp::start().await;
    let until = (app.now() + 60 * DAY).to_string();
    let kept = json!({ "success": true, "keptUntil": until });
    for (r#type, object) in [
        ("charge.refunded", refund(9)),
        ("charge.dispute.created", json!({ "id": "dp_9", "charge": "ch_9" })),
        ("invoice_payment.paid", payment(9)),
        (
            "invoice.paid",
            invoice(9, "subscription_cycle", json!([line(&app, 0, 30)])),
        ),
        ("customer.subscription.deleted", json!({ "id": "sub_9" })),
    ] {
        app.stripe()
            .deliver("evt_9", r#type, object)
            .await
            .expect_body(200, &kept);
    }
    // Told again, it is kept no longer.
    app.advance(DAY);
    app.stripe()
        .deliver("evt_9", "charge.refunded", refund(9))
        .await
        .expect_body(200, &kept);
    // One that names our product is a matter for somebody to look at.
    let mut ours = refund(8);
    ours["metadata"] = json!({ "productId": PRODUCT });
    app.stripe().deliver("evt_8", "charge.refunded", ours).await.expect(200);
    let log = app.cx.log.written();
    let line = |event: &str, level: &str| {
        let (event, level) = (format!("\"event\":\"{event}\""), format!("\"level\":\"{level}\""));
        log.lines().find(|line| line.contains(&event) && line.contains(&level))
    };
    assert!(line("evt_9", "info").expect("a line").contains(&until), "{log}");
    assert!(line("evt_8", "warn").is_some(), "{log}");
    assert!(line("evt_9", "warn").is_none(), "{log}");
}

#[tokio::test]
async fn a_subscription_of_something_else_keeps_its_latest_invoices_and_no_more() {
    let app = TestApp::start().await;
    for number in 0..110 {
        let other = invoice(number, "subscription_cycle", json!([line(&app, 0, 1)]));
        tell(&app, &[("invoice.paid", other)]).await;
        app.advance(HOUR);
    }
    assert!(app.cx.log.written().contains("\"givenUp\":1"));
    // If it turns out to be ours after all, they count.
    let bought = bought(&app, subscription()).await;
    let ends = app.now() + 131 * DAY;
    assert_eq!(shown(&app, &bought).await["expiresAt"], ends.to_string());
}

#[tokio::test]
async fn another_plan_ends_with_the_latest_line_that_is_no_part_of_a_period() {
    let app = TestApp::start().await;
    let bought = bought(&app, subscription()).await;
    let year = (app.now().seconds() + 375 * 86_400, app.now() + 375 * DAY);
    let lines = json!([
        { "proration": true, "type": "invoiceitem", "period": line(&app, 10, 900)["period"] },
        { "parent": { "type": "invoice_item_details", "invoice_item_details": { "proration": true } },
          "period": line(&app, 10, 900)["period"] },
        { "proration": false, "type": "subscription", "period": line(&app, 10, 375)["period"] },
    ]);
    assert_eq!(lines[2]["period"]["end"], year.0);
    tell(
        &app,
        &[
            ("invoice.paid", invoice(2, "subscription_update", lines)),
            ("invoice_payment.paid", payment(2)),
        ],
    )
    .await;
    assert_eq!(shown(&app, &bought).await["expiresAt"], year.1.to_string());
    // Parts of periods buy nothing, whatever the invoice is called; nor does a single item.
    let part = json!({ "proration": true, "period": line(&app, 20, 800)["period"] });
    let item = json!({ "type": "invoiceitem", "period": line(&app, 20, 800)["period"] });
    for (number, reason, lines) in [
        (3, "subscription_update", json!([part])),
        (4, "manual", json!([item, part])),
        (5, "subscription_update", json!([])),
    ] {
        tell(&app, &[("invoice.paid", invoice(number, reason, lines))]).await;
        assert_eq!(shown(&app, &bought).await["expiresAt"], year.1.to_string(), "{reason}");
    }
    // The next renewal goes on from there; and with the money for the change goes the change.
    tell(
        &app,
        &[(
            "invoice.paid",
            invoice(6, "subscription_cycle", json!([line(&app, 375, 740)])),
        )],
    )
    .await;
    assert_eq!(
        shown(&app, &bought).await["expiresAt"],
        (app.now() + 740 * DAY).to_string()
    );
    tell(&app, &[("charge.refunded", refund(2))]).await;
    assert_eq!(
        shown(&app, &bought).await["expiresAt"],
        (app.now() + 396 * DAY).to_string()
    );
}

#[tokio::test]
async fn an_inquiry_of_a_bank_does_nothing() {
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    let before = shown(&app, &bought).await;
    for (r#type, status) in [
        ("charge.dispute.created", "warning_needs_response"),
        ("charge.dispute.updated", "warning_under_review"),
        ("charge.dispute.closed", "warning_closed"),
    ] {
        tell(&app, &[(r#type, dispute(status))]).await;
        assert_eq!(shown(&app, &bought).await, before, "{status}");
    }
    assert_eq!(app.shown(&bought).await["violations"], json!([]));
    // One that becomes a chargeback is one.
    tell(&app, &[("charge.dispute.funds_withdrawn", dispute("needs_response"))]).await;
    assert_eq!(shown(&app, &bought).await["disputeReason"], "chargeback");
}

#[tokio::test]
async fn a_dispute_that_is_won_takes_its_violation_back_and_lets_the_customer_in_again() {
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    let before = shown(&app, &bought).await;
    tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    let disputed = app.shown(&bought).await;
    assert_eq!(disputed["license"]["status"], "revoked");
    assert_eq!(disputed["unresolvedViolationsCount"], 1);
    tell(&app, &[("charge.dispute.updated", dispute("under_review"))]).await;
    assert_eq!(shown(&app, &bought).await["threatLevel"], 4);
    app.advance(DAY);
    tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
    let won = app.shown(&bought).await;
    assert_eq!(won["license"], before);
    assert_eq!(won["violations"][0]["resolved"], true);
    assert_eq!(won["unresolvedViolationsCount"], 0);
    // What is told late of an earlier stage brings nothing back.
    tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    assert_eq!(app.shown(&bought).await, won);
    let stored = app.stored(&bought).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let types: Vec<String> = events.iter().map(|event| event.r#type.to_string()).collect();
    assert_eq!(types, ["created", "revoked", "violation", "reinstated", "resolved"]);
}

#[tokio::test]
async fn a_dispute_that_is_lost_stays() {
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    tell(&app, &[("charge.dispute.closed", dispute("lost"))]).await;
    assert_eq!(shown(&app, &bought).await["disputeReason"], "chargeback");
}

#[tokio::test]
async fn a_dispute_that_is_won_takes_back_nothing_that_others_did() {
    // What a vendor did before the dispute, or after it; and how the license stands when the dispute is won.
    let revoked = ("/revokeLicense", json!({ "reason": "manual" }));
    let suspended = ("/updateLicense", json!({ "status": "suspended" }));
    let reinstated = ("/reinstateLicense", json!({}));
    for (is_before, (path, mut body), status, reason) in [
        (true, revoked.clone(), "revoked", json!("manual")),
        (true, suspended, "suspended", Value::Null),
        (false, reinstated, "active", Value::Null),
    ] {
        let app = TestApp::start().await;
        let bought = bought(&app, checkout()).await;
        body["licenseKey"] = json!(bought.key);
        if is_before {
            app.admin().post(path, body.clone()).await.expect(200);
        }
        tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
        assert_eq!(shown(&app, &bought).await["threatLevel"], 4);
        if !is_before {
            app.admin().post(path, body).await.expect(200);
        }
        tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
        let after = app.shown(&bought).await;
        let license = &after["license"];
        assert_eq!(
            (&license["status"], &license["disputeReason"]),
            (&json!(status), &reason),
            "{path}"
        );
        assert_eq!(license["threatLevel"], 0, "{path}");
        assert_eq!(after["unresolvedViolationsCount"], 0, "{path}");
    }
    // Revoked again by hand after it was let in again: that is the vendor's.
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    for (path, body) in [
        ("/reinstateLicense", json!({})),
        ("/revokeLicense", json!({ "reason": "fraud" })),
    ] {
        let mut body = body;
        body["licenseKey"] = json!(bought.key);
        app.admin().post(path, body).await.expect(200);
    }
    tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
    let license = shown(&app, &bought).await;
    assert_eq!(
        (&license["status"], &license["disputeReason"]),
        (&json!("revoked"), &json!("fraud"))
    );
    assert_eq!(license["threatLevel"], 4);
}

#[tokio::test]
async fn a_dispute_that_is_won_leaves_a_refund() {
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    tell(
        &app,
        &[
            ("charge.refunded", refund(1)),
            ("charge.dispute.created", dispute("needs_response")),
        ],
    )
    .await;
    assert_eq!(shown(&app, &bought).await["disputeReason"], "chargeback");
    tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
    let after = app.shown(&bought).await;
    assert_eq!(after["license"]["disputeReason"], "refund");
    assert_eq!(after["license"]["status"], "revoked");
    assert_eq!(after["unresolvedViolationsCount"], 0);
}

#[tokio::test]
async fn the_money_for_a_renewal_back_takes_that_period_back_and_the_rest_stays() {
    let app = TestApp::start().await;
    let bought = bought(&app, subscription()).await;
    for number in 2..=4 {
        let days = i64::from(number) * 30;
        let renewal = invoice(number, "subscription_cycle", json!([line(&app, days - 30, days)]));
        tell(
            &app,
            &[("invoice.paid", renewal), ("invoice_payment.paid", payment(number))],
        )
        .await;
    }
    let ends = app.now() + 121 * DAY;
    assert_eq!(shown(&app, &bought).await["expiresAt"], ends.to_string());
    // Charged by accident; and a part of another.
    let mut part = refund(4);
    part["refunded"] = json!(false);
    tell(&app, &[("charge.refunded", refund(3)), ("charge.refunded", part)]).await;
    let after = shown(&app, &bought).await;
    assert_eq!(after["expiresAt"], (app.now() + 91 * DAY).to_string());
    assert_eq!(after["status"], "active");
    // The first payment is what it all began with.
    tell(
        &app,
        &[(
            "invoice.paid",
            invoice(1, "subscription_create", json!([line(&app, 0, 30)])),
        )],
    )
    .await;
    tell(
        &app,
        &[("invoice_payment.paid", payment(1)), ("charge.refunded", refund(1))],
    )
    .await;
    let after = shown(&app, &bought).await;
    assert_eq!(
        (&after["status"], &after["disputeReason"]),
        (&json!("revoked"), &json!("refund"))
    );
}

#[tokio::test]
async fn an_end_that_the_vendor_set_by_hand_is_moved_and_not_replaced() {
    let app = TestApp::start().await;
    let bought = bought(&app, subscription()).await;
    let gift = app.now() + 100 * DAY;
    let by_hand = json!({ "licenseKey": bought.key, "expiresAt": gift.to_string() });
    app.admin().post("/updateLicense", by_hand).await.expect(200);
    let renewal = invoice(2, "subscription_cycle", json!([line(&app, 30, 60)]));
    tell(&app, &[("invoice.paid", renewal), ("invoice_payment.paid", payment(2))]).await;
    assert_eq!(shown(&app, &bought).await["expiresAt"], (gift + 30 * DAY).to_string());
    tell(&app, &[("charge.refunded", refund(2))]).await;
    assert_eq!(shown(&app, &bought).await["expiresAt"], gift.to_string());
    let for_good = json!({ "licenseKey": bought.key, "expiresAt": null });
    app.admin().post("/updateLicense", for_good).await.expect(200);
    tell(
        &app,
        &[(
            "invoice.paid",
            invoice(3, "subscription_cycle", json!([line(&app, 30, 60)])),
        )],
    )
    .await;
    assert_eq!(shown(&app, &bought).await["expiresAt"], Value::Null);
}

#[tokio::test]
async fn a_purchase_that_is_told_late_is_as_old_as_it_is() {
    for (age, expected) in [(3, 28), (34, -3), (400, 31)] {
        let app = TestApp::start().await;
        let made_at = app.now() - DAY * age;
        let stripe = app.stripe();
        let told = stripe.deliver_made_at("evt_0", "checkout.session.completed", subscription(), made_at);
        let bought = license(&told.await);
        let ends = if expected < 0 {
            app.now() - 3 * DAY
        } else {
            app.now() + DAY * u32::try_from(expected).expect("days")
        };
        // What claims to be older than Stripe tells of anything was made up by hand.
        assert_eq!(
            shown(&app, &bought).await["expiresAt"],
            ends.to_string(),
            "{age} days old"
        );
    }
}

fn with_quantity(mut session: Value, quantity: u32) -> Value {
    session["line_items"] = json!({ "data": [{ "quantity": 1 }, { "quantity": quantity }] });
    session
}

async fn quantity_means(app: &TestApp, what: &str) {
    let product = json!({ "productId": PRODUCT, "quantityMeans": what });
    app.admin().post("/updateProduct", product).await.expect(200);
}

#[tokio::test]
async fn a_quantity_is_seats_unless_the_product_says_otherwise() {
    let variant = |name: &str, more: Value| {
        let mut variant = json!({ "productId": PRODUCT, "name": name });
        variant
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        variant
    };
    let variants = [
        variant("studio", json!({ "maxMachines": 10 })),
        variant(
            "farm",
            json!({ "licenseType": "floating", "maxMachines": -1, "maxConcurrent": 3 }),
        ),
        variant("site", json!({ "licenseType": "site", "maxMachines": 1 })),
    ];
    for (quantity, metadata, max_machines, max_concurrent) in [
        (5, json!({}), 5, Value::Null),
        // One is as many as one buys without a word.
        (1, json!({}), 2, Value::Null),
        (5, json!({ "maxMachines": "3" }), 3, Value::Null),
        (5, json!({ "variant": "studio" }), 10, Value::Null),
        (50, json!({ "variant": "studio" }), 50, Value::Null),
        (5, json!({ "variant": "farm" }), -1, json!(5)),
        (5, json!({ "variant": "site" }), 1, Value::Null),
        (1, json!({ "quantity": "7" }), 7, Value::Null),
    ] {
        let app = TestApp::start().await;
        for variant in &variants {
            app.admin().post("/createVariant", variant.clone()).await.expect(200);
        }
        let mut session = with_quantity(checkout(), quantity);
        for (name, value) in metadata.as_object().expect("an object") {
            session["metadata"][name] = value.clone();
        }
        let bought = bought(&app, session).await;
        let stored = app.stored(&bought).await.seats;
        assert_eq!(stored.max_machines.number(), max_machines, "{quantity} {metadata}");
        assert_eq!(json!(stored.max_concurrent), max_concurrent, "{quantity} {metadata}");
    }
    let app = TestApp::start().await;
    quantity_means(&app, "ignored").await;
    let bought = bought(&app, with_quantity(checkout(), 5)).await;
    assert_eq!(shown(&app, &bought).await["maxMachines"], 2);
}

#[tokio::test]
async fn a_quantity_is_that_many_licenses_where_the_product_says_so() {
    let app = TestApp::start().await;
    quantity_means(&app, "licenses").await;
    let told = app
        .stripe()
        .deliver("evt_0", "checkout.session.completed", with_quantity(checkout(), 45))
        .await;
    let keys = told.expect(200)["licenseKeys"].as_array().expect("keys").clone();
    assert_eq!(keys.len(), 45);
    assert_eq!(told.body["licenseKey"], keys[0]);
    let again = app
        .stripe()
        .deliver("evt_0", "checkout.session.completed", with_quantity(checkout(), 45))
        .await;
    assert_eq!(again.expect(200)["licenseKeys"], json!(keys));
    assert_eq!(again.body["duplicate"], true);
    let before: Vec<Value> = statuses(&app).await;
    assert_eq!(before, vec![json!(["active", 2]); 45]);
    // What becomes of the purchase becomes of each.
    tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    assert_eq!(statuses(&app).await, vec![json!(["revoked", 2]); 45]);
    tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
    assert_eq!(statuses(&app).await, before);
    let mut many = with_quantity(checkout(), 101);
    many["id"] = json!("cs_2");
    many["payment_intent"] = json!("pi_2");
    let refused = app.stripe().deliver("evt_2", "checkout.session.completed", many).await;
    refused.expect_refusal(
        400,
        "Invalid quantity: must be a whole number from 1 to 100 where it is that many licenses",
    );
}

async fn statuses(app: &TestApp) -> Vec<Value> {
    let listed = app.admin().post("/listLicenses", json!({ "limit": 1000 })).await;
    let licenses = listed.expect(200)["licenses"].as_array().expect("a list").clone();
    licenses
        .iter()
        .map(|license| json!([license["status"], license["maxMachines"]]))
        .collect()
}

#[tokio::test]
async fn the_lines_of_a_subscription_s_invoices_say_how_many() {
    let app = TestApp::start().await;
    let bought = bought(&app, subscription()).await;
    let with = |quantity: u32, from: i64| {
        let mut line = line(&app, from, from + 30);
        line["quantity"] = json!(quantity);
        json!([line])
    };
    for (number, reason, quantity, seats) in [
        (1, "subscription_create", 5, 5),
        (2, "subscription_cycle", 5, 5),
        (3, "subscription_cycle", 8, 8),
        (4, "subscription_cycle", 1, 2),
        (5, "subscription_cycle", 8, 8),
    ] {
        let invoice = invoice(number, reason, with(quantity, i64::from(number) * 30));
        tell(
            &app,
            &[("invoice.paid", invoice), ("invoice_payment.paid", payment(number))],
        )
        .await;
        assert_eq!(shown(&app, &bought).await["maxMachines"], seats, "{number}");
    }
    // With the money for a period goes its quantity. What the vendor set by hand stays.
    tell(&app, &[("charge.refunded", refund(5))]).await;
    assert_eq!(shown(&app, &bought).await["maxMachines"], 2);
    let by_hand = json!({ "licenseKey": bought.key, "maxMachines": 4 });
    app.admin().post("/updateLicense", by_hand).await.expect(200);
    tell(
        &app,
        &[("invoice.paid", invoice(6, "subscription_cycle", with(9, 180)))],
    )
    .await;
    assert_eq!(shown(&app, &bought).await["maxMachines"], 4);
}

#[tokio::test]
async fn a_product_says_what_a_quantity_means() {
    let app = TestApp::start().await;
    let product = json!({ "name": "Other", "slug": "other", "creatorId": "alice", "quantityMeans": "licenses" });
    app.admin().post("/createProduct", product).await.expect(200);
    let listed = async || {
        let listed = app.admin().post("/listProducts", json!({})).await;
        let products = listed.expect(200)["products"].as_array().expect("a list").clone();
        products
            .into_iter()
            .find(|product| product["slug"] == "other")
            .expect("the product")
    };
    assert_eq!(listed().await["quantityMeans"], "licenses");
    for (change, listed_as) in [(json!("ignored"), json!("ignored")), (Value::Null, Value::Null)] {
        let changes = json!({ "productId": "other", "quantityMeans": change });
        app.admin().post("/updateProduct", changes).await.expect(200);
        assert_eq!(listed().await["quantityMeans"], listed_as);
    }
    let odd = json!({ "productId": "other", "quantityMeans": "boxes" });
    let refused = app.admin().post("/updateProduct", odd).await;
    refused.expect_refusal(400, "Invalid quantityMeans");
}

#[tokio::test]
async fn a_license_whose_key_was_exchanged_is_found_and_one_that_is_gone_is_passed_over() {
    let app = TestApp::start().await;
    let bought = bought(&app, checkout()).await;
    let buyer = app.person("customer@example.com").await;
    let shuffled = buyer
        .post("/api/license-keys/shuffle", json!({ "key": bought.key }))
        .await;
    let key = shuffled.expect(200)["key"].as_str().expect("a key").to_owned();
    let told = tell(&app, &[("charge.dispute.created", dispute("needs_response"))]).await;
    assert_eq!(told[0].body["licenseKey"], key);
    assert_eq!(
        shown(&app, &TestLicense { key: key.clone() }).await["disputeReason"],
        "chargeback"
    );
    let told = tell(&app, &[("charge.dispute.closed", dispute("won"))]).await;
    assert_eq!(told[0].body["licenseKey"], key);
    assert_eq!(shown(&app, &TestLicense { key }).await["status"], "active");
}
