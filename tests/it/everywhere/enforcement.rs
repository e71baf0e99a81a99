//! Enforcement: what licenses are caught at, and what comes of it.

use std::time::Duration;

use keystead_core::{
    Timestamp,
    license::{
        License,
        detection::detect,
        machine::{Country, Fingerprint, MachineMark},
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
        violation::Severity,
        watch::{ChurnWatch, DetectionLimits},
    },
};
use keystead_tests::{
    DAY, HOUR, MINUTE, Options, PRODUCT, TestApp, TestLicense,
    storm::{CALLERS, at_once, caller, seeds, storm},
};
use serde_json::{Value, json};

const GOOD: &str = "License is active";
const FLAGGED: &str = "License has been flagged for unusual activity. Please contact support.";

/// A license to look at.
async fn license(app: &TestApp) -> License {
    app.stored(&app.license().create().await).await
}

fn seen(license: &License, countries: usize, at: Timestamp) -> License {
    let codes = ["FR", "DE", "US", "JP", "BR", "IN", "ZA", "AU"];
    let mut license = license.clone();
    for code in &codes[..countries] {
        let country = Country::parse(code).expect("a country");
        license.watch.seen_in.insert(country, at);
    }
    license
}

fn came(license: &License, machines: usize, at: Timestamp) -> License {
    let mut license = license.clone();
    for number in 0..machines {
        let fingerprint = Fingerprint::parse(&format!("machine {number}")).expect("a fingerprint");
        license
            .watch
            .arrivals
            .insert(MachineMark::of(&fingerprint), at.seconds());
    }
    license
}

