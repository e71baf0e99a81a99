//! What is sold is kept by each process for a minute, and no request of the license-keys API waits for it.
//!
//! A request is patient for a tenth of a second; where calls are counted, no time passes by itself.

use std::time::Duration;

use http::Method;
use keystead_core::store::{Connection, meter::Usage};
use keystead_tests::{Answer, Fault, OWNER, PRODUCT, TestApp, TestLicense, request, storm::seeds};
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

/// Nobody is shown for longer what an index said when it was asked, whatever was decided on it meanwhile.
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

/// What was read in the guess that it is needed fails nobody, and nobody waits for it long.
#[tokio::test(start_paused = true)]
async fn products_that_cannot_be_read_beside_the_license_are_read_after_it() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({ "key": license.key, "hwid": "hw-1" });
    post(&app, body.clone()).await.0.expect(200);
    // The license is read and the event noted; the products are not.
    for fault in [Fault::Silence, Fault::Garbled] {
        let other = app.restarted().await;
        other.faults.inject([Fault::None, Fault::None, fault]);
        let asked = Instant::now();
        let (answer, usage) = post(&other, body.clone()).await;
        assert_eq!(answer.expect(200)["product"]["name"], "App");
        assert_eq!(usage.calls, 2 + 1 + 1);
        assert!(asked.elapsed() <= Duration::from_millis(100), "{:?}", asked.elapsed());
        // They are tried again in a minute, and not by each request.
        let mut measured = Vec::new();
        for _ in 0..2 {
            let usage = post(&other, body.clone()).await.1;
            measured.push((usage.calls, usage.rounds));
            other.advance(MINUTE);
        }
        assert_eq!(measured, [(2, 1), (2 + 1 + 1, 1)]);
    }
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
        assert_eq!((usage.calls, usage.rounds), (3 + 1, 2), "it binds");
    }
    for license in &licenses {
        let begun = app.restarted().await;
        for _ in 0..2 {
            let usage = post(&begun, body(license)).await.1;
            assert_eq!((usage.calls, usage.rounds), (2 + 1, 1), "all are read");
            for license in &licenses {
                let usage = post(&begun, body(license)).await.1;
                assert_eq!((usage.calls, usage.rounds), (2, 1), "all are kept");
            }
            begun.advance(MINUTE);
        }
    }
}

/// Those that are too many are read when they are asked for, and from then on beside the license: so many at a time, and as
/// long as somebody asks for them.
#[tokio::test(start_paused = true)]
async fn of_many_products_the_newest_are_known() {
    let app = TestApp::start().await;
    let mut licenses = Vec::new();
    for product in 0..55 {
        let slug = format!("product-{product}");
        app.advance(Duration::from_millis(1));
        app.make_product(&slug, OWNER, "live").await;
        licenses.push(app.license().with("productId", slug).create().await);
    }
    let begun = app.restarted().await;
    let measure = async |license: &TestLicense| {
        let usage = post(&begun, json!({ "key": license.key })).await.1;
        (usage.calls, usage.rounds)
    };
    let mut waited = Vec::new();
    for license in &licenses {
        waited.push(measure(license).await.1 > 1);
    }
    assert_eq!(waited, [[true; 30].as_slice(), &[false; 25]].concat());
    begun.advance(MINUTE);
    assert_eq!(measure(&licenses[54]).await, (2 + 1 + 25, 1));
    assert_eq!(measure(&licenses[54]).await, (2, 1));
    let mut waited = 0;
    for license in &licenses[..30] {
        waited += usize::from(measure(license).await.1 > 1);
    }
    assert_eq!(waited, 5, "those are asked for, and were too many");
    begun.advance(MINUTE);
    assert_eq!(measure(&licenses[54]).await, (2 + 1 + 25, 1));
    begun.advance(MINUTE);
    assert_eq!(measure(&licenses[54]).await, (2 + 1, 1), "nobody asked for the others");
}

/// An index has a product a moment later than its table, and until then it is read by itself.
#[tokio::test(start_paused = true)]
async fn a_product_that_no_index_has_yet_is_read_by_itself() {
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
        begun.advance(MINUTE);
    }
    // After the license, and from then on beside it.
    assert_eq!(measured, [(2 + 1, 2), (2 + 1 + 1, 1), (2 + 1 + 1, 1)]);
    // Where it can't be read beside the license, it is read after it.
    begun
        .faults
        .inject([Fault::None, Fault::None, Fault::None, Fault::Garbled]);
    let (answer, usage) = post(&begun, body(&new)).await;
    assert_eq!(answer.expect(200)["product"]["name"], "new");
    assert_eq!((usage.calls, usage.rounds), (2 + 1 + 1 + 1, 2));
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
