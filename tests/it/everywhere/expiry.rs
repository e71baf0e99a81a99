//! Expiry: licenses that end so long after they are first used.

use keystead_core::{
    license::{License, expiry::Expiry},
    value::days::Days,
};
use keystead_tests::{DAY, TestApp};
use serde_json::{Value, json};

fn after_first_use(license: &License) -> License {
    License {
        expiry: Expiry::AfterFirstUse {
            days: Days::parse(30).expect("days").into(),
        },
        ..license.clone()
    }
}

async fn expires_at(app: &TestApp, license: &keystead_tests::TestLicense) -> Value {
    app.shown(license).await["license"]["expiresAt"].clone()
}

#[tokio::test]
async fn a_license_that_ends_after_its_first_use_begins_with_its_first_machine() {
    let app = TestApp::start().await;
    let license = app.license().changed(after_first_use).create().await;
    app.advance(100 * DAY);
    assert_eq!(expires_at(&app, &license).await, json!(null));
    app.machine("a").activate(&license).await.expect(200);
    let ends = json!((app.now() + 30 * DAY).to_string());
    assert_eq!(expires_at(&app, &license).await, ends);
    app.advance(DAY);
    app.machine("b").activate(&license).await.expect(200);
    assert_eq!(expires_at(&app, &license).await, ends);
    app.advance(29 * DAY);
    app.machine("a").activate(&license).await.expect(403);
}

#[tokio::test]
async fn of_two_first_machines_at_once_one_begins_it() {
    let app = TestApp::start().await;
    let license = app.license().changed(after_first_use).create().await;
    let before = app.stored(&license).await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    let (a, b) = tokio::join!(a.activate(&license), b.activate(&license));
    a.expect(200);
    b.expect(200);
    let after = app.stored(&license).await;
    assert_eq!(after.first_used_at, Some(app.now()));
    assert_eq!((after.seats.machines_used, after.revision), (2, before.revision + 1));
}