/// What is found, by type and severity.
fn found(license: &License, policy: &DetectionLimits, now: Timestamp) -> Vec<(&'static str, Severity)> {
    let findings = detect(license, policy, now, |_| None);
    findings
        .iter()
        .map(|finding| (finding.r#type, finding.severity))
        .collect()
}

#[tokio::test]
async fn three_countries_in_a_day_are_a_geo_spread_and_five_a_grave_one() {
    let app = TestApp::start().await;
    let (license, now, policy) = (license(&app).await, app.now(), DetectionLimits::default());
    let medium = vec![("geo_spread", Severity::Medium)];
    let high = vec![("geo_spread", Severity::High)];
    for (countries, expected) in [
        (0, vec![]),
        (1, vec![]),
        (2, vec![]),
        (3, medium.clone()),
        (4, medium.clone()),
        (5, high.clone()),
        (8, high),
    ] {
        assert_eq!(
            found(&seen(&license, countries, now), &policy, now),
            expected,
            "{countries}"
        );
    }
    let millis = Duration::from_millis(1);
    for (ago, expected) in [(DAY - millis, medium.clone()), (DAY, vec![]), (2 * DAY, vec![])] {
        assert_eq!(found(&seen(&license, 3, now - ago), &policy, now), expected, "{ago:?}");
    }
    // What the vendor has put a violation aside for counts no more.
    let settled = |_: &str| Some(now);
    assert_eq!(detect(&seen(&license, 5, now), &policy, now, settled), []);
    assert_eq!(
        detect(&seen(&license, 3, now + millis), &policy, now + HOUR, settled).len(),
        1
    );
    let mut site = seen(&license, 8, now);
    site.seats.license_type = LicenseType::Site;
    assert_eq!(found(&site, &policy, now), []);
    let off = DetectionLimits {
        geo_spread: false,
        ..policy
    };
    assert_eq!(found(&seen(&license, 8, now), &off, now), []);
}

#[tokio::test]
async fn more_than_three_times_the_machines_in_a_month_are_churn_and_more_than_six_times_grave() {
    let app = TestApp::start().await;
    let (license, now, policy) = (license(&app).await, app.now(), DetectionLimits::default());
    let medium = Some(Severity::Medium);
    let high = Some(Severity::High);
    let limited = |max| SeatLimit::Limited(max);
    for (license_type, max, machines, expected) in [
        // Six are never churn.
        (LicenseType::PerMachine, limited(1), 6, None),
        (LicenseType::PerMachine, limited(1), 7, medium),
        (LicenseType::PerMachine, limited(1), 12, medium),
        (LicenseType::PerMachine, limited(1), 13, high),
        (LicenseType::PerMachine, limited(0), 6, None),
        (LicenseType::PerMachine, limited(2), 6, None),
        (LicenseType::PerMachine, limited(2), 7, medium),
        (LicenseType::PerMachine, limited(2), 12, medium),
        (LicenseType::PerMachine, limited(2), 13, high),
        (LicenseType::PerMachine, limited(5), 15, None),
        (LicenseType::PerMachine, limited(5), 16, medium),
        (LicenseType::PerMachine, limited(5), 30, medium),
        (LicenseType::PerMachine, limited(5), 31, high),
        (LicenseType::PerMachine, SeatLimit::Unlimited, 99, None),
        (LicenseType::PerMachine, SeatLimit::Unlimited, 100, medium),
        (LicenseType::PerMachine, SeatLimit::Unlimited, 199, medium),
        (LicenseType::PerMachine, SeatLimit::Unlimited, 200, high),
        // On these any machine may run, and only a product that says so has them watched.
        (LicenseType::Floating, limited(5), 300, None),
        (LicenseType::Site, limited(1), 300, None),
    ] {
        let mut license = came(&license, machines, now);
        (license.seats.license_type, license.seats.max_machines) = (license_type, max);
        let severity = found(&license, &policy, now).first().map(|(_, severity)| *severity);
        assert_eq!(severity, expected, "{license_type} {max} {machines}");
    }
    let all = DetectionLimits {
        machine_churn: ChurnWatch::All,
        ..policy
    };
    for (license_type, max, machines, expected) in [
        (LicenseType::PerMachine, limited(1), 6, None),
        (LicenseType::PerMachine, limited(1), 7, medium),
        (LicenseType::Floating, limited(5), 15, None),
        (LicenseType::Floating, limited(5), 16, medium),
        (LicenseType::Site, limited(1), 99, None),
        (LicenseType::Site, limited(1), 100, medium),
        (LicenseType::Site, limited(1), 200, high),
    ] {
        let mut license = came(&license, machines, now);
        (license.seats.license_type, license.seats.max_machines) = (license_type, max);
        let severity = found(&license, &all, now).first().map(|(_, severity)| *severity);
        assert_eq!(severity, expected, "{license_type} {max} {machines}, all are watched");
    }
    for (ago, expected) in [(30 * DAY - Duration::from_secs(1), 1), (30 * DAY, 0)] {
        assert_eq!(
            found(&came(&license, 7, now - ago), &policy, now).len(),
            expected,
            "{ago:?}"
        );
    }
    let off = DetectionLimits {
        machine_churn: ChurnWatch::Off,
        ..policy
    };
    assert_eq!(found(&came(&license, 300, now), &off, now), []);
}

/// The license as tools see it.
async fn shown(app: &TestApp, license: &TestLicense) -> Value {
    app.shown(license).await
}

fn state(shown: &Value) -> (&str, u64, u64) {
    let license = &shown["license"];
    (
        license["status"].as_str().expect("a status"),
        license["threatLevel"].as_u64().expect("a level"),
        shown["unresolvedViolationsCount"].as_u64().expect("a count"),
    )
}

#[tokio::test]
async fn a_key_that_is_seen_in_three_countries_is_degraded_for_newcomers() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    let machine = app.machine("a");
    machine.clone().in_country("FR").activate(&license).await.expect(200);
    app.advance(HOUR);
    machine.clone().in_country("DE").validate(&license).await.expect(200);
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
    app.advance(HOUR);
    let answer = machine.clone().in_country("US").validate(&license).await;
    let body = answer.expect(200);
    assert_eq!((&body["status"], &body["message"]), (&json!("active"), &json!(GOOD)));
    let shown = shown(&app, &license).await;
    assert_eq!(state(&shown), ("degraded", 2, 1));
    let violation = &shown["violations"][0];
    for (field, value) in [
        ("type", json!("geo_spread")),
        ("severity", json!("medium")),
        ("detectedAt", json!(app.now().to_string())),
        ("resolved", json!(false)),
        ("details", json!({ "countries": ["DE", "FR", "US"], "withinHours": 24 })),
    ] {
        assert_eq!(violation[field], value, "{field}");
    }
    // The machine that was in before goes on as it did.
    let answer = machine.clone().in_country("US").activate(&license).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["status"], &body["message"], &body["expiresAt"]),
        (
            &json!("active"),
            &json!(GOOD),
            &json!((app.now() + 30 * DAY).to_string())
        )
    );
    // One that comes from now on gets tokens for a day, and is told.
    let newcomer = app.machine("b").in_country("US");
    for answer in [newcomer.activate(&license).await, newcomer.validate(&license).await] {
        let body = answer.expect(200);
        assert_eq!(
            (&body["status"], &body["message"], &body["expiresAt"]),
            (
                &json!("degraded"),
                &json!(FLAGGED),
                &json!((app.now() + DAY).to_string())
            )
        );
    }
    assert_eq!(app.assert_counters_true(&license).await.watch.unresolved_violations, 1);
}

/// A machine activates, and is still there an hour later.
async fn stays(app: &TestApp, machine: &keystead_tests::Machine, license: &TestLicense) {
    machine.activate(license).await.expect(200);
    app.advance(HOUR);
    machine.validate(license).await.expect(200);
}

/// Has the detectors suspend a license, by nothing but its key: machines come in from five countries.
async fn attacked(app: &TestApp, license: &TestLicense) {
    for country in ["FR", "DE", "US", "JP", "BR"] {
        let machine = app.machine(&format!("attacker-{country}")).in_country(country);
        machine.activate(license).await.expect(200);
    }
    assert_eq!(state(&shown(app, license).await).0, "suspended");
}

