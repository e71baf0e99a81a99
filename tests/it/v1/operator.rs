//! What the operator does by `X-Admin-Token`: `POST /v1/products` and `POST /v1/api-keys`.

use http::Method;
use keystead_tests::{Answer, TestApp, TestLicense, request, secrets};
use serde_json::{Value, json};

use super::expect_refusal;

async fn ask(app: &TestApp, path: &str, secret: &str, body: Value) -> Answer {
    let headers = [("x-admin-token", secret)];
    let body = body.to_string();
    app.send(request(&Method::POST, path, &headers, body.as_bytes()))
        .await
        .0
}

#[tokio::test]
async fn the_operator_makes_a_product_and_its_key_for_an_organisation() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let secret = secrets().credentials.admin_secret.clone();
    let wanted = json!({ "orgId": shop.org, "name": "Brush", "description": "It paints." });
    let made = ask(&app, "/v1/products", &secret, wanted).await;
    let product = made.expect(201)["data"]["product"].clone();
    let id = product["id"].as_str().expect("an id");
    assert_eq!(
        (&product["orgId"], &product["name"]),
        (&json!(shop.org), &json!("Brush"))
    );
    // The team has it from then on.
    let shown = shop.owner.get(&format!("/v1/dashboard/products/{id}")).await;
    assert_eq!(shown.expect(200)["data"]["product"], product);
    let wanted = json!({ "productId": id, "name": "Back end", "permissions": ["license:create", "license:authorize"] });
    let made = ask(&app, "/v1/api-keys", &secret, wanted).await;
    let key = made.expect(201)["data"]["key"].as_str().expect("a key").to_owned();
    let selling = shop.selling(id);
    let license = selling.by(&key, "POST", "", json!({})).await.expect(201)["data"]["license"].clone();
    let license = TestLicense {
        key: license["key"].as_str().expect("a key").to_owned(),
    };
    let asked = json!({ "productId": id, "licenseKey": license.key });
    shop.authorize_by(&key, asked).await.0.expect(200);
    expect_refusal(
        &selling.by(&key, "GET", "", json!({})).await,
        403,
        "PERMISSION_DENIED",
        "API key does not have permission: license:read",
    );
    // It is in the team's audit log as the operator's.
    let log = json!({ "creatorId": shop.org, "type": "apiKeyCreated", "limit": 1 });
    let log = app.admin().post("/listAuditEvents", log).await;
    assert_eq!(log.expect(200)["events"][0]["actor"]["kind"], "admin");
}

#[tokio::test]
async fn nobody_else_does_and_nothing_is_made_of_what_is_not_there() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let secret = secrets().credentials.admin_secret.clone();
    let product = json!({ "orgId": shop.org, "name": "Brush" });
    let key = json!({ "productId": shop.product, "name": "Back end" });
    for wrong in ["", "guessed", shop.key.as_str()] {
        for (path, body) in [("/v1/products", &product), ("/v1/api-keys", &key)] {
            expect_refusal(
                &ask(&app, path, wrong, body.clone()).await,
                401,
                "UNAUTHORIZED",
                "Invalid or missing admin token",
            );
        }
    }
    let by_owner = shop.owner.post("/v1/products", product).await;
    expect_refusal(&by_owner, 401, "UNAUTHORIZED", "Invalid or missing admin token");
    for (path, body, message) in [
        (
            "/v1/products",
            json!({ "orgId": "unknown", "name": "A" }),
            "Organisation not found",
        ),
        (
            "/v1/api-keys",
            json!({ "productId": "unknown", "name": "A" }),
            "Product not found",
        ),
    ] {
        expect_refusal(&ask(&app, path, &secret, body).await, 404, "NOT_FOUND", message);
    }
    let nameless = ask(&app, "/v1/products", &secret, json!({ "orgId": shop.org })).await;
    expect_refusal(
        &nameless,
        400,
        "VALIDATION_ERROR",
        "Missing required fields: orgId, name",
    );
}
