//! `POST /v1/licenses/authorize`.

use keystead_core::owner::permission::Permission;
use keystead_tests::{Answer, DAY, MINUTE, TestApp, TestLicense};
use serde_json::{Value, json};

#[track_caller]
fn expect_denial(answer: &Answer, reason: &str) {
    let body = answer.expect(403);
    assert_eq!((&body["ok"], &body["allow"]), (&json!(false), &json!(false)));
    assert_eq!(body["reasonCode"], reason, "{body}");
}

#[track_caller]
fn remaining(answer: &Answer) -> &Value {
    &answer.expect(200)["limits"]["remaining"]
}

#[tokio::test]
async fn an_application_is_told_all_that_it_may() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let limits = json!({
        "hwid": { "mode": "limit", "maxDistinct": 3 },
        "concurrency": { "mode": "limit", "maxActive": 2 },
    });
    let (license, _) = shop
        .license(json!({
            "policyOverride": { "v": 1, "limits": limits }, "expiresAfterDays": 30,
        }))
        .await;
    let granted = shop
        .authorize(&license, json!({ "hwid": "a", "sessionId": "one" }))
        .await;
    granted.expect_body(
        200,
        &json!({
            "ok": true, "allow": true, "reasonCode": "ALLOW", "message": "Authorization granted",
            "policy": { "summary": "Authorization granted" },
            "limits": { "remaining": { "hwid": 2, "ip": "unlimited", "concurrency": 1 } },
            "activatedAt": "2030-01-01T00:00:00.000Z",
            "effectiveExpiresAt": "2030-01-31T00:00:00.000Z",
            "expiresAt": null, "expiresAfterDays": 30,
        }),
    );
    let stored = app.assert_counters_true(&license).await;
    assert_eq!((stored.seats.machines_used, stored.seats.sessions_open), (1, 1));
}

#[tokio::test]
async fn a_known_application_costs_a_write_once_in_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, _) = shop
        .limited(json!({ "hwid": { "mode": "limit", "maxDistinct": 3 } }))
        .await;
    let ask = async || shop.authorize_metered(&license, json!({ "hwid": "a" })).await;
    ask().await.0.expect(200);
    // This process knows the key and the product now.
    let (again, usage) = ask().await;
    again.expect(200);
    assert_eq!((usage.rounds, usage.write_units), (1, 0.0), "{usage:?}");
    assert!(usage.read_units <= 8.0, "{usage:?}");
    app.advance(15 * MINUTE);
    let (later, usage) = ask().await;
    later.expect(200);
    assert_eq!(usage.rounds, 2, "{usage:?}");
    let (again, usage) = ask().await;
    again.expect(200);
    assert_eq!(usage.write_units, 0.0, "{usage:?}");
}

#[tokio::test]
async fn what_a_license_is_denied_for_is_told_in_the_order_of_the_contract() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let unknown = TestLicense {
        key: "unknown".to_owned(),
    };
    let answer = shop.authorize(&unknown, json!({})).await;
    answer.expect_body(
        404,
        &json!({
            "ok": false, "allow": false, "reasonCode": "LICENSE_NOT_FOUND", "error": "LICENSE_NOT_FOUND",
            "message": "License key not found",
        }),
    );
    // Another owner's license is not there; another product's of one's own is of another product.
    let foreign = app.license().create().await;
    assert_eq!(
        shop.authorize(&foreign, json!({})).await.expect(404)["reasonCode"],
        "LICENSE_NOT_FOUND"
    );
    app.make_product("other", &shop.org, "live").await;
    let other = app.license().with("productId", "other").create().await;
    expect_denial(&shop.authorize(&other, json!({})).await, "PRODUCT_MISMATCH");

    let (license, view) = shop
        .license(json!({
            "policyOverride": { "v": 1, "limits": { "hwid": { "mode": "sticky" } } }, "expiresAfterDays": 1,
        }))
        .await;
    let ask = async |fields: Value| shop.authorize(&license, fields).await;
    expect_denial(&ask(json!({})).await, "HWID_REQUIRED");
    ask(json!({ "hwid": "a" })).await.expect(200);
    let mismatch = ask(json!({ "hwid": "b" })).await;
    expect_denial(&mismatch, "HWID_MISMATCH");
    assert_eq!(mismatch.body["message"], "Hardware ID does not match bound device");
    app.advance(DAY);
    expect_denial(&ask(json!({ "hwid": "b" })).await, "LICENSE_EXPIRED_RELATIVE");
    let shop = shop.signed_in().await;
    let frozen = shop.of_many("freeze", json!({ "licenseIds": [view["id"]] })).await;
    // What has ended is not frozen.
    assert_eq!(frozen.expect(200)["data"]["updated"], 0);
    shop.of_many("extend", json!({ "licenseIds": [view["id"]], "days": 30 }))
        .await
        .expect(200);
    shop.of_many("freeze", json!({ "licenseIds": [view["id"], view["id"], "unknown"] }))
        .await
        .expect_body(200, &json!({ "ok": true, "data": { "updated": 1, "count": 1 } }));
    let denied = shop.authorize(&license, json!({ "hwid": "b" })).await;
    expect_denial(&denied, "LICENSE_REVOKED");
    assert_eq!(denied.body["message"], "License is frozen");
    app.machine("a")
        .activate_with(&license, json!({ "productId": shop.product }))
        .await
        .0
        .expect_refusal(403, "License is suspended");
    shop.of_many("unfreeze", json!({ "licenseIds": [view["id"]] }))
        .await
        .expect(200);
    shop.authorize(&license, json!({ "hwid": "a" })).await.expect(200);
    shop.of(&view, "POST", "/revoke", json!({})).await.expect(200);
    let denied = shop.authorize(&license, json!({ "hwid": "a" })).await;
    expect_denial(&denied, "LICENSE_REVOKED");
    assert_eq!(denied.body["message"], "License has been revoked");
}

