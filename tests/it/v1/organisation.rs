//! Organisations: `/v1/dashboard/orgs`.

use keystead_tests::{OWNER, TestApp};
use serde_json::json;

use super::{expect_refusal, of};

#[tokio::test]
async fn who_makes_an_organisation_is_its_owner_and_nobody_else_learns_of_it() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let made = owner.post("/v1/dashboard/orgs", json!({ "name": "Acme & Sons" })).await;
    let org = made.expect(201)["data"]["org"].clone();
    assert_eq!((&org["slug"], &org["role"]), (&json!("acme-sons"), &json!("OWNER")));
    let id = org["id"].as_str().expect("an id");
    let shown = owner.get(&of(id, "")).await;
    assert_eq!(shown.expect(200)["data"]["org"], org);
    let listed = owner.get("/v1/dashboard/orgs").await;
    listed.expect_body(
        200,
        &json!({ "ok": true, "data": { "orgs": [org], "total": 1, "page": 1, "pageSize": 50, "totalPages": 1 } }),
    );

    let other = app.person("other@example.com").await;
    let unknown = other.get(&of("nothing", "")).await;
    for method in ["GET", "PATCH", "DELETE"] {
        let answer = other.ask(method, &of(id, ""), json!({ "name": "Mine" })).await;
        answer.expect_body(404, &unknown.body);
    }
    assert_eq!(
        other.get("/v1/dashboard/orgs").await.expect(200)["data"]["orgs"],
        json!([])
    );
}

#[tokio::test]
async fn a_slug_is_one_organisation_s() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let slug = async |name: &str, slug: Option<&str>| {
        let mut wanted = json!({ "name": name });
        if let Some(slug) = slug {
            wanted["slug"] = json!(slug);
        }
        owner.post("/v1/dashboard/orgs", wanted).await
    };
    slug("Acme", None).await.expect(201);
    // One that is made up gets something behind it; one that is asked for is taken.
    let second = slug("Acme", None).await;
    let second = second.expect(201)["data"]["org"].clone();
    let made_up = second["slug"].as_str().expect("a slug");
    assert!(
        made_up.starts_with("acme-") && made_up.len() > "acme-".len(),
        "{made_up}"
    );
    let taken = slug("Else", Some("acme")).await;
    expect_refusal(&taken, 409, "CONFLICT", "An organization with this slug already exists");
    // A slug that is given up is free.
    let path = of(second["id"].as_str().expect("an id"), "");
    let renamed = owner
        .ask("PATCH", &path, json!({ "slug": "roadrunner", "name": "Road Runner" }))
        .await;
    assert_eq!(renamed.expect(200)["data"]["org"]["slug"], "roadrunner");
    slug("Else", Some(made_up)).await.expect(201);
    let taken = owner.ask("PATCH", &path, json!({ "slug": "acme" })).await;
    expect_refusal(&taken, 409, "CONFLICT", "An organization with this slug already exists");
    let nothing = owner.ask("PATCH", &path, json!({})).await;
    expect_refusal(&nothing, 400, "VALIDATION_ERROR", "No fields to update");
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_told_beside_its_name() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let asked = owner
        .post("/v1/dashboard/orgs", json!({ "name": "Acme", "slug": "No Slug" }))
        .await;
    let expected = "1 to 64 lower-case letters, digits and hyphens, the first and last of which is no hyphen";
    asked.expect_body(
        400,
        &json!({ "ok": false, "error": {
            "message": format!("Invalid slug: must be {expected}"),
            "code": "VALIDATION_ERROR",
            "details": [{ "path": "slug", "message": format!("must be {expected}") }],
        } }),
    );
    let missing = owner.post("/v1/dashboard/orgs", json!({})).await;
    let details = &missing.expect(400)["error"]["details"];
    assert_eq!(details, &json!([{ "path": "name", "message": "required" }]));
    // What can be no id is the id of nothing.
    let odd = owner.get(&of("a%23b", "")).await;
    assert_eq!(odd.expect(404)["error"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn an_organisation_with_licenses_is_deleted_only_on_its_slug() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    // The flat API's creator becomes an organisation, named like it, with its first member.
    let member = json!({ "creatorId": OWNER, "email": owner.email, "role": "owner" });
    app.admin().post("/addMember", member).await.expect(200);
    let license = app.license().create().await;
    let listed = owner.get("/v1/dashboard/orgs").await;
    let org = listed.expect(200)["data"]["orgs"][0].clone();
    assert_eq!(
        (&org["id"], &org["slug"], &org["role"]),
        (&json!(OWNER), &json!(OWNER), &json!("OWNER"))
    );

    let refused = owner.ask("DELETE", &of(OWNER, ""), json!({})).await;
    let text = "There are licenses that are not revoked: confirm with the organisation's slug";
    expect_refusal(&refused, 409, "CONFLICT", text);
    let wrong = owner.ask("DELETE", &of(OWNER, ""), json!({ "confirm": "else" })).await;
    wrong.expect(409);
    let deleted = owner.ask("DELETE", &of(OWNER, ""), json!({ "confirm": OWNER })).await;
    deleted.expect_body(200, &json!({ "ok": true, "data": { "deleted": true } }));
    owner.get(&of(OWNER, "")).await.expect(404);
    assert_eq!(owner.get("/v1/dashboard/orgs").await.expect(200)["data"]["total"], 0);
    drop(license);
}
