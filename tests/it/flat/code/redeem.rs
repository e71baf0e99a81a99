//! `POST /redeemTrialCode`.

use keystead_core::{
    event::{ActorKind, EventType},
    store::schema,
};
use keystead_tests::{DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{NOT_FOUND, REDEEMED, license, redeem, redeem_with, shown, trial};

const INACTIVE: &str = "Trial code is inactive";

const EXPIRED: &str = "Trial code has expired";

const USED_UP: &str = "Trial code has reached its usage limit";

/// Makes a trial code for all products of [`OWNER`].
async fn trial_of_all(app: &TestApp, code: &str) {
    let body = json!({ "code": code, "creatorId": OWNER });
    app.admin().post("/createTrialCode", body).await.expect(200);
}

#[tokio::test]
async fn a_redeemed_code_makes_a_license_that_is_good_for_the_trial() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(&app, "Welcome", json!({})).await;
    app.advance(DAY);
    let ask = json!({ "code": " welCOME ", "email": "Customer@Example.com" });
    let answer = alice.post("/redeemTrialCode", ask).await;
    let key = answer.expect(200)["licenseKey"].clone();
    let expected = json!({
        "success": true, "licenseKey": key, "expiresAt": "2030-01-16T00:00:00.000Z", "trialDays": 14,
    });
    answer.expect_body(200, &expected);
    let license = license(&app, &answer).await;
    for (field, value) in [
        ("email", json!("Customer@Example.com")),
        ("productId", json!(PRODUCT)),
        ("variant", json!("trial")),
        ("licenseType", json!("per-machine")),
        ("maxMachines", json!(2)),
        ("status", json!("active")),
        ("threatLevel", json!(0)),
        ("createdAt", json!("2030-01-02T00:00:00.000Z")),
        ("expiresAt", json!("2030-01-16T00:00:00.000Z")),
        ("discountCode", json!("Welcome")),
    ] {
        assert_eq!(license[field], value, "{field}");
    }
    let key = key.as_str().expect("a key").to_owned();
    let machine = app.machine("a");
    machine.activate(&TestLicense { key: key.clone() }).await.expect(200);
    app.advance(14 * DAY);
    machine
        .activate(&TestLicense { key })
        .await
        .expect_error(403, "License has expired");
    assert_eq!(shown(&app, "Welcome").await["usedCount"], 1);
}

#[tokio::test]
async fn a_redemption_is_told_as_the_making_of_a_license() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(&app, "Welcome", json!({})).await;
    let ask = json!({ "code": "Welcome", "email": "customer@example.com" });
    let answer = alice.post("/redeemTrialCode", ask).await;
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let license = app.stored(&TestLicense { key }).await;
    let events = app.cx.store.event_list(&license).await.expect("a read");
    let told: Vec<_> = events.iter().map(|event| (event.r#type, event.actor.kind)).collect();
    assert_eq!(told, [(EventType::Created, ActorKind::ApiKey)]);
}

#[tokio::test]
async fn a_trial_allows_what_its_variant_says() {
    let app = TestApp::start().await;
    for body in [
        json!({ "name": "Trial", "maxMachines": 1 }),
        json!({ "name": "Farm", "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10 }),
    ] {
        let mut body = body;
        body["productId"] = json!(PRODUCT);
        app.admin().post("/createVariant", body).await.expect(200);
    }
    trial(&app, "Welcome", json!({})).await;
    for (i, (variant, kept, license_type, machines, sessions)) in [
        (json!(null), "trial", "per-machine", 1, json!(null)),
        (json!(""), "trial", "per-machine", 1, json!(null)),
        (json!("app-trial"), "trial", "per-machine", 1, json!(null)),
        (json!("app-farm"), "farm", "floating", 50, json!(10)),
        (json!("unknown"), "unknown", "per-machine", 2, json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut ask = json!({ "code": "Welcome", "email": format!("{i}@example.com"), "variant": variant });
        if i % 2 == 0 {
            ask["productId"] = json!(PRODUCT);
        }
        let license = license(&app, &redeem_with(&app, ask).await).await;
        assert_eq!(
            (
                &license["variant"],
                &license["licenseType"],
                &license["maxMachines"],
                &license["maxConcurrent"]
            ),
            (&json!(kept), &json!(license_type), &json!(machines), &sessions),
            "{variant}"
        );
    }
}

#[tokio::test]
async fn a_code_for_all_products_is_redeemed_for_the_one_that_is_named() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "unlisted").await;
    app.make_product("bobs", "bob", "live").await;
    app.make_product("old", OWNER, "archived").await;
    trial_of_all(&app, "All").await;
    let ask = |product: Value| json!({ "code": "All", "email": "c@example.com", "productId": product });
    for product in [json!(null), json!(" ")] {
        redeem_with(&app, ask(product))
            .await
            .expect_refusal(400, "Missing required fields: productId");
    }
    for product in ["bobs", "unknown"] {
        redeem_with(&app, ask(json!(product)))
            .await
            .expect_refusal(404, "Product not found");
    }
    redeem_with(&app, ask(json!("old")))
        .await
        .expect_refusal(400, "Product is archived");
    let redeemed = redeem_with(&app, ask(json!("brush"))).await;
    assert_eq!(license(&app, &redeemed).await["productId"], "brush");
    // One trial a customer, not one a product.
    redeem_with(&app, ask(json!(PRODUCT)))
        .await
        .expect_refusal(409, REDEEMED);
}

#[tokio::test]
async fn a_product_s_code_is_redeemed_for_no_other_product() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "live").await;
    trial(&app, "Welcome", json!({})).await;
    let ask = |product: &str| json!({ "code": "Welcome", "email": "c@example.com", "productId": product });
    for product in ["brush", "unknown"] {
        let answer = redeem_with(&app, ask(product)).await;
        answer.expect_refusal(400, "Invalid productId: must be the product that the code is for");
    }
    redeem_with(&app, ask(PRODUCT)).await.expect(200);
    app.archive(PRODUCT);
    redeem(&app, "Welcome", "other@example.com")
        .await
        .expect_refusal(400, "Product is archived");
}

