//! Licenses: `/v1/dashboard/orgs/{orgId}/licenses` and `/v1/dashboard/licenses/{id}`.

use keystead_tests::{DAY, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{expect_refusal, joined, of};

#[tokio::test]
async fn a_license_is_shown_as_the_contract_has_it() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (_, license) = shop
        .license(json!({ "expiresAt": "2030-06-01T00:00:00Z", "key": "CUSTOM-KEY-123" }))
        .await;
    let mut expected = json!({
        "orgId": shop.org, "productId": "sold", "key": "CUSTOM-KEY-123", "status": "ACTIVE",
        "expirationMode": "fixed", "expiresAt": "2030-06-01T00:00:00.000Z", "expiresAfterDays": null,
        "activatedAt": null, "effectiveExpiresAt": "2030-06-01T00:00:00.000Z", "policyOverride": null,
        "frozenAt": null, "revokedAt": null, "endUserId": null, "hwidResetCount": 0, "ipResetCount": 0,
        "lastHwidResetAt": null, "lastIpResetAt": null, "createdAt": "2030-01-01T00:00:00.000Z",
        "updatedAt": "2030-01-01T00:00:00.000Z", "product": { "id": "sold", "name": "sold" },
    });
    expected["id"] = license["id"].clone();
    expected["effectivePolicy"] = license["effectivePolicy"].clone();
    assert_eq!(license, expected);
    let taken = shop
        .owner
        .post(
            &of(&shop.org, "/licenses"),
            json!({ "productId": "sold", "key": "CUSTOM-KEY-123" }),
        )
        .await;
    expect_refusal(&taken, 409, "DUPLICATE_KEY", "A license with this key already exists");
}

#[tokio::test]
async fn a_viewer_sees_the_last_of_a_key_only() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop.license(json!({})).await;
    let viewer = joined(&app, &shop.owner, &shop.org, "viewer", "VIEWER").await;
    let shown = viewer
        .get(&format!(
            "/v1/dashboard/licenses/{}",
            view["id"].as_str().expect("an id")
        ))
        .await;
    let key = shown.expect(200)["data"]["license"]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    assert!(
        key.starts_with("****") && license.key.ends_with(key.trim_start_matches('*')),
        "{key}"
    );
    let listed = viewer.get(&of(&shop.org, "/licenses")).await;
    assert!(!listed.text.contains(&license.key), "{}", listed.text);
}

#[tokio::test]
async fn many_are_made_at_once_listed_page_by_page_and_counted() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let made = shop
        .owner
        .post(&of(&shop.org, "/licenses"), json!({ "productId": "sold", "count": 25 }))
        .await;
    let data = &made.expect(201)["data"];
    assert_eq!(
        (&data["count"], data["licenses"].as_array().map(Vec::len)),
        (&json!(25), Some(25))
    );
    for license in data["licenses"].as_array().expect("a list") {
        let key = license["key"].as_str().expect("a key");
        let is_ours = |c: char| "ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains(c);
        let groups: Vec<&str> = key.split('-').collect();
        let sound = |group: &&str| group.len() == 5 && group.chars().all(is_ours);
        assert!(groups.len() == 5 && groups.iter().all(sound), "{key}");
    }
    let mut seen = Vec::new();
    for page in 1..=3 {
        let listed = shop
            .owner
            .get(&of(&shop.org, &format!("/licenses?page={page}&pageSize=10")))
            .await;
        let data = &listed.expect(200)["data"];
        assert_eq!(
            (&data["total"], &data["totalPages"], &data["totalExact"]),
            (&json!(25), &json!(3), &json!(true))
        );
        seen.extend(
            data["licenses"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|license| license["id"].to_string()),
        );
    }
    let mut by_cursor = Vec::new();
    let mut rest = "/licenses?pageSize=10".to_owned();
    loop {
        let listed = shop.owner.get(&of(&shop.org, &rest)).await;
        let data = listed.expect(200)["data"].clone();
        by_cursor.extend(
            data["licenses"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|license| license["id"].to_string()),
        );
        let Some(next) = data["nextCursor"].as_str() else { break };
        rest = format!("/licenses?pageSize=10&cursor={next}");
    }
    assert_eq!(seen, by_cursor);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 25);
    let beyond = shop.owner.get(&of(&shop.org, "/licenses?page=1001&pageSize=10")).await;
    assert!(
        beyond.expect(400)["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("cursor"))
    );
    for (field, value) in [
        ("count", json!(501)),
        ("count", json!(0)),
        ("expirationMode", json!("fixed")),
    ] {
        let refused = shop
            .owner
            .post(
                &of(&shop.org, "/licenses"),
                json!({ "productId": "sold", field: value }),
            )
            .await;
        assert_eq!(refused.expect(400)["error"]["details"][0]["path"], field);
    }
}

