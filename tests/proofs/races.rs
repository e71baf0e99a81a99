//! Races: sixty-four callers at once against one license, through the whole pipeline and real expressions.
//!
//! Every call of DynamoDB is a point at which the others go on, and every seed interleaves them another way. A storm may
//! end however its interleaving has it, but never with a promise broken: see "What must always hold" of the design.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keystead_core::{
    license::{
        License,
        activation::SESSION_TIMEOUT,
        seats::{LicenseType, SeatLimit, Seats},
        standing::LicenseStatus,
    },
    request::rate_limit::RateLimit,
    value::reference::Reference,
};
use keystead_tests::{
    Answer, Machine, TestApp, TestLicense,
    storm::{CALLERS, Caller, at_once, caller, crowd, seeds, storm},
};
use serde_json::{Value, json};

/// Asserts that `admitted` of these were let in and all others told that the license, with its `limit`, is full.
#[track_caller]
fn assert_admitted(answers: &[Answer], admitted: usize, limit: usize) {
    let full = format!("Machine limit reached ({limit}). Deactivate another machine first.");
    let mut let_in = 0;
    for answer in answers {
        if answer.status == 200 {
            let_in += 1;
        } else {
            answer.expect_error(403, &full);
        }
    }
    assert_eq!(let_in, admitted, "of {} callers", answers.len());
}

/// The machines that are on a license, and how many of them hold a session, as the database has them at this instant: no
/// other request goes on meanwhile.
pub(crate) fn rows(app: &TestApp, license: &TestLicense) -> (usize, usize) {
    let query = json!({
        "TableName": "activations",
        "KeyConditionExpression": "licenseKey = :key",
        "ExpressionAttributeValues": { ":key": { "S": license.key } },
    });
    let (status, reply) = app.database.answer("Query", query.to_string().as_bytes());
    assert_eq!(status, 200);
    let reply: Value = serde_json::from_slice(&reply).expect("a reply");
    let items = reply["Items"].as_array().expect("items");
    let in_session = items.iter().filter(|item| item.get("leaseUntil").is_some());
    (items.len(), in_session.count())
}

/// Looks at the database over and over while others go on, and asserts that no more than `cap` sessions are ever open
/// and no more than `slots` machines ever on the license.
pub(crate) fn watch(app: &TestApp, license: &TestLicense, slots: usize, cap: usize) -> Caller<()> {
    let (app, license) = (app.clone(), license.clone());
    caller(async move {
        for _ in 0..20 {
            let (machines, sessions) = rows(&app, &license);
            assert!(machines <= slots, "{machines} machines of {slots}");
            assert!(sessions <= cap, "{sessions} sessions of {cap}");
            for _ in 0..25 {
                tokio::task::yield_now().await;
            }
        }
    })
}

/// Runs a storm and a watch over it.
pub(crate) async fn watched(watch: Caller<()>, callers: Vec<Caller<Answer>>) -> Vec<Answer> {
    let watch = tokio::spawn(watch);
    let answers = at_once(callers).await;
    watch.await.expect("the watch saw nothing wrong");
    answers
}

#[tokio::test]
async fn the_last_slots_are_given_once() {
    for seed in seeds(20) {
        let app = storm(seed).await;
        let license = app.license().max_machines(5).create().await;
        let answers = watched(watch(&app, &license, 5, 0), crowd(&app, &license, "machine", CALLERS)).await;
        assert_admitted(&answers, 5, 5);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 5);
    }
}

#[tokio::test]
async fn the_last_floating_seats_are_given_once() {
    for seed in seeds(10) {
        let app = storm(seed).await;
        // Any number of machines may be known; `maxConcurrent` is what counts.
        let license = app.license().floating(2).with("maxConcurrent", 5).create().await;
        let answers = watched(
            watch(&app, &license, CALLERS, 5),
            crowd(&app, &license, "machine", CALLERS),
        )
        .await;
        assert_admitted(&answers, 5, 5);
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 5);
    }
}

