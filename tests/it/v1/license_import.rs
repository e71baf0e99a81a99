//! Licenses that come from elsewhere, and go: `.../licenses/import`, `DELETE .../licenses` and `.../licenses/redeem`.

use keystead_tests::{DAY, OWNER, Person, TestApp, TestLicense, shop::Shop};
use serde_json::{Value, json};

use super::{expect_refusal, of};

async fn import(shop: &Shop, licenses: Value) -> Value {
    let asked = json!({ "productId": shop.product, "licenses": licenses });
    let answer = shop.owner.post(&of(&shop.org, "/licenses/import"), asked).await;
    answer.expect(200)["data"].clone()
}

#[tokio::test]
async fn licenses_are_imported_and_those_with_a_fault_are_told() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let foreign = app.license().create().await;
    let rows = json!([
        { "key": "OLD-1", "expiresAt": "2031-01-01T00:00:00Z" },
        { "key": "OLD-2", "status": "REVOKED" },
        { "key": "OLD-3", "expiresAfterDays": 0 },
        { "expiresAfterDays": 10 },
        { "key": "OLD-1" },
        { "key": foreign.key },
        "no license",
        { "key": "OLD-4", "policyOverride": { "v": 1, "limits": { "hwid": { "mode": "limit" } } } },
        { "key": "OLD-5", "status": "FROZEN", "policyOverride": { "v": 1, "limits": { "hwid": { "mode": "sticky" } } } },
    ]);
    let told = import(&shop, rows.clone()).await;
    assert_eq!((&told["imported"], &told["skipped"]), (&json!(3), &json!(1)), "{told}");
    let errors = told["errors"].as_array().expect("a list");
    let places: Vec<&Value> = errors.iter().map(|error| &error["index"]).collect();
    assert_eq!(places, [2, 3, 5, 6, 7], "{told}");
    assert_eq!(errors[0]["key"], "OLD-3");
    assert!(
        errors[0]["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("expiresAfterDays must be"))
    );
    // The same request again imports nothing twice, and loses nothing.
    let again = import(&shop, rows).await;
    assert_eq!(
        (&again["imported"], &again["skipped"]),
        (&json!(0), &json!(4)),
        "{again}"
    );
    let key = |text: &str| TestLicense { key: text.to_owned() };
    shop.authorize(&key("OLD-1"), json!({ "hwid": "a" })).await.expect(200);
    for (license, reason) in [("OLD-2", "LICENSE_REVOKED"), ("OLD-5", "LICENSE_REVOKED")] {
        assert_eq!(
            shop.authorize(&key(license), json!({ "hwid": "a" })).await.expect(403)["reasonCode"],
            reason
        );
    }
    for licenses in [json!([]), json!(vec![json!({ "key": "OLD" }); 1001])] {
        let asked = json!({ "productId": shop.product, "licenses": licenses });
        let refused = shop.owner.post(&of(&shop.org, "/licenses/import"), asked).await;
        assert_eq!(refused.expect(400)["error"]["details"][0]["path"], "licenses");
    }
}

#[tokio::test]
async fn a_license_that_is_deleted_is_gone_in_every_api_and_its_key_for_good() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop
        .license(json!({ "key": "CUSTOM-KEY", "expiresAt": "2030-02-01T00:00:00Z" }))
        .await;
    let (_, other) = shop.license(json!({})).await;
    for session in ["one", "two"] {
        let asked = json!({ "hwid": session, "ip": "203.0.113.7", "sessionId": session });
        shop.authorize(&license, asked).await.expect(200);
    }
    shop.of(&view, "POST", "/sessions/one/revoke", json!({}))
        .await
        .expect(200);
    let stranger = app.person("stranger@example.com").await;
    let elsewhere = stranger.organisation("Other").await;
    let ids = json!({ "licenseIds": [view["id"], view["id"], "unknown"] });
    let delete = async |who: &Person, org: &str, rest: &str, body: Value| {
        let answer = who.ask("DELETE", &of(org, &format!("/licenses{rest}")), body).await;
        answer.expect(200)["data"]["deleted"].clone()
    };
    assert_eq!(delete(&stranger, &elsewhere, "", ids.clone()).await, 0);
    assert_eq!(delete(&shop.owner, &shop.org, "", ids.clone()).await, 1);
    assert_eq!(delete(&shop.owner, &shop.org, "", ids).await, 0);
    let gone = shop.authorize(&license, json!({ "hwid": "one" })).await;
    assert_eq!(gone.expect(404)["reasonCode"], "LICENSE_NOT_FOUND");
    shop.of(&view, "GET", "", json!({})).await.expect(404);
    app.machine("a").activate(&license).await.expect(404);
    let taken = json!({ "productId": shop.product, "key": license.key });
    let taken = shop.owner.post(&of(&shop.org, "/licenses"), taken).await;
    expect_refusal(&taken, 409, "DUPLICATE_KEY", "A license with this key already exists");
    // By the query alone, as a proxy may leave it.
    let id = other["id"].as_str().expect("an id");
    let rest = format!("/licenses?ids={id},unknown");
    let deleted = shop.owner.delete(&of(&shop.org, &rest)).await;
    assert_eq!(deleted.expect(200)["data"]["deleted"], 1);
    let nothing = shop.owner.ask("DELETE", &of(&shop.org, "/licenses"), json!({})).await;
    nothing.expect(400);
}

