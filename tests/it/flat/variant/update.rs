//! `POST /createVariant`, `GET|POST /listVariants` and `POST /updateVariant`.

use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

/// Makes a variant of [`PRODUCT`].
async fn create(app: &TestApp, fields: Value, id: &str) {
    let mut asked = fields;
    asked["productId"] = json!(PRODUCT);
    let answer = app.admin().post("/createVariant", asked).await;
    answer.expect_body(200, &json!({ "success": true, "variantId": id }));
}

async fn update(app: &TestApp, changes: Value, id: &str) {
    let answer = app.admin().post("/updateVariant", changes).await;
    answer.expect_body(200, &json!({ "success": true, "variantId": id }));
}

/// The variants of a product as they are listed.
async fn listed(app: &TestApp, product: &str) -> Vec<Value> {
    let answer = app.admin().post("/listVariants", json!({ "productId": product })).await;
    let body = answer.expect(200);
    let variants = body["variants"].as_array().expect("a list");
    assert_eq!(
        (&body["success"], &body["count"]),
        (&json!(true), &json!(variants.len()))
    );
    variants.clone()
}

#[tokio::test]
async fn a_variant_is_listed_with_its_prefix_and_all_that_it_was_made_with() {
    let app = TestApp::start().await;
    let fields = json!({
        "name": "Render Farm", "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10, "trialDays": 14,
        "offlineDays": 30, "price": 49.5, "active": false,
    });
    create(&app, fields, "app-render-farm").await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    let answer = app.admin().post("/listVariants", json!({ "productId": PRODUCT })).await;
    answer.expect_body(
        200,
        &json!({
            "success": true,
            "count": 2,
            "variants": [
                {
                    "variantId": "app-indie", "productId": "app", "name": "Indie", "licenseType": "per-machine",
                    "maxMachines": null, "maxConcurrent": null, "trialDays": null, "offlineDays": null,
                    "price": null, "active": true,
                },
                {
                    "variantId": "app-render-farm", "productId": "app", "name": "Render Farm",
                    "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10, "trialDays": 14,
                    "offlineDays": 30, "price": 49.5, "active": false,
                },
            ],
        }),
    );
}

#[tokio::test]
async fn a_variant_s_id_is_its_name_in_lower_case_with_hyphens() {
    let app = TestApp::start().await;
    for (name, id) in [
        ("Studio", "app-studio"),
        ("  Site License (EU)! ", "app-site-license-eu"),
        ("Pro+", "app-pro"),
        ("2 Seats", "app-2-seats"),
    ] {
        create(&app, json!({ "name": name }), id).await;
    }
    let nameless = json!({ "productId": PRODUCT, "name": "+++" });
    app.admin()
        .post("/createVariant", nameless)
        .await
        .expect_refusal(400, "Invalid name: must be a name with at least one letter or digit");
}

#[tokio::test]
async fn a_variant_s_name_is_taken_once_in_a_product() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    for name in ["Indie", "indie", "INDIE!", " indie "] {
        let asked = json!({ "productId": PRODUCT, "name": name, "maxMachines": 9 });
        let answer = app.admin().post("/createVariant", asked).await;
        answer.expect_refusal(409, "A variant with this name already exists");
    }
    assert_eq!(listed(&app, PRODUCT).await[0]["maxMachines"], Value::Null);
    app.make_product("brush", OWNER, "live").await;
    let elsewhere = json!({ "productId": "brush", "name": "Indie" });
    app.admin().post("/createVariant", elsewhere).await.expect(200);
    assert_eq!(listed(&app, PRODUCT).await.len(), 1);
}

#[tokio::test]
async fn of_two_that_make_a_variant_at_once_one_does() {
    for seed in 0..16 {
        let app = TestApp::start().await;
        app.weather.seed(seed);
        let make = async || {
            let asked = json!({ "productId": PRODUCT, "name": "Indie" });
            app.admin().post("/createVariant", asked).await.status
        };
        let (a, b) = tokio::join!(make(), make());
        assert_eq!((a.min(b), a.max(b)), (200, 409), "seed {seed}");
    }
}

