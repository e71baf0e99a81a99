//! `POST /moveLicense`.

use std::time::Duration;

use keystead_core::{
    config::Config,
    event::{Event, EventType},
    license::{
        License,
        activation::SESSION_TIMEOUT,
        machine::{Fingerprint, MachineId},
        moves::MovePolicy,
        seats::{LicenseType, SeatLimit, Seats},
        standing::SuspendedBy,
    },
};
use keystead_tests::{Answer, DAY, HOUR, MINUTE, Options, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{MISSING, NO_LICENSE, NOT_IN, activated, machine};

const LEFT: &str = "Activation not found";

const TOO_MANY_MOVES: &str = "Too many moves. Try again later.";

const TOO_MANY_ATTEMPTS: &str = "Too many activation attempts. Try again later.";

/// The machines that are on a license, as the vendor sees them.
async fn on(app: &TestApp, license: &TestLicense) -> Vec<String> {
    let shown = app.shown(license).await;
    let activations = shown["activations"].as_array().expect("a list");
    let fingerprint = |activation: &Value| activation["fingerprint"].as_str().expect("a text").to_owned();
    activations.iter().map(fingerprint).collect()
}

async fn events(app: &TestApp, license: &TestLicense) -> Vec<Event> {
    let stored = app.stored(license).await;
    app.cx.store.event_list(&stored).await.expect("a read")
}

fn full(limit: u32) -> String {
    format!("Machine limit reached ({limit}). Deactivate another machine first.")
}

/// A service with this policy of moves.
async fn with_moves(limit: usize, window: Duration) -> TestApp {
    let config = Config {
        moves: MovePolicy { limit, window },
        ..Config::default()
    };
    Options::default().config(config).start().await
}

#[tokio::test]
async fn a_license_moves_from_one_machine_to_another_and_is_answered_as_an_activation_is() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let old = activated(&app, &license, "old").await;
    app.advance(DAY);
    let new = app.machine("new").in_country("FR");
    let answer = new.move_license(&license, &old.fingerprint).await;
    answer.expect_body(
        200,
        &json!({
            "success": true, "token": new.token(), "expiresAt": "2030-02-01T00:00:00.000Z", "machinesUsed": 1,
            "maxMachines": 1, "status": "active", "variant": "indie", "message": "License is active",
            "licenseExpiresAt": null,
        }),
    );
    assert_eq!(
        app.shown(&license).await["activations"],
        json!([{
            "fingerprint": "fingerprint-of-new", "hostname": "new.local", "firstSeen": "2030-01-02T00:00:00.000Z",
            "lastSeen": "2030-01-02T00:00:00.000Z", "tokenExpiry": "2030-02-01T00:00:00.000Z", "sessionStarted": null,
            "sessionActive": false, "countries": ["FR"], "lastCountry": "FR",
        }])
    );
    new.validate(&license).await.expect(200);
    old.validate(&license).await.expect_invalid(403, NOT_IN);
    old.activate(&license).await.expect_refusal(403, &full(1));
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn the_fields_of_a_move_are_all_required() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let old = activated(&app, &license, "old").await;
    for field in [
        "licenseKey",
        "machineFingerprint",
        "hostname",
        "productId",
        "releaseFingerprint",
    ] {
        for absent in [json!(null), json!(""), json!(" ")] {
            let new = app.machine("new");
            let (answer, _) = new
                .move_license_with(&license, &old.fingerprint, json!({ field: absent }))
                .await;
            answer.expect_refusal(400, MISSING);
        }
    }
    assert_eq!(on(&app, &license).await, [old.fingerprint]);
}

/// What a machine is shown as.
fn shown(fingerprint: &str) -> String {
    let fingerprint = Fingerprint::parse(fingerprint).expect("a fingerprint");
    MachineId::of(&fingerprint).shown().to_owned()
}

