//! `POST /resetActivations`.

use keystead_tests::{OWNER, TestApp};
use serde_json::json;

#[tokio::test]
async fn every_machine_is_taken_off_and_counted() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    for machine in ["a", "b", "c"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
    let asked = json!({ "licenseKey": license.key });
    let answer = app.admin().post("/resetActivations", asked.clone()).await;
    answer.expect_body(200, &json!({ "success": true, "deletedCount": 3 }));
    let shown = app.shown(&license).await;
    assert_eq!((&shown["machinesUsed"], &shown["activations"]), (&json!(0), &json!([])));
    app.assert_counters_true(&license).await;

    let again = app.admin().post("/resetActivations", asked).await;
    again.expect_body(200, &json!({ "success": true, "deletedCount": 0 }));
    for machine in ["d", "e", "f"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
}

#[tokio::test]
async fn floating_sessions_end_as_well() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    let asked = json!({ "licenseKey": license.key });
    app.admin().post("/resetActivations", asked).await.expect(200);
    app.machine("b").activate(&license).await.expect(200);
    app.machine("a")
        .heartbeat(&license)
        .await
        .expect_refusal(404, "Session not found");
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn tokens_that_are_out_no_longer_validate() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let asked = json!({ "licenseKey": license.key });
    app.admin().post("/resetActivations", asked).await.expect(200);
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "Machine is not activated");
}

#[tokio::test]
async fn more_machines_than_one_transaction_takes_are_taken_off() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    for batch in 0..7 {
        for machine in 0..15 {
            app.machine(&format!("m{batch}-{machine}"))
                .activate(&license)
                .await
                .expect(200);
        }
        app.advance(keystead_tests::HOUR);
    }
    let asked = json!({ "licenseKey": license.key });
    let answer = app.admin().post("/resetActivations", asked).await;
    assert_eq!(answer.expect(200)["deletedCount"], 105);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn the_key_is_required_and_must_be_in_scope() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    let missing = "Missing required fields: licenseKey";
    app.admin()
        .post("/resetActivations", json!({}))
        .await
        .expect_refusal(400, missing);
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
    app.admin()
        .post("/resetActivations", unknown)
        .await
        .expect_refusal(404, "License not found");
    let asked = json!({ "licenseKey": license.key });
    let bob = app.creator("bob").await;
    bob.post("/resetActivations", asked.clone())
        .await
        .expect_refusal(404, "License not found");
    assert_eq!(app.shown(&license).await["machinesUsed"], 1);
    app.creator(OWNER)
        .await
        .post("/resetActivations", asked)
        .await
        .expect(200);
}
