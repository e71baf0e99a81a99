//! `POST /listMachines`.

use std::time::Duration;

use keystead_core::{
    license::{
        License,
        activation::SESSION_TIMEOUT,
        machine::{Fingerprint, MachineId},
        seats::{LicenseType, Seats},
        standing::SuspendedBy,
    },
    store::schema,
};
use keystead_tests::{DAY, HOUR, TestApp, TestLicense};
use serde_json::{Value, json};

use super::{MISSING, NO_LICENSE, NOT_IN, activated, machine};

const BAD_TOKEN: &str = "Invalid or expired token";

fn fingerprints(listed: &Value) -> Vec<&str> {
    let machines = listed["machines"].as_array().expect("a list");
    machines
        .iter()
        .map(|machine| machine["fingerprint"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn a_machine_sees_the_machines_of_its_license_the_last_seen_first() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).create().await;
    let (first, second) = (machine(&app, "1111111122"), machine(&app, "2222222233"));
    first.activate(&license).await.expect(200);
    app.advance(HOUR);
    second
        .activate_with(&license, json!({ "hostname": "second.local" }))
        .await
        .0
        .expect(200);
    let (one, two) = (
        json!({
            "fingerprint": shown("1111111122"), "hostname": "any.local", "current": true, "sessionActive": false,
            "firstSeen": "2030-01-01T00:00:00.000Z", "lastSeen": "2030-01-01T00:00:00.000Z",
        }),
        json!({
            "fingerprint": shown("2222222233"), "hostname": "second.local", "current": false, "sessionActive": false,
            "firstSeen": "2030-01-01T01:00:00.000Z", "lastSeen": "2030-01-01T01:00:00.000Z",
        }),
    );
    first.list_machines(&license).await.expect_body(
        200,
        &json!({ "success": true, "machines": [two, one], "count": 2, "machinesUsed": 2, "maxMachines": 3 }),
    );
    app.advance(HOUR);
    first.validate(&license).await.expect(200);
    let again = first.list_machines(&license).await;
    assert_eq!(
        fingerprints(again.expect(200)),
        [shown("1111111122"), shown("2222222233")]
    );
}

#[tokio::test]
async fn a_token_says_which_machine_asks() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (a, b) = (machine(&app, "aaaaaaaaaa"), machine(&app, "bbbbbbbbbb"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    for fingerprint in [json!(null), json!(""), json!(b.fingerprint)] {
        let with_token = json!({ "token": b.token(), "machineFingerprint": fingerprint });
        let (answer, _) = a.list_machines_with(&license, with_token).await;
        for machine in answer.expect(200)["machines"].as_array().expect("a list") {
            assert_eq!(
                machine["current"],
                machine["fingerprint"] == shown("bbbbbbbbbb"),
                "{machine}"
            );
        }
    }
    // A token that is shown must be that machine's own.
    let (answer, _) = a.list_machines_with(&license, json!({ "token": b.token() })).await;
    answer.expect_refusal(401, BAD_TOKEN);
}

#[tokio::test]
async fn only_a_machine_of_the_license_sees_the_others() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let other = app.license().create().await;
    let a = activated(&app, &license, "a").await;
    let stranger = activated(&app, &other, "b").await;
    for blank in [json!(null), json!(""), json!(" ")] {
        let neither = json!({ "machineFingerprint": blank, "token": blank });
        let (answer, _) = a.list_machines_with(&license, neither).await;
        answer.expect_refusal(400, MISSING);
    }
    stranger.list_machines(&license).await.expect_refusal(403, NOT_IN);
    // What is shown of a fingerprint is not enough.
    let beginning = json!({ "machineFingerprint": shown(&a.fingerprint) });
    let (answer, _) = a.list_machines_with(&license, beginning).await;
    answer.expect_refusal(403, NOT_IN);
    for token in [stranger.token(), "nonsense".to_owned()] {
        let (answer, _) = a.list_machines_with(&license, json!({ "token": token })).await;
        answer.expect_refusal(401, BAD_TOKEN);
        let alone = json!({ "token": token, "machineFingerprint": null });
        let (answer, _) = a.list_machines_with(&license, alone).await;
        answer.expect_refusal(401, BAD_TOKEN);
    }
    let unknown = TestLicense {
        key: "XXXX-XXXX".to_owned(),
    };
    a.list_machines(&unknown).await.expect_refusal(404, NO_LICENSE);
    let by_token = json!({ "machineFingerprint": null, "token": a.token() });
    a.deactivate(&license).await.expect(200);
    a.list_machines(&license).await.expect_refusal(403, NOT_IN);
    let (answer, _) = a.list_machines_with(&license, by_token.clone()).await;
    answer.expect_refusal(403, NOT_IN);
    app.advance(30 * DAY);
    let (answer, _) = a.list_machines_with(&license, by_token).await;
    answer.expect_refusal(401, BAD_TOKEN);
}

#[tokio::test]
async fn the_machines_of_licenses_that_do_not_work_are_listed_unless_they_are_revoked() {
    let app = TestApp::start().await;
    let expired = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    let suspended = app.license().create().await;
    let revoked = app.license().create().await;
    for license in [&expired, &suspended, &revoked] {
        activated(&app, license, "a").await;
    }
    suspended.suspend(&app, SuspendedBy::Vendor).await;
    revoked.revoke(&app).await;
    app.advance(DAY);
    for license in [&expired, &suspended] {
        assert_eq!(app.machine("a").list_machines(license).await.expect(200)["count"], 1);
    }
    for name in ["a", "b"] {
        let answer = app.machine(name).list_machines(&revoked).await;
        answer.expect_refusal(403, "License has been revoked");
    }
}

/// What a machine is shown as.
fn shown(fingerprint: &str) -> String {
    let fingerprint = Fingerprint::parse(fingerprint).expect("a fingerprint");
    MachineId::of(&fingerprint).shown().to_owned()
}

#[tokio::test]
async fn machines_whose_fingerprints_begin_alike_are_told_apart() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    // As one maker's boards have them.
    let raw = [
        "4C4C4544-0043-4410-8052-B4C04F4E3232",
        "4C4C4544-0043-4410-8052-B4C04F4E3233",
    ];
    for fingerprint in raw {
        machine(&app, fingerprint).activate(&license).await.expect(200);
    }
    let listed = machine(&app, raw[0]).list_machines(&license).await;
    let ids = fingerprints(listed.expect(200));
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        assert_eq!(id.len(), 8);
        let alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        assert!(id.chars().all(|letter| alphabet.contains(letter)), "{id}");
    }
}

