//! What is sold is kept by each process for a minute, and no request of the license-keys API waits for it.
//!
//! A request is patient for a tenth of a second; where calls are counted, no time passes by itself.

use std::time::Duration;

use http::Method;
use keystead_core::store::{Connection, meter::Usage};
use keystead_tests::{Answer, Fault, OWNER, PRODUCT, TestApp, TestLicense, request};
use serde_json::{Value, json};
use tokio::time::Instant;

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

/// What was read in the guess that it is needed fails nobody, and nobody waits for it long.
#[tokio::test(start_paused = true)]
async fn products_that_cannot_be_read_beside_the_license_are_read_after_it() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({ "key": license.key, "hwid": "hw-1" });
    post(&app, body.clone()).await.0.expect(200);
    let other = app.restarted().await;
    // The license is read and the event noted; the products are not.
    other
        .weather
        .forecast([Fault::None, Fault::None, Fault::Silence, Fault::Silence, Fault::Silence]);
    let asked = Instant::now();
    let (answer, usage) = post(&other, body.clone()).await;
    assert_eq!(answer.expect(200)["product"]["name"], "App");
    assert_eq!(usage.calls, 2 + 3 + 1);
    assert_eq!(asked.elapsed(), Duration::from_millis(100));
    // They are tried again in a minute, and not by each request.
    let mut measured = Vec::new();
    for _ in 0..2 {
        let usage = post(&other, body.clone()).await.1;
        measured.push((usage.calls, usage.rounds));
        other.advance(MINUTE);
    }
    assert_eq!(measured, [(2, 1), (2 + 3 + 1, 1)]);
}

/// However many products a process knows, and however long it had nothing to do: the first validation as well.
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
    let body = |license: &TestLicense| json!({ "key": license.key, "hwid": "hw-1" });
    for license in &licenses {
        let begun = app.restarted().await;
        let (answer, usage) = post(&begun, body(license)).await;
        assert_eq!(answer.expect(200)["valid"], true);
        assert_eq!((usage.calls, usage.rounds), (3 + 3, 2), "it binds");
    }
    for license in &licenses {
        let begun = app.restarted().await;
        for _ in 0..2 {
            let usage = post(&begun, body(license)).await.1;
            assert_eq!((usage.calls, usage.rounds), (2 + 3, 1), "all are read");
            for license in &licenses {
                let usage = post(&begun, body(license)).await.1;
                assert_eq!((usage.calls, usage.rounds), (2, 1), "all are kept");
            }
            begun.advance(MINUTE);
        }
    }
}

/// Those that are too many are read when they are asked for, and from then on beside the license.
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
    let body = |license: &TestLicense| json!({ "key": license.key });
    let mut waited = Vec::new();
    for license in &licenses {
        waited.push(post(&begun, body(license)).await.1.rounds > 1);
    }
    assert_eq!(waited, [[true; 5].as_slice(), &[false; 25]].concat());
    for license in [&licenses[29], &licenses[0]] {
        begun.advance(MINUTE);
        let usage = post(&begun, body(license)).await.1;
        assert_eq!(
            (usage.calls, usage.rounds),
            (2 + 3 + 5, 1),
            "those are read again as well"
        );
        let usage = post(&begun, body(license)).await.1;
        assert_eq!((usage.calls, usage.rounds), (2, 1));
    }
}

/// An index has a product a moment later than its table, and until then it is read by itself.
#[tokio::test(start_paused = true)]
async fn a_product_that_no_index_has_yet_is_read_with_the_newest_from_then_on() {
    let app = TestApp::start().await;
    let old = app.license().create().await;
    let begun = app.restarted().await;
    let body = |license: &TestLicense| json!({ "key": license.key });
    post(&begun, body(&old)).await.0.expect(200);
    begun.indexes_stand_still().await;
    app.make_product("new", OWNER, "live").await;
    let new = app.license().with("productId", "new").create().await;
    let mut measured = Vec::new();
    for _ in 0..3 {
        let usage = post(&begun, body(&new)).await.1;
        measured.push((usage.calls, usage.rounds));
        begun.indexes_catch_up();
        begun.advance(MINUTE);
    }
    // By itself, after the license; by itself and with the newest, beside it; with the newest.
    assert_eq!(measured, [(2 + 1, 2), (2 + 3 + 1, 1), (2 + 3, 1)]);
}
