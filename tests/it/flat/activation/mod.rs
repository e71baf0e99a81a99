//! Machines on licenses.

mod activate;
mod bundle;
mod deactivate;
mod floating;
mod heartbeat;
mod license_type;
mod list;
mod r#move;
mod token;
mod validate;

use keystead_tests::{Machine, TestApp, TestLicense};

const MISSING: &str = "Missing required fields";

const NO_LICENSE: &str = "License not found";

const NOT_IN: &str = "Machine is not activated";

/// A machine with this fingerprint.
fn machine(app: &TestApp, fingerprint: &str) -> Machine {
    let mut machine = app.machine("any");
    machine.fingerprint = fingerprint.to_owned();
    machine
}

async fn activated(app: &TestApp, license: &TestLicense, name: &str) -> Machine {
    let machine = app.machine(name);
    machine.activate(license).await.expect(200);
    machine
}
