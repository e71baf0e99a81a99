//! A request's line in the log: docs/LOGGING.md.

use std::net::IpAddr;

use http::Method;
use keystead_core::{event::EventType, request::id::RequestId};
use keystead_tests::{Answer, OWNER, PRODUCT, Person, TestApp, request, secrets};
use serde_json::{Value, json};

/// The line of the request that was answered so.
fn line(app: &TestApp, answer: &Answer) -> Value {
    let log = app.cx.log.written();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut own = lines.filter(|line| line["requestId"] == answer.header("x-request-id"));
    own.next().expect("a line")
}

/// The names of a line's fields, as they stand in it.
fn names(line: &str) -> Vec<&str> {
    let line = line.trim_start_matches('{').trim_end_matches('}');
    let names = line.split(",\"").filter_map(|field| field.split("\":").next());
    names.map(|name| name.trim_matches('"')).collect()
}

#[tokio::test]
async fn a_line_has_its_fields_in_one_order_and_says_a_tenth_of_a_millisecond() {
    let app = TestApp::start().await;
    app.stranger().get("/health").await.expect(200);
    app.stranger().get("/listLicenses").await.expect(401);
    let log = app.cx.log.written();
    let [.., good, refused] = log.lines().collect::<Vec<_>>()[..] else {
        panic!("two requests leave two lines: {log}");
    };
    let always = "time level requestId route method status millis dynamodbCalls network";
    assert_eq!(names(good).join(" "), always);
    assert_eq!(names(refused).join(" "), format!("{always} code"));
    for line in [good, refused] {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let tenths = line["millis"].as_f64().expect("a number") * 10.0;
        assert!((tenths - tenths.round()).abs() < 1e-6, "{line}");
        assert_eq!(line["time"], app.now().to_string());
    }
}

#[tokio::test]
async fn a_line_says_who_asked_by_a_mark_that_opens_nothing() {
    let app = TestApp::start().await;
    let (alice, ann) = (app.creator(OWNER).await, app.person("ann@example.com").await);
    let license = app.license().create().await;
    let wanted = json!({ "creatorId": OWNER, "name": "shop", "purpose": "store" });
    let shop = app.admin().post("/createApiKey", wanted).await.expect(200)["apiKey"].clone();
    let notice = json!({ "type": "purchase.completed", "email": "a@example.com", "productId": PRODUCT });
    let verify = json!({ "licenseKey": license.key, "productId": PRODUCT });
    let typed = json!({ "licenseKey": license.key.to_lowercase(), "productId": PRODUCT });
    let validate = json!({ "key": license.key });
    let stranger = app.stranger();
    let mut of_shop = notice.clone();
    of_shop["webhookSecret"] = shop;
    let asked = [
        (app.admin().post("/listProducts", json!({})).await, "admin"),
        (alice.post("/listProducts", json!({})).await, "apiKey:"),
        (ann.get("/api/auth/me").await, "account:"),
        (stranger.post("/verify", verify).await, "customer:"),
        (stranger.post("/verify", typed).await, "customer:"),
        (stranger.post("/api/license-keys/validate", validate).await, "customer:"),
        (app.store().tell("purchase.completed", notice).await, "store:cglounge"),
        (stranger.post("/cgloungeWebhook", of_shop).await, "store:"),
        (app.stripe().deliver("evt_1", "ping", json!({})).await, "store:stripe"),
    ];
    let mut customers = Vec::new();
    for (answer, who) in &asked {
        answer.expect(200);
        let actor = line(&app, answer)["actor"].as_str().expect("an actor").to_owned();
        let is_whole = !who.ends_with(':');
        assert!(
            if is_whole {
                actor == *who
            } else {
                actor.starts_with(who)
            },
            "{actor}, not {who}"
        );
        if !is_whole {
            let mark = &actor[who.len()..];
            assert!(
                mark.len() == 12 && mark.bytes().all(|b| b.is_ascii_hexdigit()),
                "{actor}"
            );
        }
        if *who == "customer:" {
            customers.push(actor);
        }
    }
    customers.dedup();
    assert_eq!(
        customers.len(),
        1,
        "one key has one mark, however it is typed and wherever it is shown"
    );
    // Who shows nothing, or what is wrong, is nobody.
    for answer in [
        stranger.get("/health").await,
        stranger
            .post("/listProducts", json!({ "apiKey": "cgls_of-nobody" }))
            .await,
        stranger.get("/nowhere").await,
    ] {
        assert_eq!(line(&app, &answer).get("actor"), None);
    }
    // And who may not do it is who they are.
    let forbidden = ann.get("/api/license-keys/unknown/events").await;
    forbidden.expect(404);
    assert!(
        line(&app, &forbidden)["actor"]
            .as_str()
            .is_some_and(|actor| actor.starts_with("account:"))
    );
}