#[tokio::test]
async fn a_variant_is_updated_with_its_prefix_without_it_and_by_its_name() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie", "trialDays": 14 }), "app-indie").await;
    for (asked, field, value) in [
        (
            json!({ "variantId": "app-indie", "maxMachines": 3 }),
            "maxMachines",
            json!(3),
        ),
        (
            json!({ "variantId": "app-indie", "productId": PRODUCT, "maxMachines": 4 }),
            "maxMachines",
            json!(4),
        ),
        (
            json!({ "variantId": "indie", "productId": PRODUCT, "maxMachines": -1 }),
            "maxMachines",
            json!(-1),
        ),
        (
            json!({ "productId": PRODUCT, "name": "INDIE", "maxMachines": 5 }),
            "maxMachines",
            json!(5),
        ),
        (
            json!({ "variantId": "app-indie", "maxMachines": null }),
            "maxMachines",
            json!(null),
        ),
        (
            json!({ "variantId": "app-indie", "maxConcurrent": 2 }),
            "maxConcurrent",
            json!(2),
        ),
        (
            json!({ "variantId": "app-indie", "licenseType": "floating" }),
            "licenseType",
            json!("floating"),
        ),
        (
            json!({ "variantId": "app-indie", "trialDays": null }),
            "trialDays",
            json!(null),
        ),
        (
            json!({ "variantId": "app-indie", "offlineDays": 3650 }),
            "offlineDays",
            json!(3650),
        ),
        (json!({ "variantId": "app-indie", "price": 12 }), "price", json!(12)),
        (
            json!({ "variantId": "app-indie", "active": false }),
            "active",
            json!(false),
        ),
        (
            json!({ "variantId": "app-indie", "active": true }),
            "active",
            json!(true),
        ),
        (
            json!({ "variantId": "app-indie", "name": "Solo" }),
            "name",
            json!("Solo"),
        ),
    ] {
        let mut before = listed(&app, PRODUCT).await[0].clone();
        update(&app, asked.clone(), "app-indie").await;
        before[field] = value;
        assert_eq!(listed(&app, PRODUCT).await, [before], "{asked}");
    }
}

#[tokio::test]
async fn a_prefix_with_hyphens_of_its_own_is_told_from_the_variant() {
    let app = TestApp::start().await;
    app.make_product("app-pro", OWNER, "live").await;
    create(&app, json!({ "name": "Pro Max" }), "app-pro-max").await;
    update(
        &app,
        json!({ "variantId": "app-pro-max", "maxMachines": 1 }),
        "app-pro-max",
    )
    .await;
    assert_eq!(listed(&app, PRODUCT).await[0]["maxMachines"], 1);
    let same = json!({ "productId": "app-pro", "name": "Max" });
    app.admin().post("/createVariant", same).await.expect(200);
    // With the product it is clear which of both is meant.
    let asked = json!({ "productId": PRODUCT, "variantId": "app-pro-max", "maxMachines": 2 });
    update(&app, asked, "app-pro-max").await;
    let asked = json!({ "productId": "app-pro", "variantId": "app-pro-max", "maxMachines": 3 });
    update(&app, asked, "app-pro-max").await;
    assert_eq!(listed(&app, PRODUCT).await[0]["maxMachines"], 2);
    assert_eq!(listed(&app, "app-pro").await[0]["maxMachines"], 3);
}

#[tokio::test]
async fn an_update_needs_a_variant_and_a_field() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    for (asked, status, text) in [
        (json!({ "maxMachines": 3 }), 400, "Missing required fields: variantId"),
        (
            json!({ "productId": PRODUCT, "maxMachines": 3 }),
            400,
            "Missing required fields: variantId",
        ),
        (json!({ "variantId": "app-indie" }), 400, "No fields to update"),
        (
            json!({ "productId": PRODUCT, "name": "Indie" }),
            400,
            "No fields to update",
        ),
        (
            json!({ "variantId": "indie", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "app-studio", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "indie", "productId": "unknown", "maxMachines": 3 }),
            404,
            "Variant not found",
        ),
        (
            json!({ "variantId": "app-indie", "trialDays": 0 }),
            400,
            "Invalid trialDays: must be a whole number of days from 1 to 3650",
        ),
        (
            json!({ "variantId": "app-indie", "licenseType": "perpetual" }),
            400,
            "Invalid licenseType",
        ),
    ] {
        app.admin()
            .post("/updateVariant", asked)
            .await
            .expect_refusal(status, text);
    }
}