#[tokio::test]
async fn a_license_is_linked_to_one_account_by_its_key() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop.license(json!({})).await;
    let buyer = app.person("buyer@example.com").await;
    let redeem = async |who: &Person, key: &str| {
        let asked = json!({ "licenseKey": key });
        who.post("/v1/dashboard/licenses/redeem", asked).await
    };
    // However it is typed.
    let typed = license.key.to_lowercase().replace('-', " ");
    for key in [&license.key, &typed] {
        let linked = redeem(&buyer, key).await;
        assert_eq!(linked.expect(200)["data"]["license"]["id"], view["id"]);
    }
    // One from elsewhere may read like one of ours.
    for key in ["ABCDEFGHJKLMNPQRSTUVWXYZ2", "ABCD1234EFGH5678"] {
        let (_, own) = shop.license(json!({ "key": key })).await;
        let linked = redeem(&buyer, key).await;
        assert_eq!(linked.expect(200)["data"]["license"]["id"], own["id"]);
    }
    let claimed = redeem(&shop.owner, &license.key).await;
    expect_refusal(
        &claimed,
        409,
        "ALREADY_CLAIMED",
        "This license is linked to another account",
    );
    let shown = shop.of(&view, "GET", "", json!({})).await;
    assert!(shown.expect(200)["data"]["license"]["endUserId"].is_string());
    let (revoked, view) = shop.license(json!({})).await;
    shop.of(&view, "POST", "/revoke", json!({})).await.expect(200);
    for key in [revoked.key.as_str(), "unknown"] {
        expect_refusal(&redeem(&buyer, key).await, 404, "NOT_FOUND", "License not found");
    }
}

#[tokio::test]
async fn licenses_that_expire_soon_are_listed_the_first_to_expire_first() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    for (days, key) in [(20, "C"), (5, "A"), (10, "B"), (40, "LATER"), (6, "REVOKED")] {
        let end = format!(
            "2030-{}-{:02}T00:00:00Z",
            if days > 30 { "02" } else { "01" },
            days % 31 + 1
        );
        let (_, view) = shop.license(json!({ "key": key, "expiresAt": end })).await;
        if key == "REVOKED" {
            shop.of(&view, "POST", "/revoke", json!({})).await.expect(200);
        }
    }
    shop.license(json!({ "key": "NEVER" })).await;
    let keys = async |rest: &str| -> (Vec<String>, Value) {
        let listed = shop
            .owner
            .get(&of(&shop.org, &format!("/licenses/expiring{rest}")))
            .await;
        let data = listed.expect(200)["data"].clone();
        let keys = data["licenses"].as_array().expect("a list").iter();
        let keys = keys.map(|license| license["key"].as_str().expect("a key").to_owned());
        (keys.collect(), data["nextCursor"].clone())
    };
    assert_eq!(keys("").await.0, ["A", "B", "C"]);
    assert_eq!(keys("?days=12").await.0, ["A", "B"]);
    let (first, next) = keys("?pageSize=1&days=365").await;
    assert_eq!(first, ["A"]);
    // A cursor goes on although the time does.
    app.advance(7 * DAY);
    shop.owner.refresh().await;
    let next = next.as_str().expect("a cursor");
    assert_eq!(keys(&format!("?days=365&cursor={next}")).await.0, ["B", "C", "LATER"]);
    for days in ["0", "366", "soon"] {
        let refused = shop
            .owner
            .get(&of(&shop.org, &format!("/licenses/expiring?days={days}")))
            .await;
        assert_eq!(refused.expect(400)["error"]["details"][0]["path"], "days");
    }
}

#[tokio::test]
async fn what_is_told_of_a_purchase_whose_license_was_deleted_touches_no_other() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let member = json!({ "creatorId": OWNER, "email": owner.email, "role": "owner" });
    app.admin().post("/addMember", member).await.expect(200);
    let tell = async |r#type: &str| {
        let notice = json!({ "purchaseId": "p-1", "durationDays": 30 });
        app.store().tell(r#type, notice).await
    };
    let bought = tell("purchase.completed").await;
    let key = bought.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    // The same customer has another, which no purchase is known of.
    let other = app.license().with("email", "customer@example.com").create().await;
    let before = app.stored(&other).await;
    let id = app.stored(&TestLicense { key }).await.license_id;
    let deleted = owner
        .ask("DELETE", &of(OWNER, "/licenses"), json!({ "licenseIds": [id] }))
        .await;
    assert_eq!(deleted.expect(200)["data"]["deleted"], 1);
    for (r#type, status) in [
        ("purchase.completed", 200),
        ("subscription.renewed", 404),
        ("purchase.refunded", 404),
        ("purchase.disputed", 404),
        ("subscription.cancelled", 200),
    ] {
        tell(r#type).await.expect(status);
    }
    assert_eq!(app.stored(&other).await, before);
}
