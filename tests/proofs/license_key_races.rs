//! Races around the license-keys API: a license is bound to one machine, and nothing is bound to a key that is gone.

use std::{
    collections::HashSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use keystead_core::{
    event::{Event, EventType},
    license::key::LicenseKey,
};
use keystead_tests::{
    Answer, Fault, PRODUCT, Person, TestApp, TestLicense,
    storm::{CALLERS, Caller, at_once, caller, seeds, storm},
};
use serde_json::json;

const BUYER: &str = "customer@example.com";

fn validate(app: &TestApp, license: &TestLicense, hwid: &str) -> Caller<Answer> {
    let (stranger, body) = (app.stranger(), json!({ "key": license.key, "hwid": hwid }));
    caller(async move { stranger.post("/api/license-keys/validate", body).await })
}

fn ask(buyer: &Person, what: &'static str, license: &TestLicense) -> Caller<Answer> {
    let (buyer, body) = (buyer.clone(), json!({ "key": license.key }));
    caller(async move { buyer.post(&format!("/api/license-keys/{what}"), body).await })
}

/// The machines of those that were told that the key is good.
fn let_in<'a>(answers: &'a [Answer], key: &str) -> HashSet<&'a str> {
    let good = answers
        .iter()
        .filter(|answer| answer.body["valid"] == true && answer.body["key"] == key);
    good.filter_map(|answer| answer.body["hwid"].as_str()).collect()
}

#[tokio::test]
async fn of_many_machines_at_once_one_is_bound() {
    for seed in seeds(8) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        // Eight callers a machine: it may well ask more than once.
        let callers = (0..CALLERS).map(|i| validate(&app, &license, &format!("hw-{}", i % 8)));
        let answers = at_once(callers).await;
        let bound = let_in(&answers, &license.key);
        assert_eq!(bound.len(), 1, "seed {seed}: {bound:?}");
        for answer in &answers {
            assert_eq!(answer.status, 200, "{answer:?}");
            if answer.body["valid"] == false {
                assert_eq!(answer.body["reason"], "Hardware ID mismatch");
            }
        }
        let stored = app.stored(&license).await;
        assert_eq!(stored.lock.bindings, 1);
        // That it is good is an event once an hour.
        let events = app.cx.store.event_list_latest(&stored, &[EventType::Validated], 1000);
        assert_eq!(events.await.expect("a read").len(), 1);
    }
}

/// Processes that know a product by an index bind keys while its limit is lowered.
#[tokio::test]
async fn no_key_is_bound_beyond_a_limit_that_was_set_before() {
    let (mut let_in, mut asked) = (0, 0);
    for seed in seeds(8) {
        let app = storm(seed).await;
        let buyer = app.person(BUYER).await;
        let mut licenses = Vec::new();
        for _ in 0..CALLERS {
            let license = app.license().create().await;
            validate(&app, &license, "hw-1").await.expect(200);
            ask(&buyer, "reset", &license).await.expect(200);
            licenses.push(license);
        }
        let (others, last) = (processes(&app, seed).await, processes(&app, seed).await);
        // All of these know the product by an index that has no limit yet.
        for other in others.iter().chain(&last) {
            other.indexes_stand_still().await;
        }
        let (before, after) = licenses.split_at(CALLERS / 2);
        let bind = |others: &[TestApp], licenses: &[TestLicense]| {
            let callers = licenses.iter().enumerate();
            let callers = callers.map(|(i, license)| validate(&others[i % others.len()], license, "hw-2"));
            callers.collect::<Vec<_>>()
        };
        let limit = json!({ "productId": PRODUCT, "maxActivations": 1 });
        let admin = app.admin();
        let lower = caller(async move { admin.post("/updateProduct", limit).await });
        let mut answers = at_once(bind(&others, before).into_iter().chain([lower])).await;
        answers.retain(|answer| answer.expect(200).get("valid").is_some());
        let late = at_once(bind(&last, after)).await;
        assert_eq!(good_keys(&late), HashSet::new(), "seed {seed}");
        let good = good_keys(&answers);
        let_in += good.len();
        asked += before.len();
        for license in &licenses {
            let bound = u32::from(good.contains(license.key.as_str()));
            assert_eq!(app.stored(license).await.lock.bindings, 1 + bound, "seed {seed}");
        }
        for answer in answers
            .iter()
            .chain(&late)
            .filter(|answer| answer.body["valid"] == false)
        {
            assert_eq!(answer.expect(200)["reason"], "Activation limit reached", "seed {seed}");
        }
    }
    assert!(
        0 < let_in && let_in < asked,
        "{let_in} of {asked} came before the limit"
    );
}