#[tokio::test]
async fn another_owner_s_product_and_variants_are_not_found() {
    let app = TestApp::start().await;
    create(&app, json!({ "name": "Indie" }), "app-indie").await;
    let bob = app.creator("bob").await;
    for (path, asked, text) in [
        ("/listVariants", json!({ "productId": PRODUCT }), "Product not found"),
        (
            "/createVariant",
            json!({ "productId": PRODUCT, "name": "Indie" }),
            "Product not found",
        ),
        (
            "/updateVariant",
            json!({ "variantId": "app-indie", "maxMachines": 9 }),
            "Variant not found",
        ),
        (
            "/updateVariant",
            json!({ "productId": PRODUCT, "name": "Indie", "maxMachines": 9 }),
            "Variant not found",
        ),
    ] {
        bob.post(path, asked).await.expect_refusal(404, text);
    }
    let unknown = app
        .admin()
        .post("/listVariants", json!({ "productId": "unknown" }))
        .await;
    unknown.expect_refusal(404, "Product not found");
    let alice = app.creator(OWNER).await;
    let asked = json!({ "variantId": "app-indie", "maxMachines": 9 });
    alice.post("/updateVariant", asked).await.expect(200);
    let query = format!("/listVariants?apiKey={}&productId=app", alice.api_key);
    let answer = app.stranger().get(&query).await;
    assert_eq!(answer.expect(200)["variants"][0]["maxMachines"], 9);
    let path = format!("/listVariants?apiKey={}", alice.api_key);
    let answer = app.stranger().get(&path).await;
    answer.expect_refusal(400, "Missing required fields: productId");
}

#[tokio::test]
async fn a_license_takes_what_it_does_not_say_from_its_variant() {
    let app = TestApp::start().await;
    let farm = json!({ "name": "Render Farm", "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10 });
    create(&app, farm, "app-render-farm").await;
    create(&app, json!({ "name": "Indie", "maxMachines": 1 }), "app-indie").await;
    create(&app, json!({ "name": "Plain" }), "app-plain").await;
    let cases = [
        (json!({ "variant": "render-farm" }), ("floating", 50, json!(10))),
        (json!({ "variant": "app-render-farm" }), ("floating", 50, json!(10))),
        (
            json!({ "variant": "render-farm", "licenseType": "site", "maxMachines": -1, "maxConcurrent": 3 }),
            ("site", -1, json!(3)),
        ),
        (json!({ "variant": "plain" }), ("per-machine", 2, json!(null))),
        (json!({ "variant": "unheard-of" }), ("per-machine", 2, json!(null))),
        // Without a word it is the variant `indie`.
        (json!({}), ("per-machine", 1, json!(null))),
    ];
    for (fields, (license_type, max_machines, max_concurrent)) in cases {
        let mut license = app.license();
        for (field, value) in fields.as_object().expect("an object") {
            license = license.with(field, value.clone());
        }
        let shown = &app.shown(&license.create().await).await["license"];
        assert_eq!(
            (&shown["licenseType"], &shown["maxMachines"], &shown["maxConcurrent"]),
            (&json!(license_type), &json!(max_machines), &max_concurrent),
            "{fields}"
        );
        let variant = fields["variant"].as_str().unwrap_or("indie");
        assert_eq!(shown["variant"], variant.strip_prefix("app-").unwrap_or(variant));
    }
    // What was sold stays as it was sold.
    let license = app.license().create().await;
    update(&app, json!({ "variantId": "app-indie", "maxMachines": 4 }), "app-indie").await;
    assert_eq!(app.shown(&license).await["license"]["maxMachines"], 1);
    let next = app.license().create().await;
    assert_eq!(app.shown(&next).await["license"]["maxMachines"], 4);
}