#[tokio::test]
async fn machines_sessions_and_addresses_are_limited_and_reset() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let limits = json!({
        "hwid": { "mode": "limit", "maxDistinct": 2 },
        "ip": { "mode": "limit", "maxDistinct": 1, "windowDays": 7, "limitType": "ip" },
        "concurrency": { "mode": "limit", "maxActive": 1 },
        "resetBudget": { "hwid": { "max": 1, "cooldownHours": 24 } },
    });
    let (license, view) = shop.limited(limits).await;
    let ask = async |hwid: &str, ip: &str, session: &str| {
        shop.authorize(&license, json!({ "hwid": hwid, "ip": ip, "sessionId": session }))
            .await
    };
    let first = ask("a", "203.0.113.1", "s1").await;
    assert_eq!(remaining(&first), &json!({ "hwid": 1, "ip": 0, "concurrency": 0 }));
    expect_denial(&ask("a", "203.0.113.2", "s1").await, "IP_LIMIT_EXCEEDED");
    expect_denial(&ask("b", "203.0.113.1", "s2").await, "CONCURRENCY_LIMIT_EXCEEDED");
    // A session that gave no sign of life for a quarter of an hour makes room.
    app.advance(15 * MINUTE);
    ask("b", "203.0.113.1", "s2").await.expect(200);
    app.advance(15 * MINUTE);
    expect_denial(&ask("c", "203.0.113.1", "s3").await, "HWID_LIMIT_EXCEEDED");
    shop.owner.refresh().await;
    let sessions = shop.of(&view, "GET", "/sessions?all=true", json!({})).await;
    let sessions = sessions.expect(200)["data"]["sessions"]
        .as_array()
        .expect("a list")
        .clone();
    assert!(
        sessions.iter().any(|session| session["sessionId"] == "s2"),
        "{sessions:?}"
    );

    let reset = shop.of(&view, "POST", "/reset-hwid", json!({})).await;
    let data = &reset.expect(200)["data"];
    assert_eq!((&data["resetsUsed"], &data["resetsRemaining"]), (&json!(1), &json!(0)));
    let again = shop.of(&view, "POST", "/reset-hwid", json!({})).await;
    assert_eq!(again.expect(403)["error"]["code"], "LIMIT_REACHED");
    app.assert_counters_true(&license).await;
    ask("c", "203.0.113.1", "s3").await.expect(200);
    // A session that the vendor ends does not come back.
    let path = "/sessions/s3/revoke";
    assert_eq!(
        shop.of(&view, "POST", path, json!({})).await.expect(200)["data"]["session"]["active"],
        false
    );
    expect_denial(&ask("c", "203.0.113.1", "s3").await, "SESSION_REVOKED");
    app.advance(7 * DAY);
    ask("c", "203.0.113.2", "s4").await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, _) = shop
        .limited(json!({ "hwid": { "mode": "limit", "maxDistinct": 1 } }))
        .await;
    shop.authorize(&TestLicense { key: "none".to_owned() }, json!({}))
        .await
        .expect(404);
    let asked = json!({ "hwid": "a", "sessionId": "s", "dryRun": true });
    let (dry, usage) = shop.authorize_metered(&license, asked).await;
    assert_eq!(remaining(&dry)["hwid"], 0);
    assert_eq!((&dry.body["activatedAt"], usage.write_units), (&Value::Null, 0.0));
    assert_eq!(app.stored(&license).await.seats.machines_used, 0);
}

