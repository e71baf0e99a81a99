//! Each process caches products for a minute. A request that says which product it is about reads it beside the rest; of a
//! license key, only the license tells, so the first request and one a minute wait for the product.

use std::time::Duration;

use http::Method;
use keystead_core::store::{Connection, meter::Usage, schema};
use keystead_tests::{Answer, Fault, OWNER, PRODUCT, TestApp, TestLicense, request, storm::seeds};
use serde_json::{Value, json};

const PATH: &str = "/api/license-keys/validate";
const MINUTE: Duration = Connection::PRODUCT_TTL;

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

/// What was decided on a cached product does not keep it in the cache for longer.
#[tokio::test(start_paused = true)]
async fn a_binding_keeps_no_product_longer() {
    let app = TestApp::start().await;
    let (license, unbound) = (app.license().create().await, app.license().create().await);
    let other = app.restarted().await;
    expect_named(&other, &license, "App").await;
    rename(&app, "Sketch").await;
    other.advance(MINUTE - Duration::from_millis(1));
    expect_named(&other, &unbound, "App").await;
    other.advance(Duration::from_millis(1));
    for license in [&license, &unbound] {
        expect_named(&other, license, "Sketch").await;
    }
}

/// A request without its product fails, and the next one reads it: an error is not cached.
#[tokio::test(start_paused = true)]
async fn a_product_that_cannot_be_read_is_read_by_the_next_request() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({ "key": license.key, "hwid": "hw-1" });
    post(&app, body.clone()).await.0.expect(200);
    let other = app.restarted().await;
    // The license is read; the product is not.
    other.faults.inject([Fault::None, Fault::Garbled]);
    post(&other, body.clone()).await.0.expect(500);
    let mut measured = Vec::new();
    for _ in 0..2 {
        let (answer, usage) = post(&other, body.clone()).await;
        assert_eq!(answer.expect(200)["product"]["name"], "App");
        measured.push((usage.calls, usage.rounds));
    }
    assert_eq!(measured, [(1 + 1, 1 + 1), (1, 1)]);
}

/// Whatever a product's status: its first license is answered a round later, and once a minute again.
#[tokio::test(start_paused = true)]
async fn a_validation_waits_for_its_product_once_a_minute() {
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
        assert_eq!((usage.calls, usage.rounds), (2 + 1, 2 + 1), "it binds");
    }
    let begun = app.restarted().await;
    for _ in 0..2 {
        for license in &licenses {
            let usage = post(&begun, body(license)).await.1;
            assert_eq!((usage.calls, usage.rounds), (1 + 1, 1 + 1), "it is read");
        }
        for license in &licenses {
            let usage = post(&begun, body(license)).await.1;
            assert_eq!((usage.calls, usage.rounds), (1, 1), "it is cached");
        }
        begun.advance(MINUTE);
    }
}

/// However many products a process is asked for, a request reads its own and no other.
#[tokio::test(start_paused = true)]
async fn of_many_products_a_request_reads_its_own() {
    let app = TestApp::start().await;
    let mut licenses = Vec::new();
    for product in 0..55 {
        let slug = format!("product-{product}");
        app.advance(Duration::from_millis(1));
        app.make_product(&slug, OWNER, "live").await;
        licenses.push(app.license().with("productId", slug).create().await);
    }
    // That each was found good is noted, for an hour.
    for license in &licenses {
        post(&app, json!({ "key": license.key })).await.0.expect(200);
    }
    let begun = app.restarted().await;
    let measure = async |license: &TestLicense| {
        let usage = post(&begun, json!({ "key": license.key })).await.1;
        (usage.calls, usage.rounds)
    };
    for license in &licenses {
        assert_eq!(measure(license).await, (1 + 1, 2));
    }
    for license in &licenses {
        assert_eq!(measure(license).await, (1, 1));
    }
    begun.advance(MINUTE);
    assert_eq!(measure(&licenses[0]).await, (1 + 1, 2));
    assert_eq!(measure(&licenses[0]).await, (1, 1));
}

/// An index has a product a moment later than its table, and has no say in what a key is for.
#[tokio::test(start_paused = true)]
async fn a_product_that_no_index_has_yet_is_read() {
    let app = TestApp::start().await;
    let begun = app.restarted().await;
    begun.indexes_stand_still().await;
    app.make_product("new", OWNER, "live").await;
    let new = app.license().with("productId", "new").create().await;
    let (answer, usage) = post(&begun, json!({ "key": new.key })).await;
    assert_eq!(answer.expect(200)["product"]["name"], "new");
    assert_eq!((usage.calls, usage.rounds), (2 + 1, 2 + 1), "and it is noted");
}

/// Versions, variables or files may stand beside a product and its variants, which are read without them.
#[tokio::test]
async fn what_else_belongs_to_a_product_is_not_read_with_it() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let variant = json!({ "productId": PRODUCT, "name": "Pro" });
    app.admin().post("/createVariant", variant).await.expect(200);
    let other = json!({ "productId": { "S": PRODUCT }, "item": { "S": "version#1.0.0" }, "size": { "N": "7" } });
    app.put_item(&schema::PRODUCTS, other);
    expect_named(&app.restarted().await, &license, "App").await;
    let listed = app.admin().post("/listVariants", json!({ "productId": PRODUCT })).await;
    let variants = listed.expect(200)["variants"].as_array().expect("variants").clone();
    assert_eq!(variants.len(), 1);
}

/// What was read of a product before it was changed, and arrives after, is not kept.
#[tokio::test]
async fn a_change_is_seen_at_once_by_the_process_that_makes_it() {
    for seed in seeds(40) {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().create().await;
        let body = json!({ "key": license.key, "hwid": "hw-1" });
        tokio::join!(rename(&app, "Sketch"), post(&app, body));
        expect_named(&app, &license, "Sketch").await;
    }
}
