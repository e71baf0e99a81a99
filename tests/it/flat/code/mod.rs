//! Trial and discount codes: one store under two names.

mod create;
mod delete;
mod list;
mod redeem;
mod update;

use keystead_tests::{Answer, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

const NOT_FOUND: &str = "Trial code not found";

const REDEEMED: &str = "Trial already redeemed for this email";

const UPDATE: [&str; 2] = ["/updateTrialCode", "/updateDiscountCode"];

const DELETE: [&str; 2] = ["/deleteTrialCode", "/deleteDiscountCode"];

/// Makes a trial code of [`PRODUCT`].
async fn trial(app: &TestApp, code: &str, fields: Value) {
    let mut body = json!({ "code": code, "productId": PRODUCT });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = app.admin().post("/createTrialCode", body).await;
    answer.expect_body(200, &json!({ "success": true, "code": code }));
}

async fn redeem(app: &TestApp, code: &str, email: &str) -> Answer {
    redeem_with(app, json!({ "code": code, "email": email })).await
}

async fn redeem_with(app: &TestApp, body: Value) -> Answer {
    app.admin().post("/redeemTrialCode", body).await
}

/// The license that a redemption made.
async fn license(app: &TestApp, redeemed: &Answer) -> Value {
    let key = redeemed.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    app.shown(&TestLicense { key }).await["license"].clone()
}

/// The codes that `answer` lists.
#[track_caller]
fn listed(answer: &Answer) -> Vec<Value> {
    let body = answer.expect(200);
    let codes = body["codes"].as_array().expect("a list").clone();
    assert_eq!(*body, json!({ "success": true, "codes": codes, "count": codes.len() }));
    codes
}

/// A code as it is listed to the super admin.
async fn shown(app: &TestApp, name: &str) -> Value {
    let codes = listed(&app.admin().post("/listTrialCodes", json!({})).await);
    let found = codes.into_iter().find(|code| code["code"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}