#[tokio::test]
async fn a_license_s_end_standing_and_policy_are_changed() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop.license(json!({})).await;
    let patch = async |body: Value| {
        let answer = shop.of(&view, "PATCH", "", body).await;
        answer.expect(200)["data"]["license"].clone()
    };
    let ends =
        patch(json!({ "expirationMode": "both", "expiresAt": "2031-01-01T00:00:00Z", "expiresAfterDays": 10 })).await;
    assert_eq!(
        (&ends["expirationMode"], &ends["expiresAfterDays"]),
        (&json!("both"), &json!(10))
    );
    assert_eq!(
        patch(json!({ "expirationMode": "never", "expiresAt": null, "expiresAfterDays": null })).await["expirationMode"],
        "never"
    );
    assert_eq!(patch(json!({ "frozen": true })).await["status"], "FROZEN");
    assert_eq!(patch(json!({ "status": "ACTIVE" })).await["status"], "ACTIVE");
    let policy = json!({ "v": 1, "limits": { "hwid": { "mode": "limit", "maxDistinct": 7 } } });
    assert_eq!(
        patch(json!({ "policyOverride": policy })).await["policyOverride"],
        policy
    );
    // The flat API goes by what the policy comes to.
    let shown = app.shown(&license).await;
    assert_eq!(
        (&shown["license"]["licenseType"], &shown["license"]["maxMachines"]),
        (&json!("per-machine"), &json!(7))
    );
    assert_eq!(
        patch(json!({ "policyOverride": null })).await["policyOverride"],
        Value::Null
    );
    let bad = json!({ "policyOverride": { "v": 1, "limits": { "hwid": { "mode": "limit" } } } });
    let refused = shop.of(&view, "PATCH", "", bad).await;
    assert_eq!(
        refused.expect(400)["error"]["details"][0]["path"],
        "policyOverride.limits.hwid.maxDistinct"
    );
    let nothing = shop.of(&view, "PATCH", "", json!({})).await;
    expect_refusal(&nothing, 400, "VALIDATION_ERROR", "No fields to update");
}

#[tokio::test]
async fn a_license_is_not_there_to_another_organisation() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (_, view) = shop.license(json!({})).await;
    let other = app.person("other@example.com").await;
    let org = other.organisation("Other").await;
    let stranger = shop.asked_by(other);
    let many = async |verb: &str, body: Value| {
        let path = of(&org, &format!("/licenses/{verb}"));
        stranger.owner.post(&path, body).await
    };
    for (method, rest) in [
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/revoke"),
        ("POST", "/unrevoke"),
        ("POST", "/reset-hwid"),
        ("POST", "/reset-ip"),
        ("GET", "/sessions"),
        ("POST", "/sessions/revoke-all"),
        ("POST", "/sessions/a/revoke"),
    ] {
        let answer = stranger.of(&view, method, rest, json!({ "frozen": true })).await;
        expect_refusal(&answer, 404, "NOT_FOUND", "License not found");
    }
    for verb in ["freeze", "revoke", "extend"] {
        let asked = if verb == "extend" {
            json!({ "licenseIds": [view["id"]], "days": 1 })
        } else {
            json!({ "licenseIds": [view["id"]] })
        };
        let answer = many(verb, asked).await;
        assert_eq!(answer.expect(200)["data"]["updated"], 0, "{verb}");
    }
    assert_eq!(
        shop.of(&view, "GET", "", json!({})).await.expect(200)["data"]["license"]["status"],
        "ACTIVE"
    );
}

#[tokio::test]
async fn many_licenses_are_changed_at_once_and_each_change_is_an_event_and_an_entry_of_the_log() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let made = shop
        .owner
        .post(
            &of(&shop.org, "/licenses"),
            json!({ "productId": "sold", "count": 3, "expiresAt": "2030-02-01T00:00:00Z" }),
        )
        .await;
    let licenses = made.expect(201)["data"]["licenses"].as_array().expect("a list").clone();
    let ids: Vec<Value> = licenses.iter().map(|license| license["id"].clone()).collect();
    for (verb, updated) in [
        ("freeze", 3),
        ("freeze", 0),
        ("unfreeze", 3),
        ("revoke", 3),
        ("revoke", 0),
        ("unrevoke", 3),
    ] {
        let answer = shop.of_many(verb, json!({ "licenseIds": ids })).await;
        assert_eq!(answer.expect(200)["data"]["updated"], updated, "{verb}");
    }
    let extended = shop.of_many("extend", json!({ "licenseIds": ids, "days": 28 })).await;
    assert_eq!(extended.expect(200)["data"]["updated"], 3);
    let license = TestLicense {
        key: licenses[0]["key"].as_str().expect("a key").to_owned(),
    };
    app.advance(40 * DAY);
    let shop = shop.signed_in().await;
    assert_eq!(
        shop.of(&licenses[0], "GET", "", json!({})).await.expect(200)["data"]["license"]["status"],
        "ACTIVE"
    );
    shop.authorize(&license, json!({ "hwid": "a" })).await.expect(200);
    let log = app
        .admin()
        .post("/listAuditEvents", json!({ "creatorId": shop.org }))
        .await;
    let types: Vec<String> = log.expect(200)["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["type"].to_string())
        .collect();
    assert_eq!(
        types.iter().filter(|r#type| *r#type == "\"revoked\"").count(),
        3,
        "{types:?}"
    );
}
