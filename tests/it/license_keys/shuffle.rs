//! `POST /api/license-keys/shuffle`.

use keystead_core::{license::key::LicenseKey, store::schema, value::reference::Reference};
use keystead_tests::{PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{BUYER, events, expect_bad, expect_refusal, good, grouped, shuffle, types, update_product, validate};

#[tokio::test]
async fn a_shuffled_key_is_dead_and_the_license_goes_on_under_another() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("expiresAt", "2031-01-01T00:00:00Z")
        .with("purchaseId", "p-1")
        .create()
        .await;
    good(&app, &license.key, Some("hw-1")).await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    license.caught(&app, "viol_1", "medium").await;
    let before = app.stored(&license).await;
    let buyer = app.person(BUYER).await;
    buyer
        .post("/api/license-keys/reset", json!({ "key": license.key }))
        .await
        .expect(200);
    let new = shuffle(&buyer, &license).await;
    assert!(new.key.starts_with("GLD-"));

    validate(&app, &license.key, Some("hw-1"))
        .await
        .expect_invalid(404, "License key not found");
    app.machine("a")
        .activate(&license)
        .await
        .expect_error(404, "License not found");
    machine.validate(&license).await.expect(404);
    let body = good(&app, &new.key, None).await;
    assert_eq!(
        (
            &body["hwid"],
            &body["activationCount"],
            &body["hwidResetCount"],
            &body["expiresAt"]
        ),
        (&Value::Null, &json!(0), &json!(0), &json!("2031-01-01T00:00:00.000Z"))
    );
    let after = app.assert_counters_true(&new).await;
    assert_eq!(after.license_id, before.license_id);
    assert_eq!((after.seats.machines_used, after.watch.unresolved_violations), (0, 1));
    let shown = app.shown(&new).await;
    assert_eq!(shown["violations"][0]["id"], "viol_1");
    assert_eq!(shown["activations"], json!([]));
    // No machine is left on the dead key.
    let dead = LicenseKey::parse(&license.key).expect("a key");
    assert_eq!(app.cx.store.activation_list(&dead, None).await.expect("a read").0, []);
    // What happened under the old key is still told, newest first.
    let told = events(&app, before.license_id.as_str()).await;
    assert_eq!(
        types(&told),
        ["SHUFFLED", "HWID_RESET", "VALIDATED", "CREATED"],
        "that a key is good is told once an hour"
    );
    // Of the machine it tells where one asked, and not where a buyer did.
    let machines: Vec<&Value> = told.iter().map(|event| &event["hwid"]).collect();
    let (none, machine) = (&Value::Null, &json!("hw-1"));
    assert_eq!(machines, [none, none, machine, none]);
    // A store that tells of the purchase finds the license under its new key.
    let again = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(again.expect(200)["licenseKey"], new.key);
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], new.key);
    expect_bad(&app, &new.key, None, "REVOKED", "Key has been revoked").await;
}

#[tokio::test]
async fn a_license_with_more_machines_than_a_transaction_holds_is_shuffled_too() {
    // As many as just fit, one more, and many more.
    for machines in [94, 95, 120] {
        let app = TestApp::start().await;
        app.faults.without_rate_limit();
        let license = app.license().with("licenseType", "site").create().await;
        for i in 0..machines {
            app.machine(&format!("m-{i}")).activate(&license).await.expect(200);
        }
        let buyer = app.person(BUYER).await;
        let new = shuffle(&buyer, &license).await;
        assert_eq!(
            app.assert_counters_true(&new).await.seats.machines_used,
            0,
            "{machines}"
        );
        let dead = LicenseKey::parse(&license.key).expect("a key");
        assert_eq!(app.cx.store.activation_list(&dead, None).await.expect("a read").0, []);
        app.machine("m-1").activate(&new).await.expect(200);
    }
}

#[tokio::test]
async fn shuffle_and_reset_refuse_in_the_contract_s_order() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let (buyer, other) = (
        app.person("Customer@Example.com").await,
        app.person("other@example.com").await,
    );
    for (path, disabled, setting) in [
        (
            "/api/license-keys/shuffle",
            "Key regeneration is disabled for this product. Contact the seller.",
            "allowBuyerShuffle",
        ),
        (
            "/api/license-keys/reset",
            "Device reset is disabled for this product. Contact the seller.",
            "allowBuyerReset",
        ),
    ] {
        let key = json!({ "key": license.key });
        expect_refusal(&app.stranger().post(path, json!({})).await, 401, "Unauthorized");
        expect_refusal(&app.stranger().post_raw(path, b"{").await, 401, "Unauthorized");
        expect_refusal(&other.post_raw(path, b"{").await, 400, "Invalid JSON body");
        expect_refusal(&other.post(path, json!({})).await, 400, "License key is required");
        let unknown = json!({ "key": "GLD-AAAA-BBBB-CCCC-DDDD" });
        expect_refusal(&other.post(path, unknown).await, 404, "License key not found");
        update_product(&app, json!({ setting: false })).await;
        expect_refusal(&other.post(path, key.clone()).await, 403, "Forbidden");
        let revoke = json!({ "licenseKey": license.key });
        app.admin().post("/revokeLicense", revoke.clone()).await.expect(200);
        expect_refusal(&buyer.post(path, key.clone()).await, 403, disabled);
        update_product(&app, json!({ setting: null })).await;
        expect_refusal(&buyer.post(path, key.clone()).await, 400, "License key is not active");
        app.admin().post("/reinstateLicense", revoke).await.expect(200);
    }
    shuffle(&buyer, &license).await;
}

