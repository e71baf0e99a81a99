//! `GET|POST /listVariants`.

use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::json;

use super::create;

#[tokio::test]
async fn a_variant_is_listed_with_its_prefix_and_all_that_it_was_made_with() {
    let app = TestApp::start().await;
    let fields = json!({
        "name": "Render Farm", "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10, "trialDays": 14,
        "offlineDays": 30, "price": 49.5, "active": false,
    });
    create(&app, fields, "app-render-farm").await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    let answer = app.admin().post("/listVariants", json!({ "productId": PRODUCT })).await;
    answer.expect_body(
        200,
        &json!({
            "success": true,
            "count": 2,
            "variants": [
                {
                    "variantId": "app-indie", "productId": "app", "name": "Indie", "licenseType": "per-machine",
                    "maxMachines": null, "maxConcurrent": null, "trialDays": null, "offlineDays": null,
                    "price": null, "active": true,
                },
                {
                    "variantId": "app-render-farm", "productId": "app", "name": "Render Farm",
                    "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10, "trialDays": 14,
                    "offlineDays": 30, "price": 49.5, "active": false,
                },
            ],
        }),
    );
}

#[tokio::test]
async fn another_owner_s_product_and_variants_are_not_found() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    let bob = app.creator("bob").await;
    for (path, asked, text) in [
        ("/listVariants", json!({ "productId": PRODUCT }), "Product not found"),
        (
            "/createVariant",
            json!({ "productId": PRODUCT, "name": "Indie" }),
            "Product not found",
        ),
        (
            "/updateVariant",
            json!({ "variantId": "app-indie", "maxMachines": 9 }),
            "Variant not found",
        ),
        (
            "/updateVariant",
            json!({ "productId": PRODUCT, "name": "Indie", "maxMachines": 9 }),
            "Variant not found",
        ),
    ] {
        bob.post(path, asked).await.expect_refusal(404, text);
    }
    let unknown = app
        .admin()
        .post("/listVariants", json!({ "productId": "unknown" }))
        .await;
    unknown.expect_refusal(404, "Product not found");
    let alice = app.creator(OWNER).await;
    let asked = json!({ "variantId": "app-indie", "maxMachines": 9 });
    alice.post("/updateVariant", asked).await.expect(200);
    let query = format!("/listVariants?apiKey={}&productId=app", alice.api_key);
    let answer = app.stranger().get(&query).await;
    assert_eq!(answer.expect(200)["variants"][0]["maxMachines"], 9);
    let path = format!("/listVariants?apiKey={}", alice.api_key);
    let answer = app.stranger().get(&path).await;
    answer.expect_refusal(400, "Missing required fields: productId");
}
