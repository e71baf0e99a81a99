//! API keys: `/v1/dashboard/api-keys`, and what back ends do by them.

use keystead_core::owner::permission::Permission;
use keystead_tests::{MINUTE, TestApp};
use serde_json::{Value, json};

use super::{expect_refusal, joined, product_path, with_key};

const KEYS: &str = "/v1/dashboard/api-keys";
const UNKNOWN: &str = "Invalid or missing API key";

fn key_path(id: &str, rest: &str) -> String {
    format!("{KEYS}/{id}{rest}")
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_listed() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let wanted = json!({ "productId": product, "name": "Back end", "permissions": ["product:read"] });
    let made = owner.post(KEYS, wanted).await;
    let data = &made.expect(201)["data"];
    let key = data["key"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("gg_") && key.len() == 46, "{key}");
    let mut shown = data["apiKey"].clone();
    assert_eq!(
        shown.as_object_mut().expect("an object").remove("key"),
        Some(json!(key))
    );
    assert_eq!(
        shown,
        json!({
            "id": shown["id"], "productId": product, "name": "Back end", "permissions": ["product:read"],
            "prefix": &key[..9], "status": "active", "createdAt": app.now().to_string(), "expiresAt": null,
            "lastUsedAt": null, "revokedAt": null,
        })
    );
    let listed = owner.get(&format!("{KEYS}?productId={product}")).await;
    listed.expect_body(200, &json!({ "ok": true, "data": { "apiKeys": [shown] } }));
    assert!(!listed.text.contains(&key));
    let own = with_key(&app, &key, "GET", "/v1/whoami", json!({})).await;
    own.expect_body(
        200,
        &json!({ "ok": true, "data": {
            "apiKey": { "id": shown["id"], "name": "Back end", "permissions": ["product:read"] },
            "product": { "id": product, "name": "Brush" },
            "org": { "id": org, "name": "Acme" },
        } }),
    );
    // It opens nothing of people's.
    let people = with_key(&app, &key, "GET", &product_path(&product, ""), json!({})).await;
    people.expect(401);
}

#[tokio::test]
async fn a_rotated_key_keeps_its_id_and_its_old_secret_is_dead_at_once() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let (id, old) = owner.api_key(&product, &[]).await;
    let whoami = async |key: &str| with_key(&app, key, "GET", "/v1/whoami", json!({})).await;
    whoami(&old).await.expect(200);
    let rotated = owner.post(&key_path(&id, "/rotate"), json!({})).await;
    let data = &rotated.expect(200)["data"];
    assert_eq!(
        (&data["apiKey"]["id"], &data["apiKey"]["key"]),
        (&json!(id), &data["key"])
    );
    let new = data["key"].as_str().expect("a key");
    assert_ne!(new, old);
    expect_refusal(&whoami(&old).await, 401, "UNAUTHORIZED", UNKNOWN);
    whoami(new).await.expect(200);
    // An answer that got lost is given again, with the same secret.
    let again = async || owner.post_named("rotate-1", &key_path(&id, "/rotate"), json!({})).await;
    let (first, second) = (again().await, again().await);
    assert_eq!(first.expect(200)["data"]["key"], second.expect(200)["data"]["key"]);
}

#[tokio::test]
async fn a_key_that_is_revoked_or_deleted_lets_nobody_in() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let (revoked, first) = owner.api_key(&product, &[]).await;
    app.advance(MINUTE);
    let (deleted, second) = owner.api_key(&product, &[]).await;
    let whoami = async |key: &str| with_key(&app, key, "GET", "/v1/whoami", json!({})).await;
    for _ in 0..2 {
        let answer = owner.post(&key_path(&revoked, "/revoke"), json!({})).await;
        let shown = &answer.expect(200)["data"]["apiKey"];
        assert_eq!((&shown["status"], &shown["id"]), (&json!("revoked"), &json!(revoked)));
    }
    expect_refusal(&whoami(&first).await, 401, "UNAUTHORIZED", UNKNOWN);
    let back = owner.post(&key_path(&revoked, "/rotate"), json!({})).await;
    expect_refusal(&back, 409, "CONFLICT", "API key has been revoked");
    whoami(&second).await.expect(200);
    let gone = owner.ask("DELETE", &key_path(&deleted, ""), json!({})).await;
    gone.expect_body(200, &json!({ "ok": true, "data": { "deleted": true } }));
    expect_refusal(&whoami(&second).await, 401, "UNAUTHORIZED", UNKNOWN);
    let gone = owner.ask("DELETE", &key_path(&deleted, ""), json!({})).await;
    expect_refusal(&gone, 404, "NOT_FOUND", "API key not found");
    let listed = owner.get(&format!("{KEYS}?productId={product}")).await;
    let keys = listed.expect(200)["data"]["apiKeys"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(keys.len(), 1, "the revoked one stays in the list");
    assert_eq!(keys[0]["id"], json!(revoked));
}

