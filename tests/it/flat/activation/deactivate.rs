//! `POST /deactivate`.

use keystead_core::{
    license::{
        machine::{Fingerprint, MachineId},
        standing::SuspendedBy,
    },
    store::schema,
};
use keystead_tests::{DAY, PRODUCT, TestApp};
use serde_json::json;

const BAD_TOKEN: &str = "Invalid or expired token";

#[tokio::test]
async fn a_released_seat_can_be_taken_by_another_machine() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    let full = "Machine limit reached (1). Deactivate another machine first.";
    app.machine("b").activate(&license).await.expect_error(403, full);
    app.machine("a").deactivate(&license).await.expect(200);
    app.machine("b").activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn the_answer_tells_the_seats_that_are_left_in_use() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    for machine in ["a", "b"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
    for (machine, left) in [("a", 1), ("b", 0)] {
        app.machine(machine).deactivate(&license).await.expect_body(
            200,
            &json!({ "success": true, "message": "License deactivated", "machinesUsed": left, "maxMachines": 3 }),
        );
    }
    assert_eq!(app.shown(&license).await["activations"], json!([]));
}

#[tokio::test]
async fn key_and_fingerprint_are_required() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for field in ["licenseKey", "machineFingerprint"] {
        for absent in [json!(null), json!(""), json!(" ")] {
            let (answer, _) = app
                .machine("a")
                .deactivate_with(&license, json!({ field: absent }))
                .await;
            answer.expect_refusal(400, "Missing required fields");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
    machine
        .deactivate_with(&license, unknown)
        .await
        .0
        .expect_refusal(404, "License not found");
    machine
        .deactivate(&license)
        .await
        .expect_refusal(404, "Activation not found");
    machine.activate(&license).await.expect(200);
    machine.deactivate(&license).await.expect(200);
    machine
        .deactivate(&license)
        .await
        .expect_refusal(404, "Activation not found");
}

#[tokio::test]
async fn a_token_is_not_needed_but_is_verified_when_it_is_shown() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    let token = a.token();
    for bad in [b.token(), "nonsense".to_owned()] {
        a.deactivate_with(&license, json!({ "token": bad }))
            .await
            .0
            .expect_refusal(401, BAD_TOKEN);
    }
    a.deactivate_with(&license, json!({ "token": token }))
        .await
        .0
        .expect(200);
    app.advance(30 * DAY);
    let expired = json!({ "token": b.token() });
    b.deactivate_with(&license, expired)
        .await
        .0
        .expect_refusal(401, BAD_TOKEN);
    b.deactivate_with(&license, json!({ "token": null }))
        .await
        .0
        .expect(200);
}

#[tokio::test]
async fn the_seats_of_licenses_that_do_not_work_are_given_back_as_well() {
    let app = TestApp::start().await;
    let revoked = app.license().create().await;
    let expired = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    let suspended = app.license().create().await;
    for license in [&revoked, &expired, &suspended] {
        app.machine("a").activate(license).await.expect(200);
    }
    revoked.revoke(&app).await;
    suspended.suspend(&app, SuspendedBy::Vendor).await;
    app.advance(DAY);
    for license in [&revoked, &expired, &suspended] {
        assert_eq!(
            app.machine("a").deactivate(license).await.expect(200)["machinesUsed"],
            0
        );
        app.assert_counters_true(license).await;
    }
}

#[tokio::test]
async fn a_floating_session_ends_with_the_activation() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    app.machine("b").activate(&license).await.expect(403);
    app.machine("a").deactivate(&license).await.expect(200);
    app.machine("b").activate(&license).await.expect(200);
    app.machine("a")
        .heartbeat(&license)
        .await
        .expect_refusal(404, "Session not found");
    app.assert_counters_true(&license).await;
}

/// No endpoint of another API lets machines in yet, so the story writes down that one did.
#[tokio::test]
async fn a_machine_leaves_through_the_api_through_which_it_came_or_by_its_vendor() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let fingerprint = machine.fingerprint.clone();
    let id = MachineId::of(&Fingerprint::parse(&fingerprint).expect("a fingerprint"));
    app.set_attribute(
        &schema::ACTIVATIONS,
        &license.key,
        Some(id.as_str()),
        "via",
        json!({ "S": "v1" }),
    );

    let gone = "Activation not found";
    machine.deactivate(&license).await.expect_refusal(404, gone);
    let moved = app.machine("b").move_license(&license, &fingerprint).await;
    moved.expect_refusal(404, gone);
    // It counts as any other.
    let full = "Machine limit reached (1). Deactivate another machine first.";
    app.machine("b").activate(&license).await.expect_error(403, full);
    machine.activate(&license).await.expect(200);
    machine.deactivate(&license).await.expect_refusal(404, gone);
    app.assert_counters_true(&license).await;

    let asked = json!({ "licenseKey": license.key });
    let reset = app.admin().post("/resetActivations", asked).await;
    reset.expect_body(200, &json!({ "success": true, "deletedCount": 1 }));
    app.machine("b").activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_product_may_ask_for_the_token_of_the_machine_that_leaves() {
    let app = TestApp::start().await;
    let rule = |on: serde_json::Value| json!({ "productId": PRODUCT, "deactivateNeedsToken": on });
    app.admin().post("/updateProduct", rule(json!(true))).await.expect(200);
    let license = app.license().max_machines(3).create().await;
    let (a, b, c) = (app.machine("a"), app.machine("b"), app.machine("c"));
    for machine in [&a, &b, &c] {
        machine.activate(&license).await.expect(200);
    }
    let listed = app.admin().post("/listProducts", json!({})).await;
    assert_eq!(listed.expect(200)["products"][0]["deactivateNeedsToken"], true);
    // Not with the fingerprint alone, nor with another machine's token.
    a.deactivate(&license).await.expect_refusal(401, BAD_TOKEN);
    for token in [b.token(), "made up".to_owned()] {
        let shown = json!({ "token": token });
        a.deactivate_with(&license, shown)
            .await
            .0
            .expect_refusal(401, BAD_TOKEN);
    }
    let own = json!({ "token": a.token() });
    a.deactivate_with(&license, own).await.0.expect(200);
    // Nor is it moved off by its fingerprint, which may have leaked, while it may still run.
    let thief = app.machine("thief");
    thief.move_license(&license, &b.fingerprint).await.expect(403);
    b.validate(&license).await.expect(200);
    // The vendor takes off what can't show one any more.
    let one = json!({ "licenseKey": license.key, "machineFingerprint": b.fingerprint });
    let reset = app.admin().post("/resetActivations", one.clone()).await;
    reset.expect_body(200, &json!({ "success": true, "deletedCount": 1 }));
    let again = app.admin().post("/resetActivations", one).await;
    again.expect_refusal(404, "Activation not found");
    app.advance(31 * DAY);
    thief.move_license(&license, &c.fingerprint).await.expect(200);
    app.admin().post("/updateProduct", rule(json!(null))).await.expect(200);
    thief.deactivate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}
