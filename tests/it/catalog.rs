//! What is sold is kept by each process for a minute, and no request of the license-keys API waits for it.

use std::time::Duration;

use keystead_core::{product::ProductId, store::Connection};
use keystead_tests::{Fault, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::json;

const PATH: &str = "/api/license-keys/validate";
const MINUTE: Duration = Connection::CATALOG_KEPT;

async fn rename(app: &TestApp, name: &str) {
    let change = json!({ "productId": PRODUCT, "name": name });
    app.admin().post("/updateProduct", change).await.expect(200);
}

/// Asserts that the key is good, and of a product with this name.
async fn expect_named(app: &TestApp, license: &TestLicense, name: &str) {
    let body = json!({ "key": license.key, "hwid": "hw-1" });
    let answer = app.stranger().post(PATH, body).await;
    assert_eq!(answer.expect(200)["product"]["name"], name);
}

#[tokio::test]
async fn a_change_is_seen_after_a_minute_by_the_first_request() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let other = app.restarted().await;
    expect_named(&other, &license, "App").await;
    rename(&app, "Sketch").await;
    other.advance(MINUTE - Duration::from_millis(1));
    expect_named(&other, &license, "App").await;
    other.advance(Duration::from_millis(1));
    expect_named(&other, &license, "Sketch").await;
}

/// What was read in the guess that it is needed fails nobody.
#[tokio::test]
async fn a_product_that_cannot_be_read_beside_the_license_is_read_after_it() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    expect_named(&app, &license, "App").await;
    let other = app.restarted().await;
    rename(&other, "Sketch").await;
    app.advance(MINUTE);
    // The license is read and the event noted; the product, which the SDK asks for four times, is not.
    let faults = [Fault::None, Fault::None].into_iter().chain([Fault::ServerError; 4]);
    app.weather.forecast(faults);
    app.weather.calls();
    expect_named(&app, &license, "Sketch").await;
    let queries = app.weather.calls().into_iter().filter(|call| call == "Query").count();
    assert_eq!(queries, 5);
}

#[tokio::test]
async fn a_function_knows_the_products_before_its_first_request() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let begun = app.restarted().await;
    begun.warm_up(PATH).await;
    begun.weather.calls();
    expect_named(&begun, &license, "App").await;
    let calls = begun.weather.calls();
    assert!(!calls.contains(&"Query".to_owned()), "{calls:?}");
}

/// A page that ends amid the variants of a product is no reason to know half of them.
#[tokio::test]
async fn of_more_products_than_a_page_those_are_known_that_are_whole() {
    let app = TestApp::start().await;
    for product in 0..15 {
        let slug = format!("product-{product}");
        app.make_product(&slug, OWNER, "live").await;
        for variant in 0..9 {
            let variant = json!({ "productId": slug, "name": format!("V{variant}") });
            app.admin().post("/createVariant", variant).await.expect(200);
        }
    }
    let begun = app.restarted().await;
    begun.warm_up(PATH).await;
    let mut known = 0;
    for product in 0..15 {
        let id = ProductId::parse(&format!("product-{product}")).expect("an id");
        begun.weather.calls();
        let catalog = begun.cx.store.kept_catalog(&id, begun.now()).await.expect("a read");
        assert_eq!(catalog.expect("a product").variants.len(), 9, "{id}");
        known += usize::from(begun.weather.calls().is_empty());
    }
    assert!((9..=10).contains(&known), "{known}");
}

/// However many products a process knows, and however long it had nothing to do.
#[tokio::test]
async fn no_validation_waits_for_one_of_many_products() {
    let app = TestApp::start().await;
    let mut licenses = vec![app.license().create().await];
    for product in 0..8 {
        let slug = format!("product-{product}");
        app.make_product(&slug, OWNER, "live").await;
        licenses.push(app.license().with("productId", slug).create().await);
    }
    let begun = app.restarted().await;
    begun.warm_up(PATH).await;
    for license in &licenses {
        begun.advance(MINUTE);
        begun.weather.calls();
        let body = json!({ "key": license.key, "hwid": "hw-1" });
        begun.stranger().post(PATH, body).await.expect(200);
        let calls = begun.weather.calls();
        assert!(!calls.contains(&"Query".to_owned()), "{calls:?}");
        assert_eq!(calls.iter().filter(|call| *call == "Scan").count(), 1, "{calls:?}");
    }
    let body = json!({ "key": licenses[0].key, "hwid": "hw-1" });
    begun.stranger().post(PATH, body).await.expect(200);
    assert_eq!(begun.weather.calls().len(), 2, "the products are kept again");
}