/// The keys that were good.
fn good_keys(answers: &[Answer]) -> HashSet<&str> {
    let good = answers.iter().filter(|answer| answer.body["valid"] == true);
    good.filter_map(|answer| answer.body["key"].as_str()).collect()
}

/// Some processes that have just begun.
async fn processes(app: &TestApp, seed: u64) -> Vec<TestApp> {
    let mut begun = Vec::new();
    for i in 0..4 {
        let process = app.restarted().await;
        process.faults.seed(4 * seed + i);
        begun.push(process);
    }
    begun
}

/// Everything that is asked about one license whose key is exchanged meanwhile. Clones are the same.
#[derive(Clone)]
struct Exchange {
    app: TestApp,
    buyer: Person,
    old: TestLicense,
    /// The key that a shuffle was answered with.
    new: Arc<OnceLock<TestLicense>>,
    /// Begins and ends of calls so far. A test has one thread, so they are in order.
    ticks: Arc<AtomicUsize>,
}

/// A call, from tick to tick.
struct Call {
    what: &'static str,
    license: TestLicense,
    hwid: Option<String>,
    began: usize,
    answered: usize,
    answer: Answer,
}

impl Exchange {
    fn tick(&self) -> usize {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// The newest key that anybody was told.
    fn known(&self) -> TestLicense {
        self.new.get().unwrap_or(&self.old).clone()
    }

    async fn call(&self, what: &'static str, license: TestLicense, hwid: Option<String>) -> Call {
        let began = self.tick();
        let answer = match &hwid {
            Some(hwid) => validate(&self.app, &license, hwid).await,
            None if what == "activate" => self.app.machine(&format!("m-{began}")).activate(&license).await,
            None => ask(&self.buyer, what, &license).await,
        };
        Call {
            what,
            license,
            hwid,
            began,
            answered: self.tick(),
            answer,
        }
    }

    /// What the caller with this number does: some exchange the key, some take the binding back, some activate first, and
    /// most validate, each time as another machine. Half go on with the old key.
    async fn calls(self, i: usize, shuffles_after: usize) -> Vec<Call> {
        if i.is_multiple_of(16) {
            // So that the old key is bound and unbound before.
            while self.ticks.load(Ordering::SeqCst) < shuffles_after {
                tokio::task::yield_now().await;
            }
            let call = self.call("shuffle", self.old.clone(), None).await;
            if let (200, Some(key)) = (call.answer.status, call.answer.body["key"].as_str()) {
                let new = TestLicense { key: key.to_owned() };
                assert!(self.new.set(new).is_ok(), "shuffled once");
            }
            return vec![call];
        }
        let mut calls = Vec::new();
        for round in 0..6 {
            let license = if i.is_multiple_of(2) {
                self.old.clone()
            } else {
                self.known()
            };
            calls.push(match i % 8 {
                1 if round % 2 == 0 => self.call("reset", license, None).await,
                2 if round == 0 => self.call("activate", license, None).await,
                _ => self.call("validate", license, Some(format!("hw-{i}-{round}"))).await,
            });
        }
        calls
    }
}

/// What the events of one key say became of its binding: which machines it was bound to, and which it was taken back from,
/// each in the order in which the license counts them.
fn bindings(events: &[Event], of_key: &HashSet<&str>) -> (Vec<String>, Vec<String>) {
    let in_order = |count: &str, side: &str| {
        let mut counted: Vec<(u64, String)> = Vec::new();
        for event in events {
            let changes = &event.details["changes"];
            if let (Some(count), Some(hwid)) = (changes[count]["to"].as_u64(), changes["hwid"][side].as_str())
                && of_key.contains(hwid)
            {
                counted.push((count, hwid.to_owned()));
            }
        }
        counted.sort();
        counted
    };
    let (bound, freed) = (in_order("bindings", "to"), in_order("bindingResets", "from"));
    for (i, (count, hwid)) in (1..).zip(&bound) {
        assert_eq!(*count, i, "{hwid} was bound beside another: {bound:?}");
    }
    let hwids = |counted: Vec<(u64, String)>| counted.into_iter().map(|(_, hwid)| hwid).collect();
    (hwids(bound), hwids(freed))
}

#[tokio::test]
async fn shuffle_reset_and_validate_at_once_bind_nothing_twice_and_let_no_dead_key_in() {
    let (mut bound_again, mut came_late) = (0, 0);
    for seed in seeds(10) {
        let app = storm(seed).await;
        let exchange = Exchange {
            old: app.license().with("licenseType", "site").create().await,
            buyer: app.person(BUYER).await,
            app: app.clone(),
            new: Arc::default(),
            ticks: Arc::default(),
        };
        let shuffles_after = 40 * usize::try_from(seed % 8).expect("a small number");
        let callers = (0..CALLERS).map(|i| caller(exchange.clone().calls(i, shuffles_after)));
        let calls: Vec<Call> = at_once(callers).await.into_iter().flatten().collect();
        let (old, new) = (&exchange.old, exchange.new.get().expect("a new key"));
        let shuffled = calls
            .iter()
            .find(|call| call.what == "shuffle" && call.answer.status == 200);
        let shuffled = shuffled.expect("a shuffle").answered;

        for call in &calls {
            let answer = &call.answer;
            let told = answer.body["error"].as_str().unwrap_or_default();
            match answer.status {
                200 => {}
                404 => assert!(told.ends_with("not found") && call.license == *old, "{answer:?}"),
                _ => panic!("seed {seed}: {answer:?}"),
            }
            if call.license == *old && call.began > shuffled {
                // From the answer on, the old key is good for nothing.
                came_late += 1;
                assert_eq!(answer.status, 404, "seed {seed}: {answer:?}");
            }
            // Who was let in was bound, and who was not was told why.
            match &call.hwid {
                Some(hwid) if answer.body["valid"] == true => assert_eq!(answer.body["hwid"], *hwid),
                Some(_) if answer.status == 200 => assert_eq!(answer.body["reason"], "Hardware ID mismatch"),
                Some(_) | None => {}
            }
        }

        let stored = app.assert_counters_true(new).await;
        assert_eq!(stored.seats.machines_used, 0);
        let types = [EventType::Validated, EventType::Unbound];
        let events = app
            .cx
            .store
            .event_list_latest(&stored, &types, 1000)
            .await
            .expect("a read");
        for license in [old, new] {
            let of_key = calls.iter().filter(|call| call.license == *license);
            let machines: HashSet<&str> = of_key.clone().filter_map(|call| call.hwid.as_deref()).collect();
            let (bound, freed) = bindings(&events, &machines);
            // Bound, taken back, bound to the next, taken back...: never to two.
            assert!(
                freed.len() == bound.len() || freed.len() + 1 == bound.len(),
                "seed {seed}"
            );
            assert_eq!(freed, bound[..freed.len()], "seed {seed}");
            bound_again += bound.len().saturating_sub(1);
            let let_in = of_key.filter(|call| call.answer.body["valid"] == true);
            let let_in: HashSet<&str> = let_in.filter_map(|call| call.hwid.as_deref()).collect();
            assert_eq!(let_in, bound.iter().map(String::as_str).collect(), "seed {seed}");
        }

        // The old key is dead, with all that was on it.
        let dead = LicenseKey::parse(&old.key).expect("a key");
        assert!(
            app.cx
                .store
                .license_get_unscoped(&dead)
                .await
                .expect("a read")
                .is_none()
        );
        assert_eq!(app.cx.store.activation_list(&dead, None).await.expect("a read").0, []);
    }
    // Or else this would have shown nothing.
    assert!(bound_again > 50 && came_late > 100, "{bound_again} and {came_late}");
}

#[tokio::test]
async fn machines_that_come_while_a_key_is_shuffled_are_left_on_no_dead_key() {
    for seed in seeds(8) {
        let app = storm(seed).await;
        let license = app.license().floating(40).create().await;
        let buyer = app.person(BUYER).await;
        for i in 0..10 {
            app.machine(&format!("m-{i}")).activate(&license).await.expect(200);
        }
        let callers = (0..CALLERS).map(|i| {
            let (machine, license) = (app.machine(&format!("m-{}", i % 20)), license.clone());
            match i % 4 {
                0 if i == 32 => ask(&buyer, "shuffle", &license),
                0 => caller(async move { machine.deactivate(&license).await }),
                1 => caller(async move { machine.heartbeat(&license).await }),
                _ => caller(async move { machine.activate(&license).await }),
            }
        });
        let answers = at_once(callers).await;
        let new = answers
            .iter()
            .find_map(|answer| Some(answer.body.get("key")?.as_str()?.to_owned()));
        let new = TestLicense {
            key: new.expect("a new key"),
        };
        assert!(
            answers.iter().all(|answer| answer.status < 500),
            "seed {seed}: {answers:?}"
        );
        let dead = LicenseKey::parse(&license.key).expect("a key");
        assert_eq!(
            app.cx.store.activation_list(&dead, None).await.expect("a read").0,
            [],
            "seed {seed}"
        );
        assert_eq!(app.assert_counters_true(&new).await.seats.machines_used, 0);
    }
}

#[tokio::test]
async fn of_two_shuffles_at_once_one_gives_the_key_that_counts() {
    for seed in seeds(10) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        let buyer = app.person(BUYER).await;
        let answers = at_once((0..CALLERS).map(|_| ask(&buyer, "shuffle", &license))).await;
        let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(good.len(), 1, "seed {seed}");
        for answer in refused {
            answer.expect_body(404, &json!({ "error": "License key not found" }));
        }
    }
}