#[tokio::test]
async fn a_machine_is_released_by_what_it_is_shown_as() {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    let license = app.license().max_machines(4).create().await;
    // Those of one maker begin alike; and one is called as another might be shown.
    let alike = [
        "4C4C4544-0043-4410-8052-B4C04F4E3232",
        "4C4C4544-0043-4410-8052-B4C04F4E3233",
    ];
    for fingerprint in [alike[0], alike[1], "指紋-1", "3f9a2c47"] {
        machine(&app, fingerprint).activate(&license).await.expect(200);
    }
    // None can run by itself any more.
    app.advance(30 * DAY);
    let new = app.machine("new");
    // The beginning of a fingerprint, too short, too long, in the middle, unknown.
    let right = shown(alike[0]);
    let longer = format!("{right}A");
    for wrong in ["4C4C4544", &right[..7], &longer, &right[1..], "99999999"] {
        new.move_license(&license, wrong).await.expect_refusal(404, LEFT);
    }
    // As people type it.
    let typed = format!(" {} ", right.to_lowercase());
    new.move_license(&license, &typed).await.expect(200);
    assert!(on(&app, &license).await.contains(&alike[1].to_owned()));
    assert!(!on(&app, &license).await.contains(&alike[0].to_owned()));
    machine(&app, "other")
        .move_license(&license, "3f9a2c47")
        .await
        .expect(200);
    assert!(!on(&app, &license).await.contains(&"3f9a2c47".to_owned()));
    app.assert_counters_true(&license).await;
}

/// What machines are shown as, whoever has the key and a machine on the license can see.
#[tokio::test]
async fn a_machine_that_may_still_run_is_moved_off_by_its_whole_fingerprint_only() {
    let app = TestApp::start().await;
    for floating in [false, true] {
        let license = if floating {
            app.license().floating(3)
        } else {
            app.license().max_machines(3)
        };
        let license = license.create().await;
        let (own, new) = (app.machine("own"), app.machine("new"));
        own.activate(&license).await.expect(200);
        let until = app.now() + if floating { DAY } else { 30 * DAY };
        let refusal = |until: keystead_core::Timestamp| {
            format!("The machine may still run until {until}. Deactivate it there, wait until then, or ask the vendor.")
        };
        let shown = own.shown();
        new.move_license(&license, &shown)
            .await
            .expect_refusal(403, &refusal(until));
        app.advance(until.since(app.now()) - MINUTE);
        new.move_license(&license, &shown)
            .await
            .expect_refusal(403, &refusal(until));
        if floating {
            // It beats on, and its session holds for longer than its token.
            own.heartbeat(&license).await.expect(200);
            app.advance(MINUTE);
            let until = app.now() + 14 * MINUTE;
            new.move_license(&license, &shown)
                .await
                .expect_refusal(403, &refusal(until));
            app.advance(14 * MINUTE);
        } else {
            app.advance(MINUTE);
        }
        new.move_license(&license, &shown).await.expect(200);
        // By its whole fingerprint, at any time.
        app.machine("next")
            .move_license(&license, &new.fingerprint)
            .await
            .expect(200);
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn a_machine_of_another_license_is_not_there_to_leave() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let other = app.license().create().await;
    let elsewhere = activated(&app, &other, "elsewhere").await;
    let new = app.machine("new");
    for named in [&elsewhere.fingerprint, &shown(&elsewhere.fingerprint)] {
        new.move_license(&license, named).await.expect_refusal(404, LEFT);
    }
    let unknown = TestLicense {
        key: "XXXX-XXXX".to_owned(),
    };
    new.move_license(&unknown, &elsewhere.fingerprint)
        .await
        .expect_refusal(404, NO_LICENSE);
    // A machine that is in can't free one that is not.
    elsewhere.move_license(&other, "nobody").await.expect_refusal(404, LEFT);
    assert_eq!(on(&app, &other).await, [elsewhere.fingerprint]);
}

#[tokio::test]
async fn a_machine_that_takes_its_own_place_is_refreshed_and_nothing_is_moved() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let a = activated(&app, &license, "a").await;
    for named in [&a.fingerprint, &shown(&a.fingerprint)] {
        for _ in 0..3 {
            app.advance(HOUR);
            let renamed = json!({ "hostname": "renamed.local" });
            let (answer, _) = a.move_license_with(&license, named, renamed).await;
            assert_eq!(answer.expect(200)["machinesUsed"], 1);
        }
    }
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["hostname"], "renamed.local");
    assert_eq!(activation["firstSeen"], "2030-01-01T00:00:00.000Z");
    assert_eq!(activation["lastSeen"], "2030-01-01T06:00:00.000Z");
    assert_eq!(app.assert_counters_true(&license).await.seats.moves, []);
    let told: Vec<EventType> = events(&app, &license).await.iter().map(|event| event.r#type).collect();
    assert_eq!(told, [EventType::Created, EventType::Activated]);
}

