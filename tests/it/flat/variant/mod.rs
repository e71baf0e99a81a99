//! Variants of products.

mod create;
mod list;
mod update;

use keystead_tests::{PRODUCT, TestApp};
use serde_json::{Value, json};

/// Makes a variant of [`PRODUCT`].
async fn create(app: &TestApp, fields: Value, id: &str) {
    let mut asked = fields;
    asked["productId"] = json!(PRODUCT);
    let answer = app.admin().post("/createVariant", asked).await;
    answer.expect_body(200, &json!({ "success": true, "variantId": id }));
}

async fn update(app: &TestApp, changes: Value, id: &str) {
    let answer = app.admin().post("/updateVariant", changes).await;
    answer.expect_body(200, &json!({ "success": true, "variantId": id }));
}

/// The variants of a product as they are listed.
async fn listed(app: &TestApp, product: &str) -> Vec<Value> {
    let answer = app.admin().post("/listVariants", json!({ "productId": product })).await;
    let body = answer.expect(200);
    let variants = body["variants"].as_array().expect("a list");
    assert_eq!(
        (&body["success"], &body["count"]),
        (&json!(true), &json!(variants.len()))
    );
    variants.clone()
}
