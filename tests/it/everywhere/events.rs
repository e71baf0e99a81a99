//! What is kept of what happened to a license.

use std::{net::IpAddr, time::Duration};

use http::Method;
use keystead_core::{
    config::Config,
    event::{ActorKind, Event, EventType},
    owner::OwnerId,
};
use keystead_tests::{DAY, HOUR, MINUTE, OWNER, Options, PRODUCT, TestApp, TestLicense, epoch, request};
use serde_json::{Value, json};

async fn events(app: &TestApp, license: &TestLicense) -> Vec<Event> {
    let stored = app.stored(license).await;
    app.cx.store.event_list(&stored).await.expect("a read")
}

async fn types(app: &TestApp, license: &TestLicense) -> Vec<EventType> {
    events(app, license).await.iter().map(|event| event.r#type).collect()
}

async fn last(app: &TestApp, license: &TestLicense) -> Event {
    events(app, license).await.pop().expect("an event")
}

#[tokio::test]
async fn a_license_s_life_is_told_in_order() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let ask = |fields: Value| {
        let mut body = fields;
        body["licenseKey"] = license.key.as_str().into();
        body
    };
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    app.advance(HOUR);
    machine.validate(&license).await.expect(200);
    machine.deactivate(&license).await.expect(200);
    machine.activate(&license).await.expect(200);
    let admin = app.admin();
    for (path, fields) in [
        ("/updateLicense", json!({ "maxMachines": 5 })),
        ("/resetActivations", json!({})),
        ("/revokeLicense", json!({ "reason": "refund" })),
        ("/reinstateLicense", json!({})),
    ] {
        app.advance(MINUTE);
        admin.post(path, ask(fields)).await.expect(200);
    }
    app.advance(MINUTE);
    license.caught(&app, "viol_001", "low").await;
    let ids = json!({ "violationIds": ["viol_001"] });
    admin.post("/resolveLicense", ask(ids)).await.expect(200);
    assert_eq!(
        types(&app, &license).await,
        [
            EventType::Created,
            EventType::Activated,
            EventType::Validated,
            EventType::Deactivated,
            EventType::Activated,
            EventType::Updated,
            EventType::Reset,
            EventType::Revoked,
            EventType::Reinstated,
            EventType::Resolved,
        ]
    );
}

#[tokio::test]
async fn an_event_tells_who_did_it_and_when() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let made = last(&app, &license).await;
    assert_eq!((made.actor.kind, made.actor.id), (ActorKind::Admin, None));
    assert_eq!(
        (made.at, made.owner_id.as_ref().map(OwnerId::as_str)),
        (app.now(), Some(OWNER))
    );

    let alice = app.creator(OWNER).await;
    let asked = json!({ "licenseKey": license.key, "maxMachines": 7 });
    alice.post("/updateLicense", asked).await.expect(200);
    let changed = last(&app, &license).await;
    assert_eq!(changed.actor.kind, ActorKind::ApiKey);
    let id = changed.actor.id.expect("which key");
    assert_eq!(id.len(), 12);
    assert!(!alice.api_key.contains(&id), "the event holds a part of the key itself");
    assert_eq!(
        Value::Object(changed.details),
        json!({ "changes": { "maxMachines": { "from": 2, "to": 7 } } })
    );

    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let activated = last(&app, &license).await;
    assert_eq!(activated.actor.kind, ActorKind::Customer);
    let fingerprint = activated.fingerprint.expect("a machine");
    assert_eq!(fingerprint.as_str(), machine.fingerprint);
}

#[tokio::test]
async fn an_event_tells_from_where_and_with_what_it_was_done() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({
        "licenseKey": license.key, "machineFingerprint": "a", "hostname": "a.local", "productId": PRODUCT,
    });
    let long = format!("Brush/3.1 {}", "x".repeat(1000));
    let headers = [("user-agent", long.as_str())];
    let mut asked = request(&Method::POST, "/activate", &headers, body.to_string().as_bytes());
    asked.peer = IpAddr::from([203, 0, 113, 9]).into();
    app.send(asked).await.0.expect(200);
    let activated = last(&app, &license).await;
    assert_eq!(activated.ip, Some("203.0.113.9".parse().expect("an address")));
    let user_agent = activated.user_agent.expect("a user agent");
    assert!(user_agent.as_str().starts_with("Brush/3.1 x"));
    assert_eq!(user_agent.as_str().len(), 256, "a long one is cut short");
}

#[tokio::test]
async fn what_changes_nothing_is_no_event() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let asked = json!({ "licenseKey": license.key });
    for path in ["/resetActivations", "/reinstateLicense"] {
        app.admin().post(path, asked.clone()).await.expect(200);
    }
    let same = json!({ "licenseKey": license.key, "maxMachines": 2 });
    app.admin().post("/updateLicense", same).await.expect(200);
    machine.deactivate(&license).await.expect(404);
    assert_eq!(types(&app, &license).await, [EventType::Created]);
    license.revoke(&app).await;
    license.revoke(&app).await;
    machine.activate(&license).await.expect(403);
    assert_eq!(types(&app, &license).await, [EventType::Created, EventType::Revoked]);
}

#[tokio::test]
async fn validations_are_told_once_an_hour_for_each_machine() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);
    // An hour and a half in steps of 10 minutes, and one machine all the time.
    for _ in 0..9 {
        app.advance(10 * MINUTE);
        a.validate(&license).await.expect(200);
    }
    b.validate(&license).await.expect(200);
    let validated = events(&app, &license)
        .await
        .into_iter()
        .filter(|event| event.r#type == EventType::Validated);
    let told: Vec<(String, Duration)> = validated
        .map(|event| {
            let machine = event.fingerprint.expect("a machine").to_string();
            (machine, event.at.since(epoch()))
        })
        .collect();
    assert_eq!(
        told,
        [(a.fingerprint.clone(), HOUR), (b.fingerprint.clone(), 90 * MINUTE)]
    );
}

#[tokio::test]
async fn validations_at_once_are_told_once() {
    let app = TestApp::start().await;
    for license in [app.license().create().await, app.license().floating(3).create().await] {
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        app.advance(HOUR);
        let all = (0..16).map(|_| {
            let (machine, license) = (machine.clone(), license.clone());
            tokio::spawn(async move { machine.validate(&license).await.expect(200).clone() })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.expect("an answer");
        }
        let told = types(&app, &license).await;
        assert_eq!(told, [EventType::Created, EventType::Activated, EventType::Validated]);
    }
}

#[tokio::test]
async fn events_are_forgotten_when_the_operator_says() {
    for (retention, forgotten) in [(Some(30 * DAY), Some(30 * 24 * 60 * 60)), (None, None)] {
        let config = Config {
            event_retention: retention,
            ..Config::default()
        };
        let app = Options::default().config(config).start().await;
        let license = app.license().create().await;
        let made = last(&app, &license).await;
        let expected = forgotten.map(|seconds: i64| app.now().seconds() + seconds);
        assert_eq!(made.expires_at, expected);
    }
}
