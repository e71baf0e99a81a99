//! How the types of licenses count their seats.

use keystead_tests::{DAY, TestApp};
use serde_json::json;

#[tokio::test]
async fn a_per_machine_license_has_one_slot_per_fingerprint() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    for (machine, used) in [("a", 1), ("b", 2), ("a", 2), ("b", 2)] {
        let answer = app.machine(machine).activate(&license).await;
        assert_eq!(answer.expect(200)["machinesUsed"], used);
    }
    // A slot is kept, however long the machine is silent.
    app.advance(400 * DAY);
    let full = "Machine limit reached (2). Deactivate another machine first.";
    app.machine("c").activate(&license).await.expect_refusal(403, full);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_site_license_is_never_limited_by_seats() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").max_machines(1).create().await;
    for machine in 1..=12 {
        let answer = app.machine(&format!("m{machine}")).activate(&license).await;
        assert_eq!(answer.expect(200)["machinesUsed"], machine);
    }
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn minus_one_machines_are_unlimited_and_told_as_minus_one() {
    let app = TestApp::start().await;
    for license_type in ["per-machine", "floating", "site"] {
        let license = app
            .license()
            .with("licenseType", license_type)
            .max_machines(-1)
            .create()
            .await;
        let machine = |n: u32| app.machine(&format!("m{n}"));
        for n in 1..=12 {
            let answer = machine(n).activate(&license).await;
            let body = answer.expect(200);
            assert_eq!((&body["machinesUsed"], &body["maxMachines"]), (&json!(n), &json!(-1)));
        }
        assert_eq!(machine(1).deactivate(&license).await.expect(200)["maxMachines"], -1);
        assert_eq!(app.shown(&license).await["license"]["maxMachines"], -1);
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn only_floating_licenses_have_sessions() {
    let app = TestApp::start().await;
    for (license_type, in_session) in [("per-machine", false), ("site", false), ("floating", true)] {
        let license = app.license().with("licenseType", license_type).create().await;
        app.machine("a").activate(&license).await.expect(200);
        let activation = &app.shown(&license).await["activations"][0];
        assert_eq!(activation["sessionActive"], in_session);
        assert_eq!(activation["sessionStarted"].is_string(), in_session);
    }
}
