//! Floating licenses: any machine may activate, and a limited number may run at once.

use keystead_core::license::{License, seats::Seats};
use keystead_tests::{MINUTE, TestApp};
use serde_json::{Value, json};

fn full(limit: u32) -> String {
    format!("Machine limit reached ({limit}). Deactivate another machine first.")
}

#[tokio::test]
async fn a_machine_that_activates_opens_a_session() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    app.machine("a").activate(&license).await.expect(200);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["sessionStarted"], "2030-01-01T00:00:00.000Z");
    assert_eq!(activation["sessionActive"], true);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn at_the_cap_the_next_machine_is_refused_until_a_session_ends() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    for machine in ["a", "b"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
    app.machine("c").activate(&license).await.expect_refusal(403, &full(2));
    app.machine("a").deactivate(&license).await.expect(200);
    app.machine("c").activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_machine_in_session_activates_again_at_the_cap() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    app.advance(10 * MINUTE);
    let answer = app.machine("a").activate(&license).await;
    assert_eq!(answer.expect(200)["machinesUsed"], 1);
    // It was a sign of life: the session holds fifteen minutes from here, and is the same one.
    app.advance(14 * MINUTE);
    app.machine("b").activate(&license).await.expect_refusal(403, &full(1));
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["sessionStarted"], "2030-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn max_concurrent_is_the_cap_when_it_is_set_and_max_machines_otherwise() {
    let app = TestApp::start().await;
    for (max_machines, max_concurrent, cap) in [
        (3, json!(1), Some(1)),
        (1, json!(2), Some(2)),
        (2, Value::Null, Some(2)),
        (1, json!(-1), None),
        (-1, json!(1), Some(1)),
        (-1, Value::Null, None),
    ] {
        let license = app
            .license()
            .floating(max_machines)
            .with("maxConcurrent", max_concurrent)
            .create()
            .await;
        for machine in 0..cap.unwrap_or(4) {
            let answer = app.machine(&format!("m{machine}")).activate(&license).await;
            assert_eq!(answer.expect(200)["maxMachines"], max_machines);
        }
        let one_more = app.machine("one-more").activate(&license).await;
        match cap {
            Some(cap) => one_more.expect_refusal(403, &full(cap)),
            None => drop(one_more.expect(200)),
        }
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn max_concurrent_means_nothing_on_other_licenses() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).with("maxConcurrent", 1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    app.machine("b").activate(&license).await.expect(200);
    app.machine("c").activate(&license).await.expect_refusal(403, &full(2));
}

#[tokio::test]
async fn a_session_lapses_after_fifteen_minutes_without_a_sign_of_life() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    app.advance(15 * MINUTE - std::time::Duration::from_millis(1));
    app.machine("b").activate(&license).await.expect_refusal(403, &full(1));
    assert_eq!(app.shown(&license).await["activations"][0]["sessionActive"], true);

    app.advance(std::time::Duration::from_millis(1));
    // It is no longer shown as active, though nothing has cleaned it up.
    assert_eq!(app.shown(&license).await["activations"][0]["sessionActive"], false);
    app.machine("b").activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn machines_used_counts_activations_and_not_sessions() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    for (used, machine) in (1..).zip(["a", "b", "c"]) {
        let answer = app.machine(machine).activate(&license).await;
        assert_eq!(answer.expect(200)["machinesUsed"], used);
        app.advance(15 * MINUTE);
    }
    let shown = app.shown(&license).await;
    assert_eq!(
        (&shown["machinesUsed"], &shown["license"]["maxMachines"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(shown["activations"].as_array().map(Vec::len), Some(3));
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn every_lapsed_session_makes_room() {
    let app = TestApp::start().await;
    let license = app.license().floating(3).create().await;
    for machine in ["a", "b", "c"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
    app.advance(15 * MINUTE);
    app.machine("b").heartbeat(&license).await.expect(200);
    for machine in ["d", "e"] {
        app.machine(machine).activate(&license).await.expect(200);
    }
    app.machine("f").activate(&license).await.expect_refusal(403, &full(3));
    for (machine, status) in [("a", 403), ("b", 200), ("c", 403), ("d", 200), ("e", 200)] {
        app.machine(machine).heartbeat(&license).await.expect(status);
    }
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_validation_takes_a_lapsed_session_up_again_or_is_refused() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    app.advance(15 * MINUTE);
    a.validate(&license).await.expect(200);
    b.activate(&license).await.expect_refusal(403, &full(1));

    app.advance(15 * MINUTE);
    b.activate(&license).await.expect(200);
    a.validate(&license).await.expect_invalid(403, &full(1));
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn every_validation_replaces_the_24_hour_token() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    assert_eq!(machine.validate(&license).await.expect(200)["refreshed"], true);
    app.advance(10 * MINUTE);
    let answer = machine.validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(body["refreshed"], true);
    assert_eq!(body["expiresAt"], "2030-01-02T00:10:00.000Z");
}

#[tokio::test]
async fn a_license_that_becomes_floating_gives_its_known_machines_sessions() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    license
        .change(&app, |license| License {
            seats: Seats {
                license_type: keystead_core::license::seats::LicenseType::Floating,
                max_concurrent: keystead_core::license::seats::SeatLimit::parse(1),
                ..license.seats.clone()
            },
            ..license.clone()
        })
        .await;
    a.heartbeat(&license).await.expect(200);
    b.heartbeat(&license).await.expect_refusal(403, &full(1));
    app.assert_counters_true(&license).await;
}