#[tokio::test]
async fn an_expired_key_lets_nobody_in() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let end = (app.now() + MINUTE).to_string();
    let wanted = json!({ "productId": product, "name": "For a minute", "expiresAt": end });
    let made = owner.post(KEYS, wanted.clone()).await;
    let key = made.expect(201)["data"]["key"].as_str().expect("a key").to_owned();
    with_key(&app, &key, "GET", "/v1/whoami", json!({})).await.expect(200);
    app.advance(MINUTE);
    let late = with_key(&app, &key, "GET", "/v1/whoami", json!({})).await;
    expect_refusal(&late, 401, "UNAUTHORIZED", UNKNOWN);
    let past = owner.post(KEYS, wanted).await;
    assert_eq!(past.expect(400)["error"]["details"][0]["path"], "expiresAt");
}

#[tokio::test]
async fn what_a_key_permits_is_what_was_granted_and_nothing_is_never_everything() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let make = async |permissions: Option<Value>| {
        let mut wanted = json!({ "productId": product, "name": "Back end" });
        if let Some(permissions) = permissions {
            wanted["permissions"] = permissions;
        }
        owner.post(KEYS, wanted).await
    };
    let odd = [
        json!([]),
        json!(null),
        json!(["everything:do"]),
        json!(["product:read", "no"]),
        json!("product:read"),
    ];
    for permissions in odd {
        let refused = make(Some(permissions.clone())).await;
        assert_eq!(
            refused.expect(400)["error"]["code"],
            "VALIDATION_ERROR",
            "{permissions}"
        );
    }
    let all = make(None).await;
    let data = &all.expect(201)["data"];
    let listed = data["apiKey"]["permissions"].as_array().expect("a list");
    assert_eq!(listed.len(), Permission::ALL.len());
    let (id, key) = (
        data["apiKey"]["id"].as_str().expect("an id"),
        data["key"].as_str().expect("a key"),
    );
    let path = format!("/v1/products/{product}");
    let change = async |key: &str| with_key(&app, key, "PATCH", &path, json!({ "name": "Pen" })).await;
    change(key).await.expect(200);
    for permissions in [json!([]), json!(null)] {
        let refused = owner
            .ask("PATCH", &key_path(id, ""), json!({ "permissions": permissions }))
            .await;
        refused.expect(400);
    }
    let fewer = json!({ "name": "Reader", "permissions": ["product:read"] });
    let changed = owner.ask("PATCH", &key_path(id, ""), fewer).await;
    let shown = &changed.expect(200)["data"]["apiKey"];
    assert_eq!(
        (&shown["name"], &shown["permissions"]),
        (&json!("Reader"), &json!(["product:read"]))
    );
    let text = "API key does not have permission: product:write";
    expect_refusal(&change(key).await, 403, "PERMISSION_DENIED", text);
    with_key(&app, key, "GET", &path, json!({})).await.expect(200);
    let nothing = owner.ask("PATCH", &key_path(id, ""), json!({})).await;
    expect_refusal(&nothing, 400, "VALIDATION_ERROR", "No fields to update");
}