#[tokio::test]
async fn who_has_the_key_alone_stops_no_machine_that_was_in_before() {
    for kind in ["per-machine", "floating"] {
        let app = TestApp::start().await;
        let license = app.license().with("licenseType", kind).max_machines(20).create().await;
        let (own, other) = (app.machine("own"), app.machine("other"));
        for machine in [&own, &other] {
            machine.activate(&license).await.expect(200);
        }
        app.advance(DAY);
        attacked(&app, &license).await;
        app.advance(80 * HOUR);
        let full = app.now() + if kind == "floating" { DAY } else { 30 * DAY };
        // The license is blocked by now.
        let verified = json!({ "licenseKey": license.key, "productId": PRODUCT });
        let verify = async || app.stranger().post("/verify", verified.clone()).await;
        verify().await.expect_error(403, "License is suspended");
        for newcomer in [app.machine("late"), app.machine("attacker-BR")] {
            newcomer
                .activate(&license)
                .await
                .expect_refusal(403, "License is suspended");
        }
        app.machine("late")
            .move_license(&license, &other.fingerprint)
            .await
            .expect_refusal(403, "License is suspended");
        for answer in [own.activate(&license).await, own.validate(&license).await] {
            let body = answer.expect(200);
            assert_eq!(
                (&body["status"], &body["message"], &body["expiresAt"]),
                (&json!("active"), &json!(GOOD), &json!(full.to_string()))
            );
        }
        assert_eq!(keystead_tests::token::claims(&own.token())["status"], "active");
        let beat = own.heartbeat(&license).await;
        assert_eq!(
            (&beat.expect(200)["status"], &beat.body["message"]),
            (&json!("active"), &json!(GOOD))
        );
        let token = json!({ "token": own.token() });
        assert_eq!(
            own.heartbeat_with(&license, token).await.0.expect(200)["status"],
            "active"
        );
        let moved = own.move_license(&license, &other.fingerprint).await;
        assert_eq!(moved.expect(200)["status"], "active");
        assert_eq!(state(&shown(&app, &license).await).0, "suspended", "to its vendor");

        // What the vendor sets by hand holds for all.
        let suspend = json!({ "licenseKey": license.key, "status": "suspended" });
        app.admin().post("/updateLicense", suspend).await.expect(200);
        for answer in [own.activate(&license).await, own.heartbeat(&license).await] {
            answer.expect_refusal(403, "License is suspended");
        }
        own.validate(&license).await.expect_invalid(403, "License is suspended");
        let named = json!({ "licenseKey": license.key });
        app.admin().post("/reinstateLicense", named).await.expect(200);
        app.machine("attacker-BR").activate(&license).await.expect(200);
        license.revoke(&app).await;
        own.activate(&license)
            .await
            .expect_refusal(403, "License has been revoked");
    }
}

#[tokio::test]
async fn a_bound_key_is_good_on_its_machine_whatever_the_detectors_hold_against_the_license() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    let validate = async |hwid: Option<&str>| {
        let asked = json!({ "key": license.key, "hwid": hwid });
        let answer = app.stranger().post("/api/license-keys/validate", asked).await;
        answer.expect(200)["valid"].clone()
    };
    assert_eq!(validate(Some("hw-1")).await, true);
    app.advance(HOUR);
    attacked(&app, &license).await;
    app.advance(80 * HOUR);
    assert_eq!(validate(Some("hw-1")).await, true);
    assert_eq!(validate(Some("hw-2")).await, false);
    assert_eq!(validate(None).await, false);
    let suspend = json!({ "licenseKey": license.key, "status": "suspended" });
    app.admin().post("/updateLicense", suspend).await.expect(200);
    assert_eq!(validate(Some("hw-1")).await, false);
}

#[tokio::test]
async fn machines_that_came_between_two_findings_are_newcomers_until_all_is_put_aside() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    let status = async |name: &str| {
        let machine = app.machine(name).in_country("FR");
        machine.activate(&license).await.expect(200)["status"].clone()
    };
    for country in ["FR", "DE", "US"] {
        app.machine(country)
            .in_country(country)
            .activate(&license)
            .await
            .expect(200);
    }
    app.advance(MINUTE);
    assert_eq!(status("between").await, "degraded");
    app.advance(MINUTE);
    for country in ["JP", "BR"] {
        app.machine("FR")
            .in_country(country)
            .activate(&license)
            .await
            .expect(200);
    }
    assert_eq!(status("between").await, "suspended");
    assert_eq!(
        status("FR").await,
        "suspended",
        "it came as the others did, at the very moment"
    );
    let violations = shown(&app, &license).await["violations"].clone();
    let ids: Vec<&Value> = violations
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    let resolve = json!({ "licenseKey": license.key, "violationIds": ids });
    app.admin().post("/resolveLicense", resolve).await.expect(200);
    assert_eq!(status("between").await, "active");
    assert_eq!(app.stored(&license).await.standing.detected, None);
}

