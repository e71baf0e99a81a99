//! Licenses, to the holder of an API key: `/v1/products/{productId}/licenses`.

use keystead_tests::{DAY, TestApp, TestLicense};
use serde_json::{Value, json};

use super::expect_refusal;

#[tokio::test]
async fn a_back_end_makes_a_license_and_manages_it_to_its_end() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let made = shop.by_key("POST", "", json!({ "expiresAfterDays": 10 })).await;
    let license = made.expect(201)["data"]["license"].clone();
    let id = format!("/{}", license["id"].as_str().expect("an id"));
    let key = TestLicense {
        key: license["key"].as_str().expect("a key").to_owned(),
    };
    let ask = async |method: &str, rest: &str, body: Value| {
        let answer = shop.by_key(method, &format!("{id}{rest}"), body).await;
        answer.expect(200)["data"].clone()
    };
    let asked = json!({ "hwid": "a", "ip": "203.0.113.1", "sessionId": "s" });
    shop.authorize(&key, asked.clone()).await.expect(200);

    let shown = ask("GET", "", json!({})).await;
    assert_eq!(shown["license"]["key"], license["key"], "a back end sees the key");
    assert_eq!(shown["bindings"].as_array().expect("bindings").len(), 2);
    assert_eq!(shown["sessions"], 1);
    // What a team sees is the same.
    assert_eq!(shop.of(&license, "GET", "", json!({})).await.expect(200)["data"], shown);

    let listed = ask("GET", "/sessions", json!({})).await;
    assert_eq!(listed["sessions"][0]["sessionId"], "s");
    assert_eq!(
        ask("POST", "/sessions/s/revoke", json!({})).await["session"]["active"],
        false
    );
    let denied = shop.authorize(&key, asked.clone()).await;
    assert_eq!(denied.expect(403)["reasonCode"], "SESSION_REVOKED");
    assert_eq!(ask("POST", "/sessions/revoke-all", json!({})).await["revoked"], 0);
    assert_eq!(
        ask("POST", "/reset-hwid", json!({})).await["license"]["hwidResetCount"],
        1
    );
    assert_eq!(ask("POST", "/reset-ip", json!({})).await["license"]["ipResetCount"], 1);

    let asked = json!({ "hwid": "a" });
    for (verb, status, answered) in [
        ("/freeze", "FROZEN", 403),
        ("/unfreeze", "ACTIVE", 200),
        ("/revoke", "REVOKED", 403),
        ("/unrevoke", "ACTIVE", 200),
    ] {
        for _ in 0..2 {
            assert_eq!(
                ask("POST", verb, json!({})).await["license"]["status"],
                status,
                "{verb}"
            );
        }
        shop.authorize(&key, asked.clone()).await.expect(answered);
    }
    let extended = ask("POST", "/extend", json!({ "days": 5 })).await;
    assert_eq!(extended["license"]["expiresAfterDays"], 15);
    // Who may put off an end may not bring it about.
    let past = ask("POST", "/extend", json!({ "expiresAt": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(past["license"], extended["license"]);
    let changed = ask(
        "PATCH",
        "",
        json!({ "expirationMode": "never", "expiresAfterDays": null }),
    )
    .await;
    assert_eq!(changed["license"]["expirationMode"], "never");

    assert_eq!(ask("DELETE", "", json!({})).await, json!({ "deleted": true }));
    expect_refusal(
        &shop.by_key("GET", &id, json!({})).await,
        404,
        "NOT_FOUND",
        "License not found",
    );
    expect_refusal(
        &shop.by_key("DELETE", &id, json!({})).await,
        404,
        "NOT_FOUND",
        "License not found",
    );
    shop.authorize(&key, asked).await.expect(404);
}

#[tokio::test]
async fn what_a_back_end_changes_is_in_the_audit_log_under_its_key_s_id() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let made = shop.by_key("POST", "", json!({})).await;
    let id = made.expect(201)["data"]["license"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    shop.by_key("POST", &format!("/{id}/revoke"), json!({}))
        .await
        .expect(200);
    let log = json!({ "creatorId": shop.org });
    let entries = app.admin().post("/listAuditEvents", log).await;
    let entries = entries.expect(200)["events"].as_array().expect("a list").clone();
    let by_key = |entry: &&Value| entry["actor"]["kind"] == "apiKey";
    let types: Vec<&str> = entries
        .iter()
        .filter(by_key)
        .map(|entry| entry["type"].as_str().expect("a type"))
        .collect();
    assert!(types.contains(&"revoked") && types.contains(&"created"), "{entries:?}");
}

#[tokio::test]
async fn a_list_is_of_the_key_s_product_alone() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let other = shop.owner.product(&shop.org, "Other").await;
    let elsewhere = json!({ "productId": other, "key": "ELSEWHERE-1" });
    let path = format!("/v1/dashboard/orgs/{}/licenses", shop.org);
    let elsewhere = shop.owner.post(&path, elsewhere).await.expect(201)["data"]["license"].clone();
    shop.by_key("POST", "", json!({ "count": 5 })).await.expect(201);
    let listed = async |query: &str| shop.by_key("GET", query, json!({})).await.expect(200)["data"].clone();
    let first = listed("?pageSize=2").await;
    assert_eq!((&first["total"], &first["totalPages"]), (&json!(5), &json!(3)));
    let cursor = first["nextCursor"].as_str().expect("a cursor").to_owned();
    let next = listed(&format!("?pageSize=2&cursor={cursor}")).await;
    assert_ne!(first["licenses"], next["licenses"]);
    assert_eq!(listed("?status=REVOKED").await["total"], 0);
    let key = next["licenses"][0]["key"].as_str().expect("a key");
    assert_eq!(
        listed(&format!("?search={key}")).await["licenses"][0],
        next["licenses"][0]
    );
    // Neither a whole key nor a part of one finds what is another product's, nor does its id.
    for search in ["ELSEWHERE-1", "elsewhere", elsewhere["id"].as_str().expect("an id")] {
        assert_eq!(
            listed(&format!("?search={search}")).await["licenses"],
            json!([]),
            "{search}"
        );
    }
    // A cursor is the list's for which it was made, and the holder's to whom it was given.
    let team = format!("{path}?cursor={cursor}");
    expect_refusal(
        &shop.owner.get(&team).await,
        400,
        "VALIDATION_ERROR",
        "Invalid cursor: must be the nextCursor of a page of the same list",
    );
}

#[tokio::test]
async fn a_key_reaches_no_license_of_another_product_and_no_other_product() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let other = shop.owner.product(&shop.org, "Other").await;
    let path = format!("/v1/dashboard/orgs/{}/licenses", shop.org);
    let foreign = json!({ "productId": other });
    let foreign = shop.owner.post(&path, foreign).await.expect(201)["data"]["license"].clone();
    let foreign = foreign["id"].as_str().expect("an id").to_owned();
    let before = shop
        .of(&json!({ "id": foreign }), "GET", "", json!({}))
        .await
        .expect(200)
        .clone();
    for (method, rest, body) in [
        ("GET", "", json!({})),
        ("PATCH", "", json!({ "frozen": true })),
        ("DELETE", "", json!({})),
        ("POST", "/revoke", json!({})),
        ("POST", "/unrevoke", json!({})),
        ("POST", "/freeze", json!({})),
        ("POST", "/unfreeze", json!({})),
        ("POST", "/extend", json!({ "days": 1 })),
        ("POST", "/reset-hwid", json!({})),
        ("POST", "/reset-ip", json!({})),
        ("GET", "/sessions", json!({})),
        ("POST", "/sessions/s/revoke", json!({})),
        ("POST", "/sessions/revoke-all", json!({})),
    ] {
        let answer = shop.by_key(method, &format!("/{foreign}{rest}"), body.clone()).await;
        expect_refusal(&answer, 404, "NOT_FOUND", "License not found");
        // Under the other product's path, the key is not for it.
        let beside = shop.selling(&other);
        let answer = beside.by_key(method, &format!("/{foreign}{rest}"), body).await;
        expect_refusal(&answer, 403, "FORBIDDEN", "API key is not bound to this product");
    }
    let after = shop
        .of(&json!({ "id": foreign }), "GET", "", json!({}))
        .await
        .expect(200)
        .clone();
    assert_eq!(before, after);
}

