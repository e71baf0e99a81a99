//! `POST /updateTrialCode` and `POST /updateDiscountCode`.

use keystead_tests::{OWNER, TestApp};
use serde_json::json;

use super::{DELETE, NOT_FOUND, UPDATE, redeem, shown, trial};

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(
        &app,
        "Welcome",
        json!({ "maxUses": 5, "expiresAt": "2030-02-01T00:00:00Z" }),
    )
    .await;
    redeem(&app, "Welcome", "first@example.com").await.expect(200);
    let mut expected = shown(&app, "Welcome").await;
    for (i, (field, value, then)) in [
        ("active", json!(false), json!(false)),
        ("active", json!(true), json!(true)),
        ("maxUses", json!(9), json!(9)),
        ("maxUses", json!(-1), json!(null)),
        ("maxUses", json!(0), json!(0)),
        ("maxUses", json!(null), json!(null)),
        (
            "expiresAt",
            json!("2031-01-01T00:00:00Z"),
            json!("2031-01-01T00:00:00.000Z"),
        ),
        ("expiresAt", json!(null), json!(null)),
        ("trialDays", json!(3650), json!(3650)),
        ("discountPercent", json!(7.5), json!(7.5)),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "code": " wELCOME ", field: value });
        let answer = alice.post(UPDATE[i % 2], body).await;
        answer.expect_body(200, &json!({ "success": true, "code": "Welcome" }));
        expected[field] = then;
        assert_eq!(shown(&app, "Welcome").await, expected, "{field} = {value}");
    }
    let body = json!({ "code": "Welcome", "trialDays": null, "discountPercent": null });
    alice.post("/updateTrialCode", body).await.expect(200);
    let code = shown(&app, "Welcome").await;
    assert_eq!((code.get("trialDays"), code.get("discountPercent")), (None, None));
}

#[tokio::test]
async fn an_update_without_a_change_is_refused() {
    let app = TestApp::start().await;
    for path in UPDATE {
        for body in [
            json!({ "code": "x" }),
            json!({ "code": "x", "active": null, "productId": "brush" }),
        ] {
            app.admin()
                .post(path, body)
                .await
                .expect_refusal(400, "No fields to update");
        }
    }
}

#[tokio::test]
async fn a_code_that_is_unknown_or_another_s_is_not_found() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    trial(&app, "Welcome", json!({ "maxUses": 3 })).await;
    let body = |code: &str| json!({ "code": code, "active": false, "email": "c@example.com" });
    for path in UPDATE.into_iter().chain(DELETE).chain(["/redeemTrialCode"]) {
        bob.post(path, body("Welcome")).await.expect_refusal(404, NOT_FOUND);
        bob.post(path, body("unknown")).await.expect_refusal(404, NOT_FOUND);
        app.admin()
            .post(path, body("unknown"))
            .await
            .expect_refusal(404, NOT_FOUND);
    }
    let code = shown(&app, "Welcome").await;
    assert_eq!((&code["active"], &code["usedCount"]), (&json!(true), &json!(0)));
}