#[tokio::test]
async fn a_site_license_turns_nobody_away() {
    for seed in seeds(2) {
        let app = storm(seed).await;
        let license = app.license().with("licenseType", "site").max_machines(1).create().await;
        let answers = at_once(crowd(&app, &license, "machine", CALLERS)).await;
        assert_admitted(&answers, CALLERS, 1);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 64);
    }
}

/// Runs the storm on as many threads as there are, where calls also overlap in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_seats_are_given_once_on_many_threads() {
    for seed in seeds(2) {
        let app = storm(seed).await;
        let slots = app.license().max_machines(5).create().await;
        let seats = app.license().floating(5).create().await;
        let mut callers = crowd(&app, &slots, "machine", CALLERS);
        let floating = tokio::spawn(at_once(crowd(&app, &seats, "machine", CALLERS)));
        callers.reverse();
        assert_admitted(&at_once(callers).await, 5, 5);
        assert_admitted(&floating.await.expect("a storm"), 5, 5);
        app.assert_counters_true(&slots).await;
        app.assert_counters_true(&seats).await;
    }
}

#[tokio::test]
async fn one_machine_that_activates_many_times_at_once_holds_one_seat() {
    for seed in seeds(2) {
        for license_type in ["per-machine", "floating", "site"] {
            let app = storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(1)
                .create()
                .await;
            let machine = app.machine("only");
            let activate = |_| {
                let (machine, license) = (machine.clone(), license.clone());
                caller(async move { machine.activate(&license).await })
            };
            let answers = at_once((0..CALLERS).map(activate)).await;
            // However it became one that is on the license, its own attempts are fifteen an hour.
            let (let_in, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
            assert_eq!(let_in.len(), RateLimit::ATTEMPTS, "{license_type}");
            for answer in others {
                answer.expect_error(429, "Too many activation attempts. Try again later.");
            }
            let stored = app.assert_counters_true(&license).await;
            assert_eq!(stored.seats.machines_used, 1, "{license_type}");
            assert_eq!(stored.seats.sessions_open, u32::from(license_type == "floating"));
        }
    }
}

#[tokio::test]
async fn a_seat_that_is_given_back_many_times_at_once_is_given_back_once() {
    for seed in seeds(3) {
        for license_type in ["per-machine", "floating"] {
            let app = storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(3)
                .create()
                .await;
            for name in ["a", "b", "c"] {
                app.machine(name).activate(&license).await.expect(200);
            }
            let leaving = app.machine("a");
            let deactivate = |_| {
                let (machine, license) = (leaving.clone(), license.clone());
                caller(async move { machine.deactivate(&license).await })
            };
            let answers = at_once((0..CALLERS).map(deactivate)).await;
            let gone = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(gone, 1);
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                answer.expect_error(404, "Activation not found");
            }
            assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 2);
        }
    }
}

/// In the middle of the storm, the time comes at which all sessions lapse. Their holders may beat in time, or be reaped
/// and come back; whatever happens, no seat is given twice.
#[tokio::test]
async fn lapsing_sessions_never_make_more_seats_than_there_are() {
    const CAP: usize = 6;

    for seed in seeds(4) {
        let app = storm(seed).await;
        let license = app.license().floating(CAP as i64).create().await;
        let holders: Vec<Machine> = (0..CAP).map(|i| app.machine(&format!("holder-{i}"))).collect();
        for holder in &holders {
            holder.activate(&license).await.expect(200);
        }
        let mut callers = crowd(&app, &license, "newcomer", CALLERS - 2 * CAP - 1);
        for holder in holders {
            let (beating, validating, license) = (holder.clone(), holder, license.clone());
            let same = license.clone();
            callers.push(caller(async move { beating.heartbeat(&license).await }));
            callers.push(caller(async move { validating.validate(&same).await }));
        }
        let clock = app.clone();
        let pass = caller(async move {
            for _ in 0..10 + seed * 4 {
                tokio::task::yield_now().await;
            }
            clock.advance(SESSION_TIMEOUT);
            clock.stranger().get("/health").await
        });
        callers.push(pass);
        let answers = watched(watch(&app, &license, CALLERS + CAP, CAP), callers).await;
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 403), "{answer:?}");
        }
        app.assert_counters_true(&license).await;

        // And all seats can be taken again once they have lapsed.
        app.advance(SESSION_TIMEOUT);
        let again = watched(
            watch(&app, &license, 3 * CALLERS, CAP),
            crowd(&app, &license, "later", CALLERS),
        )
        .await;
        assert_admitted(&again, CAP, CAP);
        let stored = app.assert_counters_true(&license).await;
        assert_eq!(usize::try_from(stored.seats.sessions_open), Ok(CAP));
    }
}

