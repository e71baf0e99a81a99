//! `POST /updateLicense`.

use std::time::Duration;

use keystead_core::{
    clock::Clock,
    event::EventType,
    license::{
        License,
        standing::{LicenseStatus, StandingState, SuspendedBy, Suspension, ThreatLevel},
    },
};
use keystead_functions::frame::context::Context;
use keystead_tests::{DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

async fn update(app: &TestApp, license: &TestLicense, changes: Value) {
    let mut asked = changes;
    asked["licenseKey"] = json!(license.key);
    let answer = app.admin().post("/updateLicense", asked).await;
    answer.expect_body(200, &json!({ "success": true, "licenseKey": license.key }));
}

#[tokio::test]
async fn each_field_changes_alone() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2031-01-01T00:00:00Z").create().await;
    let mut before = app.shown(&license).await["license"].clone();
    for (field, value, shown) in [
        ("email", json!("other@example.com"), json!("other@example.com")),
        ("variant", json!("studio"), json!("studio")),
        ("variant", json!("app-render-farm"), json!("render-farm")),
        ("licenseType", json!("floating"), json!("floating")),
        ("licenseType", json!("site"), json!("site")),
        ("licenseType", json!("per-machine"), json!("per-machine")),
        ("maxMachines", json!(7), json!(7)),
        ("maxMachines", json!(-1), json!(-1)),
        ("maxMachines", json!(0), json!(0)),
        ("maxConcurrent", json!(5), json!(5)),
        ("maxConcurrent", json!(-1), json!(-1)),
        ("maxConcurrent", json!(null), json!(null)),
        (
            "expiresAt",
            json!("2032-01-01T00:00:00Z"),
            json!("2032-01-01T00:00:00.000Z"),
        ),
        ("expiresAt", json!(null), json!(null)),
        (
            "expiresAt",
            json!("2033-01-01T00:00:00Z"),
            json!("2033-01-01T00:00:00.000Z"),
        ),
        ("status", json!("degraded"), json!("degraded")),
        ("status", json!("suspended"), json!("suspended")),
        ("status", json!("active"), json!("active")),
    ] {
        update(&app, &license, json!({ field: value })).await;
        before[field] = shown;
        assert_eq!(app.shown(&license).await["license"], before, "{field} = {value}");
    }
}

#[tokio::test]
async fn what_an_edit_dialog_sends_changes_all_at_once() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let changes = json!({
        "variant": "studio", "licenseType": "floating", "maxMachines": 9, "maxConcurrent": 3,
        "expiresAt": "2031-01-01T00:00:00Z", "status": "degraded",
    });
    update(&app, &license, changes).await;
    let shown = &app.shown(&license).await["license"];
    for (field, value) in [
        ("variant", json!("studio")),
        ("licenseType", json!("floating")),
        ("maxMachines", json!(9)),
        ("maxConcurrent", json!(3)),
        ("expiresAt", json!("2031-01-01T00:00:00.000Z")),
        ("status", json!("degraded")),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_call_of_a_machine() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(403);
    update(&app, &license, json!({ "maxMachines": 2 })).await;
    b.activate(&license).await.expect(200);
    update(&app, &license, json!({ "expiresAt": "2030-01-01T00:00:00Z" })).await;
    a.validate(&license).await.expect_invalid(403, "License has expired");
    update(&app, &license, json!({ "expiresAt": null })).await;
    let answer = a.activate(&license).await;
    assert_eq!(answer.expect(200)["licenseExpiresAt"], Value::Null);
    update(&app, &license, json!({ "status": "revoked" })).await;
    a.validate(&license)
        .await
        .expect_invalid(403, "License has been revoked");
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn fewer_machines_than_there_are_throw_none_out_and_let_no_other_in() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    update(&app, &license, json!({ "maxMachines": 1 })).await;
    a.validate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    let text = "Machine limit reached (1). Deactivate another machine first.";
    app.machine("c").activate(&license).await.expect_refusal(403, text);
    assert_eq!(app.shown(&license).await["machinesUsed"], 2);
}

/// Two processes have two clocks, and a request that takes long has an old time.
#[tokio::test]
async fn a_suspension_by_hand_holds_where_the_clock_is_behind() {
    let app = TestApp::start().await;
    let (activated, license) = (app.machine("a"), app.license().create().await);
    activated.activate(&license).await.expect(200);
    let ahead = app.with_context(Context {
        clock: Clock::given(app.now() + Duration::from_secs(1)),
        ..(*app.cx).clone()
    });
    update(&ahead, &license, json!({ "status": "suspended" })).await;
    let text = "License is suspended";
    app.machine("b").activate(&license).await.expect_error(403, text);
    activated.activate(&license).await.expect_error(403, text);
    activated.validate(&license).await.expect_invalid(403, text);
}