#[tokio::test]
async fn a_machine_that_is_in_is_refreshed_and_the_other_leaves() {
    let app = TestApp::start().await;
    for license in [
        app.license().max_machines(2).create().await,
        app.license().floating(2).create().await,
    ] {
        let (a, b) = (
            activated(&app, &license, "a").await,
            activated(&app, &license, "b").await,
        );
        app.advance(MINUTE);
        let first_seen = app.shown(&license).await["activations"][1]["firstSeen"].clone();
        let answer = b.move_license(&license, &a.fingerprint).await;
        assert_eq!(answer.expect(200)["machinesUsed"], 1);
        assert_eq!(on(&app, &license).await, [b.fingerprint.as_str()]);
        let shown = &app.shown(&license).await["activations"][0];
        assert_eq!(shown["firstSeen"], first_seen);
        assert_eq!(shown["lastSeen"], app.now().to_string());
        // It took no slot, which is what the event of an activation tells.
        let told = events(&app, &license).await;
        let last = told.last().expect("an event");
        assert_eq!((last.r#type, told.len()), (EventType::Deactivated, 4));
        let stored = app.assert_counters_true(&license).await;
        assert_eq!(stored.seats.moves, [app.now()]);
        assert_eq!(
            stored.seats.sessions_open,
            u32::from(stored.seats.session_limit().is_some())
        );
    }
}

#[tokio::test]
async fn the_first_refusal_of_a_move_is_the_one_that_an_activation_gets() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("expiresAt", "2030-01-02T00:00:00Z")
        .max_machines(1)
        .create()
        .await;
    let old = activated(&app, &license, "old").await;
    let new = app.machine("new");
    license.suspend(&app, SuspendedBy::Vendor).await;
    // Whatever machine is to leave.
    for release in [old.fingerprint.as_str(), "nobody"] {
        new.move_license(&license, release)
            .await
            .expect_refusal(403, "License is suspended");
    }
    app.advance(DAY);
    new.move_license(&license, &old.fingerprint)
        .await
        .expect_refusal(403, "License has expired");
    license.revoke(&app).await;
    new.move_license(&license, &old.fingerprint)
        .await
        .expect_refusal(403, "License has been revoked");
    let other = json!({ "productId": "other" });
    let (answer, _) = new.move_license_with(&license, &old.fingerprint, other.clone()).await;
    answer.expect_refusal(403, "License is for a different product");
    // In its own place too.
    let (answer, _) = old.move_license_with(&license, &old.fingerprint, other.clone()).await;
    answer.expect_refusal(403, "License is for a different product");

    // They counted as attempts to activate, whatever came of them; that of the machine that is in, for itself.
    for _ in 3..14 {
        new.activate(&license).await.expect(403);
    }
    let (answer, _) = new.move_license_with(&license, &old.fingerprint, other).await;
    answer.expect(403);
    let refused = new.move_license(&license, &old.fingerprint).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    refused.expect_refusal(429, TOO_MANY_ATTEMPTS);
    assert_eq!(on(&app, &license).await, [old.fingerprint]);
}

#[tokio::test]
async fn moves_and_activations_share_one_limit_of_attempts() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let a = activated(&app, &license, "a").await;
    for _ in 0..7 {
        a.activate(&license).await.expect(200);
        a.move_license(&license, &a.fingerprint).await.expect(200);
    }
    let refused = a.move_license(&license, &a.fingerprint).await;
    refused.expect_refusal(429, TOO_MANY_ATTEMPTS);
    assert_eq!(refused.header("retry-after"), "3601");
    a.activate(&license).await.expect_refusal(429, TOO_MANY_ATTEMPTS);
}