#[tokio::test]
async fn a_line_says_from_which_network_and_never_from_which_address() {
    let app = TestApp::start().await;
    for (peer, network) in [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2345:6:7:8:9", "2001:db8:1::/48"),
    ] {
        for path in ["/health", "/nowhere"] {
            let mut asked = request(&Method::GET, path, &[], b"");
            asked.peer = peer.parse::<IpAddr>().expect("an address").into();
            let answer = app.send(asked).await.0;
            assert_eq!(line(&app, &answer)["network"], network);
        }
        assert!(!app.cx.log.written().contains(peer));
    }
    // As far as a trusted proxy tells.
    let headers = [("x-forwarded-for", "198.51.100.9")];
    let answer = app.stranger().send(&Method::GET, "/health", &headers, b"").await;
    assert_eq!(line(&app, &answer)["network"], "198.51.100.0/24");
}

#[tokio::test]
async fn a_request_has_one_id_in_its_reply_its_line_and_its_events() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let activate = json!({
        "licenseKey": license.key, "machineFingerprint": "fingerprint", "hostname": "a.local", "productId": PRODUCT,
    });
    let activated = app.stranger().post("/activate", activate).await;
    let update = json!({ "licenseKey": license.key, "maxMachines": 7 });
    let updated = app.admin().post("/updateLicense", update).await;
    let stored = app.stored(&license).await;
    let events = app.cx.store.event_list(&stored).await.expect("a read");
    for (r#type, answer) in [(EventType::Activated, &activated), (EventType::Updated, &updated)] {
        answer.expect(200);
        let id = answer.header("x-request-id");
        let event = events.iter().find(|event| event.r#type == r#type).expect("an event");
        assert_eq!(event.request_id.as_ref().map(RequestId::as_str), Some(id));
        line(&app, answer);
    }
    let audit = app
        .admin()
        .post("/listAuditEvents", json!({ "creatorId": OWNER }))
        .await;
    assert_eq!(
        audit.expect(200)["events"][0]["requestId"],
        updated.header("x-request-id")
    );
}

#[tokio::test]
async fn the_id_of_a_request_is_never_a_client_s() {
    let app = TestApp::start().await;
    let told = "7f1d6f3e-4b0a-4a5e-9d3c-000000000000";
    let headers = [
        "x-request-id",
        "x-amzn-requestid",
        "x-amzn-trace-id",
        "x-correlation-id",
    ]
    .map(|name| (name, told));
    let body = json!({ "requestId": told, "adminSecret": secrets().credentials.admin_secret }).to_string();
    let asked = || request(&Method::POST, "/listProducts", &headers, body.as_bytes());
    let ids = [app.send(asked()).await.0, app.send(asked()).await.0].map(|answer| {
        answer.expect(200);
        answer.header("x-request-id").to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&told.to_owned()));
    // What runs the service has made one already.
    let mut known = asked();
    known.id = RequestId::parse("JKJaXmPLvHcESHA=");
    let answer = app.send(known).await.0;
    assert_eq!(answer.header("x-request-id"), "JKJaXmPLvHcESHA=");
    line(&app, &answer);
    let person = Person::sign_in(&app, &app.person("ann@example.com").await.email).await;
    let me = person.get("/api/auth/me").await;
    assert!(!me.header("x-request-id").is_empty());
}
