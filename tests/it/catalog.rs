//! What is sold is kept by each process for a minute, and no request of the license-keys API waits for it.
//!
//! A request is patient for a tenth of a second; where calls are counted, no time passes by itself.

use std::time::Duration;

use http::Method;
use keystead_core::store::{Connection, meter::Usage};
use keystead_tests::{Answer, Fault, OWNER, PRODUCT, TestApp, TestLicense, request};
use serde_json::{Value, json};

const PATH: &str = "/api/license-keys/validate";
const MINUTE: Duration = Connection::CATALOG_KEPT;

async fn post(app: &TestApp, body: Value) -> (Answer, Usage) {
    let asked = request(&Method::POST, PATH, &[], body.to_string().as_bytes());
    app.send(asked).await
}

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

/// However many products a process knows, and however long it had nothing to do.
#[tokio::test(start_paused = true)]
async fn no_validation_waits_for_its_product() {
    let app = TestApp::start().await;
    let mut licenses = vec![app.license().create().await];
    for (product, status) in ["live", "unlisted", "archived"].iter().cycle().take(9).enumerate() {
        let slug = format!("product-{product}");
        app.make_product(&slug, OWNER, "live").await;
        licenses.push(app.license().with("productId", slug.as_str()).create().await);
        let change = json!({ "productId": slug, "status": status });
        app.admin().post("/updateProduct", change).await.expect(200);
    }
    let begun = app.restarted().await;
    begun.warm_up(PATH).await;
    let body = |license: &TestLicense| json!({ "key": license.key, "hwid": "hw-1" });
    for license in &licenses {
        let (answer, usage) = post(&begun, body(license)).await;
        assert_eq!(answer.expect(200)["valid"], true);
        assert_eq!((usage.calls, usage.rounds), (3, 2), "it binds");
    }
    for license in &licenses {
        begun.advance(MINUTE);
        let usage = post(&begun, body(license)).await.1;
        assert_eq!((usage.calls, usage.rounds), (2 + 10, 1), "all are read again");
        let usage = post(&begun, body(license)).await.1;
        assert_eq!((usage.calls, usage.rounds), (2, 1), "all are kept again");
    }
}

/// Those that are too many are read when they are asked for, and not again at each request.
#[tokio::test(start_paused = true)]
async fn of_many_products_the_newest_are_known() {
    let app = TestApp::start().await;
    let mut licenses = Vec::new();
    for product in 0..30 {
        let slug = format!("product-{product}");
        app.advance(Duration::from_millis(1));
        app.make_product(&slug, OWNER, "live").await;
        licenses.push(app.license().with("productId", slug).create().await);
    }
    let begun = app.restarted().await;
    begun.warm_up(PATH).await;
    let body = |license: &TestLicense| json!({ "key": license.key });
    let mut waited = Vec::new();
    for license in &licenses {
        waited.push(post(&begun, body(license)).await.1.rounds > 1);
    }
    assert_eq!(waited, [[true; 5].as_slice(), &[false; 25]].concat());
    begun.advance(MINUTE);
    assert_eq!(post(&begun, body(&licenses[29])).await.1.calls, 2 + 25);
    assert_eq!(post(&begun, body(&licenses[29])).await.1.calls, 2);
}
