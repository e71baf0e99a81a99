//! What stores tell of purchases.

mod cglounge;
mod owner;
mod owner_stripe;
mod sale;
mod stripe;
mod subscription;

use keystead_tests::{Answer, TestApp, TestLicense};
use serde_json::Value;

fn license(answer: &Answer) -> TestLicense {
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    TestLicense { key }
}

async fn shown(app: &TestApp, license: &TestLicense) -> Value {
    app.shown(license).await["license"].clone()
}

async fn bought(app: &TestApp, notice: Value) -> TestLicense {
    license(&app.store().tell("purchase.completed", notice).await)
}