#[tokio::test]
async fn what_a_vendor_has_degraded_by_hand_stays_so_for_every_machine() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(20).create().await;
    let own = app.machine("own");
    own.activate(&license).await.expect(200);
    let degrade = json!({ "licenseKey": license.key, "status": "degraded" });
    app.admin().post("/updateLicense", degrade).await.expect(200);
    app.advance(HOUR);
    assert_eq!(own.validate(&license).await.expect(200)["status"], "degraded");
    attacked(&app, &license).await;
    app.advance(80 * HOUR);
    // It is no worse for what the detectors found since.
    let body = own.activate(&license).await;
    assert_eq!(
        (&body.expect(200)["status"], &body.body["expiresAt"]),
        (&json!("degraded"), &json!((app.now() + DAY).to_string()))
    );
}

#[tokio::test]
async fn a_key_that_is_seen_in_five_countries_is_suspended_after_three_days_of_grace() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    for (i, country) in ["FR", "DE", "US", "JP", "BR"].into_iter().enumerate() {
        let machine = app.machine(&format!("{i}")).in_country(country);
        machine.activate(&license).await.expect(200);
    }
    let caught = app.now();
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("suspended", 3, 1));
    assert_eq!(
        now["violations"].as_array().map(Vec::len),
        Some(1),
        "the one grew graver"
    );
    assert_eq!(now["violations"][0]["severity"], "high");
    let machine = app.machine("4").in_country("BR");
    app.advance(71 * HOUR);
    machine.activate(&license).await.expect(200);
    app.advance(HOUR);
    assert_eq!(app.now(), caught + 72 * HOUR);
    machine
        .activate(&license)
        .await
        .expect_error(403, "License is suspended");
    // Putting it aside lets it work again at once, and what was seen counts no more.
    let resolve = json!({ "licenseKey": license.key, "violationIds": [now["violations"][0]["id"]] });
    app.admin().post("/resolveLicense", resolve).await.expect(200);
    machine.activate(&license).await.expect(200);
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
}

#[tokio::test]
async fn countries_far_apart_in_time_are_a_journey() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.clone().in_country("FR").activate(&license).await.expect(200);
    for country in ["DE", "US", "JP", "BR", "IN", "ZA"] {
        app.advance(13 * HOUR);
        machine.clone().in_country(country).validate(&license).await.expect(200);
    }
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
}

#[tokio::test]
async fn a_site_may_be_anywhere_but_not_on_any_number_of_new_machines() {
    let app = TestApp::start().await;
    let limits = json!({ "machineChurn": true, "churnUnlimitedMedium": 7, "churnUnlimitedHigh": 9 });
    let rules = json!({ "productId": PRODUCT, "enforcement": limits });
    app.admin().post("/updateProduct", rules).await.expect(200);
    let license = app.license().with("licenseType", "site").create().await;
    for (i, country) in ["FR", "DE", "US", "JP", "BR", "IN"].into_iter().enumerate() {
        stays(&app, &app.machine(&format!("{i}")).in_country(country), &license).await;
    }
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
    stays(&app, &app.machine("6"), &license).await;
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("degraded", 2, 1));
    assert_eq!(now["violations"][0]["type"], "machine_churn");
    assert_eq!(
        now["violations"][0]["details"],
        json!({ "newMachines": 7, "withinDays": 30 })
    );
    stays(&app, &app.machine("7"), &license).await;
    let now = shown(&app, &license).await;
    assert_eq!(
        now["violations"].as_array().map(Vec::len),
        Some(1),
        "one of a type is open"
    );
    assert_eq!(now["violations"][0]["details"]["newMachines"], 8);
    stays(&app, &app.machine("8"), &license).await;
    assert_eq!(state(&shown(&app, &license).await), ("suspended", 3, 1));
}

/// Jobs in containers are new machines every time.
#[tokio::test]
async fn on_floating_and_site_licenses_any_number_of_machines_may_come_unless_the_product_says_otherwise() {
    let app = TestApp::start().await;
    for watched in [false, true] {
        if watched {
            let rules = json!({ "productId": PRODUCT, "enforcement": { "machineChurn": true } });
            app.admin().post("/updateProduct", rules).await.expect(200);
        }
        for license_type in ["floating", "site"] {
            let license = app.license().with("licenseType", license_type).max_machines(2);
            let license = license.create().await;
            for job in 0..20 {
                let machine = app.machine(&format!("{license_type}-{job}"));
                stays(&app, &machine, &license).await;
                machine.deactivate(&license).await.expect(200);
            }
            let expected = if watched && license_type == "floating" {
                "suspended"
            } else {
                "active"
            };
            let now = shown(&app, &license).await;
            assert_eq!(state(&now).0, expected, "{license_type}, watched: {watched}");
        }
    }
}