// Back-off is real time otherwise, and too short for sixty-four callers on a machine that is busy.
#[tokio::test(start_paused = true)]
async fn every_reset_counts_however_many_come_at_once() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        let buyer = app.person(BUYER).await;
        for answer in at_once((0..CALLERS).map(|_| ask(&buyer, "reset", &license))).await {
            answer.expect_body(200, &json!({ "success": true }));
        }
        assert_eq!(
            usize::try_from(app.stored(&license).await.lock.binding_resets),
            Ok(CALLERS),
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn a_subscription_that_ends_while_its_license_s_key_is_shuffled_has_ended() {
    for seed in seeds(20) {
        let app = storm(seed).await;
        let id = json!({ "purchaseId": "p-1" });
        let sold = app.store().tell("purchase.completed", id.clone()).await;
        let key = sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        let license = TestLicense { key };
        let buyer = app.person(BUYER).await;
        let callers = (0..CALLERS).map(|i| match i % 2 {
            0 => ask(&buyer, "shuffle", &license),
            _ => {
                let (store, id) = (app.store(), id.clone());
                caller(async move { store.tell("subscription.cancelled", id).await })
            }
        });
        let answers = at_once(callers).await;
        let is_cancellation = |answer: &&Answer| answer.body.get("success").is_some();
        let cancellations: Vec<&Answer> = answers.iter().filter(is_cancellation).collect();
        assert_eq!(cancellations.len(), CALLERS / 2, "seed {seed}");
        for answer in cancellations {
            answer.expect_body(200, &json!({ "success": true }));
        }
        let new = answers.iter().find_map(|answer| answer.body.get("key")?.as_str());
        let new = TestLicense {
            key: new.expect("a new key").to_owned(),
        };
        validate(&app, &new, "hw-1").await.expect_body(
            200,
            &json!({ "valid": false, "status": "ACTIVE", "reason": "Membership is no longer active", "key": new.key }),
        );
    }
}

#[tokio::test]
async fn whatever_befalls_a_call_a_key_is_shuffled_once_and_bound_once() {
    let faults = [
        Fault::Throttled,
        Fault::ServerError,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Conflict,
        Fault::Garbled,
        Fault::CrashBefore,
        Fault::CrashAfter,
    ];
    for fault in faults {
        for at in 0..8 {
            let app = TestApp::start().await;
            let license = app.license().create().await;
            app.machine("a").activate(&license).await.expect(200);
            let buyer = app.person(BUYER).await;
            let body = json!({ "key": license.key, "hwid": "hw-1" });
            let forecast = || app.faults.inject([vec![Fault::None; at], vec![fault]].concat());

            forecast();
            let asked = app.stranger();
            let bind = asked.post("/api/license-keys/validate", body.clone());
            let first = app.faults.until_crash(bind).await;
            app.faults.inject([]);
            if let Some(answer) = &first {
                assert!(
                    answer.status == 200 || answer.status == 500,
                    "{fault:?} at {at}: {answer:?}"
                );
            }
            let again = app.stranger().post("/api/license-keys/validate", body).await;
            assert_eq!(
                (&again.expect(200)["valid"], &again.body["activationCount"]),
                (&json!(true), &json!(1)),
                "{fault:?} at {at}"
            );

            forecast();
            let key = json!({ "key": license.key });
            let shuffle = buyer.post_named("once", "/api/license-keys/shuffle", key.clone());
            app.faults.until_crash(shuffle).await;
            app.faults.inject([]);
            app.advance(keystead_core::request::idempotency::LONGEST_REQUEST);
            let answer = buyer.post_named("once", "/api/license-keys/shuffle", key).await;
            let new = answer.expect(200)["key"].as_str().expect("a key").to_owned();
            let new = TestLicense { key: new };
            assert_eq!(app.assert_counters_true(&new).await.seats.machines_used, 0);
            let dead = LicenseKey::parse(&license.key).expect("a key");
            assert!(
                app.cx
                    .store
                    .license_get_unscoped(&dead)
                    .await
                    .expect("a read")
                    .is_none()
            );
            assert_eq!(
                app.cx.store.activation_list(&dead, None).await.expect("a read").0,
                [],
                "{fault:?} at {at}"
            );
        }
    }
}
