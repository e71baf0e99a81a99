//! `POST /createTrialCode` and `POST /createDiscountCode`.

use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::json;

use super::{DELETE, UPDATE, redeem_with, shown, trial};

const TAKEN: &str = "A code with this name already exists";

const CREATE: [&str; 2] = ["/createTrialCode", "/createDiscountCode"];

#[tokio::test]
async fn what_is_not_said_of_a_code_has_its_default() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for (code, more) in [
        ("unsaid", json!({})),
        (
            "null",
            json!({ "productId": null, "maxUses": null, "expiresAt": null, "active": null, "trialDays": null }),
        ),
        ("blank", json!({ "productId": " ", "maxUses": -1 })),
    ] {
        for (path, days) in CREATE.iter().zip([Some(14), None]) {
            let mut body = more.clone();
            body["code"] = json!(code);
            alice.post(path, body).await.expect(200);
            let mut expected = json!({
                "code": code, "productId": "", "maxUses": null, "usedCount": 0, "expiresAt": null,
                "createdAt": "2030-01-01T00:00:00.000Z", "active": true, "creatorId": OWNER,
            });
            if let Some(days) = days {
                expected["trialDays"] = json!(days);
            }
            assert_eq!(shown(&app, code).await, expected, "{path}");
            alice
                .post("/deleteTrialCode", json!({ "code": code }))
                .await
                .expect(200);
        }
    }
}

#[tokio::test]
async fn a_discount_in_percent_is_shown_as_it_was_written() {
    let app = TestApp::start().await;
    for (code, percent) in [
        ("a", json!(20)),
        ("b", json!(12.5)),
        ("c", json!(100)),
        ("d", json!(0.01)),
    ] {
        let body = json!({ "code": code, "productId": PRODUCT, "discountPercent": percent, "active": false });
        app.admin().post("/createDiscountCode", body).await.expect(200);
        let code = shown(&app, code).await;
        assert_eq!((&code["discountPercent"], &code["active"]), (&percent, &json!(false)));
        assert_eq!(code.get("trialDays"), None);
    }
}

#[tokio::test]
async fn a_code_is_taken_in_every_letter_case_by_whoever_has_it() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    trial(&app, "Straße", json!({})).await;
    for taken in ["Straße", "straße", " STRASSE ", "strasse"] {
        for path in CREATE {
            let body = json!({ "code": taken, "creatorId": OWNER });
            app.admin().post(path, body).await.expect_refusal(409, TAKEN);
            bob.post(path, json!({ "code": taken }))
                .await
                .expect_refusal(409, TAKEN);
        }
    }
    assert_eq!(shown(&app, "Straße").await["creatorId"], OWNER);
}

#[tokio::test]
async fn a_code_of_a_product_belongs_to_the_product_s_owner() {
    let app = TestApp::start().await;
    trial(&app, "one", json!({})).await;
    trial(&app, "two", json!({ "creatorId": OWNER })).await;
    assert_eq!(shown(&app, "one").await["creatorId"], OWNER);
    let body = json!({ "code": "three", "productId": PRODUCT, "creatorId": "bob" });
    for path in CREATE {
        let answer = app.admin().post(path, body.clone()).await;
        answer.expect_refusal(400, "Invalid creatorId: must be the product's own creator");
    }
}

#[tokio::test]
async fn a_code_of_all_products_belongs_to_the_key_s_creator_or_the_one_that_the_admin_names() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for path in CREATE {
        let missing = app.admin().post(path, json!({ "code": "x" })).await;
        missing.expect_refusal(400, "Missing required fields: creatorId");
        let another = alice.post(path, json!({ "code": "x", "creatorId": "bob" })).await;
        another.expect_refusal(400, "Invalid creatorId: must be the API key's own creator");
    }
    alice
        .post("/createTrialCode", json!({ "code": "a", "creatorId": OWNER }))
        .await
        .expect(200);
    app.admin()
        .post("/createTrialCode", json!({ "code": "b", "creatorId": "bob" }))
        .await
        .expect(200);
    assert_eq!(shown(&app, "a").await["creatorId"], OWNER);
    assert_eq!(shown(&app, "b").await["creatorId"], "bob");
}

#[tokio::test]
async fn no_code_is_made_for_a_product_that_is_unknown_another_s_or_archived() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    app.make_product("old", OWNER, "archived").await;
    let of = |product: &str| json!({ "code": "x", "productId": product });
    for path in CREATE {
        bob.post(path, of(PRODUCT))
            .await
            .expect_refusal(404, "Product not found");
        bob.post(path, of("old")).await.expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("unknown"))
            .await
            .expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("old"))
            .await
            .expect_refusal(400, "Product is archived");
    }
}

#[tokio::test]
async fn a_code_is_required_and_may_not_look_like_anything() {
    let app = TestApp::start().await;
    for path in CREATE.into_iter().chain(UPDATE).chain(DELETE) {
        for body in [json!({}), json!({ "code": null }), json!({ "code": " " })] {
            app.admin()
                .post(path, body)
                .await
                .expect_refusal(400, "Missing required fields: code");
        }
        for code in [json!("a#b"), json!("x".repeat(65)), json!("a\tb"), json!(7)] {
            let answer = app.admin().post(path, json!({ "code": code })).await;
            answer.expect_refusal(400, "Invalid code: must be a string of 1 to 64 characters without #");
        }
    }
    for body in [
        json!({}),
        json!({ "code": "x" }),
        json!({ "email": "c@example.com", "code": "" }),
    ] {
        redeem_with(&app, body)
            .await
            .expect_refusal(400, "Missing required fields: code, email");
    }
}

#[tokio::test]
async fn limits_of_codes_are_refused_in_words_that_say_what_they_must_be() {
    let app = TestApp::start().await;
    for (field, wrong, text) in [
        (
            "maxUses",
            json!(-2),
            "a whole number from 0 to 1000000000, or -1 for unlimited",
        ),
        ("trialDays", json!(0), "a whole number of days from 1 to 3650"),
        ("trialDays", json!(3651), "a whole number of days from 1 to 3650"),
        ("discountPercent", json!(0), "a number from 0.01 to 100"),
        ("discountPercent", json!(100.5), "a number from 0.01 to 100"),
    ] {
        for path in CREATE.into_iter().chain(UPDATE) {
            let answer = app.admin().post(path, json!({ "code": "x", field: wrong })).await;
            answer.expect_refusal(400, &format!("Invalid {field}: must be {text}"));
        }
    }
}