/// Many lapsed seats and many who want them: everyone who fits gets one, however unlucky.
#[tokio::test]
async fn every_lapsed_seat_is_retaken() {
    const CAP: usize = 40;

    for seed in seeds(3) {
        let app = storm(seed).await;
        let license = app.license().floating(CAP as i64).create().await;
        assert_admitted(&at_once(crowd(&app, &license, "first", CAP)).await, CAP, CAP);
        // A moment earlier there is no seat for anyone.
        app.advance(SESSION_TIMEOUT - Duration::from_millis(1));
        assert_admitted(&at_once(crowd(&app, &license, "early", 3)).await, 0, CAP);
        app.advance(Duration::from_millis(1));
        assert_admitted(&at_once(crowd(&app, &license, "late", CALLERS)).await, CAP, CAP);
        let stored = app.assert_counters_true(&license).await;
        assert_eq!(usize::try_from(stored.seats.sessions_open), Ok(CAP));
        assert_eq!(usize::try_from(stored.seats.machines_used), Ok(2 * CAP));
    }
}

/// Machines whose sessions have lapsed show themselves while others reap them: each session is extended or taken away,
/// never both.
#[tokio::test]
async fn a_session_is_reaped_or_extended_but_not_both() {
    const CAP: usize = 4;

    for seed in seeds(6) {
        let app = storm(seed).await;
        let license = app.license().floating(CAP as i64).create().await;
        let holders: Vec<Machine> = (0..CAP).map(|i| app.machine(&format!("holder-{i}"))).collect();
        for holder in &holders {
            holder.activate(&license).await.expect(200);
        }
        app.advance(SESSION_TIMEOUT);
        let mut callers = Vec::new();
        for (i, newcomer) in crowd(&app, &license, "newcomer", CALLERS / 2).into_iter().enumerate() {
            let (holder, license) = (holders[i % CAP].clone(), license.clone());
            callers.push(newcomer);
            callers.push(caller(async move {
                match i % 3 {
                    0 => holder.activate(&license).await,
                    1 => holder.validate(&license).await,
                    _ => holder.heartbeat(&license).await,
                }
            }));
        }
        let answers = watched(watch(&app, &license, CALLERS, CAP), callers).await;
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 403), "{answer:?}");
        }
        let stored = app.assert_counters_true(&license).await;
        assert_eq!(
            usize::try_from(stored.seats.sessions_open),
            Ok(CAP),
            "a seat stays empty"
        );
    }
}

/// License and activation are read at two moments. Whatever goes on between them, the machine had its slot, or could have
/// had the one that was free.
#[tokio::test]
async fn nobody_is_turned_away_for_want_of_a_slot_that_was_there_all_the_time() {
    for seed in seeds(40) {
        let app = storm(seed).await;
        let license = app.license().max_machines(1).create().await;
        let machine = app.machine("only");
        machine.activate(&license).await.expect(200);
        let reset = {
            let (app, license) = (app.clone(), license.clone());
            caller(async move {
                let body = json!({ "licenseKey": license.key });
                app.admin().post("/resetActivations", body).await
            })
        };
        let (again, same) = (machine.clone(), license.clone());
        let activate = caller(async move { again.activate(&same).await });
        for answer in at_once([reset, activate]).await {
            answer.expect(200);
        }
        app.assert_counters_true(&license).await;
    }
}

