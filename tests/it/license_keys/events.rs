//! `GET /api/license-keys/{keyId}/events`.

use std::net::IpAddr;

use http::Method;
use keystead_core::{license::standing::SuspendedBy, store::schema};
use keystead_tests::{DAY, HOUR, OWNER, Person, TestApp, TestLicense, request};
use serde_json::{Value, json};

use super::{BUYER, events, expect_refusal, good, grouped, seller, shuffle, types, validate};

/// However the seller came to it.
#[tokio::test]
async fn a_revocation_is_told_as_one() {
    let app = TestApp::start().await;
    for path in ["/revokeLicense", "/updateLicense"] {
        let license = app.license().create().await;
        let id = app.stored(&license).await.license_id.to_string();
        let revoke = json!({ "licenseKey": license.key, "status": "revoked" });
        app.admin().post(path, revoke.clone()).await.expect(200);
        app.admin().post(path, revoke).await.expect(200);
        assert_eq!(types(&events(&app, &id).await), ["REVOKED", "CREATED"], "{path}");
    }
}

#[tokio::test]
async fn each_good_validation_is_an_event_with_where_it_came_from() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let id = app.stored(&license).await.license_id.to_string();
    let asked = |hwid: &str| {
        let body = json!({ "key": license.key, "hwid": hwid }).to_string();
        let mut asked = request(
            &Method::POST,
            "/api/license-keys/validate",
            &[("user-agent", "Brush/1.0")],
            body.as_bytes(),
        );
        asked.peer = IpAddr::from([203, 0, 113, 9]).into();
        asked
    };
    for hwid in ["hw-1", "hw-1", "hw-2", "hw-1"] {
        app.send(asked(hwid)).await.0.expect(200);
        app.advance(HOUR);
    }
    let told = events(&app, &id).await;
    assert_eq!(types(&told), ["VALIDATED", "VALIDATED", "VALIDATED", "CREATED"]);
    for event in &told[..3] {
        assert!(event["id"].as_str().expect("an id").starts_with("evt_"), "{event}");
        assert_eq!(
            (&event["hwid"], &event["ip"], &event["userAgent"]),
            (&json!("hw-1"), &json!("203.0.113.9"), &json!("Brush/1.0"))
        );
        assert_eq!(event.as_object().map(serde_json::Map::len), Some(6));
    }
    assert_eq!(told[0]["createdAt"], "2030-01-01T03:00:00.000Z");
    assert_eq!((&told[3]["hwid"], &told[3]["ip"]), (&Value::Null, &json!("127.0.0.1")));
}

#[tokio::test]
async fn what_is_not_good_is_never_noted_as_validated() {
    let app = TestApp::start().await;
    let bound = async |license: &TestLicense| {
        good(&app, &license.key, Some("hw-1")).await;
    };
    let revoked = grouped(&app).await;
    bound(&revoked).await;
    revoked.revoke(&app).await;
    let suspended = grouped(&app).await;
    bound(&suspended).await;
    suspended.suspend(&app, SuspendedBy::Vendor).await;
    let expired = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    bound(&expired).await;
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    let key = sold.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let left = TestLicense { key };
    bound(&left).await;
    let about = json!({ "purchaseId": "p-1" });
    app.store().tell("subscription.cancelled", about).await.expect(200);
    let elsewhere = grouped(&app).await;
    good(&app, &elsewhere.key, Some("hw-2")).await;
    app.advance(2 * DAY);
    for license in [&revoked, &suspended, &expired, &left, &elsewhere] {
        for hwid in [Some("hw-1"), None] {
            let answer = validate(&app, &license.key, hwid).await;
            let noted = answer.expect(200)["valid"] == true;
            // Without a machine, a license that is bound to another is good.
            assert_eq!(noted, license.key == elsewhere.key && hwid.is_none(), "{}", answer.body);
        }
        let stored = app.stored(license).await;
        let types = [keystead_core::event::EventType::Validated];
        let validated = app
            .cx
            .store
            .event_list_latest(&stored, &types, 100)
            .await
            .expect("a read");
        let expected = 1 + usize::from(license.key == elsewhere.key);
        assert_eq!(validated.len(), expected, "{:?}", stored.standing.status);
    }
}

#[tokio::test]
async fn the_latest_hundred_events_are_shown_to_the_owner_s_members_only() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    for _ in 0..103 {
        good(&app, &license.key, Some("hw-1")).await;
        app.advance(HOUR);
    }
    let id = app.stored(&license).await.license_id.to_string();
    let told = events(&app, &id).await;
    assert_eq!(
        (told.len(), &told[0]["createdAt"]),
        (100, &json!("2030-01-05T06:00:00.000Z"))
    );

    let path = format!("/api/license-keys/{id}/events");
    expect_refusal(&app.stranger().get(&path).await, 401, "Unauthorized");
    let buyer = app.person(BUYER).await;
    expect_refusal(&buyer.get(&path).await, 403, "Forbidden");
    for unknown in ["unknown", "%20", "%00", &"x".repeat(129)] {
        let path = format!("/api/license-keys/{unknown}/events");
        expect_refusal(&app.stranger().get(&path).await, 401, "Unauthorized");
        expect_refusal(&buyer.get(&path).await, 404, "Not found");
    }
    // Neither the key itself nor a query stands for the id.
    let by_key = format!("/api/license-keys/{}/events?keyId={id}", license.key);
    expect_refusal(&buyer.get(&by_key).await, 404, "Not found");
    let of_another = json!({ "creatorId": "bob", "email": BUYER, "role": "owner" });
    app.admin().post("/addMember", of_another).await.expect(200);
    expect_refusal(&buyer.get(&path).await, 403, "Forbidden");

    let seller = seller(&app).await;
    seller.get(&path).await.expect(200);
    let gone = json!({ "creatorId": OWNER, "email": "Seller@example.com" });
    app.admin().post("/removeMember", gone).await.expect(200);
    expect_refusal(&seller.get(&path).await, 403, "Forbidden");
}