#[tokio::test]
async fn a_key_that_was_exchanged_never_comes_back() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("licenseKey", "Key 1")
        .with("purchaseId", "p-1")
        .create()
        .await;
    let buyer = app.person(BUYER).await;
    let second = shuffle(&buyer, &license).await;
    let third = shuffle(&buyer, &second).await;
    for key in ["Key 1", &second.key] {
        let again = json!({ "email": BUYER, "productId": PRODUCT, "licenseKey": key });
        app.admin()
            .post("/createLicense", again)
            .await
            .expect_refusal(409, "A license with this key already exists");
        validate(&app, key, None)
            .await
            .expect_invalid(404, "License key not found");
    }
    // However often it was exchanged, what is told of the purchase leads to the license.
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], third.key);
    let other = json!({ "email": BUYER, "productId": PRODUCT, "licenseKey": "Key 2" });
    app.admin().post("/createLicense", other).await.expect(200);
}

#[tokio::test]
async fn no_number_of_shuffles_puts_a_license_out_of_a_refund_s_reach() {
    for shuffles in [1, 101] {
        let app = TestApp::start().await;
        let sold = app
            .store()
            .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
            .await;
        let first = sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        let buyer = app.person(BUYER).await;
        let mut license = TestLicense { key: first };
        for _ in 0..shuffles {
            license = shuffle(&buyer, &license).await;
        }
        app.faults.calls();
        let refund = app
            .store()
            .tell("purchase.refunded", json!({ "purchaseId": "p-1" }))
            .await;
        assert_eq!(refund.expect(200)["licenseKey"], license.key);
        assert_eq!(
            app.faults.calls().len(),
            9,
            "after {shuffles}, as after any other number"
        );
        expect_bad(&app, &license.key, None, "REVOKED", "Key has been revoked").await;
    }
}

#[tokio::test]
async fn an_index_that_still_has_the_old_key_leads_to_the_license() {
    let app = TestApp::start().await;
    // The purchase itself leads to the first alone; the second is known by the index, and the third by its customer.
    let first = app.license().with("purchaseId", "p-1").create().await;
    let second = app.license().with("purchaseId", "p-1").create().await;
    let third = app.license().with("email", "other@example.com").create().await;
    let id = app.stored(&second).await.license_id.to_string();
    let (buyer, other) = (app.person(BUYER).await, app.person("other@example.com").await);
    app.indexes_stand_still().await;
    let between = shuffle(&buyer, &second).await;
    let second = shuffle(&buyer, &between).await;
    let third = shuffle(&other, &third).await;

    assert_eq!(types(&events(&app, &id).await), ["SHUFFLED", "SHUFFLED", "CREATED"]);
    let about = json!({ "purchaseId": "p-1" });
    let refund = app.store().tell("purchase.refunded", about).await;
    assert_eq!(refund.expect(200)["licenseKey"], first.key);
    expect_bad(&app, &second.key, None, "REVOKED", "Key has been revoked").await;
    let refund = app
        .store()
        .tell("purchase.refunded", json!({ "email": "other@example.com" }))
        .await;
    assert_eq!(refund.expect(200)["licenseKey"], third.key);

    // Of a license that no index has yet, neither under its old key nor under its new one, the id is enough.
    let new = app.license().create().await;
    let id = app.stored(&new).await.license_id.to_string();
    let new = shuffle(&buyer, &new).await;
    assert_eq!(types(&events(&app, &id).await), ["SHUFFLED", "CREATED"]);
    app.indexes_catch_up();
    good(&app, &new.key, None).await;
}

#[tokio::test]
async fn an_index_that_has_both_keys_leads_to_the_license_once() {
    let app = TestApp::start().await;
    let license = app.license().with("purchaseId", "p-1").create().await;
    let buyer = app.person(BUYER).await;
    let behind = app.indexes_stand_still().await;
    let new = shuffle(&buyer, &license).await;
    let read = json!({ "TableName": schema::LICENSES.name, "Key": { "licenseKey": { "S": new.key } } });
    let (_, item) = app.database.answer("GetItem", read.to_string().as_bytes());
    let item: Value = serde_json::from_slice(&item).expect("an item");
    let put = json!({ "TableName": schema::LICENSES.name, "Item": item["Item"] });
    assert_eq!(behind.answer("PutItem", put.to_string().as_bytes()).0, 200);

    let product = app.stored(&new).await.product_id;
    let catalog = app
        .cx
        .store
        .product_cached_unscoped(&product, app.now())
        .await
        .expect("a read");
    let product = catalog.expect("a product").product.clone();
    let purchase = Reference::parse("p-1").expect("an id");
    let found = app.cx.store.license_list_by_purchase(&product, &purchase).await;
    let keys: Vec<String> = found
        .expect("a read")
        .iter()
        .map(|license| license.license_key.to_string())
        .collect();
    assert_eq!(keys, [new.key]);
}

#[tokio::test]
async fn a_shuffle_whose_answer_was_lost_is_answered_again() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let buyer = app.person(BUYER).await;
    let key = json!({ "key": license.key });
    let ask = || buyer.post_named("shuffle-1", "/api/license-keys/shuffle", key.clone());
    let first = ask().await;
    let again = ask().await;
    again.expect_body(200, first.expect(200));
    assert_eq!(again.header("idempotency-replayed"), "true");
    // Without a name, it is a key that is not there.
    expect_refusal(
        &buyer.post("/api/license-keys/shuffle", key.clone()).await,
        404,
        "License key not found",
    );
}
