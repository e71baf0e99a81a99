//! Which names an API key may give to products and codes: `KEYSTEAD_NAMES`.

use keystead_core::{config::Config, owner::names::NamePolicy};
use keystead_tests::{OWNER, Options, TestApp};
use serde_json::json;

async fn by_owner() -> TestApp {
    let config = Config {
        names: NamePolicy::ByOwner,
        ..Config::default()
    };
    Options::default().config(config).start().await
}

#[tokio::test]
async fn an_api_key_makes_products_and_codes_under_its_owner_s_prefix_only() {
    let app = by_owner().await;
    let bob = app.creator("bob").await;
    let product = |slug: &str| json!({ "name": "Brush", "slug": slug });
    bob.post("/createProduct", product("bob.brush")).await.expect(200);
    let code = |code: &str| json!({ "code": code, "productId": "bob.brush" });
    for path in ["/createTrialCode", "/createDiscountCode"] {
        let own = format!("bob-{}", &path[7..8]);
        bob.post(path, code(&own)).await.expect(200);
        for foreign in ["SALE", "ALICE-SALE", "BOB", "BOB-", "BOBSALE"] {
            bob.post(path, code(foreign))
                .await
                .expect_refusal(400, "Invalid code: must be a name that begins with BOB-");
        }
    }
    for foreign in ["brush", "alice.brush", "bob", "bob.", "BOB.brush"] {
        bob.post("/createProduct", product(foreign))
            .await
            .expect_refusal(400, "Invalid slug: must be a name that begins with bob.");
    }
    // The operator gives any name to anybody.
    let any = json!({ "name": "Brush", "slug": "brush", "creatorId": "bob" });
    app.admin().post("/createProduct", any).await.expect(200);
    let any = json!({ "code": "SALE", "productId": "brush" });
    app.admin().post("/createTrialCode", any).await.expect(200);
}

/// Nobody learns what others have, or takes it away from them.
#[tokio::test]
async fn a_name_of_another_is_refused_alike_whether_there_is_one_or_not() {
    let app = by_owner().await;
    let (alice, bob) = (app.creator(OWNER).await, app.creator("bob").await);
    let product = |slug: &str| json!({ "name": "Brush", "slug": slug });
    let code = |code: &str| json!({ "code": code });
    let before = bob.post("/createProduct", product("alice.brush")).await;
    let code_before = bob.post("/createDiscountCode", code("ALICE-50")).await;
    alice.post("/createProduct", product("alice.brush")).await.expect(200);
    alice.post("/createDiscountCode", code("alice-50")).await.expect(200);
    app.faults.calls();
    let after = bob.post("/createProduct", product("alice.brush")).await;
    let code_after = bob.post("/createDiscountCode", code("ALICE-50")).await;
    after.expect_body(400, &before.body);
    code_after.expect_body(400, &code_before.body);
    // Among one's own names, one is told that there is one.
    alice
        .post("/createProduct", product("alice.brush"))
        .await
        .expect_refusal(409, "A product with this slug already exists");
}

#[tokio::test]
async fn the_prefix_is_shown_with_the_keys_of_an_owner() {
    let app = by_owner().await;
    let wanted = json!({ "creatorId": "Bob & Sons", "name": "script" });
    let made = app.admin().post("/createApiKey", wanted).await;
    let handle = made.expect(200)["handle"].as_str().expect("a handle").to_owned();
    assert!(handle.starts_with('x') && handle.len() == 13, "{handle}");
    let listed = app.admin().post("/listApiKeys", json!({})).await;
    assert_eq!(listed.expect(200)["keys"][0]["handle"], handle);
    let key = made.body["apiKey"].clone();
    let product = json!({ "apiKey": key, "name": "Brush", "slug": format!("{handle}.brush") });
    app.stranger().post("/createProduct", product).await.expect(200);
    // Where names are shared, nothing has to begin with it.
    let app = TestApp::start().await;
    let wanted = json!({ "creatorId": "bob", "name": "script" });
    let made = app.admin().post("/createApiKey", wanted).await;
    assert!(made.expect(200).get("handle").is_none());
    let bob = app.creator("bob").await;
    let product = json!({ "name": "Brush", "slug": "alice.brush" });
    bob.post("/createProduct", product).await.expect(200);
}

/// Keys from elsewhere are unique over all owners too, and there the answer does not tell whose one is.
#[tokio::test]
async fn a_license_key_that_is_taken_is_refused_alike_whoever_has_it() {
    let app = TestApp::start().await;
    app.make_product("bobs", "bob", "live").await;
    let (alice, bob) = (app.creator(OWNER).await, app.creator("bob").await);
    let wanted =
        |key: &str, product: &str| json!({ "email": "a@example.com", "productId": product, "licenseKey": key });
    alice
        .post("/createLicense", wanted("ALICES-KEY-0001", "app"))
        .await
        .expect(200);
    bob.post("/createLicense", wanted("BOBS-KEY-0001", "bobs"))
        .await
        .expect(200);
    let own = bob.post("/createLicense", wanted("BOBS-KEY-0001", "bobs")).await;
    let foreign = bob.post("/createLicense", wanted("ALICES-KEY-0001", "bobs")).await;
    own.expect_refusal(409, "A license with this key already exists");
    foreign.expect_body(409, &own.body);
}
