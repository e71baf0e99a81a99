//! Products: `/v1/dashboard/products`, and those of an organisation.

use keystead_tests::{MINUTE, OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

use super::{expect_refusal, joined, of, product_path, with_key};

const NOT_FOUND: &str = "Product not found";

#[tokio::test]
async fn a_product_is_shown_as_it_was_made_and_changed() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    // Who is a member of one organisation alone need not name it.
    let wanted = json!({ "name": "Brush", "description": "It paints." });
    let made = owner.post("/v1/dashboard/products", wanted.clone()).await;
    let mut product = made.expect(201)["data"]["product"].clone();
    let id = product["id"].as_str().expect("an id").to_owned();
    assert_eq!(id.len(), 36, "a UUID");
    let now = app.now().to_string();
    assert_eq!(
        product,
        json!({
            "id": id, "orgId": org, "name": "Brush", "description": "It paints.", "defaultLicensePolicy": null,
            "createdAt": now, "updatedAt": now,
        })
    );
    app.advance(MINUTE);
    let change = json!({ "name": "Brush 2", "description": null });
    let changed = owner.ask("PATCH", &product_path(&id, ""), change).await;
    product["name"] = json!("Brush 2");
    product["description"] = Value::Null;
    product["updatedAt"] = json!(app.now().to_string());
    let shown = json!({ "ok": true, "data": { "product": product } });
    changed.expect_body(200, &shown);
    owner.get(&product_path(&id, "")).await.expect_body(200, &shown);
    let nothing = owner.ask("PATCH", &product_path(&id, ""), json!({})).await;
    expect_refusal(&nothing, 400, "VALIDATION_ERROR", "No fields to update");

    owner.organisation("Another").await;
    let which = owner.post("/v1/dashboard/products", wanted).await;
    expect_refusal(&which, 400, "VALIDATION_ERROR", "Missing required fields: orgId");
}

#[tokio::test]
async fn the_products_of_an_organisation_are_listed_page_by_page() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let mut ids = Vec::new();
    for name in ["One", "Two", "Three"] {
        ids.insert(0, owner.product(&org, name).await);
        app.advance(MINUTE);
    }
    let listed = owner.get(&of(&org, "/products?pageSize=2&page=2")).await;
    let data = &listed.expect(200)["data"];
    assert_eq!(data["products"][0]["id"], json!(ids[2]));
    let page = [&data["total"], &data["page"], &data["pageSize"], &data["totalPages"]];
    assert_eq!(page, [&json!(3), &json!(2), &json!(2), &json!(2)]);
    // One that the organisation has already is found there; another's is not.
    let there = owner.post(&of(&org, "/products"), json!({ "productId": ids[0] })).await;
    assert_eq!(there.expect(201)["data"]["product"]["name"], "Three");
    let foreign = owner
        .post(&of(&org, "/products"), json!({ "productId": PRODUCT }))
        .await;
    expect_refusal(&foreign, 404, "NOT_FOUND", NOT_FOUND);
    let nameless = owner.post(&of(&org, "/products"), json!({})).await;
    expect_refusal(&nameless, 400, "VALIDATION_ERROR", "Missing required fields: name");
    // Taking it out deletes it, for it is nobody else's.
    let path = of(&org, &format!("/products/{}", ids[0]));
    let removed = owner.ask("DELETE", &path, json!({})).await;
    removed.expect_body(200, &json!({ "ok": true, "data": { "removed": true } }));
    expect_refusal(
        &owner.ask("DELETE", &path, json!({})).await,
        404,
        "NOT_FOUND",
        NOT_FOUND,
    );
    let left = owner.get(&of(&org, "/products")).await;
    assert_eq!(left.expect(200)["data"]["total"], 2);
    owner.get(&product_path(&ids[0], "")).await.expect(404);
}

