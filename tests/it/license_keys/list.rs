//! `GET /api/license-keys`, and what a buyer does by a license's id.

use keystead_core::request::idempotency::LONGEST_REQUEST;
use keystead_tests::{Fault, PRODUCT, Person, TestApp};
use serde_json::{Value, json};

use super::{BUYER, expect_refusal, good, grouped, update_product};

async fn listed(buyer: &Person) -> Vec<Value> {
    let answer = buyer.get("/api/license-keys").await;
    answer.expect(200)["licenseKeys"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_buyer_sees_what_was_bought_with_the_verified_address_and_nothing_else() {
    let app = TestApp::start().await;
    let older = app.license().create().await;
    app.advance(keystead_tests::MINUTE);
    let newer = grouped(&app).await;
    app.license().with("email", "other@example.com").create().await;
    good(&app, &newer.key, Some("hw-1")).await;
    let revoke = json!({ "licenseKey": older.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    expect_refusal(&app.stranger().get("/api/license-keys").await, 401, "Unauthorized");
    let buyer = app.person("Customer@Example.com").await;
    let keys = listed(&buyer).await;
    let id = app.stored(&newer).await.license_id;
    assert_eq!(
        keys[0],
        json!({
            "id": id, "key": newer.key, "status": "ACTIVE", "createdAt": "2030-01-01T00:01:00.000Z", "expiresAt": null,
            "activationCount": 1, "maxActivations": null, "hwid": "hw-1", "hwidResetCount": 0,
            "product": { "name": "App", "slug": PRODUCT, "image": null },
        })
    );
    assert_eq!(
        (keys.len(), &keys[1]["key"], &keys[1]["status"]),
        (2, &json!(older.key), &json!("REVOKED"))
    );
    let other = buyer.get("/api/license-keys?email=other@example.com").await;
    expect_refusal(&other, 400, "Invalid email: must be an address of your account");
    assert_eq!(
        listed(&app.person("nobody@example.com").await).await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let app = TestApp::start().await;
    for _ in 0..55 {
        app.license().create().await;
    }
    let buyer = app.person(BUYER).await;
    let mut keys = Vec::new();
    let mut path = "/api/license-keys".to_owned();
    loop {
        let answer = buyer.get(&path).await;
        let page = answer.expect(200);
        keys.extend(
            page["licenseKeys"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|key| key["key"].clone()),
        );
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/license-keys?cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(keys.len(), 55);
    // A cursor of one's own list opens nobody else's.
    let other = app.person("other@example.com").await;
    let cursor = buyer.get("/api/license-keys").await.body["nextCursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let answer = other.get(&format!("/api/license-keys?cursor={cursor}")).await;
    expect_refusal(
        &answer,
        400,
        "Invalid cursor: must be the nextCursor of a page of the same list",
    );
}

/// Who has lost a key, or had it taken by somebody else, takes it back by the id.
#[tokio::test]
async fn a_buyer_exchanges_and_unbinds_a_license_by_its_id_and_is_mailed() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    good(&app, &license.key, Some("hw-1")).await;
    let (buyer, other) = (app.person(BUYER).await, app.person("other@example.com").await);
    let id = listed(&buyer).await[0]["id"].clone();
    let by_id = json!({ "licenseId": id });
    for path in ["/api/license-keys/shuffle", "/api/license-keys/reset"] {
        expect_refusal(&app.stranger().post(path, by_id.clone()).await, 401, "Unauthorized");
        expect_refusal(&other.post(path, by_id.clone()).await, 403, "Forbidden");
        let unknown = json!({ "licenseId": "unknown" });
        expect_refusal(&buyer.post(path, unknown).await, 404, "License key not found");
        let blank = json!({ "licenseId": " ", "key": "" });
        expect_refusal(&buyer.post(path, blank).await, 400, "License key is required");
    }
    buyer
        .post("/api/license-keys/reset", by_id.clone())
        .await
        .expect_body(200, &json!({ "success": true }));
    good(&app, &license.key, Some("hw-2")).await;
    let first = buyer.post("/api/license-keys/shuffle", by_id.clone()).await;
    let first = first.expect(200)["key"].as_str().expect("a key").to_owned();
    let second = buyer.post("/api/license-keys/shuffle", by_id.clone()).await;
    let second = second.expect(200)["key"].as_str().expect("a key").to_owned();
    assert_ne!(first, second);
    good(&app, &second, None).await;
    let mails = app.mails.mails();
    let told: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("exchanged")).collect();
    assert_eq!((told.len(), told[0].to.as_str()), (2, BUYER));
    assert!(
        told.iter()
            .all(|mail| !mail.text.contains(&first) && !mail.text.contains(&second))
    );
    update_product(&app, json!({ "allowBuyerShuffle": false })).await;
    app.advance(keystead_tests::MINUTE);
    let disabled = "Key regeneration is disabled for this product. Contact the seller.";
    expect_refusal(&buyer.post("/api/license-keys/shuffle", by_id).await, 403, disabled);
}

#[tokio::test]
async fn an_exchange_by_id_that_is_sent_again_answers_the_same_key_also_after_a_crash() {
    for fault in [Fault::LostAfter, Fault::CrashBefore, Fault::CrashAfter] {
        for at in 0..9 {
            let app = TestApp::start().await;
            let license = grouped(&app).await;
            let by_id = json!({ "licenseId": app.stored(&license).await.license_id });
            let buyer = app.person(BUYER).await;
            let shuffle = || buyer.post_named("once", "/api/license-keys/shuffle", by_id.clone());
            app.faults.inject([vec![Fault::None; at], vec![fault]].concat());
            let first = app.faults.until_crash(shuffle()).await;
            app.faults.inject([]);
            app.advance(LONGEST_REQUEST);
            let again = shuffle().await;
            let key = again.expect(200)["key"].as_str().expect("a key").to_owned();
            good(&app, &key, None).await;
            if let Some(first) = first.filter(|answer| answer.status == 200) {
                assert_eq!(first.body["key"], key.as_str(), "{fault:?} at {at}");
            }
            assert_eq!(shuffle().await.expect(200)["key"], key.as_str(), "{fault:?} at {at}");
        }
    }
}