/// `POST /moveLicense` from one machine to the next, by their numbers.
async fn step(app: &TestApp, license: &TestLicense, from: usize) -> Answer {
    let leaving = app.machine(&from.to_string()).fingerprint;
    app.machine(&(from + 1).to_string())
        .move_license(license, &leaving)
        .await
}

#[tokio::test]
async fn a_license_moves_three_times_in_thirty_days() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    activated(&app, &license, "0").await;
    for from in 0..3 {
        step(&app, &license, from).await.expect(200);
        app.advance(DAY);
    }
    app.advance(26 * DAY);
    let refused = step(&app, &license, 3).await;
    refused.expect_refusal(429, TOO_MANY_MOVES);
    assert_eq!(refused.header("retry-after"), (24 * 60 * 60 + 1).to_string());
    app.advance(DAY - Duration::from_millis(1));
    step(&app, &license, 3).await.expect_refusal(429, TOO_MANY_MOVES);
    // The first move has left the window, and makes room for one; and so on.
    app.advance(Duration::from_millis(1));
    for from in 3..6 {
        step(&app, &license, from).await.expect(200);
        step(&app, &license, from + 1).await.expect_refusal(429, TOO_MANY_MOVES);
        assert_eq!(app.assert_counters_true(&license).await.seats.moves.len(), 3);
        app.advance(DAY);
    }
    assert_eq!(on(&app, &license).await, [app.machine("6").fingerprint]);
    // What frees a seat otherwise still does, and so does a machine in its own place.
    let last = app.machine("6");
    last.move_license(&license, &last.fingerprint).await.expect(200);
    last.deactivate(&license).await.expect(200);
    app.machine("7").activate(&license).await.expect(200);
}

#[tokio::test]
async fn a_machine_that_is_not_there_is_told_before_a_lack_of_moves() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    activated(&app, &license, "0").await;
    for from in 0..3 {
        step(&app, &license, from).await.expect(200);
    }
    // Who lost the answer to the last move learns that it was made.
    step(&app, &license, 2).await.expect_refusal(404, LEFT);
    step(&app, &license, 3).await.expect_refusal(429, TOO_MANY_MOVES);
}

#[tokio::test]
async fn every_license_has_moves_of_its_own() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        let license = app.license().max_machines(1).create().await;
        activated(&app, &license, "0").await;
        for from in 0..3 {
            step(&app, &license, from).await.expect(200);
        }
        step(&app, &license, 3).await.expect_refusal(429, TOO_MANY_MOVES);
    }
}

#[tokio::test]
async fn the_operator_says_how_often_a_license_moves() {
    for (limit, window) in [(1, DAY), (5, 2 * DAY), (0, 7 * DAY)] {
        let app = with_moves(limit, window).await;
        let license = app.license().max_machines(1).create().await;
        activated(&app, &license, "0").await;
        for from in 0..limit {
            step(&app, &license, from).await.expect(200);
        }
        let refused = step(&app, &license, limit).await;
        refused.expect_refusal(429, TOO_MANY_MOVES);
        assert_eq!(refused.header("retry-after"), (window.as_secs() + 1).to_string());
        app.advance(window);
        let later = step(&app, &license, limit).await;
        assert_eq!(later.status, if limit == 0 { 429 } else { 200 }, "{later:?}");
    }
}

