//! `GET /v1/dashboard/orgs/{orgId}/licenses?search=`.

use keystead_tests::{Person, TestApp};
use serde_json::{Value, json};

use super::{joined, of};

async fn found(who: &Person, org: &str, query: &str) -> (Vec<String>, Value) {
    let listed = who.get(&of(org, &format!("/licenses?{query}"))).await;
    let data = listed.expect(200)["data"].clone();
    let licenses = data["licenses"].as_array().expect("a list").iter();
    let ids = licenses.map(|license| license["id"].as_str().expect("an id").to_owned());
    (ids.collect(), data)
}

#[tokio::test]
async fn a_license_is_found_by_its_id_its_key_and_any_part_of_its_key() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop.license(json!({ "key": "Atelier-2030-XYZZY-7" })).await;
    shop.license(json!({})).await;
    let id = view["id"].as_str().expect("an id");
    for search in [id, &license.key, "xyzzy", "2030-XYZ", "atelier"] {
        let (ids, data) = found(&shop.owner, &shop.org, &format!("search={search}")).await;
        assert_eq!(
            (ids, &data["searchComplete"]),
            (vec![id.to_owned()], &json!(true)),
            "{search}"
        );
    }
    let (ids, _) = found(&shop.owner, &shop.org, "search=XYZZY&status=REVOKED").await;
    assert!(ids.is_empty());
    let (ids, _) = found(&shop.owner, &shop.org, "search=nothing-like-it").await;
    assert!(ids.is_empty());
}

#[tokio::test]
async fn a_customer_s_licenses_are_found_by_their_address() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let wanted = app
        .license()
        .with("productId", shop.product.as_str())
        .with("email", "ada@example.com");
    let license = wanted.create().await;
    let (ids, _) = found(&shop.owner, &shop.org, "search=Ada@example.com").await;
    assert_eq!(ids, [app.stored(&license).await.license_id.to_string()]);
}

#[tokio::test]
async fn a_search_goes_on_page_by_page() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    for number in 0..7 {
        shop.license(json!({ "key": format!("BATCH-{number}") })).await;
        shop.license(json!({ "key": format!("OTHER-{number}") })).await;
    }
    let mut seen = Vec::new();
    let mut query = "search=batch&pageSize=3".to_owned();
    loop {
        let (ids, data) = found(&shop.owner, &shop.org, &query).await;
        assert!(ids.len() <= 3);
        seen.extend(ids);
        let Some(next) = data["nextCursor"].as_str() else { break };
        assert_eq!(data["searchComplete"], false);
        query = format!("search=batch&pageSize=3&cursor={next}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn who_sees_no_keys_finds_none_out_by_their_parts() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let (license, view) = shop.license(json!({})).await;
    let viewer = joined(&app, &shop.owner, &shop.org, "viewer", "VIEWER").await;
    let id = view["id"].as_str().expect("an id").to_owned();
    for part in [&license.key[..5], &license.key[6..11]] {
        let (ids, _) = found(&viewer, &shop.org, &format!("search={part}")).await;
        assert!(ids.is_empty(), "{part}");
        let (ids, _) = found(&shop.owner, &shop.org, &format!("search={part}")).await;
        assert_eq!(ids, [id.as_str()]);
    }
    for whole in [&id, &license.key] {
        let (ids, _) = found(&viewer, &shop.org, &format!("search={whole}")).await;
        assert_eq!(ids, [id.as_str()]);
    }
}
