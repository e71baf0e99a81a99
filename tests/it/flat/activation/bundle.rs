//! Bundles: one key that opens several products.

use keystead_tests::{OWNER, PRODUCT, TestApp, TestLicense, token::claims};
use serde_json::json;

const WRONG_PRODUCT: &str = "License is for a different product";

/// A key for [`PRODUCT`], `brush` and `render`, with two seats.
async fn bundle(app: &TestApp) -> TestLicense {
    for product in ["brush", "render", "apart"] {
        app.make_product(product, OWNER, "live").await;
    }
    app.license()
        .with("bundleId", "creator-suite")
        .with("unlockedProducts", json!(["brush", "render"]))
        .create()
        .await
}

#[tokio::test]
async fn a_bundle_opens_its_own_product_and_every_one_it_unlocks() {
    let app = TestApp::start().await;
    let license = bundle(&app).await;
    let machine = app.machine("a");
    for product in [PRODUCT, "brush", "render"] {
        let named = json!({ "productId": product });
        machine.activate_with(&license, named.clone()).await.0.expect(200);
        machine.validate_with(&license, named.clone()).await.0.expect(200);
        let verified = json!({ "licenseKey": license.key, "productId": product });
        app.stranger().post("/verify", verified).await.expect(200);
    }
    let apart = json!({ "productId": "apart" });
    machine
        .activate_with(&license, apart.clone())
        .await
        .0
        .expect_refusal(403, WRONG_PRODUCT);
    machine
        .validate_with(&license, apart)
        .await
        .0
        .expect_invalid(403, WRONG_PRODUCT);
    let verified = json!({ "licenseKey": license.key, "productId": "apart" });
    app.stranger().post("/verify", verified).await.expect(403);
}

#[tokio::test]
async fn a_machine_takes_one_seat_for_the_whole_bundle() {
    let app = TestApp::start().await;
    let license = bundle(&app).await;
    for product in [PRODUCT, "brush", "render"] {
        let (answer, _) = app
            .machine("a")
            .activate_with(&license, json!({ "productId": product }))
            .await;
        assert_eq!(answer.expect(200)["machinesUsed"], 1);
    }
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_token_names_the_product_that_was_asked_for() {
    let app = TestApp::start().await;
    let license = bundle(&app).await;
    let machine = app.machine("a");
    machine
        .activate_with(&license, json!({ "productId": "brush" }))
        .await
        .0
        .expect(200);
    let of_brush = machine.token();
    assert_eq!(claims(&of_brush)["productId"], "brush");

    // Without a product, the token's own is meant.
    assert_eq!(machine.validate(&license).await.expect(200)["token"], of_brush);

    // Another application of the bundle on this machine shows what it found, and gets a token of its own.
    let (answer, _) = machine.validate_with(&license, json!({ "productId": "render" })).await;
    assert_eq!(answer.expect(200)["refreshed"], true);
    assert_eq!(claims(&machine.token())["productId"], "render");
}

#[tokio::test]
async fn the_bundle_is_shown_with_its_products() {
    let app = TestApp::start().await;
    let license = bundle(&app).await;
    let shown = app.shown(&license).await;
    assert_eq!(shown["license"]["bundleId"], "creator-suite");
    assert_eq!(shown["license"]["productId"], PRODUCT);
    assert_eq!(shown["license"]["unlockedProducts"], json!(["brush", "render"]));
}

#[tokio::test]
async fn every_unlocked_product_must_be_known_and_in_scope() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "live").await;
    app.make_product("bobs", "bob", "live").await;
    let wanted = |unlocked: serde_json::Value| json!({ "email": "c@example.com", "productId": PRODUCT, "unlockedProducts": unlocked });
    let alice = app.creator(OWNER).await;
    alice.post("/createLicense", wanted(json!(["brush"]))).await.expect(200);
    alice
        .post("/createLicense", wanted(json!(["brush", "brush", PRODUCT])))
        .await
        .expect(200);
    alice.post("/createLicense", wanted(json!([]))).await.expect(200);
    for unlocked in [json!(["bobs"]), json!(["brush", "bobs"]), json!(["unknown"])] {
        let answer = alice.post("/createLicense", wanted(unlocked)).await;
        answer.expect_refusal(404, "Product not found");
    }
    app.admin()
        .post("/createLicense", wanted(json!(["bobs"])))
        .await
        .expect(200);
    app.admin()
        .post("/createLicense", wanted(json!(["unknown"])))
        .await
        .expect_refusal(404, "Product not found");
}