#[tokio::test]
async fn a_suspension_by_hand_blocks_at_once() {
    let app = TestApp::start().await;
    let text = "License is suspended";
    for license in [app.license().create().await, app.license().floating(2).create().await] {
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        update(&app, &license, json!({ "status": "suspended" })).await;
        machine.activate(&license).await.expect_refusal(403, text);
        machine.validate(&license).await.expect_invalid(403, text);
        machine.heartbeat(&license).await.expect_refusal(403, text);
        let asked = json!({ "licenseKey": license.key, "productId": PRODUCT });
        let answer = app.stranger().post("/verify", asked).await;
        answer.expect_body(403, &json!({ "valid": false, "error": text, "reason": "suspended" }));
        assert_eq!(app.shown(&license).await["machinesUsed"], 1);
        update(&app, &license, json!({ "status": "active" })).await;
        machine.validate(&license).await.expect(200);
    }
}

#[tokio::test]
async fn a_suspension_by_hand_blocks_at_once_a_license_that_was_in_its_grace() {
    let app = TestApp::start().await;
    let license = app.license().suspended(SuspendedBy::Enforcement).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    // An edit dialog sends the status that it was shown along with whatever was edited.
    update(&app, &license, json!({ "status": "suspended", "maxMachines": 4 })).await;
    machine.validate(&license).await.expect(200);
    app.advance(DAY);
    update(&app, &license, json!({ "status": "suspended" })).await;
    machine
        .validate(&license)
        .await
        .expect_invalid(403, "License is suspended");
    let suspension = Suspension {
        at: app.now(),
        by: SuspendedBy::Vendor,
        blocks_from: None,
    };
    assert_eq!(app.stored(&license).await.standing.suspension, Some(suspension));
}

#[tokio::test]
async fn a_revocation_by_an_update_is_dated_and_an_activation_clears_its_marks() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    update(&app, &license, json!({ "status": "revoked" })).await;
    let shown = &app.shown(&license).await["license"];
    assert_eq!(
        (&shown["status"], &shown["disputedAt"], &shown["threatLevel"]),
        (&json!("revoked"), &json!("2030-01-01T00:00:00.000Z"), &json!(0))
    );
    for status in ["active", "degraded", "suspended"] {
        let revoked = json!({ "licenseKey": license.key, "reason": "manual" });
        app.admin().post("/revokeLicense", revoked).await.expect(200);
        update(&app, &license, json!({ "status": status })).await;
        let shown = &app.shown(&license).await["license"];
        assert_eq!(shown["status"], status);
        assert_eq!(
            (shown.get("disputedAt"), shown.get("disputeReason")),
            (None, None),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let revision = app.stored(&license).await.revision;
    let same = json!({
        "variant": "app-indie", "licenseType": "per-machine", "maxMachines": 2, "maxConcurrent": null,
        "expiresAt": null, "status": "active",
    });
    update(&app, &license, same).await;
    assert_eq!(app.stored(&license).await.revision, revision);
}

#[tokio::test]
async fn an_update_without_a_field_is_refused() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for fields in [json!({}), json!({ "email": null }), json!({ "status": null })] {
        let mut asked = fields;
        asked["licenseKey"] = json!(license.key);
        let answer = app.admin().post("/updateLicense", asked).await;
        answer.expect_refusal(400, "No fields to update");
    }
}