#[tokio::test]
async fn a_policy_comes_back_as_it_was_set_and_null_takes_it_away() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let policy = json!({ "v": 1, "limits": {
        "hwid": { "mode": "limit", "maxDistinct": 3 },
        "ip": { "mode": "limit", "maxDistinct": 5, "windowDays": 30, "limitType": "ip" },
        "concurrency": { "mode": "limit", "maxActive": 2 },
        "resetBudget": { "hwid": { "max": 3, "cooldownHours": 24 }, "ip": { "max": 5, "cooldownHours": 12 } },
    } });
    let wanted = json!({ "name": "Brush", "defaultLicensePolicy": policy });
    let made = owner.post(&of(&org, "/products"), wanted).await;
    let product = &made.expect(201)["data"]["product"];
    assert_eq!(product["defaultLicensePolicy"], policy);
    let path = product_path(product["id"].as_str().expect("an id"), "");
    let set = async |change: Value| {
        let changed = owner.ask("PATCH", &path, change).await;
        changed.expect(200)["data"]["product"]["defaultLicensePolicy"].clone()
    };
    let sticky = json!({ "v": 1, "limits": { "hwid": { "mode": "sticky" } } });
    assert_eq!(set(json!({ "policy": sticky })).await, sticky);
    assert_eq!(
        set(json!({ "name": "Brush 2" })).await,
        sticky,
        "what is not named stays"
    );
    assert_eq!(set(json!({ "defaultLicensePolicy": null })).await, Value::Null);
    assert_eq!(
        set(json!({ "defaultLicensePolicy": policy, "policy": sticky })).await,
        policy
    );
    assert_eq!(set(json!({ "policy": null })).await, Value::Null);
}

#[tokio::test]
async fn a_policy_that_contradicts_itself_is_refused_by_the_name_of_the_field() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let id = owner.product(&org, "Brush").await;
    let limits = |limits: Value| json!({ "v": 1, "limits": limits });
    for (policy, field) in [
        (json!([]), ""),
        (json!("all"), ""),
        (json!({ "limits": {} }), ".v"),
        (json!({ "v": 2, "limits": {} }), ".v"),
        (json!({ "v": 1 }), ".limits"),
        (
            limits(json!({ "hwid": { "mode": "limit" } })),
            ".limits.hwid.maxDistinct",
        ),
        (
            limits(json!({ "hwid": { "mode": "unlimited", "maxDistinct": 3 } })),
            ".limits.hwid.maxDistinct",
        ),
        (
            limits(json!({ "hwid": { "mode": "sticky", "maxDistinct": 3 } })),
            ".limits.hwid.maxDistinct",
        ),
        (
            limits(json!({ "hwid": { "mode": "limit", "maxDistinct": 0 } })),
            ".limits.hwid.maxDistinct",
        ),
        (limits(json!({ "hwid": { "mode": "some" } })), ".limits.hwid.mode"),
        (
            limits(json!({ "ip": { "mode": "sticky", "windowDays": 3 } })),
            ".limits.ip.windowDays",
        ),
        (
            limits(json!({ "ip": { "mode": "limit", "maxDistinct": 3, "limitType": "street" } })),
            ".limits.ip.limitType",
        ),
        (
            limits(json!({ "concurrency": { "mode": "limit" } })),
            ".limits.concurrency.maxActive",
        ),
        (
            limits(json!({ "concurrency": { "mode": "sticky" } })),
            ".limits.concurrency.mode",
        ),
        (
            limits(json!({ "resetBudget": { "hwid": { "max": -1 } } })),
            ".limits.resetBudget.hwid.max",
        ),
    ] {
        for name in ["defaultLicensePolicy", "policy"] {
            let refused = owner
                .ask("PATCH", &product_path(&id, ""), json!({ name: policy }))
                .await;
            let error = &refused.expect(400)["error"];
            assert_eq!(error["code"], "INVALID_POLICY", "{policy}");
            let path = format!("{name}{field}");
            assert_eq!(error["details"][0]["path"], json!(path), "{policy}: {error}");
            let message = error["message"].as_str().expect("a text");
            assert!(message.starts_with(&format!("Invalid {path}: must be ")), "{message}");
        }
    }
    let wanted = json!({ "orgId": org, "name": "Pen", "defaultLicensePolicy": {} });
    let refused = owner.post("/v1/dashboard/products", wanted).await;
    assert_eq!(refused.expect(400)["error"]["code"], "INVALID_POLICY");
    let shown = owner.get(&product_path(&id, "")).await;
    assert_eq!(
        shown.expect(200)["data"]["product"]["defaultLicensePolicy"],
        Value::Null
    );
}