#[tokio::test]
async fn nothing_of_a_key_is_kept_in_its_events() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    good(&app, &license.key, Some("hw-1")).await;
    let buyer = app.person(BUYER).await;
    let new = shuffle(&buyer, &license).await;
    good(&app, &new.key, Some("hw-1")).await;
    let (status, items) = app.database.answer(
        "Scan",
        json!({ "TableName": schema::EVENTS.name }).to_string().as_bytes(),
    );
    let items = String::from_utf8_lossy(&items);
    assert_eq!(status, 200);
    assert!(items.contains("shuffled"));
    for key in [&license.key, &new.key] {
        assert!(!items.contains(key.as_str()), "{items}");
    }
}

/// The pages of a list, one after the other, of so many each.
async fn pages(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = person
            .get(&format!("{path}{separator}limit={limit}&cursor={cursor}"))
            .await;
        let page = answer.expect(200);
        let found = page["events"].as_array().expect("events");
        assert!(found.len() <= limit);
        events.extend(found.clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return events,
        }
    }
}

#[tokio::test]
async fn no_number_of_validations_hides_what_else_happened() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let id = app.stored(&license).await.license_id.to_string();
    for _ in 0..10 {
        good(&app, &license.key, Some("hw-1")).await;
        app.advance(HOUR);
    }
    // Under another key, whose validations stand elsewhere.
    let buyer = app.person(BUYER).await;
    let new = shuffle(&buyer, &license).await;
    app.advance(HOUR);
    for _ in 0..105 {
        good(&app, &new.key, Some("hw-2")).await;
        app.advance(HOUR);
    }
    let seller = seller(&app).await;
    let path = format!("/api/license-keys/{id}/events");
    assert_eq!(
        types(&events(&app, &id).await),
        ["VALIDATED"; 100],
        "as the contract has it"
    );

    let shuffled = seller.get(&format!("{path}?type=SHUFFLED")).await;
    let shuffled = shuffled.expect(200);
    assert_eq!(types(shuffled["events"].as_array().expect("events")), ["SHUFFLED"]);
    assert_eq!(shuffled.get("nextCursor"), None);
    for limit in [1, 7, 50, 1000] {
        let told = pages(&seller, &path, limit).await;
        assert_eq!(told.len(), 117, "{limit} a page");
        let newest_first = told
            .windows(2)
            .all(|pair| pair[0]["createdAt"].as_str() >= pair[1]["createdAt"].as_str());
        assert!(newest_first, "{limit} a page");
        assert_eq!(types(&told)[105], "SHUFFLED");
        assert_eq!(types(&told)[116], "CREATED");
        assert_eq!(
            pages(&seller, &format!("{path}?type=VALIDATED"), limit).await.len(),
            115
        );
    }
}

#[tokio::test]
async fn a_cursor_of_a_key_s_events_leads_on_in_its_own_list_alone() {
    let app = TestApp::start().await;
    let (license, other) = (grouped(&app).await, app.license().create().await);
    for _ in 0..3 {
        good(&app, &license.key, Some("hw-1")).await;
        app.advance(HOUR);
    }
    let seller = seller(&app).await;
    let path_of = async |license: &TestLicense| {
        let id = app.stored(license).await.license_id;
        format!("/api/license-keys/{id}/events")
    };
    let (path, other) = (path_of(&license).await, path_of(&other).await);
    let first = seller.get(&format!("{path}?limit=1")).await;
    let cursor = first.expect(200)["nextCursor"].as_str().expect("a cursor").to_owned();
    let again = Person::sign_in(&app, "seller@example.com").await;
    for refused in [
        seller.get(&format!("{other}?limit=1&cursor={cursor}")).await,
        seller.get(&format!("{path}?type=VALIDATED&cursor={cursor}")).await,
        seller.get(&format!("{path}?cursor=x{cursor}")).await,
        again.get(&format!("{path}?limit=1&cursor={cursor}")).await,
    ] {
        expect_refusal(
            &refused,
            400,
            "Invalid cursor: must be the nextCursor of a page of the same list",
        );
    }
    for (query, text) in [
        (
            "?type=validated",
            "Invalid type: must be one of `VALIDATED`, `HWID_RESET`, `SHUFFLED`, `REVOKED`, `CREATED`",
        ),
        ("?limit=1001", "Invalid limit: must be a whole number from 1 to 1000"),
    ] {
        expect_refusal(&seller.get(&format!("{path}{query}")).await, 400, text);
    }
    // A page is for nobody whom the list is not for.
    let buyer = app.person(BUYER).await;
    for who in [
        format!("{path}?limit=1"),
        format!("{path}?type=CREATED"),
        format!("{path}?cursor={cursor}"),
    ] {
        expect_refusal(&buyer.get(&who).await, 403, "Forbidden");
        expect_refusal(&app.stranger().get(&who).await, 401, "Unauthorized");
    }
}
