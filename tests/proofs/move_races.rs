//! Races around moves: one machine goes and one comes, never more often than a license may be moved.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use keystead_core::{
    config::Config,
    license::{
        License,
        activation::SESSION_TIMEOUT,
        moves::MovePolicy,
        seats::{SeatLimit, Seats},
        standing::LicenseStatus,
    },
};
use keystead_tests::{
    Answer, DAY, Machine, Options, TestApp, TestLicense,
    storm::{CALLERS, Caller, at_once, caller, crowd, seeds, storm},
};
use serde_json::json;

use crate::races::{rows, watch, watched};

const LEFT: &str = "Activation not found";
const TOO_MANY: &str = "Too many moves. Try again later.";

/// As [`storm`], where a license may be moved as often as anyone likes.
async fn restless_storm(seed: u64) -> TestApp {
    let config = Config {
        moves: MovePolicy {
            limit: 100,
            window: 30 * DAY,
        },
        ..Config::default()
    };
    let app = Options::default().config(config).start().await;
    app.faults.without_rate_limit();
    app.faults.seed(seed);
    app
}

/// Machines that are on the license.
async fn holders(app: &TestApp, license: &TestLicense, count: usize) -> Vec<Machine> {
    let holders: Vec<Machine> = (0..count).map(|i| app.machine(&format!("holder-{i}"))).collect();
    for holder in &holders {
        holder.activate(license).await.expect(200);
    }
    holders
}

/// `POST /moveLicense` from `leaving` to the machine with this name.
fn moves(app: &TestApp, license: &TestLicense, leaving: &Machine, name: &str) -> Caller<Answer> {
    let (coming, license, leaving) = (app.machine(name), license.clone(), leaving.fingerprint.clone());
    caller(async move { coming.move_license(&license, &leaving).await })
}

/// As many moves as there are callers, from each of `holders` in turn, each to a machine of its own.
fn movers(app: &TestApp, license: &TestLicense, holders: &[Machine]) -> Vec<Caller<Answer>> {
    let mover = |i: usize| moves(app, license, &holders[i % holders.len()], &format!("mover-{i}"));
    (0..CALLERS).map(mover).collect()
}

/// Asserts that so many were moved, and all others refused in one of these ways.
#[track_caller]
fn assert_moved(answers: &[Answer], moved: usize, refusals: &[(u16, &str)]) {
    let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(good.len(), moved, "of {} moves", answers.len());
    for answer in refused {
        let told = answer.body["error"].as_str().unwrap_or_default();
        assert!(refusals.contains(&(answer.status, told)), "{answer:?}");
    }
}

#[tokio::test]
async fn a_license_is_moved_no_more_often_than_it_may_be() {
    for seed in seeds(6) {
        let app = storm(seed).await;
        let license = app.license().max_machines(5).create().await;
        let holders = holders(&app, &license, 5).await;
        // In the second month, two of the five are there to leave.
        for moved in [3, 2] {
            let answers = watched(watch(&app, &license, 5, 0), movers(&app, &license, &holders)).await;
            assert_moved(&answers, moved, &[(404, LEFT), (429, TOO_MANY)]);
            let stored = app.assert_counters_true(&license).await;
            assert_eq!((stored.seats.machines_used, stored.seats.moves.len()), (5, moved));
            app.advance(30 * DAY);
        }
    }
}