#[tokio::test]
async fn a_key_opens_its_own_product_and_what_it_is_permitted() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, _) = shop.license(json!({})).await;
    let body = json!({ "productId": shop.product, "licenseKey": license.key });
    let none = shop.authorize_by("gg_none", body.clone()).await.0;
    none.expect_body(
        401,
        &json!({ "ok": false, "error": { "message": "Invalid or missing API key", "code": "UNAUTHORIZED" } }),
    );
    let reader = app
        .product_key(&shop.org, &shop.product, Some(&[Permission::LicenseRead]))
        .await;
    let refused = shop.authorize_by(&reader, body.clone()).await.0;
    let error = &refused.expect(403)["error"];
    assert_eq!(error["message"], "API key lacks required permission: license:authorize");
    app.make_product("other", &shop.org, "live").await;
    let other = app.product_key(&shop.org, "other", None).await;
    let refused = shop.authorize_by(&other, body).await.0;
    assert_eq!(
        refused.expect(403)["error"]["message"],
        "API key is not bound to this product"
    );
}

#[tokio::test]
async fn one_license_has_one_ledger_of_machines_for_every_api() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop
        .limited(json!({ "hwid": { "mode": "limit", "maxDistinct": 2 } }))
        .await;
    shop.authorize(&license, json!({ "hwid": "a" })).await.expect(200);
    let flat = app.machine("b");
    flat.activate_with(&license, json!({ "productId": shop.product }))
        .await
        .0
        .expect(200);
    expect_denial(
        &shop.authorize(&license, json!({ "hwid": "c" })).await,
        "HWID_LIMIT_EXCEEDED",
    );
    let full = app
        .machine("c")
        .activate_with(&license, json!({ "productId": shop.product }))
        .await
        .0;
    full.expect_refusal(403, "Machine limit reached (2). Deactivate another machine first.");
    // The flat API's machine is known to the other.
    shop.authorize(&license, json!({ "hwid": flat.fingerprint }))
        .await
        .expect(200);
    let shown = shop.of(&view, "GET", "", json!({})).await;
    let bindings = shown.expect(200)["data"]["bindings"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(bindings.iter().filter(|binding| binding["type"] == "HWID").count(), 2);
    app.assert_counters_true(&license).await;

    // A license of the flat API goes by its own terms, translated.
    let app_key = app.product_key("alice", "app", None).await;
    let floating = app.license().floating(1).create().await;
    let body = json!({ "productId": "app", "licenseKey": floating.key, "hwid": "a", "sessionId": "s" });
    let granted = shop.authorize_by(&app_key, body).await.0;
    assert_eq!(remaining(&granted)["concurrency"], 0);
    app.machine("z").activate(&floating).await.expect(403);
}

#[tokio::test]
async fn an_answer_is_signed_for_who_sends_a_nonce() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, _) = shop.license(json!({})).await;
    let asked = json!({ "hwid": "a", "nonce": "made-up-for-this-request" });
    let granted = shop.authorize(&license, asked.clone()).await;
    assert!(granted.expect(200)["signature"].is_string(), "{}", granted.body);
    // As long as the machine could run on a token of the flat API, and never past the license's end.
    assert_eq!(granted.body["offlineUntil"], json!(app.now() + 30 * DAY));
    let (ending, view) = shop.license(json!({ "expiresAfterDays": 3 })).await;
    let offline = async |fields: Value| {
        let granted = shop.authorize(&ending, fields).await;
        granted.expect(200).get("offlineUntil").cloned()
    };
    assert_eq!(offline(asked.clone()).await, Some(json!(app.now() + 3 * DAY)));
    assert_eq!(offline(json!({ "hwid": "a" })).await, None, "not without a signature");
    let nameless = json!({ "nonce": "made-up-for-this-request" });
    assert_eq!(
        offline(nameless).await,
        Some(Value::Null),
        "whoever has it could run on it"
    );
    let dry = json!({ "hwid": "a", "nonce": "made-up-for-this-request", "dryRun": true });
    assert_eq!(offline(dry).await, Some(Value::Null), "nothing was granted");
    shop.of(&view, "POST", "/revoke", json!({})).await.expect(200);
    let denied = shop.authorize(&ending, asked.clone()).await;
    assert_eq!(denied.expect(403).get("offlineUntil"), None);
    shop.owner.ask("POST", "/v1/auth/logout", json!({})).await.expect(200);
    let unknown = TestLicense { key: "none".to_owned() };
    let denied = shop.authorize(&unknown, asked).await;
    assert!(denied.expect(404)["signature"].is_string(), "{}", denied.body);
}