/// However often a license is changed, whoever finds it full is told so: at one moment it was.
#[tokio::test]
async fn a_full_license_that_changes_all_the_time_is_full() {
    for (seed, floating) in seeds(10).flat_map(|seed| [(seed, false), (seed, true)]) {
        let app = storm(seed).await;
        let license = if floating {
            app.license().floating(1)
        } else {
            app.license().max_machines(1)
        };
        let license = license.create().await;
        app.machine("first").activate(&license).await.expect(200);
        let answered = Arc::new(AtomicBool::new(false));
        let (late, same, done) = (app.machine("late"), license.clone(), Arc::clone(&answered));
        let activate = caller(async move {
            let answer = late.activate(&same).await;
            done.store(true, Ordering::SeqCst);
            answer.expect_error(403, "Machine limit reached (1). Deactivate another machine first.");
        });
        let (database, key) = (app.database.clone(), license.key.clone());
        let change = caller(async move {
            let update = json!({
                "TableName": "licenses",
                "Key": { "licenseKey": { "S": key } },
                "UpdateExpression": "SET revision = revision + :one",
                "ExpressionAttributeValues": { ":one": { "N": "1" } },
            });
            while !answered.load(Ordering::SeqCst) {
                let (status, _) = database.answer("UpdateItem", update.to_string().as_bytes());
                assert_eq!(status, 200);
                tokio::task::yield_now().await;
            }
        });
        at_once([activate, change]).await;
    }
}

/// A machine that has lost its slot is told so, and not that the license is full by now.
#[tokio::test]
async fn a_machine_that_is_taken_off_is_not_told_of_a_limit() {
    for seed in seeds(40) {
        let app = storm(seed).await;
        let license = app.license().max_machines(1).create().await;
        let (leaving, coming) = (app.machine("leaving"), app.machine("coming"));
        leaving.activate(&license).await.expect(200);
        // From now on a validation is worth a write.
        app.advance(SESSION_TIMEOUT);
        let (validating, same) = (leaving.clone(), license.clone());
        let validate = caller(async move { validating.validate(&same).await });
        let same = license.clone();
        let take_over = caller(async move {
            leaving.deactivate(&same).await.expect(200);
            coming.activate(&same).await
        });
        for answer in at_once([validate, take_over]).await {
            if answer.status != 200 {
                answer.expect_invalid(403, "Machine is not activated");
            }
        }
    }
}

/// What an application is told is what the tables hold, be a request as slow as it likes.
#[tokio::test]
async fn a_session_holds_for_as_long_as_was_promised() {
    for seed in seeds(40) {
        let app = storm(seed).await;
        let license = app.license().floating(1).create().await;
        let machine = app.machine("only");
        machine.activate(&license).await.expect(200);
        let beat = |wait: usize| {
            let (app, machine, license) = (app.clone(), machine.clone(), license.clone());
            caller(async move {
                for _ in 0..wait {
                    tokio::task::yield_now().await;
                }
                app.advance(Duration::from_secs(60) * u32::try_from(wait).expect("a small number"));
                machine.heartbeat(&license).await
            })
        };
        let answers = at_once([beat(0), beat(1), beat(2), beat(3)]).await;
        let promised = answers.iter().map(|answer| {
            let until = answer.expect(200)["sessionExpiresAt"].as_str().expect("a time");
            until.to_owned()
        });
        let stored = app.stored(&license).await;
        let activations = app
            .cx
            .store
            .activation_list(&stored.license_key, None)
            .await
            .expect("a read")
            .0;
        let held = activations[0].lease_until.expect("a session").to_string();
        assert_eq!(promised.max(), Some(held));
    }
}

