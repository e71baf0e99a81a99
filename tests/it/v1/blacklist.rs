//! Blacklists: `/v1/dashboard/blacklists/products/{productId}` and, to an API key, `/v1/products/{productId}/blacklist`.

use keystead_tests::{MINUTE, TestApp, shop::Shop};
use serde_json::{Value, json};

use super::{expect_refusal, joined};

fn path(shop: &Shop, rest: &str) -> String {
    format!("/v1/dashboard/blacklists/products/{}{rest}", shop.product)
}

async fn listed(shop: &Shop, rest: &str) -> Vec<Value> {
    let answer = shop.owner.get(&path(shop, rest)).await;
    answer.expect(200)["data"]["entries"]
        .as_array()
        .expect("a list")
        .clone()
}

#[tokio::test]
async fn what_is_on_a_blacklist_runs_no_license_from_the_next_request_on() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, _) = shop.license(json!({})).await;
    let asked = json!({ "hwid": "stolen", "ip": "203.0.113.7" });
    shop.authorize(&license, asked.clone()).await.expect(200);
    let put = async |body: Value, status: u16| {
        let answer = shop.owner.post(&path(&shop, ""), body).await;
        answer.expect(status)["data"]["entry"].clone()
    };
    let entry = put(
        json!({ "type": "HWID", "value": "stolen", "reason": "It was stolen" }),
        201,
    )
    .await;
    assert_eq!(
        entry,
        json!({
            "id": format!("HWID-{}", entry["valueHash"].as_str().expect("a hash")), "productId": shop.product,
            "type": "HWID", "value": "stolen", "valueHash": entry["valueHash"], "reason": "It was stolen",
            "createdAt": "2030-01-01T00:00:00.000Z",
        })
    );
    let denied = shop.authorize(&license, asked.clone()).await;
    let body = denied.expect(403);
    assert_eq!(
        (&body["reasonCode"], &body["message"]),
        (&json!("HWID_BLACKLISTED"), &json!("It was stolen"))
    );
    // It is there already: with another reason.
    app.advance(MINUTE);
    let again = put(
        json!({ "type": "HWID", "value": "stolen", "reason": "Sold twice" }),
        200,
    )
    .await;
    assert_eq!((&again["id"], &again["createdAt"]), (&entry["id"], &entry["createdAt"]));
    assert_eq!(
        shop.authorize(&license, asked.clone()).await.expect(403)["message"],
        "Sold twice"
    );
    put(json!({ "type": "IP", "value": "203.0.113.7" }), 201).await;
    let id = entry["id"].as_str().expect("an id");
    let deleted = shop
        .owner
        .ask("DELETE", &path(&shop, &format!("/{id}")), json!({}))
        .await;
    deleted.expect_body(200, &json!({ "ok": true, "data": { "deleted": true } }));
    let gone = shop
        .owner
        .ask("DELETE", &path(&shop, &format!("/{id}")), json!({}))
        .await;
    expect_refusal(&gone, 404, "NOT_FOUND", "Blacklist entry not found");
    assert_eq!(
        shop.authorize(&license, asked).await.expect(403)["reasonCode"],
        "IP_BLACKLISTED"
    );
    assert_eq!(listed(&shop, "?type=HWID").await, Vec::<Value>::new());
    assert_eq!(listed(&shop, "?type=IP").await.len(), 1);
}

#[tokio::test]
async fn many_are_put_at_once_and_listed_page_by_page() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let entries: Vec<Value> = (0..200)
        .map(|number| json!({ "type": "HWID", "value": format!("machine {number}") }))
        .collect();
    let bulk = path(&shop, "/bulk");
    let put = shop.owner.post(&bulk, json!({ "entries": entries })).await;
    assert_eq!(put.expect(200)["data"]["count"], 200);
    // The same again puts nothing twice.
    shop.owner.post(&bulk, json!({ "entries": entries })).await.expect(200);
    assert_eq!(listed(&shop, "").await.len(), 200);
    let mut seen = Vec::new();
    let mut rest = "?pageSize=90".to_owned();
    loop {
        let answer = shop.owner.get(&path(&shop, &rest)).await;
        let data = answer.expect(200)["data"].clone();
        let entries = data["entries"].as_array().expect("a list");
        seen.extend(entries.iter().map(|entry| entry["id"].to_string()));
        let Some(next) = data["nextCursor"].as_str() else { break };
        rest = format!("?pageSize=90&cursor={next}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 200);
    for (body, field) in [
        (json!({ "entries": [] }), "entries"),
        (json!({ "entries": vec![&entries[0]; 201] }), "entries"),
        (
            json!({ "entries": [entries[0], { "type": "IP", "value": " " }] }),
            "entries.1.value",
        ),
    ] {
        let refused = shop.owner.post(&bulk, body).await;
        assert_eq!(refused.expect(400)["error"]["details"][0]["path"], field);
    }
    let refused = shop
        .owner
        .post(&path(&shop, ""), json!({ "type": "IP", "value": "1".repeat(600) }))
        .await;
    assert_eq!(refused.expect(400)["error"]["details"][0]["path"], "value");
}

#[tokio::test]
async fn a_viewer_looks_and_nobody_else_learns_of_it() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let viewer = joined(&app, &shop.owner, &shop.org, "viewer", "VIEWER").await;
    viewer.get(&path(&shop, "")).await.expect(200);
    let entry = json!({ "type": "HWID", "value": "a" });
    viewer.post(&path(&shop, ""), entry.clone()).await.expect(403);
    let stranger = app.person("stranger@example.com").await;
    expect_refusal(
        &stranger.get(&path(&shop, "")).await,
        404,
        "NOT_FOUND",
        "Product not found",
    );
    stranger.post(&path(&shop, ""), entry).await.expect(404);
    assert_eq!(listed(&shop, "").await, Vec::<Value>::new());
}
