//! `GET|POST /listAuditEvents`.

use keystead_tests::{Answer, OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

async fn listed(app: &TestApp, more: Value) -> Answer {
    let mut asked = json!({ "creatorId": OWNER });
    asked
        .as_object_mut()
        .expect("fields")
        .extend(more.as_object().expect("fields").clone());
    app.admin().post("/listAuditEvents", asked).await
}

fn types(answer: &Answer) -> Vec<String> {
    let events = answer.expect(200)["events"].as_array().expect("events");
    let types = events
        .iter()
        .map(|event| event["type"].as_str().expect("a type").to_owned());
    types.collect()
}

#[tokio::test]
async fn what_vendors_do_is_told_with_who_and_what_and_before_and_after() {
    let app = TestApp::start().await;
    let creator = app.creator(OWNER).await;
    let rename = json!({ "productId": PRODUCT, "name": "Another" });
    creator.post("/updateProduct", rename).await.expect(200);
    let license = app.license().create().await;
    let revoke = json!({ "licenseKey": license.key });
    creator.post("/revokeLicense", revoke).await.expect(200);
    let member = json!({ "creatorId": OWNER, "email": "ann@example.com", "role": "dev" });
    app.admin().post("/addMember", member).await.expect(200);

    let answer = listed(&app, json!({})).await;
    assert_eq!(
        types(&answer),
        [
            "memberAdded",
            "organisationCreated",
            "revoked",
            "created",
            "productUpdated",
            "apiKeyCreated",
            "productCreated"
        ]
    );
    let events = &answer.body["events"];
    assert_eq!(
        events[0]["details"]["changes"]["role"],
        json!({ "from": null, "to": "dev" })
    );
    assert_eq!(events[0]["actor"], json!({ "kind": "admin" }));
    assert_eq!(events[2]["actor"]["kind"], "apiKey");
    assert_eq!(events[2]["target"], json!(app.stored(&license).await.license_id));
    assert_eq!(
        events[2]["details"]["changes"]["status"],
        json!({ "from": "active", "to": "revoked" })
    );
    assert_eq!(
        events[4]["details"]["changes"]["name"],
        json!({ "from": "App", "to": "Another" })
    );
    assert_eq!(events[4]["target"], PRODUCT);
    // The key itself is nowhere; what tells it from others is who did what with it.
    assert_eq!(events[5]["target"], events[4]["actor"]["id"]);
}

#[tokio::test]
async fn no_customer_hides_anything_from_the_vendor() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    for _ in 0..3 {
        let asked = json!({ "key": license.key });
        app.stranger()
            .post("/api/license-keys/validate", asked)
            .await
            .expect(200);
    }
    machine.deactivate(&license).await.expect(200);
    let buyer = app.person("customer@example.com").await;
    let shuffle = json!({ "key": license.key });
    buyer.post("/api/license-keys/shuffle", shuffle).await.expect(200);
    assert_eq!(types(&listed(&app, json!({})).await), ["created", "productCreated"]);
}

#[tokio::test]
async fn the_log_is_walked_page_by_page_and_by_type() {
    let app = TestApp::start().await;
    for number in 0..5 {
        let code = json!({ "code": format!("CODE{number}"), "productId": PRODUCT });
        app.admin().post("/createTrialCode", code).await.expect(200);
        app.license().create().await;
    }
    let mut told = Vec::new();
    let mut asked = json!({ "type": "codeCreated", "limit": 2 });
    loop {
        let answer = listed(&app, asked.clone()).await;
        let events = answer.expect(200)["events"].as_array().expect("events").clone();
        assert!(events.len() <= 2);
        told.extend(
            events
                .iter()
                .map(|event| event["target"].as_str().expect("a code").to_owned()),
        );
        let Some(next) = answer.body["nextCursor"].as_str() else {
            break;
        };
        asked["cursor"] = json!(next);
    }
    assert_eq!(told, ["CODE4", "CODE3", "CODE2", "CODE1", "CODE0"]);
    let cursor = asked["cursor"].clone();
    for other in [json!({ "cursor": cursor }), json!({ "cursor": "AAAA" })] {
        let wrong = "Invalid cursor: must be the nextCursor of a page of the same list";
        listed(&app, other).await.expect_error(400, wrong);
    }
    let wrong = listed(&app, json!({ "type": "unknown" })).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn an_owner_s_log_is_theirs() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    let own = bob.post("/listAuditEvents", json!({})).await;
    assert_eq!(types(&own), ["apiKeyCreated"]);
    let foreign = bob.post("/listAuditEvents", json!({ "creatorId": OWNER })).await;
    foreign.expect_error(400, "Invalid creatorId: must be the API key's own creator");
    let missing = app.admin().post("/listAuditEvents", json!({})).await;
    missing.expect_error(400, "Missing required fields: creatorId");
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_is_not_told() {
    let app = TestApp::start().await;
    let slug = json!({ "name": "App", "slug": PRODUCT, "creatorId": OWNER });
    app.admin().post("/createProduct", slug).await.expect(409);
    let nobody = json!({ "creatorId": OWNER, "email": "nobody@example.com" });
    app.admin().post("/removeMember", nobody).await.expect(200);
    let creator = app.creator(OWNER).await;
    for _ in 0..2 {
        let revoke = json!({ "apiKey": creator.api_key });
        app.admin().post("/revokeApiKey", revoke).await.expect(200);
    }
    assert_eq!(
        types(&listed(&app, json!({})).await),
        ["apiKeyRevoked", "apiKeyCreated", "productCreated"]
    );
}

#[tokio::test]
async fn who_was_taken_off_the_team_is_told() {
    let app = TestApp::start().await;
    let member = json!({ "creatorId": OWNER, "email": "ann@example.com", "role": "dev" });
    app.admin().post("/addMember", member).await.expect(200);
    let member = json!({ "creatorId": OWNER, "email": "ann@example.com" });
    app.admin().post("/removeMember", member).await.expect(200);
    let answer = listed(&app, json!({ "limit": 1 })).await;
    let event = &answer.expect(200)["events"][0];
    assert_eq!(
        (&event["type"], &event["target"]),
        (&json!("memberRemoved"), &json!("ann@example.com"))
    );
    assert_eq!(
        event["details"]["changes"]["role"],
        json!({ "from": "dev", "to": null })
    );
}

#[tokio::test]
async fn what_the_detectors_find_is_told_to_the_vendor() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(9).create().await;
    for country in ["FR", "DE", "US", "JP", "BR"] {
        let machine = app.machine(country).in_country(country);
        machine.activate(&license).await.expect(200);
    }
    let found = listed(&app, json!({ "type": "violation" })).await;
    // When there were three, and when there were five.
    assert_eq!(types(&found), ["violation", "violation"]);
    let event = &found.body["events"][0];
    assert_eq!(event["target"], json!(app.stored(&license).await.license_id));
    assert_eq!(event["actor"]["kind"], "customer");
    assert!(!event.to_string().contains(&license.key), "{event}");
    // What customers do all day is not in it.
    let all = listed(&app, json!({})).await;
    assert!(!types(&all).contains(&"activated".to_owned()), "{:?}", all.body);
    let bob = app.creator("bob").await.post("/listAuditEvents", json!({})).await;
    assert!(!types(&bob).contains(&"violation".to_owned()));
}