#[tokio::test]
async fn nothing_of_a_fingerprint_is_shown() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    for fingerprint in [
        "0123456789abcdef",
        "指紋指紋指紋指紋指紋",
        "😀😀😀😀😀😀😀😀😀",
        "short",
    ] {
        let machine = machine(&app, fingerprint);
        machine.activate(&license).await.expect(200);
        let answer = machine.list_machines(&license).await;
        let listed = answer.expect(200);
        let current = listed["machines"].as_array().expect("a list").iter();
        let current: Vec<&Value> = current.filter(|machine| machine["current"] == true).collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0]["fingerprint"], shown(fingerprint));
        let beginning: String = fingerprint.chars().take(5).collect();
        assert!(!listed.to_string().contains(&beginning), "{listed}");
    }
}

#[tokio::test]
async fn a_session_is_told_while_it_is_alive() {
    let app = TestApp::start().await;
    let license = app.license().floating(2).create().await;
    let a = activated(&app, &license, "a").await;
    let active = async || a.list_machines(&license).await.expect(200)["machines"][0]["sessionActive"].clone();
    assert_eq!(active().await, true);
    app.advance(SESSION_TIMEOUT);
    assert_eq!(active().await, false);
    a.heartbeat(&license).await.expect(200);
    assert_eq!(active().await, true);
    let per_machine = |license: &License| License {
        seats: Seats {
            license_type: LicenseType::PerMachine,
            ..license.seats.clone()
        },
        ..license.clone()
    };
    license.change(&app, per_machine).await;
    assert_eq!(active().await, false, "the license has no sessions any more");
}

#[tokio::test]
async fn of_very_many_machines_a_thousand_are_listed_at_a_time() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let called = |i: u64| Fingerprint::parse(&format!("{:08}-machine", i * 7919 % 1001)).expect("a fingerprint");
    for i in 0..1001 {
        let seen = (app.now() + Duration::from_secs(i)).to_string();
        let fingerprint = called(i);
        app.put_item(
            &schema::ACTIVATIONS,
            json!({
                "licenseKey": { "S": license.key }, "fingerprint": { "S": fingerprint },
                "machineId": { "S": MachineId::of(&fingerprint).as_str() },
                "hostname": { "S": "host" }, "firstSeen": { "S": seen }, "lastSeen": { "S": seen },
                "tokenExpiry": { "S": seen },
            }),
        );
    }
    let newest = machine(&app, called(1000).as_str());
    let answer = newest.list_machines(&license).await;
    let listed = answer.expect(200);
    assert_eq!(listed["count"], 1000);
    assert_eq!(listed["machines"].as_array().map(Vec::len), Some(1000));
    // And then the rest.
    let next = json!({ "cursor": listed["activationsCursor"] });
    let rest = newest.list_machines_with(&license, next.clone()).await.0;
    let rest = rest.expect(200);
    assert_eq!((&rest["count"], rest.get("activationsCursor")), (&json!(1), None));
    let mut all = fingerprints(listed);
    all.extend(fingerprints(rest));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1001);
    // A cursor is of one list, and of who has the key.
    let other = app.license().create().await;
    app.machine("a").activate(&other).await.expect(200);
    for wrong in [next["cursor"].clone(), json!("made-up")] {
        let asked = json!({ "cursor": wrong });
        let answer = app.machine("a").list_machines_with(&other, asked).await.0;
        answer.expect_refusal(
            400,
            "Invalid cursor: must be the activationsCursor of a page of the same list",
        );
    }
    // The vendor's list is in the same pages.
    let asked = |cursor: &Value| json!({ "licenseKey": license.key, "cursor": cursor });
    let page = app.admin().post("/getLicense", asked(&json!(null))).await;
    let page = page.expect(200);
    assert_eq!(page["activations"].as_array().map(Vec::len), Some(1000));
    let rest = app.admin().post("/getLicense", asked(&page["activationsCursor"])).await;
    let rest = rest.expect(200);
    assert_eq!(rest["activations"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest.get("activationsCursor"), None);
    let wrong = app.admin().post("/getLicense", asked(&next["cursor"])).await;
    wrong.expect_refusal(
        400,
        "Invalid cursor: must be the activationsCursor of a page of the same list",
    );
}