#[tokio::test]
async fn a_machine_leaves_once_however_many_want_its_place() {
    for seed in seeds(6) {
        for license_type in ["per-machine", "floating", "site"] {
            let app = restless_storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(5)
                .create()
                .await;
            let cap = if license_type == "floating" { 5 } else { 0 };
            let holders = holders(&app, &license, 5).await;
            let answers = watched(watch(&app, &license, 5, cap), movers(&app, &license, &holders)).await;
            assert_moved(&answers, 5, &[(404, LEFT)]);
            let stored = app.assert_counters_true(&license).await;
            assert_eq!((stored.seats.machines_used, stored.seats.moves.len()), (5, 5));
            assert_eq!(usize::try_from(stored.seats.sessions_open), Ok(cap));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_machine_leaves_once_on_many_threads() {
    for seed in seeds(2) {
        let app = storm(seed).await;
        let license = app.license().max_machines(2).create().await;
        let holders = holders(&app, &license, 2).await;
        let answers = at_once(movers(&app, &license, &holders)).await;
        assert_moved(&answers, 2, &[(404, LEFT), (429, TOO_MANY)]);
        let stored = app.assert_counters_true(&license).await;
        assert_eq!((stored.seats.machines_used, stored.seats.moves.len()), (2, 2));
    }
}

/// Of many machines that change places with each other, some come before they leave, and some leave before they come.
#[tokio::test]
async fn machines_that_swap_places_leave_no_seat_twice() {
    for seed in seeds(6) {
        for license_type in ["per-machine", "floating"] {
            let app = restless_storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(4)
                .create()
                .await;
            let cap = if license_type == "floating" { 4 } else { 0 };
            let holders = holders(&app, &license, 4).await;
            // Each to the next: also to one that is on the license, or was until now.
            let swap = |i: usize| {
                let coming = format!("holder-{}", (i + 1 + i / 16) % 6);
                moves(&app, &license, &holders[i % 4], &coming)
            };
            let answers = watched(watch(&app, &license, 4, cap), (0..16).map(swap).collect()).await;
            for answer in &answers {
                assert!(matches!(answer.status, 200 | 404), "{answer:?}");
            }
            app.assert_counters_true(&license).await;
        }
    }
}

/// Moves among machines that come, go and show that they are there.
#[tokio::test]
async fn the_counters_are_true_after_a_storm_with_moves() {
    for seed in seeds(6) {
        for license_type in ["per-machine", "floating", "site"] {
            let app = restless_storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(3)
                .create()
                .await;
            let (slots, cap) = match license_type {
                "floating" => (9, 3),
                "site" => (9, 0),
                _ => (3, 0),
            };
            let holders = holders(&app, &license, 3).await;
            let act = |i: usize| {
                let (machine, license) = (app.machine(&format!("holder-{}", i % 5)), license.clone());
                match i % 7 {
                    0..2 => moves(&app, &license, &holders[i % 3], &format!("mover-{}", i % 4)),
                    2 => moves(&app, &license, &app.machine(&format!("mover-{}", i % 4)), "holder-1"),
                    3 => caller(async move { machine.deactivate(&license).await }),
                    4 => caller(async move { machine.heartbeat(&license).await }),
                    _ => caller(async move { machine.activate(&license).await }),
                }
            };
            let mut callers: Vec<Caller<Answer>> = (0..CALLERS).map(act).collect();
            let clock = app.clone();
            callers.push(caller(async move {
                for _ in 0..30 + seed {
                    tokio::task::yield_now().await;
                }
                clock.advance(SESSION_TIMEOUT);
                clock.stranger().get("/health").await
            }));
            let answers = watched(watch(&app, &license, slots, cap), callers).await;
            for answer in &answers {
                assert!(matches!(answer.status, 200 | 403 | 404), "{answer:?}");
            }
            app.assert_counters_true(&license).await;
        }
    }
}

/// The seat that a machine leaves is never free in between: nobody else gets it.
#[tokio::test]
async fn a_move_gives_its_seat_to_nobody_else() {
    for seed in seeds(6) {
        for license_type in ["per-machine", "floating"] {
            let app = storm(seed).await;
            let license = app
                .license()
                .with("licenseType", license_type)
                .max_machines(1)
                .create()
                .await;
            let holder = app.machine("holder");
            holder.activate(&license).await.expect(200);
            let mut callers = crowd(&app, &license, "machine", CALLERS / 2);
            callers.push(moves(&app, &license, &holder, "moved"));
            callers.extend(crowd(&app, &license, "later", CALLERS / 2));
            let answers = at_once(callers).await;
            let full = "Machine limit reached (1). Deactivate another machine first.";
            assert_moved(&answers, 1, &[(403, full)]);
            app.machine("moved").heartbeat(&license).await.expect(200);
            app.assert_counters_true(&license).await;
        }
    }
}

/// The machines that leave hold no session, so those that come want the one that is free, as others do.
#[tokio::test]
async fn the_last_session_is_given_once_to_a_machine_that_moves_or_activates() {
    for seed in seeds(12) {
        let app = restless_storm(seed).await;
        let license = app.license().floating(1).create().await;
        let holders: Vec<Machine> = (0..4).map(|i| app.machine(&format!("holder-{i}"))).collect();
        for holder in &holders {
            holder.activate(&license).await.expect(200);
            app.advance(SESSION_TIMEOUT);
        }
        let last = app.machine("last");
        last.activate(&license).await.expect(200);
        last.deactivate(&license).await.expect(200);
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 0);
        let mut callers = Vec::new();
        for (mover, newcomer) in (0..8).zip(crowd(&app, &license, "machine", 8)) {
            callers.push(newcomer);
            callers.push(moves(&app, &license, &holders[mover % 4], &format!("mover-{mover}")));
        }
        let answers = watched(watch(&app, &license, 5, 1), callers).await;
        let full = "Machine limit reached (1). Deactivate another machine first.";
        assert_moved(&answers, 1, &[(403, full), (404, LEFT)]);
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 1);
    }
}

/// The vendor lowers the limit meanwhile: a move then still is one out, one in.
#[tokio::test]
async fn a_license_over_its_limit_is_moved_and_grows_no_further() {
    for seed in seeds(4) {
        let app = restless_storm(seed).await;
        let license = app.license().max_machines(5).create().await;
        let holders = holders(&app, &license, 5).await;
        let mut callers = movers(&app, &license, &holders);
        callers.extend(crowd(&app, &license, "machine", CALLERS));
        let storm = tokio::spawn(watched(watch(&app, &license, 5, 0), callers));
        let fewer = |license: &License| License {
            seats: Seats {
                max_machines: SeatLimit::Limited(2),
                ..license.seats.clone()
            },
            ..license.clone()
        };
        license.change(&app, fewer).await;
        let answers = storm.await.expect("a storm");
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 5);
    }
}