#[tokio::test]
async fn a_product_that_is_deleted_is_gone_in_every_api() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let member = json!({ "creatorId": OWNER, "email": owner.email, "role": "owner" });
    app.admin().post("/addMember", member).await.expect(200);
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    // A product of the flat API is shown as well, under its slug.
    let shown = owner.get(&product_path(PRODUCT, "")).await;
    assert_eq!(shown.expect(200)["data"]["product"]["orgId"], OWNER);
    let (_, key) = owner.api_key(PRODUCT, &[]).await;
    with_key(&app, &key, "GET", "/v1/whoami", json!({})).await.expect(200);
    let check = json!({ "licenseKey": license.key, "productId": PRODUCT });
    app.stranger().post("/verify", check.clone()).await.expect(200);
    // Another process has the product in its cache.
    let other = app.restarted().await;
    other.stranger().post("/verify", check.clone()).await.expect(200);

    let deleted = owner.ask("DELETE", &product_path(PRODUCT, ""), json!({})).await;
    deleted.expect_body(200, &json!({ "ok": true, "data": { "deleted": true } }));

    for method in ["GET", "PATCH", "DELETE"] {
        let gone = owner
            .ask(method, &product_path(PRODUCT, ""), json!({ "name": "Back" }))
            .await;
        expect_refusal(&gone, 404, "NOT_FOUND", NOT_FOUND);
    }
    assert_eq!(owner.get(&of(OWNER, "/products")).await.expect(200)["data"]["total"], 0);
    let keys = owner.get(&format!("/v1/dashboard/api-keys?productId={PRODUCT}")).await;
    expect_refusal(&keys, 404, "NOT_FOUND", NOT_FOUND);
    let whoami = with_key(&app, &key, "GET", "/v1/whoami", json!({})).await;
    expect_refusal(&whoami, 404, "NOT_FOUND", NOT_FOUND);

    let listed = app.admin().post("/listProducts", json!({ "includeAll": true })).await;
    assert_eq!(listed.expect(200)["count"], 0);
    let changed = json!({ "productId": PRODUCT, "name": "Back" });
    app.admin()
        .post("/updateProduct", changed)
        .await
        .expect_refusal(404, NOT_FOUND);
    let sold = json!({ "email": "customer@example.com", "productId": PRODUCT });
    app.admin()
        .post("/createLicense", sold)
        .await
        .expect_refusal(404, NOT_FOUND);
    app.advance(MINUTE);
    for app in [&app, &other] {
        app.stranger().post("/verify", check.clone()).await.expect(404);
        app.machine("b").activate(&license).await.expect(404);
    }
    machine.validate(&license).await.expect(404);
    let asked = json!({ "key": license.key, "hwid": "machine" });
    app.stranger()
        .post("/api/license-keys/validate", asked)
        .await
        .expect_error(404, "License key not found");
}

#[tokio::test]
async fn a_viewer_looks_a_dev_writes_and_an_admin_deletes() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let viewer = joined(&app, &owner, &org, "viewer", "VIEWER").await;
    let dev = joined(&app, &owner, &org, "dev", "DEV").await;
    let admin = joined(&app, &owner, &org, "admin", "ADMIN").await;
    let path = product_path(&product, "");
    let text = "Your role does not allow this";
    viewer.get(&path).await.expect(200);
    expect_refusal(
        &viewer.ask("PATCH", &path, json!({ "name": "Pen" })).await,
        403,
        "FORBIDDEN",
        text,
    );
    dev.ask("PATCH", &path, json!({ "name": "Pen" })).await.expect(200);
    expect_refusal(&dev.ask("DELETE", &path, json!({})).await, 403, "FORBIDDEN", text);
    admin.ask("DELETE", &path, json!({})).await.expect(200);
    viewer.get(&path).await.expect(404);
    // To who is no member, it is not there.
    let other = app.person("other@example.com").await;
    let foreign = owner.product(&org, "Secret").await;
    let unknown = other.get(&product_path("nothing", "")).await;
    other
        .get(&product_path(&foreign, ""))
        .await
        .expect_body(404, &unknown.body);
}