#[tokio::test]
async fn a_key_that_goes_from_machine_to_machine_is_caught_and_one_that_comes_back_is_not() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let visit = async |name: &str| {
        let machine = app.machine(name);
        stays(&app, &machine, &license).await;
        machine.deactivate(&license).await.expect(200);
    };
    for _ in 0..10 {
        visit("a").await;
    }
    for name in ["b", "c", "d", "e", "f"] {
        visit(name).await;
    }
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
    app.advance(2 * HOUR);
    visit("g").await;
    assert_eq!(state(&shown(&app, &license).await), ("degraded", 2, 1));
    // A month later all that is forgotten, but not put aside by itself.
    app.advance(31 * DAY);
    visit("h").await;
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("degraded", 2, 1));
    assert_eq!(now["violations"][0]["details"]["newMachines"], 7);
    assert_eq!(app.stored(&license).await.watch.arrivals.len(), 1);
}

/// Whoever has the key can let made-up machines come and go. That is no evidence against its owner.
#[tokio::test]
async fn machines_that_are_gone_within_the_hour_are_no_evidence() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    let own = app.machine("own");
    own.activate(&license).await.expect(200);
    for i in 0..30 {
        app.advance(5 * MINUTE);
        let brief = app.machine(&format!("{i}"));
        brief.activate(&license).await.expect(200);
        app.advance(HOUR - MINUTE);
        brief.validate(&license).await.expect(200);
        brief.activate(&license).await.expect(200);
        brief.deactivate(&license).await.expect(200);
    }
    let stored = app.stored(&license).await;
    assert_eq!((stored.watch.arrived, stored.watch.arrivals.len()), (0, 0));
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
    // One that stays is counted once in its life, by whichever request shows that it is back.
    own.validate(&license).await.expect(200);
    for _ in 0..5 {
        app.advance(20 * DAY);
        own.activate(&license).await.expect(200);
        own.validate(&license).await.expect(200);
    }
    assert_eq!(app.stored(&license).await.watch.arrived, 1);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn two_violations_of_one_level_are_one_level_more_and_never_the_highest() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    for (i, country) in ["FR", "DE", "US", "FR", "FR", "FR", "FR"].into_iter().enumerate() {
        let machine = app.machine(&format!("{i}")).in_country(country);
        stays(&app, &machine, &license).await;
        machine.deactivate(&license).await.expect(200);
    }
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("suspended", 3, 2));
    let severities: Vec<&str> = now["violations"]
        .as_array()
        .expect("violations")
        .iter()
        .filter_map(|violation| violation["severity"].as_str())
        .collect();
    assert_eq!(severities, ["medium", "medium"]);
}

#[tokio::test]
async fn a_product_may_have_rules_of_its_own() {
    let app = TestApp::start().await;
    let rules = |enforcement: Value| json!({ "productId": PRODUCT, "enforcement": enforcement });
    let update = async |enforcement: Value| app.admin().post("/updateProduct", rules(enforcement)).await;
    let spread = async |countries: usize| {
        let license = app.license().max_machines(-1).create().await;
        for country in &["FR", "DE", "US", "JP", "BR"][..countries] {
            let machine = app.machine(country).in_country(country);
            machine.activate(&license).await.expect(200);
        }
        shown(&app, &license).await["license"]["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    };
    update(json!({ "geoMedium": 2, "geoHigh": 3, "suspensionGraceHours": 1 }))
        .await
        .expect(200);
    assert_eq!(
        (spread(2).await, spread(3).await),
        ("degraded".into(), "suspended".into())
    );
    update(json!({ "geoSpread": false })).await.expect(200);
    assert_eq!(spread(5).await, "active");
    update(json!(null)).await.expect(200);
    assert_eq!((spread(2).await, spread(3).await), ("active".into(), "degraded".into()));
    let unknown = update(json!({ "geomedium": 2 })).await;
    let text = unknown.expect(400)["error"].as_str().expect("a text");
    assert!(text.starts_with("Invalid enforcement"), "{text}");
    for (odd, text) in [
        (json!("strict"), "Invalid enforcement: must be an object"),
        (
            json!({ "geoMedium": 0 }),
            "Invalid enforcement.geoMedium: must be a whole number from 1 to 1000",
        ),
        (
            json!({ "geoMedium": 6 }),
            "Invalid enforcement.geoHigh: must be at least as many as for medium severity",
        ),
    ] {
        update(odd).await.expect_refusal(400, text);
    }
}

#[tokio::test]
async fn a_suspension_lasts_as_long_as_the_product_says() {
    let app = TestApp::start().await;
    let rules =
        json!({ "productId": PRODUCT, "enforcement": { "geoMedium": 1, "geoHigh": 2, "suspensionGraceHours": 2 } });
    app.admin().post("/updateProduct", rules).await.expect(200);
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.clone().in_country("FR").activate(&license).await.expect(200);
    machine.clone().in_country("DE").activate(&license).await.expect(200);
    app.advance(119 * MINUTE);
    machine.activate(&license).await.expect(200);
    app.advance(MINUTE);
    machine
        .activate(&license)
        .await
        .expect_error(403, "License is suspended");
}

#[tokio::test]
async fn what_was_put_aside_does_not_come_back_by_itself() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    let enter = async |country: &str| {
        let machine = app.machine(country).in_country(country);
        machine.activate(&license).await.expect(200);
    };
    for country in ["FR", "DE", "US"] {
        enter(country).await;
    }
    let now = shown(&app, &license).await;
    let resolve = json!({ "licenseKey": license.key, "violationIds": [now["violations"][0]["id"]] });
    app.advance(MINUTE);
    app.admin().post("/resolveLicense", resolve).await.expect(200);
    app.advance(MINUTE);
    for country in ["JP", "BR"] {
        enter(country).await;
    }
    assert_eq!(state(&shown(&app, &license).await), ("active", 0, 0));
    enter("IN").await;
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("degraded", 2, 1));
    assert_eq!(now["violations"].as_array().map(Vec::len), Some(2), "another one");
}