#[tokio::test]
async fn no_move_that_begins_after_a_revocation_is_accepted() {
    for seed in seeds(4) {
        let app = restless_storm(seed).await;
        let license = app.license().max_machines(-1).create().await;
        let holders = holders(&app, &license, 8).await;
        let revoked = Arc::new(AtomicBool::new(false));
        let mut callers: Vec<Caller<()>> = Vec::new();
        for (i, mover) in movers(&app, &license, &holders).into_iter().enumerate() {
            let revoked = Arc::clone(&revoked);
            callers.push(caller(async move {
                for _ in 0..i {
                    tokio::task::yield_now().await;
                }
                let began_after = revoked.load(Ordering::SeqCst);
                let answer = mover.await;
                if began_after {
                    answer.expect_error(403, "License has been revoked");
                }
            }));
        }
        let revoke = {
            let (app, license, revoked) = (app.clone(), license.clone(), Arc::clone(&revoked));
            tokio::spawn(async move {
                let body = json!({ "licenseKey": license.key, "reason": "fraud" });
                app.admin().post("/revokeLicense", body).await.expect(200);
                revoked.store(true, Ordering::SeqCst);
                app.stored(&license).await.seats.moves
            })
        };
        at_once(callers).await;
        let at_the_answer = revoke.await.expect("a revocation");
        let stored = app.assert_counters_true(&license).await;
        assert_eq!(stored.standing.status, LicenseStatus::Revoked);
        assert_eq!(
            stored.seats.moves, at_the_answer,
            "a license was moved after the revocation"
        );
        assert_eq!(rows(&app, &license).0, 8);
    }
}

/// Many at once name one machine as it is shown: it leaves once.
#[tokio::test]
async fn a_machine_that_many_name_as_it_is_shown_leaves_once() {
    for seed in seeds(4) {
        let app = restless_storm(seed).await;
        let license = app.license().max_machines(3).create().await;
        let first = app.machine("first");
        first.activate(&license).await.expect(200);
        // As it is shown, a machine is moved off once it can't run any more.
        app.advance(30 * DAY);
        let shown = first.shown();
        let mover = |i: usize| {
            let (coming, license, shown) = (app.machine(&format!("mover-{i}")), license.clone(), shown.clone());
            caller(async move {
                if i.is_multiple_of(3) {
                    return coming.activate(&license).await;
                }
                coming.move_license(&license, &shown).await
            })
        };
        let answers = watched(watch(&app, &license, 3, 0), (0..24).map(mover).collect()).await;
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 403 | 404), "{answer:?}");
        }
        app.assert_counters_true(&license).await;
    }
}
