//! `POST /createProduct`.

use keystead_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn the_slug_becomes_the_product_s_id() {
    let app = TestApp::start().await;
    let wanted = json!({ "name": "My Brush", "slug": "my-brush", "creatorId": "bob" });
    let answer = app.admin().post("/createProduct", wanted).await;
    answer.expect_body(
        200,
        &json!({ "success": true, "productId": "my-brush", "status": "live" }),
    );
    let list = app.admin().post("/listProducts", json!({ "creatorId": "bob" })).await;
    assert_eq!(
        list.expect(200)["products"],
        json!([{
            "productId": "my-brush",
            "name": "My Brush",
            "slug": "my-brush",
            "creatorId": "bob",
            "status": "live",
            "active": true,
            "createdAt": "2030-01-01T00:00:00.000Z",
        }])
    );
}

#[tokio::test]
async fn any_status_can_be_asked_for_and_no_other() {
    let app = TestApp::start().await;
    let create = |slug: &'static str, status: Value| {
        let app = app.clone();
        async move {
            let wanted = json!({ "name": "P", "slug": slug, "creatorId": "bob", "status": status });
            app.admin().post("/createProduct", wanted).await
        }
    };
    for status in ["live", "unlisted", "archived"] {
        assert_eq!(create(status, json!(status)).await.expect(200)["status"], status);
    }
    assert_eq!(create("p", json!(null)).await.expect(200)["status"], "live");
    for status in ["draft", "Live", "expired", ""] {
        create("q", json!(status)).await.expect_refusal(400, "Invalid status");
    }
}

#[tokio::test]
async fn name_and_slug_are_required_and_for_the_admin_an_owner() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    let missing = "Missing required fields: name, slug";
    for body in [
        json!({}),
        json!({ "name": "P" }),
        json!({ "slug": "p" }),
        json!({ "name": " ", "slug": "p" }),
    ] {
        bob.post("/createProduct", body.clone())
            .await
            .expect_refusal(400, missing);
        app.admin()
            .post("/createProduct", body)
            .await
            .expect_refusal(400, missing);
    }
    let missing = "Missing required fields: creatorId";
    for body in [
        json!({ "name": "P", "slug": "p" }),
        json!({ "name": "P", "slug": "p", "creatorId": null }),
    ] {
        app.admin()
            .post("/createProduct", body)
            .await
            .expect_refusal(400, missing);
    }
    let blank = json!({ "name": "P", "slug": "p", "creatorId": " " });
    app.admin().post("/createProduct", blank).await.expect(400);
}

#[tokio::test]
async fn an_api_key_makes_its_owner_s_products_and_is_forbidden_to_name_another() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    bob.post("/createProduct", json!({ "name": "One", "slug": "one" }))
        .await
        .expect(200);
    bob.post(
        "/createProduct",
        json!({ "name": "Two", "slug": "two", "creatorId": "bob" }),
    )
    .await
    .expect(200);
    let foreign = json!({ "name": "Three", "slug": "three", "creatorId": "alice" });
    let refusal = "The API key belongs to another creator";
    bob.post("/createProduct", foreign).await.expect_refusal(403, refusal);
    let list = bob.post("/listProducts", json!({})).await;
    let owners: Vec<&Value> = list.expect(200)["products"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|product| &product["creatorId"])
        .collect();
    assert_eq!(owners, ["bob", "bob"]);
}

#[tokio::test]
async fn a_slug_is_given_once_in_the_whole_service() {
    let app = TestApp::start().await;
    app.make_product("brush", "carol", "archived").await;
    let refusal = "A product with this slug already exists";
    let wanted = json!({ "name": "Brush", "slug": "brush" });
    for owner in ["carol", "bob"] {
        let creator = app.creator(owner).await;
        creator
            .post("/createProduct", wanted.clone())
            .await
            .expect_refusal(409, refusal);
    }
    let list = app
        .admin()
        .post("/listProducts", json!({ "includeAll": true, "creatorId": "carol" }))
        .await;
    assert_eq!(
        list.expect(200)["products"][0]["status"],
        "archived",
        "the first one stands"
    );
}

#[tokio::test]
async fn a_slug_is_safe_in_a_url() {
    let app = TestApp::start().await;
    let create = |slug: String| {
        let app = app.clone();
        async move {
            let wanted = json!({ "name": "P", "slug": slug, "creatorId": "bob" });
            app.admin().post("/createProduct", wanted).await
        }
    };
    for slug in ["p", "My-Brush_2.0~beta", &"x".repeat(64)] {
        assert_eq!(create(slug.to_owned()).await.expect(200)["productId"], slug);
    }
    let refusal = "Invalid slug: must be 1 to 64 letters, digits, hyphens, dots, underscores or tildes";
    for slug in ["a b", "a/b", "a?b", "a#b", "a%20b", "pinceau-é", &"x".repeat(65)] {
        create(slug.to_owned()).await.expect_refusal(400, refusal);
    }
}