#[tokio::test]
async fn being_caught_is_an_event() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    for country in ["FR", "DE", "US"] {
        let machine = app.machine(country).in_country(country);
        machine.activate(&license).await.expect(200);
    }
    let stored = app.stored(&license).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    let caught: Vec<_> = events
        .iter()
        .filter(|event| event.r#type == keystead_core::event::EventType::Violation)
        .collect();
    assert_eq!(caught.len(), 1);
    assert_eq!(caught[0].details["type"], "geo_spread");
    assert_eq!(caught[0].details["severity"], "medium");
}

#[tokio::test]
async fn sixty_four_at_once_from_six_countries_are_one_violation() {
    for seed in seeds(6) {
        let app = storm(seed).await;
        let license = app.license().max_machines(-1).create().await;
        let countries = ["FR", "DE", "US", "JP", "BR", "IN"];
        let activate = |i: usize| {
            let machine = app.machine(&format!("{i}")).in_country(countries[i % countries.len()]);
            let license = license.clone();
            caller(async move { machine.activate(&license).await })
        };
        for answer in at_once((0..CALLERS).map(activate)).await {
            answer.expect(200);
        }
        let now = shown(&app, &license).await;
        assert_eq!(state(&now), ("suspended", 3, 1), "seed {seed}");
        assert_eq!(now["violations"].as_array().map(Vec::len), Some(1), "seed {seed}");
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 64);
    }
}

#[tokio::test]
async fn sixty_four_new_machines_at_once_are_one_violation() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let rules =
            json!({ "productId": PRODUCT, "enforcement": { "churnUnlimitedMedium": 40, "churnUnlimitedHigh": 60 } });
        app.admin().post("/updateProduct", rules).await.expect(200);
        let license = app.license().max_machines(-1).create().await;
        let machines: Vec<_> = (0..CALLERS).map(|i| app.machine(&format!("{i}"))).collect();
        for machine in &machines {
            machine.activate(&license).await.expect(200);
        }
        app.advance(HOUR);
        let returns = |machine: &keystead_tests::Machine| {
            let (machine, license) = (machine.clone(), license.clone());
            caller(async move { machine.validate(&license).await })
        };
        for answer in at_once(machines.iter().map(returns)).await {
            answer.expect(200);
        }
        let now = shown(&app, &license).await;
        assert_eq!(now["violations"].as_array().map(Vec::len), Some(1), "seed {seed}");
        assert_eq!(app.stored(&license).await.watch.arrived, 64, "seed {seed}");
        // As many as the last of them saw; more of the same makes it no graver.
        let told = now["violations"][0]["details"]["newMachines"].as_u64();
        assert!(
            told.is_some_and(|told| (60..=64).contains(&told)),
            "seed {seed}: {told:?}"
        );
        assert_eq!(state(&now), ("suspended", 3, 1), "seed {seed}");
        app.assert_counters_true(&license).await;
    }
}

/// Whatever clients do: nothing of it is a chargeback or fraud, and whoever is blocked stays out.
#[tokio::test]
async fn no_sequence_of_client_calls_reaches_the_highest_level_or_lets_a_blocked_license_activate() {
    for seed in seeds(30) {
        let app = storm(seed).await;
        let mut chance = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        let mut draw = |of: usize| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(chance >> 33).expect("a number") % of
        };
        let kinds = [("per-machine", 2), ("floating", 3), ("site", 1), ("per-machine", -1)];
        let (license_type, max) = kinds[draw(kinds.len())];
        let license = app
            .license()
            .with("licenseType", license_type)
            .max_machines(max)
            .create()
            .await;
        let machines: Vec<_> = (0..20).map(|i| app.machine(&format!("{i}"))).collect();
        for machine in &machines {
            // So that each has a token, be it another license's.
            machine.activate(&app.license().create().await).await.expect(200);
        }
        for _ in 0..60 {
            app.advance(Duration::from_secs(u64::try_from(draw(40_000)).expect("seconds")));
            let country = ["FR", "DE", "US", "JP", "BR", "IN", "ZA"][draw(7)];
            let machine = machines[draw(machines.len())].clone().in_country(country);
            let before = app.stored(&license).await;
            let what = draw(5);
            let answer = match what {
                0 => machine.validate(&license).await,
                1 => machine.heartbeat(&license).await,
                2 => machine.deactivate(&license).await,
                _ => machine.activate(&license).await,
            };
            assert!(answer.status < 500, "seed {seed}: {answer:?}");
            let after = app.assert_counters_true(&license).await;
            assert!(after.standing.threat_level.number() < 4, "seed {seed}");
            assert_ne!(after.standing.status, LicenseStatus::Revoked, "seed {seed}");
            let first_seen = first_seen(&app, &license, &machine.fingerprint).await;
            // A machine that was in before the detectors found anything is spared what they brought on the license.
            if before.for_machine(first_seen).standing(app.now()).is_err() {
                // Only giving a seat back is still answered well.
                assert!(what == 2 || answer.status != 200, "seed {seed}: {answer:?}");
                assert!(
                    after.seats.machines_used <= before.seats.machines_used
                        && after.seats.sessions_open <= before.seats.sessions_open,
                    "seed {seed}: a blocked license let a machine in"
                );
            }
        }
    }
}