#[tokio::test]
async fn a_key_reaches_no_other_product() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let (own, sibling) = (owner.product(&org, "Brush").await, owner.product(&org, "Pen").await);
    let stranger = app.person("stranger@example.com").await;
    let other_org = stranger.organisation("Other").await;
    let foreign = stranger.product(&other_org, "Ink").await;
    let (id, key) = owner.api_key(&own, &[]).await;
    for product in [sibling.as_str(), &foreign, "nothing"] {
        for (method, rest) in [("GET", ""), ("PATCH", ""), ("GET", "/api-keys")] {
            let path = format!("/v1/products/{product}{rest}");
            let refused = with_key(&app, &key, method, &path, json!({ "name": "Mine" })).await;
            expect_refusal(&refused, 403, "FORBIDDEN", "API key is not bound to this product");
        }
    }
    let path = format!("/v1/products/{own}/api-keys");
    let listed = with_key(&app, &key, "GET", &path, json!({})).await;
    assert_eq!(listed.expect(200)["data"]["apiKeys"][0]["id"], json!(id));
    assert!(!listed.text.contains(&key));
    // What another team has is not there.
    for (method, rest) in [("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/revoke")] {
        let refused = stranger
            .ask(method, &key_path(&id, rest), json!({ "name": "Mine" }))
            .await;
        expect_refusal(&refused, 404, "NOT_FOUND", "API key not found");
    }
}

#[tokio::test]
async fn a_viewer_sees_the_keys_and_makes_none() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let (id, _) = owner.api_key(&product, &[]).await;
    for (name, role) in [("viewer", "VIEWER"), ("dev", "DEV")] {
        let member = joined(&app, &owner, &org, name, role).await;
        member.get(&format!("{KEYS}?productId={product}")).await.expect(200);
        let text = "Your role does not allow this";
        let wanted = json!({ "productId": product, "name": "Mine" });
        expect_refusal(&member.post(KEYS, wanted).await, 403, "FORBIDDEN", text);
        let rotated = member.post(&key_path(&id, "/rotate"), json!({})).await;
        expect_refusal(&rotated, 403, "FORBIDDEN", text);
    }
}

#[tokio::test]
async fn the_list_of_keys_goes_on_where_the_page_before_ended() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let (product, other) = (owner.product(&org, "Brush").await, owner.product(&org, "Pen").await);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, owner.api_key(&product, &[]).await.0);
        app.advance(MINUTE);
    }
    let page = async |product: &str, cursor: &str| {
        owner
            .get(&format!("{KEYS}?productId={product}&pageSize=2&cursor={cursor}"))
            .await
    };
    let first = page(&product, "").await;
    let cursor = first.expect(200)["data"]["nextCursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let second = page(&product, &cursor).await;
    assert_eq!(second.expect(200)["data"].get("nextCursor"), None);
    let pages = [&first.body["data"]["apiKeys"], &second.body["data"]["apiKeys"]];
    let ids: Vec<&Value> = pages
        .iter()
        .flat_map(|page| page.as_array().expect("a list"))
        .map(|key| &key["id"])
        .collect();
    assert_eq!(
        ids,
        made.iter()
            .map(|id| json!(id))
            .collect::<Vec<_>>()
            .iter()
            .collect::<Vec<_>>()
    );
    for (product, cursor) in [(&other, cursor.as_str()), (&product, "made-up")] {
        let refused = page(product, cursor).await;
        assert_eq!(refused.expect(400)["error"]["details"][0]["path"], "cursor");
    }
}

#[tokio::test]
async fn that_a_key_was_used_is_noted_once_in_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let product = owner.product(&org, "Brush").await;
    let (_, key) = owner.api_key(&product, &[]).await;
    let used = async || {
        owner.refresh().await;
        with_key(&app, &key, "GET", "/v1/whoami", json!({})).await.expect(200);
        let listed = owner.get(&format!("{KEYS}?productId={product}")).await;
        listed.expect(200)["data"]["apiKeys"][0]["lastUsedAt"].clone()
    };
    let first = json!(app.now().to_string());
    assert_eq!(used().await, first);
    app.advance(14 * MINUTE);
    assert_eq!(used().await, first);
    app.advance(MINUTE);
    assert_eq!(used().await, json!(app.now().to_string()));
}
