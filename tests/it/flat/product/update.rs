//! `POST /updateProduct`.

use keystead_core::store::schema;
use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

async fn update(app: &TestApp, changes: Value, status: &str) {
    let mut asked = changes;
    asked["productId"] = json!(PRODUCT);
    let answer = app.admin().post("/updateProduct", asked).await;
    answer.expect_body(200, &json!({ "success": true, "productId": PRODUCT, "status": status }));
}

/// The product as it is listed.
async fn listed(app: &TestApp) -> Value {
    let answer = app.admin().post("/listProducts", json!({ "includeAll": true })).await;
    answer.expect(200)["products"][0].clone()
}

#[tokio::test]
async fn name_and_status_change_and_everything_else_stays() {
    let app = TestApp::start().await;
    let mut before = listed(&app).await;
    update(&app, json!({ "name": " The App " }), "live").await;
    before["name"] = json!("The App");
    assert_eq!(listed(&app).await, before);
    for (status, active) in [("unlisted", true), ("archived", false), ("live", true)] {
        update(&app, json!({ "status": status }), status).await;
        before["status"] = json!(status);
        before["active"] = json!(active);
        assert_eq!(listed(&app).await, before);
    }
    update(
        &app,
        json!({ "name": "App", "status": "unlisted", "slug": "other" }),
        "unlisted",
    )
    .await;
    before["name"] = json!("App");
    before["status"] = json!("unlisted");
    assert_eq!(listed(&app).await, before);
}

#[tokio::test]
async fn a_product_of_an_earlier_version_is_changed_and_sold_like_any_other() {
    let app = TestApp::start().await;
    // Such a version knew neither of these.
    let product = json!({
        "TableName": schema::PRODUCTS.name,
        "Key": { "productId": { "S": PRODUCT }, "item": { "S": "#" } },
        "UpdateExpression": "REMOVE kind, #keys",
        "ExpressionAttributeNames": { "#keys": "keys" },
    });
    let (status, _) = app.database.answer("UpdateItem", product.to_string().as_bytes());
    assert_eq!(status, 200);
    let license = app.license().create().await;
    let validate = async |hwid: &str| {
        let asked = json!({ "key": license.key, "hwid": hwid });
        app.stranger().post("/api/license-keys/validate", asked).await
    };
    assert_eq!(validate("hw-1").await.expect(200)["valid"], true);
    update(&app, json!({ "name": "The App" }), "live").await;
    assert_eq!(listed(&app).await["name"], "The App");
    assert_eq!(validate("hw-1").await.expect(200)["product"]["name"], "The App");
}

#[tokio::test]
async fn inactive_means_archived_and_a_status_says_more() {
    let app = TestApp::start().await;
    for (changes, status) in [
        (json!({ "active": true }), "live"),
        (json!({ "active": false }), "archived"),
        (json!({ "active": false }), "archived"),
        (json!({ "active": true }), "live"),
        (json!({ "status": "unlisted" }), "unlisted"),
        (json!({ "active": true }), "unlisted"),
        (json!({ "active": false, "status": "live" }), "live"),
    ] {
        update(&app, changes, status).await;
        let listed = listed(&app).await;
        assert_eq!(
            (&listed["status"], &listed["active"]),
            (&json!(status), &json!(status != "archived"))
        );
    }
}

#[tokio::test]
async fn an_archived_product_is_read_only_but_for_its_status() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let variant = json!({ "productId": PRODUCT, "name": "Indie" });
    app.admin().post("/createVariant", variant).await.expect(200);
    update(&app, json!({ "status": "archived" }), "archived").await;
    for (path, asked) in [
        ("/updateProduct", json!({ "productId": PRODUCT, "name": "Other" })),
        (
            "/updateProduct",
            json!({ "productId": PRODUCT, "name": "Other", "status": "live" }),
        ),
        ("/createVariant", json!({ "productId": PRODUCT, "name": "Studio" })),
        ("/updateVariant", json!({ "variantId": "app-indie", "maxMachines": 9 })),
        (
            "/createLicense",
            json!({ "productId": PRODUCT, "email": "c@example.com" }),
        ),
    ] {
        let answer = app.admin().post(path, asked).await;
        answer.expect_refusal(400, "Product is archived");
    }
    assert_eq!(listed(&app).await["name"], "App");
    // What was sold works on, and can be looked after.
    app.machine("a").activate(&license).await.expect(200);
    let asked = json!({ "productId": PRODUCT });
    app.admin().post("/listVariants", asked.clone()).await.expect(200);
    assert_eq!(app.admin().post("/listLicenses", asked).await.expect(200)["count"], 1);
    update(&app, json!({ "status": "live" }), "live").await;
    update(&app, json!({ "name": "Other" }), "live").await;
}

#[tokio::test]
async fn an_update_needs_a_field_and_a_good_one() {
    let app = TestApp::start().await;
    for (asked, text) in [
        (json!({ "name": "Other" }), "Missing required fields: productId"),
        (json!({ "productId": PRODUCT }), "No fields to update"),
        (json!({ "productId": PRODUCT, "slug": "other" }), "No fields to update"),
        (json!({ "productId": PRODUCT, "status": "draft" }), "Invalid status"),
        (
            json!({ "productId": PRODUCT, "active": "maybe" }),
            "Invalid active: must be true or false",
        ),
    ] {
        app.admin()
            .post("/updateProduct", asked)
            .await
            .expect_refusal(400, text);
    }
}

#[tokio::test]
async fn another_owner_s_product_is_not_found() {
    let app = TestApp::start().await;
    let asked = json!({ "productId": PRODUCT, "name": "Mine" });
    let answer = app.creator("bob").await.post("/updateProduct", asked).await;
    answer.expect_refusal(404, "Product not found");
    let unknown = json!({ "productId": "unknown", "name": "Mine" });
    let answer = app.admin().post("/updateProduct", unknown).await;
    answer.expect_refusal(404, "Product not found");
    let asked = json!({ "productId": PRODUCT, "name": "Mine" });
    app.creator(OWNER).await.post("/updateProduct", asked).await.expect(200);
    assert_eq!(listed(&app).await["name"], "Mine");
}

#[tokio::test]
async fn two_updates_at_once_are_both_kept() {
    for seed in 0..16 {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let post = async |changes: Value| app.admin().post("/updateProduct", changes).await.expect(200).clone();
        tokio::join!(
            post(json!({ "productId": PRODUCT, "name": "Other" })),
            post(json!({ "productId": PRODUCT, "status": "unlisted" })),
        );
        let listed = listed(&app).await;
        assert_eq!(
            (&listed["name"], &listed["status"]),
            (&json!("Other"), &json!("unlisted")),
            "seed {seed}"
        );
    }
}
