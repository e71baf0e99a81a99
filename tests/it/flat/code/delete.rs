//! `POST /deleteTrialCode` and `POST /deleteDiscountCode`.

use keystead_tests::{DAY, TestApp};
use serde_json::json;

use super::{DELETE, NOT_FOUND, REDEEMED, license, listed, redeem, shown, trial};

#[tokio::test]
async fn a_deleted_code_is_gone_but_the_licenses_stay() {
    let app = TestApp::start().await;
    for path in DELETE {
        trial(&app, "Welcome", json!({})).await;
        let redeemed = redeem(&app, "welcome", &format!("{}@example.com", &path[1..])).await;
        let delete = json!({ "code": "WELCOME" });
        let answer = app.admin().post(path, delete.clone()).await;
        answer.expect_body(200, &json!({ "success": true }));
        app.admin().post(path, delete).await.expect_refusal(404, NOT_FOUND);
        redeem(&app, "welcome", "other@example.com")
            .await
            .expect_refusal(404, NOT_FOUND);
        assert_eq!(license(&app, &redeemed).await["status"], "active");
        assert!(listed(&app.admin().post("/listTrialCodes", json!({})).await).is_empty());
    }
}

#[tokio::test]
async fn nobody_gets_a_second_trial_when_a_code_is_made_again() {
    let app = TestApp::start().await;
    let first = "customer@example.com";
    trial(&app, "Welcome", json!({})).await;
    redeem(&app, "Welcome", first).await.expect(200);
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    app.advance(DAY);
    trial(&app, "WELCOME", json!({})).await;
    redeem(&app, "Welcome", first).await.expect_refusal(409, REDEEMED);
    redeem(&app, "Welcome", "other@example.com").await.expect(200);
    assert_eq!(shown(&app, "WELCOME").await["usedCount"], 1);
    // Another owner's customers are another's.
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    app.make_product("bobs", "bob", "live").await;
    let bob = app.creator("bob").await;
    bob.post("/createTrialCode", json!({ "code": "welcome", "productId": "bobs" }))
        .await
        .expect(200);
    let ask = json!({ "code": "welcome", "email": first });
    bob.post("/redeemTrialCode", ask.clone()).await.expect(200);
    bob.post("/redeemTrialCode", ask).await.expect_refusal(409, REDEEMED);
}