#[tokio::test]
async fn of_a_deleted_product_and_to_a_revoked_key_nothing_is_there() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let made = shop.by_key("POST", "", json!({})).await;
    let id = made.expect(201)["data"]["license"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (key_id, key) = shop.owner.api_key(&shop.product, &[]).await;
    shop.by(&key, "GET", "", json!({})).await.expect(200);
    let revoke = format!("/v1/dashboard/api-keys/{key_id}/revoke");
    shop.owner.post(&revoke, json!({})).await.expect(200);
    expect_refusal(
        &shop.by(&key, "GET", "", json!({})).await,
        401,
        "UNAUTHORIZED",
        "Invalid or missing API key",
    );
    let product = format!("/v1/dashboard/products/{}", shop.product);
    shop.owner.ask("DELETE", &product, json!({})).await.expect(200);
    app.advance(DAY);
    for (method, rest) in [
        ("GET", String::new()),
        ("GET", format!("/{id}")),
        ("DELETE", format!("/{id}")),
    ] {
        shop.by_key(method, &rest, json!({})).await.expect(404);
    }
    // Nor to a person, whoever they are in the team.
    let path = format!("/v1/products/{}/licenses", shop.product);
    let owner = shop.signed_in().await.owner;
    expect_refusal(
        &owner.get(&path).await,
        401,
        "UNAUTHORIZED",
        "Invalid or missing API key",
    );
}