/// When a machine that is on a license was let in.
async fn first_seen(app: &TestApp, license: &TestLicense, fingerprint: &str) -> Option<Timestamp> {
    let stored = app.stored(license).await;
    let fingerprint = Fingerprint::parse(fingerprint).expect("a fingerprint");
    let found = app.cx.store.activation_get(&stored.license_key, &fingerprint).await;
    found.expect("a read").map(|activation| activation.first_seen)
}

/// What a token says of running on without the service.
fn offline(token: &str) -> (i64, Option<i64>, Option<i64>) {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    let claims = token.split('.').nth(1).expect("claims");
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    let number = |name: &str| claims[name].as_i64();
    (
        number("exp").expect("an expiry"),
        number("graceUntil"),
        number("offlineDays"),
    )
}

#[tokio::test]
async fn a_token_tells_how_long_an_application_may_run_on_without_the_service() {
    let days = |days: i64| days * 24 * 60 * 60;
    let app = TestApp::start().await;
    // Tokens count in seconds, and clocks do not.
    app.advance(Duration::from_millis(500));
    let variant = json!({ "productId": PRODUCT, "name": "Studio", "offlineDays": 14, "maxMachines": 5 });
    app.admin().post("/createVariant", variant).await.expect(200);
    for (name, license, grace, offline_days) in [
        ("usual", app.license(), 7, 30),
        ("variant", app.license().with("variant", "studio"), 7, 14),
        ("floating", app.license().floating(2), 0, 0),
        ("degraded", app.license().degraded(), 7, 1),
    ] {
        let license = license.create().await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        let (exp, until, told) = offline(&machine.token());
        assert_eq!((until, told), (Some(exp + days(grace)), Some(offline_days)), "{name}");
    }
    // A product may have its own.
    for (grace, expected) in [(json!(30), 30), (json!(0), 0), (json!(null), 7)] {
        let own = json!({ "productId": PRODUCT, "graceDays": grace });
        app.admin().post("/updateProduct", own).await.expect(200);
        let machine = app.machine("a");
        machine.activate(&app.license().create().await).await.expect(200);
        let (exp, until, _) = offline(&machine.token());
        assert_eq!(until, Some(exp + days(expected)), "{grace}");
    }
    // A license that ends soon, and one that is suspended soon.
    let ends = app.now() + 3 * DAY;
    let machine = app.machine("a");
    let ending = app.license().with("expiresAt", ends.to_string()).create().await;
    machine.activate(&ending).await.expect(200);
    assert_eq!(offline(&machine.token()).1, Some((ends + 7 * DAY).seconds()));
    let suspended = app
        .license()
        .suspended(keystead_core::license::standing::SuspendedBy::Enforcement);
    machine.activate(&suspended.create().await).await.expect(200);
    assert_eq!(
        offline(&machine.token()).1,
        Some((app.now() + 3 * DAY).seconds()),
        "blocked then"
    );
}

#[tokio::test]
async fn an_operator_may_have_other_numbers() {
    let config = keystead_core::config::Config {
        enforcement: DetectionLimits {
            geo_medium: 2,
            ..DetectionLimits::default()
        },
        ..keystead_core::config::Config::default()
    };
    let app = Options::default().config(config).start().await;
    let license = app.license().create().await;
    for country in ["FR", "DE"] {
        let machine = app.machine("a").in_country(country);
        machine.activate(&license).await.expect(200);
    }
    assert_eq!(state(&shown(&app, &license).await), ("degraded", 2, 1));
}

#[tokio::test]
async fn a_token_that_is_renewed_by_the_request_that_is_caught_is_a_short_one() {
    let app = TestApp::start().await;
    let rules =
        json!({ "productId": PRODUCT, "enforcement": { "geoMedium": 2, "geoHigh": 3, "suspensionGraceHours": 2 } });
    app.admin().post("/updateProduct", rules).await.expect(200);
    let license = app.license().max_machines(-1).create().await;
    app.machine("first")
        .in_country("FR")
        .activate(&license)
        .await
        .expect(200);
    app.advance(HOUR);
    // It is the newcomer that is caught.
    let machine = app.machine("a");
    let answer = machine.clone().in_country("DE").activate(&license).await;
    let body = answer.expect(200);
    assert_eq!(body["status"], "degraded");
    assert_eq!(body["expiresAt"], (app.now() + DAY).to_string());
    app.advance(HOUR);
    let answer = machine.clone().in_country("US").validate(&license).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["status"], &body["refreshed"]),
        (&json!("suspended"), &json!(true))
    );
    assert_eq!(body["expiresAt"], (app.now() + 2 * HOUR).to_string());
    let (exp, until, _) = offline(&machine.token());
    assert_eq!(until, Some(exp), "never past the time at which it is blocked");
}

