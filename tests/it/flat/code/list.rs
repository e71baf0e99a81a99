//! `GET|POST /listTrialCodes` and `GET|POST /listDiscountCodes`.

use keystead_tests::{DAY, OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

use super::listed;

const LIST: [&str; 2] = ["/listTrialCodes", "/listDiscountCodes"];

fn names(codes: &[Value]) -> Vec<&str> {
    codes
        .iter()
        .map(|code| code["code"].as_str().expect("a code"))
        .collect()
}

#[tokio::test]
async fn a_trial_code_is_listed_with_all_that_it_was_made_with() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    let body = json!({
        "code": "  Summer 2030 ", "productId": PRODUCT, "trialDays": 30, "maxUses": 5, "expiresAt": "2030-02-01T00:00:00Z",
    });
    let answer = alice.post("/createTrialCode", body).await;
    answer.expect_body(200, &json!({ "success": true, "code": "Summer 2030" }));
    for path in LIST {
        let codes = listed(&alice.post(path, json!({})).await);
        let code = json!({
            "code": "Summer 2030", "productId": PRODUCT, "trialDays": 30, "maxUses": 5, "usedCount": 0,
            "expiresAt": "2030-02-01T00:00:00.000Z", "createdAt": "2030-01-01T00:00:00.000Z", "active": true,
            "creatorId": OWNER,
        });
        assert_eq!(codes, [code], "{path}");
    }
}

#[tokio::test]
async fn a_product_s_list_holds_its_own_codes_and_those_for_all_products_of_its_owner_the_newest_first() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.creator(OWNER).await, app.creator("bob").await);
    app.make_product("brush", OWNER, "live").await;
    for (creator, body) in [
        (&alice, json!({ "code": "app", "productId": PRODUCT })),
        (&alice, json!({ "code": "brush", "productId": "brush" })),
        (&alice, json!({ "code": "all" })),
        (&bob, json!({ "code": "bob" })),
    ] {
        creator.post("/createTrialCode", body).await.expect(200);
        app.advance(DAY);
    }
    for path in LIST {
        let of = |product: &str| json!({ "productId": product });
        let list = async |asked: Value| listed(&alice.post(path, asked).await);
        assert_eq!(names(&list(json!({})).await), ["all", "brush", "app"]);
        assert_eq!(names(&list(of("")).await), ["all", "brush", "app"]);
        assert_eq!(names(&list(of(PRODUCT)).await), ["all", "app"]);
        assert_eq!(names(&list(of("brush")).await), ["all", "brush"]);
        assert_eq!(names(&listed(&bob.post(path, json!({})).await)), ["bob"]);
        let every = listed(&app.admin().post(path, json!({})).await);
        assert_eq!(names(&every), ["bob", "all", "brush", "app"]);
        let of_app = listed(&app.admin().post(path, of(PRODUCT)).await);
        assert_eq!(names(&of_app), ["all", "app"]);
        bob.post(path, of(PRODUCT))
            .await
            .expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("unknown"))
            .await
            .expect_refusal(404, "Product not found");
        let query = format!("{path}?apiKey={}&productId=brush", alice.api_key);
        assert_eq!(names(&listed(&app.stranger().get(&query).await)), ["all", "brush"]);
    }
}