#[tokio::test]
async fn a_lower_limit_counts_the_moves_that_were_made_before() {
    let app = with_moves(3, 30 * DAY).await;
    let license = app.license().max_machines(1).create().await;
    activated(&app, &license, "0").await;
    for from in 0..3 {
        step(&app, &license, from).await.expect(200);
        app.advance(DAY);
    }
    let stricter = Config {
        moves: MovePolicy {
            limit: 2,
            window: 30 * DAY,
        },
        ..Config::default()
    };
    let app = app.restarted_with(Options::default().config(stricter)).await;
    // The first two have to leave the window.
    let refused = step(&app, &license, 3).await;
    refused.expect_refusal(429, TOO_MANY_MOVES);
    assert_eq!(refused.header("retry-after"), (28 * 24 * 60 * 60 + 1).to_string());
    app.advance(28 * DAY);
    step(&app, &license, 3).await.expect(200);
    assert_eq!(app.assert_counters_true(&license).await.seats.moves.len(), 2);
}

#[tokio::test]
async fn a_license_over_its_limit_moves_one_out_and_one_in() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    for name in ["a", "b", "c"] {
        activated(&app, &license, name).await;
    }
    let fewer = |license: &License| License {
        seats: Seats {
            max_machines: SeatLimit::Limited(1),
            ..license.seats.clone()
        },
        ..license.clone()
    };
    license.change(&app, fewer).await;
    let new = app.machine("new");
    new.activate(&license).await.expect_refusal(403, &full(1));
    let answer = new.move_license(&license, "fingerprint-of-a").await;
    let body = answer.expect(200);
    assert_eq!((&body["machinesUsed"], &body["maxMachines"]), (&json!(3), &json!(1)));
    assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 3);
}

#[tokio::test]
async fn a_floating_license_s_session_moves_with_it() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let old = activated(&app, &license, "old").await;
    let new = app.machine("new");
    new.activate(&license).await.expect_refusal(403, &full(1));
    let answer = new.move_license(&license, &old.fingerprint).await;
    assert_eq!(answer.expect(200)["expiresAt"], "2030-01-02T00:00:00.000Z");
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(
        (&activation["sessionActive"], &activation["hostname"]),
        (&json!(true), &json!("new.local"))
    );
    old.heartbeat(&license).await.expect_refusal(404, "Session not found");
    new.heartbeat(&license).await.expect(200);
    assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 1);
}

#[tokio::test]
async fn a_machine_without_a_session_leaves_none_to_the_one_that_comes() {
    let app = TestApp::start().await;
    let license = app.license().floating(1).create().await;
    let old = activated(&app, &license, "old").await;
    app.advance(SESSION_TIMEOUT);
    let other = activated(&app, &license, "other").await;
    let new = app.machine("new");
    new.move_license(&license, &old.fingerprint)
        .await
        .expect_refusal(403, &full(1));
    let stored = app.assert_counters_true(&license).await;
    assert_eq!(
        (stored.seats.machines_used, stored.seats.moves.len()),
        (2, 0),
        "a refused move is none"
    );
    // Once the other's has lapsed, it is there to take.
    app.advance(SESSION_TIMEOUT);
    new.move_license(&license, &old.fingerprint).await.expect(200);
    let stored = app.assert_counters_true(&license).await;
    assert_eq!((stored.seats.machines_used, stored.seats.sessions_open), (2, 1));
    other.heartbeat(&license).await.expect_refusal(403, &full(1));
}

