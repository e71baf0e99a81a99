//! Races around the license-keys API: a license is bound to one machine, and nothing is bound to a key that is gone.

use std::collections::HashSet;

use keystead_core::{event::EventType, license::LicenseKey};
use keystead_tests::{Answer, Fault, Person, TestApp, TestLicense};
use serde_json::json;

use crate::races::{CALLERS, Caller, at_once, caller, seeds, storm};

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
        assert_eq!(stored.bindings, 1);
        // Every good answer is an event, and no other.
        let good = answers.iter().filter(|answer| answer.body["valid"] == true).count();
        let events = app.cx.store.latest_events(&stored, &[EventType::Validated], 1000);
        assert_eq!(events.await.expect("a read").len(), good);
    }
}

#[tokio::test]
async fn shuffle_reset_and_validate_at_once_bind_nothing_twice_and_let_no_dead_key_in() {
    for seed in seeds(10) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        let buyer = app.person(BUYER).await;
        let callers = (0..CALLERS).map(|i| match i % 16 {
            0 => ask(&buyer, "shuffle", &license),
            1 | 9 => ask(&buyer, "reset", &license),
            2 => {
                let (machine, license) = (app.machine(&format!("m-{i}")), license.clone());
                caller(async move { machine.activate(&license).await })
            }
            _ => validate(&app, &license, &format!("hw-{}", i % 5)),
        });
        let answers = at_once(callers).await;
        let keys: Vec<&str> = answers
            .iter()
            .filter(|answer| answer.status == 200 && answer.body.as_object().is_some_and(|body| body.len() == 1))
            .filter_map(|answer| answer.body["key"].as_str())
            .collect();
        let [new] = keys[..] else {
            panic!("seed {seed}: {} new keys", keys.len())
        };
        for answer in &answers {
            let told = answer.body["error"].as_str().unwrap_or_default();
            match answer.status {
                200 => {}
                403 => assert_eq!(told, "Machine limit reached (2). Deactivate another machine first."),
                404 => assert!(told.ends_with("not found"), "{answer:?}"),
                _ => panic!("seed {seed}: {answer:?}"),
            }
        }
        // The old key is dead, with all that was on it; the new one is as new.
        let dead = LicenseKey::parse(&license.key).expect("a key");
        assert!(app.cx.store.held_license(&dead).await.expect("a read").is_none());
        assert_eq!(app.cx.store.activations(&dead).await.expect("a read"), []);
        validate(&app, &license, "hw-9")
            .await
            .expect_invalid(404, "License key not found");
        let new = TestLicense { key: new.to_owned() };
        let stored = app.assert_counters_true(&new).await;
        assert_eq!((&stored.hwid, stored.bindings, stored.machines_used), (&None, 0, 0));
        // It was bound once more than it was unbound, at most.
        let of = |r#type| app.cx.store.latest_events(&stored, std::slice::from_ref(r#type), 1000);
        let resets = of(&EventType::Unbound).await.expect("a read").len();
        let validated = of(&EventType::Validated).await.expect("a read");
        let bound = validated.iter().filter(|event| event.details.contains_key("changes"));
        assert!(bound.count() <= resets + 1, "seed {seed}: {resets} resets");
    }
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
            app.cx.store.activations(&dead).await.expect("a read"),
            [],
            "seed {seed}"
        );
        assert_eq!(app.assert_counters_true(&new).await.machines_used, 0);
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

#[tokio::test]
async fn every_reset_counts_however_many_come_at_once() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let license = app.license().create().await;
        let buyer = app.person(BUYER).await;
        for answer in at_once((0..CALLERS).map(|_| ask(&buyer, "reset", &license))).await {
            answer.expect_body(200, &json!({ "success": true }));
        }
        assert_eq!(
            usize::try_from(app.stored(&license).await.binding_resets),
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
        Fault::DeathBefore,
        Fault::DeathAfter,
    ];
    for fault in faults {
        for at in 0..8 {
            let app = TestApp::start().await;
            let license = app.license().create().await;
            app.machine("a").activate(&license).await.expect(200);
            let buyer = app.person(BUYER).await;
            let body = json!({ "key": license.key, "hwid": "hw-1" });
            let forecast = || app.weather.forecast([vec![Fault::None; at], vec![fault]].concat());

            forecast();
            let asked = app.stranger();
            let bind = asked.post("/api/license-keys/validate", body.clone());
            let first = app.weather.mortal(bind).await;
            app.weather.forecast([]);
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
            app.weather.mortal(shuffle).await;
            app.weather.forecast([]);
            app.advance(keystead_core::idempotency::LONGEST_REQUEST);
            let answer = buyer.post_named("once", "/api/license-keys/shuffle", key).await;
            let new = answer.expect(200)["key"].as_str().expect("a key").to_owned();
            let new = TestLicense { key: new };
            assert_eq!(app.assert_counters_true(&new).await.machines_used, 0);
            let dead = LicenseKey::parse(&license.key).expect("a key");
            assert!(app.cx.store.held_license(&dead).await.expect("a read").is_none());
            assert_eq!(
                app.cx.store.activations(&dead).await.expect("a read"),
                [],
                "{fault:?} at {at}"
            );
        }
    }
}
