//! `GET /v1/dashboard/orgs/{orgId}/licenses?search=`.

use keystead_tests::{Answer, MINUTE, Person, TestApp};
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

#[tokio::test]
async fn the_licenses_of_all_one_s_organisations_are_one_list() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let second = shop.owner.organisation("Second").await;
    let elsewhere = shop.owner.product(&second, "Other").await;
    let make = async |org: &str, product: &str| {
        app.advance(MINUTE);
        let path = format!("/v1/dashboard/orgs/{org}/licenses");
        let made = shop.owner.post(&path, json!({ "productId": product })).await;
        made.expect(201)["data"]["license"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(make(&shop.org, &shop.product).await);
        made.push(make(&second, &elsewhere).await);
    }
    made.reverse();
    let ids = |answer: &Answer| -> Vec<String> {
        let listed = answer.expect(200)["data"]["licenses"]
            .as_array()
            .expect("a list")
            .clone();
        let id = |license: &Value| license["id"].as_str().expect("an id").to_owned();
        listed.iter().map(id).collect()
    };
    let all = "/v1/dashboard/licenses";
    let whole = shop.owner.get(all).await;
    assert_eq!(ids(&whole), made, "newest first, whoever has them");
    assert_eq!(whole.body["data"]["total"], 4);
    let first = shop.owner.get(&format!("{all}?pageSize=3")).await;
    let cursor = first.expect(200)["data"]["nextCursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let last = shop.owner.get(&format!("{all}?pageSize=3&cursor={cursor}")).await;
    assert_eq!([ids(&first), ids(&last)].concat(), made);
    assert_eq!(
        ids(&shop.owner.get(&format!("{all}?page=2&pageSize=3")).await),
        made[3..]
    );
    // A VIEWER of one sees that one's, without their keys; who is in none sees none.
    let viewer = joined(&app, &shop.owner, &second, "viewer", "VIEWER").await;
    let seen = viewer.get(all).await;
    assert_eq!(ids(&seen).len(), 2);
    let key = seen.body["data"]["licenses"][0]["key"].as_str().expect("a key");
    assert!(key.starts_with("***"), "{key}");
    assert_eq!(ids(&app.person("nobody@example.com").await.get(all).await), [""; 0]);
    // A cursor is of the list of the same organisations.
    let of_other = viewer.get(&format!("{all}?cursor={cursor}")).await;
    of_other.expect(400);
}

#[tokio::test]
async fn nobody_learns_how_much_of_another_s_product_is_sold() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    shop.license(json!({ "key": "SECRET-KEY" })).await;
    let rival = app.person("rival@example.com").await;
    let org = rival.organisation("Rival").await;
    for query in ["", "&search=SECRET", "&search=secret-key", "&status=REVOKED"] {
        for list in ["", "/export"] {
            let path = format!("/licenses{list}?productId={}{query}", shop.product);
            let asked = rival.get(&of(&org, &path)).await;
            let error = &asked.expect(404)["error"];
            assert_eq!(
                (&error["code"], &error["message"]),
                (&json!("NOT_FOUND"), &json!("Product not found"))
            );
        }
    }
    // Nor does a stranger have anything read of a team's.
    let (answer, usage) = rival.get_metered(&of(&shop.org, "/licenses?pageSize=1000")).await;
    answer.expect(404);
    assert!(usage.calls <= 3, "{usage:?}");
}