#[tokio::test]
async fn of_more_sessions_than_there_are_by_now_none_moves() {
    let app = TestApp::start().await;
    let license = app.license().floating(3).create().await;
    for name in ["a", "b", "c"] {
        activated(&app, &license, name).await;
    }
    let sessions = |sessions: u32| {
        move |license: &License| License {
            seats: Seats {
                max_machines: SeatLimit::Limited(sessions),
                ..license.seats.clone()
            },
            ..license.clone()
        }
    };
    license.change(&app, sessions(2)).await;
    let new = app.machine("new");
    new.move_license(&license, "fingerprint-of-a")
        .await
        .expect_refusal(403, &full(2));
    license.change(&app, sessions(3)).await;
    new.move_license(&license, "fingerprint-of-a").await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_site_license_moves_too() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let old = activated(&app, &license, "old").await;
    app.machine("new")
        .move_license(&license, &old.fingerprint)
        .await
        .expect(200);
    assert_eq!(on(&app, &license).await, ["fingerprint-of-new"]);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_session_that_a_license_kept_from_when_it_floated_goes_with_its_machine() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    let old = activated(&app, &license, "old").await;
    let per_machine = |license: &License| License {
        seats: Seats {
            license_type: LicenseType::PerMachine,
            ..license.seats.clone()
        },
        ..license.clone()
    };
    license.change(&app, per_machine).await;
    app.machine("new")
        .move_license(&license, &old.fingerprint)
        .await
        .expect(200);
    let stored = app.assert_counters_true(&license).await;
    assert_eq!((stored.seats.machines_used, stored.seats.sessions_open), (1, 0));
}

#[tokio::test]
async fn a_move_is_told_as_the_one_that_left_and_the_one_that_came() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let old = activated(&app, &license, "old").await;
    app.advance(30 * DAY);
    app.machine("new")
        .move_license(&license, &old.shown())
        .await
        .expect(200);
    let told: Vec<(EventType, String)> = events(&app, &license)
        .await
        .into_iter()
        .filter(|event| event.at == app.now())
        .map(|event| (event.r#type, event.fingerprint.expect("a machine").to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (EventType::Deactivated, "fingerprint-of-old".to_owned()),
            (EventType::Activated, "fingerprint-of-new".to_owned()),
        ]
    );
    // A refused one is not told.
    app.machine("third").move_license(&license, "nobody").await.expect(404);
    assert_eq!(events(&app, &license).await.len(), 4);
}

#[tokio::test]
async fn a_move_is_forgotten_by_no_change_of_the_license() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    activated(&app, &license, "0").await;
    for from in 0..3 {
        step(&app, &license, from).await.expect(200);
    }
    let about = |fields: Value| {
        let mut body = fields;
        body["licenseKey"] = license.key.as_str().into();
        body
    };
    for (path, fields) in [
        ("/updateLicense", json!({ "maxMachines": 2 })),
        ("/revokeLicense", json!({ "reason": "refund" })),
        ("/reinstateLicense", json!({})),
        ("/resetActivations", json!({})),
    ] {
        app.admin().post(path, about(fields)).await.expect(200);
    }
    activated(&app, &license, "3").await;
    step(&app, &license, 3).await.expect_refusal(429, TOO_MANY_MOVES);
}

#[tokio::test]
async fn a_move_opens_what_the_license_opens() {
    let app = TestApp::start().await;
    app.make_product("extra", keystead_tests::OWNER, "live").await;
    let license = app.license().with("unlockedProducts", json!(["extra"])).create().await;
    let old = activated(&app, &license, "old").await;
    let new = app.machine("new");
    let (answer, _) = new
        .move_license_with(&license, &old.fingerprint, json!({ "productId": "extra" }))
        .await;
    answer.expect(200);
    new.validate(&license).await.expect(200);
    let degraded = app.license().degraded().create().await;
    let old = activated(&app, &degraded, "old").await;
    let answer = app.machine("new").move_license(&degraded, &old.fingerprint).await;
    let body = answer.expect(200);
    assert_eq!(
        (&body["status"], &body["expiresAt"]),
        (&json!("degraded"), &json!("2030-01-02T00:00:00.000Z"))
    );
}