#[tokio::test]
async fn a_reaped_machine_that_comes_back_many_times_at_once_holds_one_session() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let license = app.license().floating(2).create().await;
        let back = app.machine("back");
        back.activate(&license).await.expect(200);
        app.machine("steady").activate(&license).await.expect(200);
        app.advance(SESSION_TIMEOUT);
        // Only one of the two lapsed sessions is reaped, which makes room for the third machine.
        app.machine("steady").heartbeat(&license).await.expect(200);
        let third = app.machine("third");
        third.activate(&license).await.expect(200);
        third.deactivate(&license).await.expect(200);
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 1);
        if seed % 2 == 0 {
            // With more than one free seat, it is not the limit that keeps the machine from a second one.
            let more = |license: &License| License {
                seats: Seats {
                    max_machines: SeatLimit::Limited(9),
                    ..license.seats.clone()
                },
                ..license.clone()
            };
            license.change(&app, more).await;
        }
        let come_back = |i: usize| {
            let (back, license) = (back.clone(), license.clone());
            caller(async move {
                match i % 3 {
                    0 => back.activate(&license).await,
                    1 => back.validate(&license).await,
                    _ => back.heartbeat(&license).await,
                }
            })
        };
        for answer in at_once((0..CALLERS / 2).map(come_back)).await {
            answer.expect(200);
        }
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 2);
    }
}

/// What a machine or an administrator may do in a mixed storm. `chance` decides.
fn anything(app: &TestApp, license: &TestLicense, chance: u64) -> Caller<Answer> {
    let (app, license) = (app.clone(), license.clone());
    let machine = app.machine(&format!("machine-{}", chance % 7));
    caller(async move {
        match (chance / 7) % 16 {
            0..6 => machine.activate(&license).await,
            6..9 => machine.deactivate(&license).await,
            9..12 => machine.heartbeat(&license).await,
            12..15 => {
                // A token of its own, whatever becomes of its seat meanwhile.
                let answer = machine.activate(&license).await;
                if answer.status != 200 {
                    return answer;
                }
                machine.validate(&license).await
            }
            _ => {
                let body = json!({ "licenseKey": license.key });
                app.admin().post("/resetActivations", body).await
            }
        }
    })
}

/// A storm of everything at once, over leases that lapse in the middle of it.
async fn mixed_storm(seed: u64, license_type: &str) {
    let app = storm(seed).await;
    let license = app
        .license()
        .with("licenseType", license_type)
        .max_machines(4)
        .create()
        .await;
    let mut chance = seed;
    let mut callers: Vec<Caller<Answer>> = (0..CALLERS)
        .map(|_| {
            // As `Faults` does it: random numbers that a seed repeats.
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            anything(&app, &license, chance >> 33)
        })
        .collect();
    let clock = app.clone();
    callers.push(caller(async move {
        for _ in 0..30 {
            tokio::task::yield_now().await;
        }
        clock.advance(SESSION_TIMEOUT);
        clock.stranger().get("/health").await
    }));
    let (slots, cap) = match license_type {
        "floating" => (7, 4),
        "site" => (7, 0),
        _ => (4, 0),
    };
    let answers = watched(watch(&app, &license, slots, cap), callers).await;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 403 | 404), "{answer:?}");
    }
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn the_counters_are_true_after_a_storm_of_everything_on_a_license_per_machine() {
    for seed in seeds(6) {
        mixed_storm(seed, "per-machine").await;
    }
}