#[tokio::test]
async fn another_address_is_the_license_s_from_then_on_and_is_told() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "ann@exmaple.com").create().await;
    let found = async |email: &str| {
        let asked = json!({ "email": email });
        let as_admin = app.admin().post("/listLicenses", asked.clone()).await.expect(200)["count"].clone();
        let as_owner = app.creator(OWNER).await.post("/listLicenses", asked).await.expect(200)["count"].clone();
        assert_eq!(as_admin, as_owner);
        as_admin
    };
    assert_eq!(found("ann@exmaple.com").await, 1);
    update(&app, &license, json!({ "email": "Ann@Example.com" })).await;
    // And once more: nothing is told of what changes nothing.
    update(&app, &license, json!({ "email": "Ann@Example.com" })).await;
    assert_eq!(
        (found("ann@exmaple.com").await, found("ann@example.com").await),
        (json!(0), json!(1))
    );
    let stored = app.stored(&license).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let updated: Vec<_> = events
        .iter()
        .filter(|event| event.r#type == EventType::Updated)
        .collect();
    assert_eq!(updated.len(), 1);
    let told = serde_json::to_value(updated[0]).expect("JSON").to_string();
    assert!(
        told.contains(r#""email":{"from":"ann@exmaple.com","to":"Ann@Example.com"}"#),
        "{told}"
    );
    let wrong = json!({ "licenseKey": license.key, "email": "ann" });
    let answer = app.admin().post("/updateLicense", wrong).await;
    answer.expect_refusal(400, "Invalid email: must be an email address");
}

#[tokio::test]
async fn two_addresses_at_once_leave_one_of_them_and_its_index() {
    for seed in 0..8 {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().create().await;
        tokio::join!(
            update(&app, &license, json!({ "email": "a@example.com" })),
            update(&app, &license, json!({ "email": "b@example.com" })),
        );
        let now = app.shown(&license).await["license"]["email"].clone();
        for email in ["a@example.com", "b@example.com", "customer@example.com"] {
            let listed = app.admin().post("/listLicenses", json!({ "email": email })).await;
            let count = u64::from(now == email);
            assert_eq!(listed.expect(200)["count"], count, "seed {seed}: {now}, {email}");
        }
    }
}

#[tokio::test]
async fn unknown_statuses_and_types_are_refused_and_nothing_else_is_changed() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for (field, wrong, text) in [
        ("status", json!("expired"), "Invalid status"),
        ("status", json!("Active"), "Invalid status"),
        ("status", json!(""), "Invalid status"),
        ("status", json!(1), "Invalid status"),
        ("licenseType", json!("perpetual"), "Invalid licenseType"),
    ] {
        let asked = json!({ "licenseKey": license.key, "maxMachines": 9, field: wrong });
        app.admin()
            .post("/updateLicense", asked)
            .await
            .expect_refusal(400, text);
    }
    assert_eq!(app.shown(&license).await["license"]["maxMachines"], 2);
}

#[tokio::test]
async fn two_updates_at_once_are_both_kept() {
    for seed in 0..16 {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().create().await;
        tokio::join!(
            update(&app, &license, json!({ "maxMachines": 5 })),
            update(&app, &license, json!({ "variant": "studio" })),
            update(&app, &license, json!({ "expiresAt": "2031-01-01T00:00:00Z" })),
            async { app.machine("a").activate(&license).await.expect(200).clone() },
        );
        let shown = &app.shown(&license).await["license"];
        assert_eq!(
            (&shown["maxMachines"], &shown["variant"], &shown["expiresAt"]),
            (&json!(5), &json!("studio"), &json!("2031-01-01T00:00:00.000Z")),
            "seed {seed}"
        );
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn a_status_by_hand_leaves_the_threat_level_as_it_was() {
    let app = TestApp::start().await;
    let caught = |license: &License| License {
        standing: StandingState {
            status: LicenseStatus::Degraded,
            threat_level: ThreatLevel::DEGRADED,
            ..license.standing.clone()
        },
        ..license.clone()
    };
    let license = app.license().changed(caught).create().await;
    for status in ["active", "suspended", "revoked"] {
        update(&app, &license, json!({ "status": status })).await;
        assert_eq!(app.shown(&license).await["license"]["threatLevel"], 2, "{status}");
    }
}

#[tokio::test]
async fn the_key_is_required_and_must_be_in_scope() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let answer = app.admin().post("/updateLicense", json!({ "maxMachines": 3 })).await;
    answer.expect_refusal(400, "Missing required fields: licenseKey");
    let unknown = json!({ "licenseKey": "XXXX-XXXX-XXXX-XXXX", "maxMachines": 3 });
    let answer = app.admin().post("/updateLicense", unknown).await;
    answer.expect_refusal(404, "License not found");
    let asked = json!({ "licenseKey": license.key, "maxMachines": 3 });
    let answer = app.creator("bob").await.post("/updateLicense", asked.clone()).await;
    answer.expect_refusal(404, "License not found");
    assert_eq!(app.shown(&license).await["license"]["maxMachines"], 2);
    app.creator(OWNER).await.post("/updateLicense", asked).await.expect(200);
    assert_eq!(app.shown(&license).await["license"]["maxMachines"], 3);
}

#[tokio::test]
async fn a_license_that_is_made_active_after_a_dispute_is_clean() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let refund = json!({ "licenseKey": license.key, "reason": "refund" });
    app.admin().post("/revokeLicense", refund).await.expect(200);
    update(&app, &license, json!({ "status": "active" })).await;
    let shown = app.shown(&license).await["license"].clone();
    assert_eq!((&shown["status"], &shown["threatLevel"]), (&json!("active"), &json!(0)));
}
