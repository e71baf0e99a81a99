//! Races of `/v1`: sixty-four at once, and no promise is broken whatever the interleaving.

use keystead_tests::{
    Answer, MINUTE, Person, TestApp, TestLicense,
    shop::Shop,
    storm::{CALLERS, Caller, at_once, caller, seeds, storm},
};
use serde_json::{Value, json};

/// An application that asks, as many as there are callers.
fn applications(shop: &Shop, license: &TestLicense, fields: impl Fn(usize) -> Value) -> Vec<Caller<Answer>> {
    let ask = |i| {
        let (shop, license, fields) = (shop.clone(), license.clone(), fields(i));
        caller(async move { shop.authorize(&license, fields).await })
    };
    (0..CALLERS).map(ask).collect()
}

/// Asserts that `granted` were let in, and all others denied for this.
#[track_caller]
fn assert_granted(answers: &[Answer], granted: usize, reason: &str) {
    let (good, bad): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in &bad {
        assert_eq!(answer.expect(403)["reasonCode"], reason);
    }
    assert_eq!(good.len(), granted, "of {} callers", answers.len());
}

async fn limited(seed: u64, limits: Value) -> (TestApp, Shop, TestLicense) {
    let app = storm(seed).await;
    let shop = app.shop().await;
    let (license, _) = shop.limited(limits).await;
    (app, shop, license)
}

#[tokio::test]
async fn the_last_machines_are_let_in_once() {
    for seed in seeds(4) {
        let limits = json!({ "hwid": { "mode": "limit", "maxDistinct": 5 } });
        let (app, shop, license) = limited(seed, limits).await;
        let answers = at_once(applications(&shop, &license, |i| json!({ "hwid": format!("m{i}") }))).await;
        assert_granted(&answers, 5, "HWID_LIMIT_EXCEEDED");
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 5);
    }
}

#[tokio::test]
async fn a_sticky_license_is_bound_to_one_machine() {
    for seed in seeds(4) {
        let (app, shop, license) = limited(seed, json!({ "hwid": { "mode": "sticky" } })).await;
        let answers = at_once(applications(&shop, &license, |i| json!({ "hwid": format!("m{i}") }))).await;
        assert_granted(&answers, 1, "HWID_MISMATCH");
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn the_last_sessions_are_opened_once_while_leases_lapse() {
    for seed in seeds(4) {
        let limits = json!({ "concurrency": { "mode": "limit", "maxActive": 3 } });
        let (app, shop, license) = limited(seed, limits).await;
        let ask = |crowd: &'static str| move |i: usize| json!({ "sessionId": format!("{crowd}{i}") });
        assert_granted(
            &at_once(applications(&shop, &license, ask("a"))).await,
            3,
            "CONCURRENCY_LIMIT_EXCEEDED",
        );
        app.assert_counters_true(&license).await;
        app.advance(15 * MINUTE);
        assert_granted(
            &at_once(applications(&shop, &license, ask("b"))).await,
            3,
            "CONCURRENCY_LIMIT_EXCEEDED",
        );
        assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 3);
    }
}

#[tokio::test]
async fn the_last_addresses_within_the_window_are_bound_once() {
    for seed in seeds(4) {
        let limits = json!({ "ip": { "mode": "limit", "maxDistinct": 4, "windowDays": 1, "limitType": "ip" } });
        let (app, shop, license) = limited(seed, limits).await;
        let ask = |net: u8| move |i: usize| json!({ "ip": format!("203.0.{net}.{}", i + 1) });
        assert_granted(
            &at_once(applications(&shop, &license, ask(1))).await,
            4,
            "IP_LIMIT_EXCEEDED",
        );
        app.advance(25 * 60 * MINUTE);
        assert_granted(
            &at_once(applications(&shop, &license, ask(2))).await,
            4,
            "IP_LIMIT_EXCEEDED",
        );
        assert_eq!(app.assert_counters_true(&license).await.seats.addresses_bound, 4);
    }
}

#[tokio::test]
async fn machines_of_both_apis_share_one_limit() {
    for seed in seeds(4) {
        let limits = json!({ "hwid": { "mode": "limit", "maxDistinct": 5 } });
        let (app, shop, license) = limited(seed, limits).await;
        let mut callers = applications(&shop, &license, |i| json!({ "hwid": format!("m{i}") }));
        callers.truncate(CALLERS / 2);
        for i in 0..CALLERS / 2 {
            let (machine, license, product) =
                (app.machine(&format!("flat-{i}")), license.clone(), shop.product.clone());
            callers.push(caller(async move {
                machine.activate_with(&license, json!({ "productId": product })).await.0
            }));
        }
        let answers = at_once(callers).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 5);
    }
}

#[tokio::test]
async fn resets_revocations_and_applications_at_once_leave_true_counters() {
    for seed in seeds(4) {
        let limits = json!({
            "hwid": { "mode": "limit", "maxDistinct": 5 },
            "concurrency": { "mode": "limit", "maxActive": 3 },
        });
        let app = storm(seed).await;
        let shop = app.shop().await;
        let (license, view) = shop.limited(limits).await;
        let mut callers = applications(
            &shop,
            &license,
            |i| json!({ "hwid": format!("m{}", i % 9), "sessionId": format!("s{i}") }),
        );
        for rest in [
            "/reset-hwid",
            "/sessions/revoke-all",
            "/reset-hwid",
            "/sessions/s1/revoke",
        ] {
            let (shop, view) = (shop.clone(), view.clone());
            callers.insert(
                callers.len() / 2,
                caller(async move { shop.of(&view, "POST", rest, json!({})).await }),
            );
        }
        for answer in at_once(callers).await {
            assert!([200, 403, 404].contains(&answer.status), "{answer:?}");
        }
        let stored = app.assert_counters_true(&license).await;
        assert!(
            stored.seats.machines_used <= 5 && stored.seats.sessions_open <= 3,
            "{stored:?}"
        );
    }
}