#[tokio::test]
async fn the_counters_are_true_after_a_storm_of_everything_on_a_floating_license() {
    for seed in seeds(6) {
        mixed_storm(seed, "floating").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_counters_are_true_after_a_storm_of_everything_on_many_threads() {
    for seed in seeds(2) {
        for license_type in ["per-machine", "floating", "site"] {
            mixed_storm(seed, license_type).await;
        }
    }
}

/// The vendor changes the license's type and limits while machines come and go.
#[tokio::test]
async fn the_counters_are_true_after_the_license_changes_in_the_storm() {
    for seed in seeds(5) {
        let app = storm(seed).await;
        let license = app.license().floating(3).create().await;
        let mut chance = seed.wrapping_add(77);
        let mut callers: Vec<Caller<()>> = Vec::new();
        for i in 0..CALLERS {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if i % 8 == 0 {
                let (app, license, chance) = (app.clone(), license.clone(), chance >> 33);
                callers.push(caller(async move {
                    license.change(&app, move |license| changed(license, chance)).await;
                }));
            } else {
                let act = anything(&app, &license, chance >> 33);
                callers.push(caller(async move {
                    let answer = act.await;
                    assert!(matches!(answer.status, 200 | 403 | 404), "{answer:?}");
                }));
            }
        }
        at_once(callers).await;
        let stored = app.stored(&license).await;
        assert_eq!(stored.revision, 8, "every change took effect once");
        let (machines, sessions) = rows(&app, &license);
        assert_eq!(usize::try_from(stored.seats.machines_used), Ok(machines));
        assert_eq!(usize::try_from(stored.seats.sessions_open), Ok(sessions));
    }
}

fn changed(license: &License, chance: u64) -> License {
    let limit = SeatLimit::Limited(u32::try_from(chance % 5).expect("a small number"));
    License {
        seats: Seats {
            license_type: LicenseType::ALL[usize::try_from(chance / 5 % 3).expect("a small number")],
            max_machines: limit,
            ..license.seats.clone()
        },
        ..license.clone()
    }
}

#[tokio::test]
async fn a_known_machine_s_sixteenth_attempt_at_once_is_too_many() {
    for seed in seeds(6) {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().floating(1).create().await;
        let machine = app.machine("known");
        machine.activate(&license).await.expect(200);
        let mut expected = RateLimit::ATTEMPTS - 1;
        for _ in 0..3 {
            let attempt = |i: usize| {
                let (machine, license) = (machine.clone(), license.clone());
                caller(async move {
                    // Refused ones count like the others.
                    let wrong = json!({ "productId": "other" });
                    match i % 3 {
                        0 => machine.activate_with(&license, wrong).await.0,
                        1 => machine.move_license(&license, &machine.fingerprint).await,
                        _ => machine.activate(&license).await,
                    }
                })
            };
            let answers = at_once((0..CALLERS).map(attempt)).await;
            let admitted = answers.iter().filter(|answer| answer.status != 429).count();
            assert_eq!(admitted, expected, "seed {seed}");
            app.advance(RateLimit::WINDOW - Duration::from_millis(1));
            if expected == RateLimit::ATTEMPTS {
                machine.activate(&license).await.expect(429);
            }
            app.advance(Duration::from_millis(1));
            expected = RateLimit::ATTEMPTS;
        }
        app.assert_counters_true(&license).await;
    }
}

/// However many networks they come from.
#[tokio::test]
async fn of_many_new_machines_at_once_no_more_are_let_in_than_an_hour_admits() {
    for seed in seeds(2) {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().with("licenseType", "site").create().await;
        let mut let_in = 0;
        for wave in 0..4 {
            let come = |i: usize| {
                let machine = app.machine(&format!("{wave}-{i}")).at(&format!("203.0.113.{i}"));
                let license = license.clone();
                caller(async move { machine.activate(&license).await })
            };
            let answers = at_once((0..CALLERS).map(come)).await;
            let_in += answers.iter().filter(|answer| answer.status == 200).count();
            assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status)));
        }
        assert_eq!(let_in, 150, "seed {seed}");
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 150);
    }
}

