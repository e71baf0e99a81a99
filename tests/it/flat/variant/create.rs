//! `POST /createVariant`.

use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

use super::{create, listed, update};

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
        app.faults.seed(seed);
        let make = async || {
            let asked = json!({ "productId": PRODUCT, "name": "Indie" });
            app.admin().post("/createVariant", asked).await.status
        };
        let (a, b) = tokio::join!(make(), make());
        assert_eq!((a.min(b), a.max(b)), (200, 409), "seed {seed}");
    }
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
