//! `POST /updateVariant`.

use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::json;

use super::{create, listed, update};

#[tokio::test]
async fn a_variant_is_updated_with_its_prefix_without_it_and_by_its_name() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie", "trialDays": 14 }), "app-indie").await;
    for (asked, field, value) in [
        (
            json!({ "variantId": "app-indie", "maxMachines": 3 }),
            "maxMachines",
            json!(3),
        ),
        (
            json!({ "variantId": "app-indie", "productId": PRODUCT, "maxMachines": 4 }),
            "maxMachines",
            json!(4),
        ),
        (
            json!({ "variantId": "indie", "productId": PRODUCT, "maxMachines": -1 }),
            "maxMachines",
            json!(-1),
        ),
        (
            json!({ "productId": PRODUCT, "name": "INDIE", "maxMachines": 5 }),
            "maxMachines",
            json!(5),
        ),
        (
            json!({ "variantId": "app-indie", "maxMachines": null }),
            "maxMachines",
            json!(null),
        ),
        (
            json!({ "variantId": "app-indie", "maxConcurrent": 2 }),
            "maxConcurrent",
            json!(2),
        ),
        (
            json!({ "variantId": "app-indie", "licenseType": "floating" }),
            "licenseType",
            json!("floating"),
        ),
        (
            json!({ "variantId": "app-indie", "trialDays": null }),
            "trialDays",
            json!(null),
        ),
        (
            json!({ "variantId": "app-indie", "offlineDays": 3650 }),
            "offlineDays",
            json!(3650),
        ),
        (json!({ "variantId": "app-indie", "price": 12 }), "price", json!(12)),
        (
            json!({ "variantId": "app-indie", "active": false }),
            "active",
            json!(false),
        ),
        (
            json!({ "variantId": "app-indie", "active": true }),
            "active",
            json!(true),
        ),
        (
            json!({ "variantId": "app-indie", "name": "Solo" }),
            "name",
            json!("Solo"),
        ),
    ] {
        let mut before = listed(&app, PRODUCT).await[0].clone();
        update(&app, asked.clone(), "app-indie").await;
        before[field] = value;
        assert_eq!(listed(&app, PRODUCT).await, [before], "{asked}");
    }
}

#[tokio::test]
async fn a_prefix_with_hyphens_of_its_own_is_told_from_the_variant() {
    let app = TestApp::start().await;
    app.make_product("app-pro", OWNER, "live").await;
    create(&app, json!({ "name": "Pro Max" }), "app-pro-max").await;
    update(
        &app,
        json!({ "variantId": "app-pro-max", "maxMachines": 1 }),
        "app-pro-max",
    )
    .await;
    assert_eq!(listed(&app, PRODUCT).await[0]["maxMachines"], 1);
    let same = json!({ "productId": "app-pro", "name": "Max" });
    app.admin().post("/createVariant", same).await.expect(200);
    // With the product it is clear which of both is meant.
    let asked = json!({ "productId": PRODUCT, "variantId": "app-pro-max", "maxMachines": 2 });
    update(&app, asked, "app-pro-max").await;
    let asked = json!({ "productId": "app-pro", "variantId": "app-pro-max", "maxMachines": 3 });
    update(&app, asked, "app-pro-max").await;
    assert_eq!(listed(&app, PRODUCT).await[0]["maxMachines"], 2);
    assert_eq!(listed(&app, "app-pro").await[0]["maxMachines"], 3);
}

#[tokio::test]
async fn an_update_needs_a_variant_and_a_field() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    for (asked, status, text) in [
        (json!({ "maxMachines": 3 }), 400, "Missing required fields: variantId"),
        (
            json!({ "productId": PRODUCT, "maxMachines": 3 }),
            400,
            "Missing required fields: variantId",
        ),
        (json!({ "variantId": "app-indie" }), 400, "No fields to update"),
        (
            json!({ "productId": PRODUCT, "name": "Indie" }),
            400,
            "No fields to update",
        ),
        (
            json!({ "variantId": "indie", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "app-studio", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "indie", "productId": "unknown", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "app-indie", "trialDays": 0 }),
            400,
            "Invalid trialDays: must be a whole number of days from 1 to 3650",
        ),
        (
            json!({ "variantId": "app-indie", "licenseType": "perpetual" }),
            400,
            "Invalid licenseType",
        ),
    ] {
        app.admin()
            .post("/updateVariant", asked)
            .await
            .expect_refusal(status, text);
    }
}