#[tokio::test]
async fn the_sixteenth_of_sixteen_attempts_at_once_is_too_many() {
    let too_many = "Too many activation attempts. Try again later.";
    for seed in seeds(10) {
        let app = TestApp::start().await;
        app.faults.seed(seed);
        let license = app.license().max_machines(4).create().await;
        let answers = at_once(crowd(&app, &license, "machine", 16)).await;
        let (limited, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 429);
        let [limited] = limited.as_slice() else {
            panic!("{} of 16 were too many", limited.len());
        };
        limited.expect_error(429, too_many);
        assert_eq!(limited.header("retry-after"), "3601");
        assert_admitted(&others, 4, 4);
        if seed >= 2 {
            continue;
        }
        // Those who are refused do not make anyone wait longer.
        app.advance(RateLimit::WINDOW - Duration::from_millis(1));
        let early = at_once(crowd(&app, &license, "early", CALLERS)).await;
        assert!(early.iter().all(|answer| answer.status == 429));
        app.advance(Duration::from_millis(1));
        let later = at_once(crowd(&app, &license, "later", CALLERS)).await;
        assert_eq!(
            later.iter().filter(|answer| answer.status != 429).count(),
            RateLimit::ATTEMPTS
        );
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn no_activation_that_begins_after_a_revocation_is_accepted() {
    for seed in seeds(3) {
        for license_type in ["per-machine", "floating"] {
            let app = storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(1000)
                .create()
                .await;
            let known = app.machine("known");
            known.activate(&license).await.expect(200);
            let revoked = Arc::new(AtomicBool::new(false));
            let mut callers: Vec<Caller<bool>> = Vec::new();
            for i in 0..CALLERS {
                // Every eighth is the machine that is in already: it needs no seat, but a license that works.
                let machine = if i % 8 == 0 {
                    known.clone()
                } else {
                    app.machine(&format!("machine-{i}"))
                };
                let (license, revoked) = (license.clone(), Arc::clone(&revoked));
                callers.push(caller(async move {
                    for _ in 0..i {
                        tokio::task::yield_now().await;
                    }
                    let began_after = revoked.load(Ordering::SeqCst);
                    let answer = machine.activate(&license).await;
                    if began_after || answer.status != 200 {
                        answer.expect_error(403, "License has been revoked");
                    }
                    began_after
                }));
            }
            let revoke = {
                let (app, license, revoked) = (app.clone(), license.clone(), Arc::clone(&revoked));
                tokio::spawn(async move {
                    let body = json!({ "licenseKey": license.key, "reason": "fraud" });
                    app.admin().post("/revokeLicense", body).await.expect(200);
                    revoked.store(true, Ordering::SeqCst);
                    rows(&app, &license).0
                })
            };
            let began_after = at_once(callers).await;
            let at_the_answer = revoke.await.expect("a revocation");
            assert_eq!(
                rows(&app, &license).0,
                at_the_answer,
                "a machine was let in after the revocation"
            );
            assert!(
                began_after.contains(&true) && began_after.contains(&false),
                "the revocation was not in the middle"
            );
            let stored = app.assert_counters_true(&license).await;
            assert_eq!(stored.standing.status, LicenseStatus::Revoked);
            let body = json!({ "licenseKey": license.key, "machineFingerprint": known.fingerprint });
            app.stranger()
                .post("/heartbeat", body)
                .await
                .expect_error(403, "License has been revoked");
        }
    }
}

#[tokio::test]
async fn of_many_revocations_at_once_the_first_reason_stands() {
    for seed in seeds(3) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        let revoke = |i: usize| {
            let (app, license) = (app.clone(), license.clone());
            caller(async move {
                let body = json!({ "licenseKey": license.key, "reason": format!("reason {i}") });
                app.admin().post("/revokeLicense", body).await.expect(200);
                app.stored(&license).await.standing.dispute_reason
            })
        };
        let seen: Vec<Option<Reference>> = at_once((0..CALLERS).map(revoke)).await;
        let stored = app.stored(&license).await;
        assert_eq!(stored.revision, 1, "it was revoked once");
        assert!(
            seen.iter().all(|reason| *reason == stored.standing.dispute_reason),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_slug_is_taken_once() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let create = |i: usize| {
            let app = app.clone();
            caller(async move {
                let product =
                    json!({ "name": format!("Name {i}"), "slug": "wanted", "creatorId": format!("owner {i}") });
                app.admin().post("/createProduct", product).await
            })
        };
        let answers = at_once((0..CALLERS).map(create)).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1);
        for answer in refused {
            answer.expect_error(409, "A product with this slug already exists");
        }
    }
}