#[tokio::test]
async fn a_key_of_one_s_own_is_given_to_one_license() {
    for seed in seeds(2) {
        let app = storm(seed).await;
        let shop = app.shop().await;
        let make = |_| {
            let shop = shop.clone();
            caller(async move {
                let asked = json!({ "productId": shop.product, "key": "CUSTOM-KEY" });
                shop.owner
                    .post(&format!("/v1/dashboard/orgs/{}/licenses", shop.org), asked)
                    .await
            })
        };
        // As many as an address may ask for within a minute.
        let answers = at_once((0..CALLERS / 2).map(make)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
    }
}

#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() {
    for seed in seeds(8) {
        let app = storm(seed).await;
        let owner = app.person("owner@example.com").await;
        let org = owner.organisation("Acme").await;
        let second = app.person("second@example.com").await;
        owner.invite(&org, &second.email, "OWNER").await;
        let token = json!({ "token": app.mailed_token(&second.email) });
        second.post("/v1/dashboard/invites/accept", token).await.expect(200);
        let listed = owner.get(&format!("/v1/dashboard/orgs/{org}/members")).await;
        let members = listed.expect(200)["data"]["members"]
            .as_array()
            .expect("a list")
            .clone();
        let leave = |person: &Person| {
            let person = person.clone();
            let own = members
                .iter()
                .find(|member| member["email"] == person.email)
                .expect("a member");
            let path = format!(
                "/v1/dashboard/orgs/{org}/members/{}",
                own["id"].as_str().expect("an id")
            );
            caller(async move { person.ask("DELETE", &path, json!({})).await })
        };
        let answers = at_once([leave(&owner), leave(&second)]).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

#[tokio::test]
async fn an_invite_is_accepted_once() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let owner = app.person("owner@example.com").await;
        let org = owner.organisation("Acme").await;
        let invited = app.person("invited@example.com").await;
        owner.invite(&org, &invited.email, "OWNER").await;
        let token = json!({ "token": app.mailed_token(&invited.email) });
        let accept = |_| {
            let (invited, token) = (invited.clone(), token.clone());
            caller(async move { invited.post("/v1/dashboard/invites/accept", token).await })
        };
        for answer in at_once((0..CALLERS / 2).map(accept)).await {
            assert!([200, 404, 409].contains(&answer.status), "{answer:?}");
        }
        let listed = owner.get(&format!("/v1/dashboard/orgs/{org}/members")).await;
        assert_eq!(listed.expect(200)["data"]["total"], 2);
        // Two owners were counted, so that one may go.
        let own = format!("/v1/dashboard/orgs/{org}");
        owner.get(&own).await.expect(200);
    }
}

#[tokio::test]
async fn a_license_that_is_deleted_while_machines_come_leaves_none_behind() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let shop = app.shop().await;
        let (license, view) = shop.license(json!({})).await;
        let fields =
            |i| json!({ "hwid": format!("m{}", i % 20), "ip": format!("203.0.113.{i}"), "sessionId": format!("s{i}") });
        shop.authorize(&license, fields(0)).await.expect(200);
        let mut callers = applications(&shop, &license, fields);
        for _ in 0..2 {
            let (shop, ids) = (shop.clone(), json!({ "licenseIds": [view["id"]] }));
            let path = format!("/v1/dashboard/orgs/{}/licenses", shop.org);
            callers.insert(
                callers.len() / 2,
                caller(async move { shop.owner.ask("DELETE", &path, ids).await }),
            );
        }
        let mut deleted = 0;
        for answer in at_once(callers).await {
            if let Some(of_deletion) = answer.body["data"]["deleted"].as_u64() {
                deleted += of_deletion;
            } else {
                assert!([200, 404].contains(&answer.status), "{answer:?}");
            }
        }
        assert_eq!(deleted, 1);
        assert_eq!(app.ledger(&license), Vec::<Value>::new());
        shop.authorize(&license, fields(0)).await.expect(404);
    }
}

#[tokio::test]
async fn a_license_is_linked_to_one_of_those_who_redeem_it() {
    for seed in seeds(2) {
        let app = storm(seed).await;
        let shop = app.shop().await;
        let (license, view) = shop.license(json!({})).await;
        let mut people = Vec::new();
        for number in 0..8 {
            people.push(app.person(&format!("buyer{number}@example.com")).await);
        }
        let redeem = |i: usize| {
            let (person, key) = (people[i % people.len()].clone(), license.key.clone());
            caller(async move {
                let asked = json!({ "licenseKey": key });
                person.post("/v1/dashboard/licenses/redeem", asked).await
            })
        };
        let answers = at_once((0..CALLERS / 2).map(redeem)).await;
        assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)));
        // Each asked four times.
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 4);
        let shown = shop.of(&view, "GET", "", json!({})).await;
        assert!(shown.expect(200)["data"]["license"]["endUserId"].is_string());
    }
}