#[tokio::test]
async fn a_machine_that_beats_between_its_validations_hides_no_country() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.clone().in_country("FR").activate(&license).await.expect(200);
    for country in ["DE", "US"] {
        app.advance(HOUR);
        let abroad = machine.clone().in_country(country);
        abroad.heartbeat(&license).await.expect(200);
        abroad.validate(&license).await.expect(200);
    }
    assert_eq!(state(&shown(&app, &license).await), ("degraded", 2, 1));
}

#[tokio::test]
async fn evidence_that_comes_in_a_burst_after_some_was_put_aside_is_found() {
    for seed in seeds(8) {
        let app = storm(seed).await;
        let rules =
            json!({ "productId": PRODUCT, "enforcement": { "churnUnlimitedMedium": 4, "churnUnlimitedHigh": 4 } });
        app.admin().post("/updateProduct", rules).await.expect(200);
        let license = app.license().max_machines(-1).create().await;
        for i in 0..4 {
            stays(&app, &app.machine(&format!("before-{i}")), &license).await;
        }
        let now = shown(&app, &license).await;
        let resolve = json!({ "licenseKey": license.key, "violationIds": [now["violations"][0]["id"]] });
        app.advance(MINUTE);
        app.admin().post("/resolveLicense", resolve).await.expect(200);
        app.advance(MINUTE);
        let machines: Vec<_> = (0..12).map(|i| app.machine(&format!("{i}"))).collect();
        for machine in &machines {
            machine.activate(&license).await.expect(200);
        }
        app.advance(HOUR);
        let returns = |machine: &keystead_tests::Machine| {
            let (machine, license) = (machine.clone(), license.clone());
            caller(async move { machine.validate(&license).await })
        };
        for answer in at_once(machines.iter().map(returns)).await {
            answer.expect(200);
        }
        assert_eq!(state(&shown(&app, &license).await), ("suspended", 3, 1), "seed {seed}");
    }
}

#[tokio::test]
async fn what_is_left_after_resolving_is_looked_at_by_the_product_s_rules() {
    let app = TestApp::start().await;
    // A chargeback that the vendor has forgiven, and five countries.
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1", "maxMachines": -1 }))
        .await;
    let license = TestLicense {
        key: sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned(),
    };
    let told = app
        .store()
        .tell("purchase.disputed", json!({ "purchaseId": "p-1" }))
        .await;
    told.expect(200);
    let reinstate = json!({ "licenseKey": license.key });
    app.admin().post("/reinstateLicense", reinstate).await.expect(200);
    for country in ["FR", "DE", "US", "JP", "BR"] {
        app.machine(country)
            .in_country(country)
            .activate(&license)
            .await
            .expect(200);
    }
    let now = shown(&app, &license).await;
    assert_eq!(state(&now), ("suspended", 4, 2));
    let spread = now["violations"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] == "geo_spread"))
        .expect("a violation");
    let resolve = json!({ "licenseKey": license.key, "violationIds": [spread["id"]] });
    let resolved = app.admin().post("/resolveLicense", resolve).await;
    assert_eq!(resolved.expect(200)["status"], "active");
}

#[tokio::test]
async fn a_bundle_s_license_is_looked_at_by_its_own_product_s_rules() {
    let app = TestApp::start().await;
    app.make_product("other", keystead_tests::OWNER, "live").await;
    let lax = json!({ "productId": "other", "graceDays": 1, "enforcement": { "geoSpread": false } });
    app.admin().post("/updateProduct", lax).await.expect(200);
    let variant = json!({ "productId": PRODUCT, "name": "Studio", "offlineDays": 14 });
    app.admin().post("/createVariant", variant).await.expect(200);
    let license = app
        .license()
        .with("unlockedProducts", json!(["other"]))
        .with("variant", "studio")
        .max_machines(-1)
        .create()
        .await;
    for country in ["FR", "DE", "US"] {
        let machine = app.machine(country).in_country(country);
        let asked = json!({ "productId": "other" });
        machine.activate_with(&license, asked).await.0.expect(200);
        let (exp, until, days) = offline(&machine.token());
        assert_eq!(until, Some(exp + 24 * 60 * 60), "the grace is the product's that runs");
        assert_eq!(
            days,
            Some(if country == "US" { 1 } else { 14 }),
            "never after the token has expired"
        );
    }
    assert_eq!(state(&shown(&app, &license).await), ("degraded", 2, 1));
}