#[tokio::test]
async fn a_code_that_gives_no_trial_can_t_be_redeemed() {
    let app = TestApp::start().await;
    let sale = json!({ "code": "Sale", "productId": PRODUCT, "discountPercent": 20, "active": false });
    app.admin().post("/createDiscountCode", sale).await.expect(200);
    redeem(&app, "Sale", "c@example.com")
        .await
        .expect_refusal(404, NOT_FOUND);
    let both = json!({ "code": "Both", "productId": PRODUCT, "discountPercent": 20, "trialDays": 7 });
    app.admin().post("/createDiscountCode", both).await.expect(200);
    assert_eq!(redeem(&app, "Both", "c@example.com").await.expect(200)["trialDays"], 7);
}

#[tokio::test]
async fn one_mailbox_redeems_a_code_once_in_whatever_letter_case() {
    let app = TestApp::start().await;
    trial(&app, "Welcome", json!({})).await;
    trial(&app, "Another", json!({})).await;
    redeem(&app, "Welcome", "Customer@Example.com").await.expect(200);
    for email in ["Customer@Example.com", "customer@example.com", " CUSTOMER@EXAMPLE.COM "] {
        redeem(&app, "wELCOME", email).await.expect_refusal(409, REDEEMED);
    }
    redeem(&app, "Another", "customer@example.com").await.expect(200);
    assert_eq!(shown(&app, "Welcome").await["usedCount"], 1);
}

#[tokio::test]
async fn a_code_is_never_used_beyond_its_maximum() {
    let app = TestApp::start().await;
    trial(&app, "Two", json!({ "maxUses": 2 })).await;
    trial(&app, "None", json!({ "maxUses": 0 })).await;
    redeem(&app, "None", "a@example.com").await.expect_refusal(403, USED_UP);
    redeem(&app, "Two", "a@example.com").await.expect(200);
    redeem(&app, "Two", "b@example.com").await.expect(200);
    redeem(&app, "Two", "c@example.com").await.expect_refusal(403, USED_UP);
    let update = json!({ "code": "Two", "maxUses": 3 });
    app.admin().post("/updateTrialCode", update).await.expect(200);
    redeem(&app, "Two", "c@example.com").await.expect(200);
    redeem(&app, "Two", "d@example.com").await.expect_refusal(403, USED_UP);
    assert_eq!(shown(&app, "Two").await["usedCount"], 3);
}

#[tokio::test]
async fn refusals_of_a_code_come_in_the_contract_s_order() {
    let app = TestApp::start().await;
    trial(
        &app,
        "Welcome",
        json!({ "maxUses": 1, "expiresAt": "2030-01-02T00:00:00Z" }),
    )
    .await;
    let (had, other) = ("had@example.com", "other@example.com");
    redeem(&app, "Welcome", had).await.expect(200);
    // Whoever has redeemed is told so, though it is used up meanwhile.
    redeem(&app, "Welcome", had).await.expect_refusal(409, REDEEMED);
    redeem(&app, "Welcome", other).await.expect_refusal(403, USED_UP);
    app.advance(DAY);
    redeem(&app, "Welcome", had).await.expect_refusal(403, EXPIRED);
    redeem(&app, "Welcome", other).await.expect_refusal(403, EXPIRED);
    app.admin()
        .post("/updateTrialCode", json!({ "code": "Welcome", "active": false }))
        .await
        .expect(200);
    redeem(&app, "Welcome", other).await.expect_refusal(403, INACTIVE);
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    redeem(&app, "Welcome", had).await.expect_refusal(404, NOT_FOUND);
}

#[tokio::test]
async fn a_code_works_up_to_the_moment_at_which_it_expires() {
    let app = TestApp::start().await;
    trial(&app, "Welcome", json!({ "expiresAt": "2030-01-02T00:00:00Z" })).await;
    app.advance(DAY - std::time::Duration::from_millis(1));
    redeem(&app, "Welcome", "a@example.com").await.expect(200);
    app.advance(std::time::Duration::from_millis(1));
    redeem(&app, "Welcome", "b@example.com")
        .await
        .expect_refusal(403, EXPIRED);
}

#[tokio::test]
async fn a_code_that_was_stored_without_active_is_active() {
    let app = TestApp::start().await;
    app.put_item(
        &schema::CODES,
        json!({
            "code": { "S": "OLD" }, "item": { "S": "#" }, "kind": { "S": "code" }, "name": { "S": "old" },
            "ownerId": { "S": OWNER }, "productId": { "S": PRODUCT }, "trialDays": { "N": "7" },
            "maxUses": { "N": "-1" }, "usedCount": { "N": "0" }, "revision": { "N": "0" },
            "createdAt": { "S": "2029-01-01T00:00:00.000Z" }, "creation": { "S": "once" },
        }),
    );
    assert_eq!(shown(&app, "old").await["active"], true);
    redeem(&app, "Old", "a@example.com").await.expect(200);
}
