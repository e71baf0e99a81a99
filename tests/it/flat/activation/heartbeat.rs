//! `POST /heartbeat`.

use keystead_core::license::standing::SuspendedBy;
use keystead_tests::{DAY, HOUR, MINUTE, TestApp};
use serde_json::json;

const BAD_TOKEN: &str = "Invalid or expired token";
const FULL: &str = "Machine limit reached (1). Deactivate another machine first.";

#[tokio::test]
async fn a_beat_holds_the_session_for_fifteen_minutes_and_asks_for_the_next_in_five() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    app.advance(5 * MINUTE);
    machine.heartbeat(&license).await.expect_body(
        200,
        &json!({
            "success": true,
            "status": "active",
            "message": "License is active",
            "sessionExpiresAt": "2030-01-01T00:20:00.000Z",
            "nextHeartbeat": 300,
        }),
    );
}

#[tokio::test]
async fn key_and_fingerprint_are_required() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for field in ["licenseKey", "machineFingerprint"] {
        for absent in [json!(null), json!(""), json!(" ")] {
            let (answer, _) = app
                .machine("a")
                .heartbeat_with(&license, json!({ field: absent }))
                .await;
            answer.expect_refusal(400, "Missing required fields");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    let machine = app.machine("a");
    for license in [app.license().floating(1).create().await, app.license().create().await] {
        let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX" });
        machine
            .heartbeat_with(&license, unknown)
            .await
            .0
            .expect_refusal(404, "License not found");
        machine
            .heartbeat(&license)
            .await
            .expect_refusal(404, "Session not found");
    }
}

#[tokio::test]
async fn a_token_is_not_needed_but_is_verified_when_it_is_shown() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    for bad in [b.token(), "nonsense".to_owned()] {
        a.heartbeat_with(&license, json!({ "token": bad }))
            .await
            .0
            .expect_refusal(401, BAD_TOKEN);
    }
    a.heartbeat_with(&license, json!({ "token": a.token() }))
        .await
        .0
        .expect(200);
    app.advance(DAY);
    a.heartbeat_with(&license, json!({ "token": a.token() }))
        .await
        .0
        .expect_refusal(401, BAD_TOKEN);
}

#[tokio::test]
async fn a_license_that_does_not_work_keeps_no_session() {
    let app = TestApp::start().await;
    for floating in [true, false] {
        let license = || {
            let license = app.license();
            if floating { license.floating(1) } else { license }
        };
        let revoked = license().create().await;
        let expired = license()
            .with("expiresAt", (app.now() + HOUR).to_string())
            .create()
            .await;
        let suspended = license().create().await;
        for license in [&revoked, &expired, &suspended] {
            app.machine("a").activate(license).await.expect(200);
        }
        revoked.revoke(&app).await;
        suspended.suspend(&app, SuspendedBy::Vendor).await;
        app.advance(HOUR);
        for (license, text) in [
            (&revoked, "License has been revoked"),
            (&expired, "License has expired"),
            (&suspended, "License is suspended"),
        ] {
            app.machine("a").heartbeat(license).await.expect_refusal(403, text);
        }
    }
}

#[tokio::test]
async fn a_flagged_license_beats_with_its_message() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).degraded().create().await;
    app.machine("a").activate(&license).await.expect(200);
    let answer = app.machine("a").heartbeat(&license).await;
    let body = answer.expect(200);
    assert_eq!(body["status"], "degraded");
    assert_eq!(
        body["message"],
        "License has been flagged for unusual activity. Please contact support."
    );
}

#[tokio::test]
async fn a_machine_that_beats_keeps_its_seat_and_one_that_is_silent_loses_it() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    for _ in 0..6 {
        app.advance(14 * MINUTE);
        a.heartbeat(&license).await.expect(200);
    }
    b.activate(&license).await.expect_refusal(403, FULL);

    app.advance(15 * MINUTE);
    b.activate(&license).await.expect(200);
    a.heartbeat(&license).await.expect_refusal(403, FULL);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_lapsed_session_is_opened_again_while_a_seat_is_free() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    app.advance(HOUR);
    // Nobody took the seat.
    a.heartbeat(&license).await.expect(200);
    b.activate(&license).await.expect_refusal(403, FULL);

    // Somebody took it, and gave it back.
    app.advance(HOUR);
    b.activate(&license).await.expect(200);
    b.deactivate(&license).await.expect(200);
    let answer = a.heartbeat(&license).await;
    assert_eq!(answer.expect(200)["sessionExpiresAt"], "2030-01-01T02:15:00.000Z");
    b.activate(&license).await.expect_refusal(403, FULL);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_lapsed_session_of_another_makes_room_for_one_that_beats_again() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    app.advance(15 * MINUTE);
    b.activate(&license).await.expect(200);
    app.advance(15 * MINUTE);
    a.heartbeat(&license).await.expect(200);
    b.heartbeat(&license).await.expect_refusal(403, FULL);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn on_a_license_without_sessions_a_beat_only_notes_that_the_machine_was_seen() {
    let app = TestApp::start().await;
    for license_type in ["per-machine", "site"] {
        let license = app.license().with("licenseType", license_type).create().await;
        app.machine("a").activate(&license).await.expect(200);
        app.advance(15 * MINUTE);
        let answer = app.machine("a").heartbeat(&license).await;
        assert_eq!(answer.expect(200)["nextHeartbeat"], 300);
        let activation = &app.shown(&license).await["activations"][0];
        assert_eq!(activation["lastSeen"], app.now().to_string());
        assert_eq!(
            (&activation["sessionStarted"], &activation["sessionActive"]),
            (&json!(null), &json!(false))
        );
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn a_blank_token_is_no_token() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    for blank in [json!(""), json!("  "), json!(null)] {
        let token = json!({ "token": blank });
        machine.heartbeat_with(&license, token).await.0.expect(200);
    }
    let wrong = machine.heartbeat_with(&license, json!({ "token": 7 })).await.0;
    wrong.expect_error(400, "Invalid token: must be a string of 1 to 8192 characters");
    let blank = json!({ "token": "" });
    machine.deactivate_with(&license, blank).await.0.expect(200);
}
