//! `GET|POST /listProducts`.

use keystead_tests::{Answer, MINUTE, TestApp, secrets};
use serde_json::{Value, json};

/// Products of two owners, of whom bob has one in every status.
async fn shop() -> TestApp {
    let app = TestApp::start().await;
    for (slug, owner, status) in [
        ("bob-live", "bob", "live"),
        ("bob-unlisted", "bob", "unlisted"),
        ("bob-archived", "bob", "archived"),
        ("carol-live", "carol", "live"),
    ] {
        app.advance(MINUTE);
        app.make_product(slug, owner, status).await;
    }
    app
}

#[track_caller]
fn names(answer: &Answer) -> Vec<String> {
    let body = answer.expect(200);
    let list = body["products"].as_array().expect("a list");
    assert_eq!(body["success"], true);
    assert_eq!(body["count"], list.len());
    list.iter()
        .map(|product| product["productId"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn an_api_key_lists_its_owner_s_products_on_sale() {
    let app = shop().await;
    let bob = app.creator("bob").await;
    let answer = bob.post("/listProducts", json!({})).await;
    answer.expect_body(
        200,
        &json!({
            "success": true,
            "count": 1,
            "products": [{
                "productId": "bob-live",
                "name": "bob-live",
                "slug": "bob-live",
                "creatorId": "bob",
                "status": "live",
                "active": true,
                "createdAt": "2030-01-01T00:01:00.000Z",
            }],
        }),
    );
}

#[tokio::test]
async fn statuses_are_a_list_and_include_all_overrides_them() {
    let app = shop().await;
    let bob = app.creator("bob").await;
    let all = vec!["bob-archived", "bob-unlisted", "bob-live"];
    for (asked, listed) in [
        (json!({ "status": "live" }), vec!["bob-live"]),
        (json!({ "status": "unlisted" }), vec!["bob-unlisted"]),
        (json!({ "status": "archived" }), vec!["bob-archived"]),
        (json!({ "status": "live,unlisted" }), vec!["bob-unlisted", "bob-live"]),
        (
            json!({ "status": " unlisted , live ,live" }),
            vec!["bob-unlisted", "bob-live"],
        ),
        (json!({ "status": "live,unlisted,archived" }), all.clone()),
        (json!({ "status": "" }), vec!["bob-live"]),
        (json!({ "status": null, "includeAll": false }), vec!["bob-live"]),
        (json!({ "includeAll": true }), all.clone()),
        (json!({ "includeAll": true, "status": "live" }), all.clone()),
        (json!({ "includeAll": "true" }), all.clone()),
        (json!({ "includeAll": "1" }), all.clone()),
    ] {
        assert_eq!(
            names(&bob.post("/listProducts", asked.clone()).await),
            listed,
            "{asked}"
        );
    }
    for status in ["draft", "live,draft", "expired"] {
        let answer = bob.post("/listProducts", json!({ "status": status })).await;
        answer.expect_refusal(400, "Invalid status");
    }
}

#[tokio::test]
async fn a_get_asks_the_same_in_its_query() {
    let app = shop().await;
    let key = app.creator("bob").await.api_key;
    let all = vec!["bob-archived", "bob-unlisted", "bob-live"];
    for (query, listed) in [
        ("", vec!["bob-live"]),
        ("&includeAll=true", all.clone()),
        ("&includeAll=1", all.clone()),
        ("&includeAll=false", vec!["bob-live"]),
        ("&includeAll=0", vec!["bob-live"]),
        ("&includeAll=", vec!["bob-live"]),
        ("&status=live,unlisted", vec!["bob-unlisted", "bob-live"]),
        ("&status=live%2Cunlisted", vec!["bob-unlisted", "bob-live"]),
        ("&status=", vec!["bob-live"]),
    ] {
        let answer = app.stranger().get(&format!("/listProducts?apiKey={key}{query}")).await;
        assert_eq!(names(&answer), listed, "{query}");
    }
    let answer = app
        .stranger()
        .get(&format!("/listProducts?apiKey={key}&includeAll=maybe"))
        .await;
    answer.expect_refusal(400, "Invalid includeAll: must be true or false");
}

#[tokio::test]
async fn only_archived_products_are_inactive() {
    let app = shop().await;
    let answer = app
        .creator("bob")
        .await
        .post("/listProducts", json!({ "includeAll": true }))
        .await;
    let active: Vec<(&Value, &Value)> = answer.expect(200)["products"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|product| (&product["status"], &product["active"]))
        .collect();
    assert_eq!(
        active,
        [
            (&json!("archived"), &json!(false)),
            (&json!("unlisted"), &json!(true)),
            (&json!("live"), &json!(true)),
        ]
    );
}

#[tokio::test]
async fn the_admin_lists_all_owners_or_one() {
    let app = shop().await;
    let everything = app.admin().post("/listProducts", json!({})).await;
    assert_eq!(names(&everything), ["carol-live", "bob-live", "app"]);
    let carols = app
        .admin()
        .post("/listProducts", json!({ "creatorId": "carol", "includeAll": true }))
        .await;
    assert_eq!(names(&carols), ["carol-live"]);
    let nobodys = app
        .admin()
        .post("/listProducts", json!({ "creatorId": "nobody" }))
        .await;
    nobodys.expect_body(200, &json!({ "success": true, "count": 0, "products": [] }));
    let secret = &secrets().credentials.admin_secret;
    let by_get = app
        .stranger()
        .get(&format!("/listProducts?adminSecret={secret}&creatorId=carol"))
        .await;
    assert_eq!(names(&by_get), ["carol-live"]);
}

#[tokio::test]
async fn an_api_key_sees_no_other_owner_s_products_whomever_it_names() {
    let app = shop().await;
    let bob = app.creator("bob").await;
    for owner in ["carol", "alice", "bob"] {
        let answer = bob.post("/listProducts", json!({ "creatorId": owner })).await;
        assert_eq!(names(&answer), ["bob-live"]);
    }
    assert_eq!(
        names(&app.creator("nobody").await.post("/listProducts", json!({})).await),
        Vec::<String>::new()
    );
}
