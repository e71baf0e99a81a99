//! `POST /api/license-keys/reset`.

use keystead_tests::{Person, TestApp};
use serde_json::{Value, json};

use super::{BUYER, expect_bad, good, grouped, shuffle, update_product};

#[tokio::test]
async fn a_key_is_bound_as_often_as_its_product_lets_it() {
    let app = TestApp::start().await;
    update_product(
        &app,
        json!({ "maxActivations": 2, "image": "https://example.com/app.png" }),
    )
    .await;
    let license = grouped(&app).await;
    let buyer = app.person(BUYER).await;
    for (hwid, count) in [("hw-1", 1), ("hw-2", 2)] {
        let body = good(&app, &license.key, Some(hwid)).await;
        assert_eq!(
            (&body["activationCount"], &body["maxActivations"]),
            (&json!(count), &json!(2))
        );
        assert_eq!(body["product"]["image"], "https://example.com/app.png");
        let reset = json!({ "key": license.key });
        buyer
            .post("/api/license-keys/reset", reset)
            .await
            .expect_body(200, &json!({ "success": true }));
    }
    expect_bad(&app, &license.key, Some("hw-3"), "ACTIVE", "Activation limit reached").await;
    // A shuffle begins to count anew.
    let license = shuffle(&buyer, &license).await;
    assert_eq!(good(&app, &license.key, Some("hw-3")).await["activationCount"], 1);
    let listed = app.admin().post("/listProducts", json!({})).await;
    let product = &listed.expect(200)["products"][0];
    assert_eq!(
        (&product["maxActivations"], &product["image"]),
        (&json!(2), &json!("https://example.com/app.png"))
    );
}

#[tokio::test]
async fn a_reset_clears_the_binding_and_nothing_else() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2031-01-01T00:00:00Z").create().await;
    good(&app, &license.key, Some("hw-1")).await;
    let buyer = app.person(BUYER).await;
    let reset = json!({ "key": license.key });
    // A request that may be sent again has a name, and counts once.
    for _ in 0..2 {
        let answer = buyer.post_named("once", "/api/license-keys/reset", reset.clone()).await;
        answer.expect_body(200, &json!({ "success": true }));
    }
    let body = good(&app, &license.key, None).await;
    assert_eq!(
        (
            &body["hwid"],
            &body["hwidResetCount"],
            &body["activationCount"],
            &body["expiresAt"]
        ),
        (&Value::Null, &json!(1), &json!(1), &json!("2031-01-01T00:00:00.000Z"))
    );
    let body = good(&app, &license.key, Some("hw-2")).await;
    assert_eq!((&body["hwid"], &body["activationCount"]), (&json!("hw-2"), &json!(2)));
}

/// How often a key may be bound is asked of the product itself, whatever an index still says.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_behind_decides_no_binding() {
    for (before, now) in [(json!(null), json!(1)), (json!(1), json!(null)), (json!(2), json!(1))] {
        let app = TestApp::start().await;
        update_product(&app, json!({ "maxActivations": before })).await;
        let license = app.license().create().await;
        good(&app, &license.key, Some("hw-1")).await;
        let buyer = app.person(BUYER).await;
        let named = json!({ "key": license.key });
        buyer.post("/api/license-keys/reset", named).await.expect(200);
        let other = app.restarted().await;
        other.indexes_stand_still().await;
        update_product(&app, json!({ "maxActivations": now })).await;
        other.faults.calls();
        if now == 1 {
            let reason = "Activation limit reached";
            expect_bad(&other, &license.key, Some("hw-2"), "ACTIVE", reason).await;
        } else {
            let body = good(&other, &license.key, Some("hw-2")).await;
            assert_eq!((&body["activationCount"], &body["maxActivations"]), (&json!(2), &now));
        }
        let calls = other.faults.calls();
        let count = |operation: &str| calls.iter().filter(|call| *call == operation).count();
        // The product is read from its table before anything is decided.
        let binds = usize::from(now != 1);
        assert_eq!((count("Query"), count("TransactWriteItems")), (1, binds), "{calls:?}");
    }
}

#[tokio::test]
async fn a_key_from_elsewhere_is_found_as_it_is() {
    let app = TestApp::start().await;
    for key in [
        "DE300000-0000-4000-8000-00000000000A",
        "gld-abcd-ef23-gh45-jk67",
        "Imported Key",
    ] {
        let license = app.license().with("licenseKey", key).create().await;
        assert_eq!(good(&app, key, Some("hw-1")).await["key"], key);
        good(&app, key, Some("hw-1")).await;
        let buyer = match app.mails.mails().is_empty() {
            true => app.person(BUYER).await,
            false => Person::sign_in(&app, BUYER).await,
        };
        let reset = json!({ "key": key });
        buyer.post("/api/license-keys/reset", reset).await.expect(200);
        shuffle(&buyer, &license).await;
    }
}

#[tokio::test]
async fn a_vendor_takes_a_binding_back_with_the_machines() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    good(&app, &license.key, Some("hw-1")).await;
    assert_eq!(app.shown(&license).await["license"]["hwid"], "hw-1");
    let reset = json!({ "licenseKey": license.key });
    let answer = app.admin().post("/resetActivations", reset).await;
    assert_eq!(answer.expect(200)["deletedCount"], 1);
    let body = good(&app, &license.key, Some("hw-2")).await;
    assert_eq!((&body["hwid"], &body["hwidResetCount"]), (&json!("hw-2"), &json!(1)));
}
