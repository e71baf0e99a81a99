//! `GET|POST /listLicenses`.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keystead_core::{
    clock::Clock,
    license::{
        License,
        standing::{StandingState, SuspendedBy, ThreatLevel},
    },
    store::meter::Usage,
};
use keystead_functions::frame::context::Context;
use keystead_tests::{Answer, Creator, DAY, MINUTE, OWNER, PRODUCT, TestApp, secrets};
use serde_json::{Value, json};

const WRONG_CURSOR: &str = "Invalid cursor: must be the nextCursor of a page of the same list";
const WRONG_LIMIT: &str = "Invalid limit: must be a whole number from 1 to 1000";

/// What may list licenses.
#[derive(Clone)]
enum Lister {
    Admin(TestApp),
    Creator(Creator),
}

impl Lister {
    async fn ask(&self, body: Value) -> (Answer, Usage) {
        match self {
            Self::Admin(app) => app.admin().post_metered("/listLicenses", body).await,
            Self::Creator(creator) => creator.post_metered("/listLicenses", body).await,
        }
    }

    /// Every page of a list, to the end.
    async fn walk(&self, filter: &Value, limit: usize) -> Vec<Value> {
        let mut asked = filter.clone();
        asked["limit"] = json!(limit);
        let mut licenses = Vec::new();
        // More pages than any list here takes.
        for _ in 0..1000 {
            let (answer, _) = self.ask(asked.clone()).await;
            let page = items(&answer);
            assert!(page.len() <= limit, "{} of {limit}", page.len());
            licenses.extend(page);
            match answer.body.get("nextCursor") {
                Some(cursor) => asked["cursor"] = cursor.clone(),
                None => return licenses,
            }
        }
        panic!("{filter} never ends");
    }
}

/// The licenses of a page.
#[track_caller]
fn items(answer: &Answer) -> Vec<Value> {
    let body = answer.expect(200);
    let list = body["licenses"].as_array().expect("a list");
    assert_eq!((&body["success"], &body["count"]), (&json!(true), &json!(list.len())));
    list.clone()
}

fn keys(licenses: &[Value]) -> Vec<&str> {
    licenses
        .iter()
        .map(|license| license["key"].as_str().expect("a key"))
        .collect()
}

/// What a test knows of a license that it made.
struct Made {
    key: String,
    owner: &'static str,
    product: &'static str,
    email: &'static str,
    status: &'static str,
    expired: bool,
}

/// A license of every kind: two owners, three products, two customers, four statuses, and each without an end, with one
/// that has passed, and with one to come. They were all made at the same moment.
async fn shop() -> (TestApp, Vec<Made>) {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "unlisted").await;
    app.make_product("bobs", "bob", "live").await;
    let mut shop = Vec::new();
    for (product, owner) in [(PRODUCT, OWNER), ("brush", OWNER), ("bobs", "bob")] {
        for email in ["Ann@Example.com", "ben@example.com"] {
            for status in ["active", "degraded", "suspended", "revoked"] {
                for expires_at in [
                    json!(null),
                    json!("2030-01-01T00:00:00Z"),
                    json!("2030-01-01T00:00:00.001Z"),
                ] {
                    let license = app
                        .license()
                        .with("productId", product)
                        .with("email", email)
                        .with("expiresAt", expires_at.clone())
                        .create()
                        .await;
                    if status != "active" {
                        let asked = json!({ "licenseKey": license.key, "status": status });
                        app.admin().post("/updateLicense", asked).await.expect(200);
                    }
                    let expired = expires_at == "2030-01-01T00:00:00Z";
                    shop.push(Made {
                        key: license.key,
                        owner,
                        product,
                        email,
                        status,
                        expired,
                    });
                }
            }
        }
    }
    (app, shop)
}

/// Copies a license until there are `count` more of it, each a second younger than the one before.
async fn copy(app: &TestApp, key: &str, first: usize, count: usize) {
    let asked = json!({ "TableName": "licenses", "Key": { "licenseKey": { "S": key } } });
    let (_, reply) = app.database.answer("GetItem", asked.to_string().as_bytes());
    let item: Value = serde_json::from_slice(&reply).expect("a reply");
    let copies: Vec<Value> = (first..first + count)
        .map(|i| {
            let mut copy = item["Item"].clone();
            copy["licenseKey"] = json!({ "S": format!("copy-{i:06}") });
            copy["licenseId"] = json!({ "S": format!("id-of-copy-{i:06}") });
            let (hour, minute, second) = (i / 3600, i / 60 % 60, i % 60);
            copy["createdAt"] = json!({ "S": format!("2030-01-02T{hour:02}:{minute:02}:{second:02}.000Z") });
            json!({ "Put": { "TableName": "licenses", "Item": copy } })
        })
        .collect();
    for batch in copies.chunks(100) {
        let asked = json!({ "TransactItems": batch });
        let (status, reply) = app.database.answer("TransactWriteItems", asked.to_string().as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
    }
}

#[tokio::test]
async fn every_filter_and_every_combination_lists_each_of_its_licenses_once_whatever_the_page() {
    let (app, shop) = shop().await;
    let alice = Lister::Creator(app.creator(OWNER).await);
    let admin = Lister::Admin(app.clone());
    let states = [
        None,
        Some("active"),
        Some("degraded"),
        Some("suspended"),
        Some("revoked"),
        Some("expired"),
    ];
    for (lister, owner) in [(&admin, None), (&alice, Some(OWNER))] {
        for product in [None, Some(PRODUCT), Some("brush")] {
            for email in [None, Some("ANN@example.COM"), Some("nobody@example.com")] {
                for state in states {
                    let expected: BTreeSet<&str> = shop
                        .iter()
                        .filter(|made| owner.is_none_or(|owner| owner == made.owner))
                        .filter(|made| product.is_none_or(|product| product == made.product))
                        .filter(|made| email.is_none_or(|email| email.eq_ignore_ascii_case(made.email)))
                        .filter(|made| match state {
                            None => true,
                            Some("expired") => made.expired,
                            Some(status) => status == made.status,
                        })
                        .map(|made| made.key.as_str())
                        .collect();
                    let filter = json!({ "productId": product, "email": email, "status": state });
                    for limit in [1, 5, 1000] {
                        // A page a license is slow, and tells little of lists that are filtered as they are read.
                        if limit == 1 && (email.is_none() || state.is_none()) {
                            continue;
                        }
                        let listed = lister.walk(&filter, limit).await;
                        let once: BTreeSet<&str> = keys(&listed).into_iter().collect();
                        assert_eq!(listed.len(), once.len(), "{filter} by {limit}: one comes twice");
                        assert_eq!(once, expected, "{filter} by {limit}");
                    }
                }
            }
        }
    }
    // A page a license, with the positions of four statuses that stand still.
    for filter in [
        json!({}),
        json!({ "productId": PRODUCT }),
        json!({ "status": "expired" }),
    ] {
        for lister in [&admin, &alice] {
            assert_eq!(
                lister.walk(&filter, 1).await.len(),
                lister.walk(&filter, 1000).await.len()
            );
        }
    }
}

#[tokio::test]
async fn licenses_of_all_statuses_are_listed_newest_first() {
    let app = TestApp::start().await;
    let mut made = Vec::new();
    for status in ["revoked", "active", "suspended", "active", "degraded", "revoked"] {
        app.advance(MINUTE);
        let license = app.license().with("expiresAt", "2031-01-01T00:00:00Z").create().await;
        let asked = json!({ "licenseKey": license.key, "status": status });
        app.admin().post("/updateLicense", asked).await.expect(200);
        made.insert(0, license.key);
    }
    let alice = Lister::Creator(app.creator(OWNER).await);
    for lister in [Lister::Admin(app.clone()), alice] {
        for filter in [
            json!({}),
            json!({ "productId": PRODUCT }),
            json!({ "email": "customer@example.com" }),
        ] {
            for limit in [1, 2, 100] {
                let listed = lister.walk(&filter, limit).await;
                assert_eq!(keys(&listed), made, "{filter} by {limit}");
            }
        }
    }
}

#[tokio::test]
async fn an_item_shows_everything_but_activations_and_violations() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("email", "Ann@Example.com")
        .with("variant", "app-studio")
        .with("expiresAt", "2031-01-01T00:00:00Z")
        .with("purchaseId", "order-1")
        .changed(|license| License {
            standing: StandingState {
                threat_level: ThreatLevel::DEGRADED,
                ..license.standing.clone()
            },
            ..license.clone()
        })
        .create()
        .await;
    app.machine("a").activate(&license).await.expect(200);
    app.set_attribute(
        &keystead_core::store::schema::LICENSES,
        &license.key,
        None,
        "watch.unresolvedViolations",
        json!({ "N": "3" }),
    );
    let shown = app.shown(&license).await["license"].clone();
    let answer = app.admin().post("/listLicenses", json!({})).await;
    answer.expect_body(
        200,
        &json!({
            "success": true,
            "count": 1,
            "licenses": [{
                "key": license.key,
                "licenseId": shown["licenseId"],
                "email": "Ann@Example.com",
                "productId": "app",
                "variant": "studio",
                "licenseType": "per-machine",
                "status": "active",
                "threatLevel": 2,
                "maxMachines": 2,
                "maxConcurrent": null,
                "createdAt": "2030-01-01T00:00:00.000Z",
                "purchasedAt": "2030-01-01T00:00:00.000Z",
                "expiresAt": "2031-01-01T00:00:00.000Z",
                "purchaseId": "order-1",
                "machinesUsed": 1,
                "unresolvedViolationsCount": 3,
            }],
        }),
    );
}

#[tokio::test]
async fn a_license_past_its_end_keeps_the_status_it_has() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-01-01T12:00:00Z").create().await;
    let suspended = app
        .license()
        .with("expiresAt", "2030-01-01T12:00:00Z")
        .suspended(SuspendedBy::Vendor)
        .create()
        .await;
    let expired = async || app.admin().post("/listLicenses", json!({ "status": "expired" })).await;
    assert_eq!(items(&expired().await), Vec::<Value>::new());
    app.advance(DAY);
    let listed = items(&expired().await);
    for license in &listed {
        assert!(
            ["active", "suspended"].contains(&license["status"].as_str().expect("a status")),
            "{license}"
        );
    }
    let once: BTreeSet<&str> = keys(&listed).into_iter().collect();
    assert_eq!(once, BTreeSet::from([license.key.as_str(), suspended.key.as_str()]));
    let revoked = app.admin().post("/listLicenses", json!({ "status": "active" })).await;
    assert_eq!(keys(&items(&revoked)), [license.key.as_str()]);
}

#[tokio::test]
async fn a_page_holds_a_hundred_licenses_unless_another_number_is_asked_for() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    copy(&app, &license.key, 0, 1000).await;
    for (asked, count) in [
        (json!({}), 100),
        (json!({ "limit": 500 }), 500),
        (json!({ "limit": 1000 }), 1000),
    ] {
        let answer = app.admin().post("/listLicenses", asked).await;
        assert_eq!(items(&answer).len(), count);
        assert!(answer.body["nextCursor"].is_string());
        assert_eq!(answer.body["licenses"][0]["key"], "copy-000999");
    }
    let admin = Lister::Admin(app.clone());
    let listed = admin.walk(&json!({}), 100).await;
    let once: BTreeSet<&str> = keys(&listed).into_iter().collect();
    assert_eq!((listed.len(), once.len()), (1001, 1001));
    let key = app.creator(OWNER).await.api_key;
    let answer = app.stranger().get(&format!("/listLicenses?apiKey={key}&limit=3")).await;
    assert_eq!(keys(&items(&answer)), ["copy-000999", "copy-000998", "copy-000997"]);
    let cursor = answer.body["nextCursor"].as_str().expect("a cursor");
    let next = format!("/listLicenses?apiKey={key}&limit=2&cursor={cursor}");
    let answer = app.stranger().get(&next).await;
    assert_eq!(keys(&items(&answer)), ["copy-000996", "copy-000995"]);
}

#[tokio::test]
async fn a_limit_out_of_range_or_of_another_type_is_refused() {
    let app = TestApp::start().await;
    for wrong in [
        json!(0),
        json!(1001),
        json!(-1),
        json!(1.5),
        json!("5"),
        json!(true),
        json!([]),
        json!(u64::MAX),
    ] {
        let answer = app.admin().post("/listLicenses", json!({ "limit": wrong })).await;
        answer.expect_refusal(400, WRONG_LIMIT);
    }
    let key = app.creator(OWNER).await.api_key;
    for (wrong, text) in [
        ("0", WRONG_LIMIT),
        ("1001", WRONG_LIMIT),
        ("-1", "Invalid limit"),
        ("1.5", "Invalid limit"),
        ("many", "Invalid limit"),
    ] {
        let path = format!("/listLicenses?apiKey={key}&limit={wrong}");
        app.stranger().get(&path).await.expect_refusal(400, text);
    }
}

#[tokio::test]
async fn a_filter_that_names_nothing_is_refused() {
    let app = TestApp::start().await;
    for (asked, text) in [
        (json!({ "status": "live" }), "Invalid status"),
        (json!({ "status": "Active" }), "Invalid status"),
        (
            json!({ "email": "customer" }),
            "Invalid email: must be an email address",
        ),
    ] {
        app.admin().post("/listLicenses", asked).await.expect_refusal(400, text);
    }
}

#[tokio::test]
async fn a_get_filters_by_its_query() {
    let (app, shop) = shop().await;
    let secret = &secrets().credentials.admin_secret;
    for (query, count) in [
        ("", shop.len()),
        ("&productId=&email=&status=&limit=", shop.len()),
        ("&productId=app", 24),
        ("&email=ANN%40example.com", 36),
        ("&status=revoked", 18),
        ("&status=expired", 24),
        ("&productId=brush&email=ben@example.com&status=degraded", 3),
        ("&productId=brush&email=ben@example.com&status=expired&limit=1000", 4),
    ] {
        let path = format!("/listLicenses?adminSecret={secret}{query}");
        assert_eq!(items(&app.stranger().get(&path).await).len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let (app, _) = shop().await;
    let alice = Lister::Creator(app.creator(OWNER).await);
    let bob = Lister::Creator(app.creator("bob").await);
    let admin = Lister::Admin(app.clone());
    let lists = [
        (&admin, json!({})),
        (&admin, json!({ "productId": PRODUCT })),
        (&admin, json!({ "productId": "brush" })),
        (&admin, json!({ "status": "active" })),
        (&admin, json!({ "status": "revoked" })),
        (&admin, json!({ "status": "expired" })),
        (&admin, json!({ "email": "ann@example.com" })),
        (&admin, json!({ "email": "ben@example.com" })),
        (&admin, json!({ "productId": PRODUCT, "email": "ann@example.com" })),
        (&alice, json!({})),
        (&alice, json!({ "status": "expired" })),
        (&bob, json!({})),
        (&bob, json!({ "status": "expired" })),
    ];
    for (i, (lister, list)) in lists.iter().enumerate() {
        let mut asked = list.clone();
        asked["limit"] = json!(2);
        let (answer, _) = lister.ask(asked).await;
        let cursor = answer.expect(200)["nextCursor"].clone();
        assert!(cursor.is_string(), "{list}");
        for (j, (lister, other)) in lists.iter().enumerate() {
            let mut asked = other.clone();
            asked["cursor"] = cursor.clone();
            let (answer, _) = lister.ask(asked).await;
            if i == j {
                assert!(!items(&answer).is_empty());
            } else {
                answer.expect_refusal(400, WRONG_CURSOR);
            }
        }
    }
    // The same list, though written otherwise.
    let (answer, _) = admin.ask(json!({ "email": "ann@example.com", "limit": 2 })).await;
    let again = json!({ "email": "ANN@EXAMPLE.com", "cursor": answer.body["nextCursor"], "limit": 3 });
    assert_eq!(items(&admin.ask(again).await.0).len(), 3);
    for odd in ["x", "bnVsbA", "W10", "%", "eyJsaXN0IjoiIiwicG9zaXRpb25zIjpbXX0"] {
        let (answer, _) = admin.ask(json!({ "cursor": odd })).await;
        answer.expect_refusal(400, WRONG_CURSOR);
    }
}

#[tokio::test]
async fn licenses_that_are_made_during_a_walk_push_none_out_of_it() {
    let app = TestApp::start().await;
    let mut made = BTreeSet::new();
    for _ in 0..7 {
        app.advance(MINUTE);
        made.insert(app.license().create().await.key);
    }
    let admin = Lister::Admin(app.clone());
    let mut asked = json!({ "limit": 2 });
    let mut listed = Vec::new();
    loop {
        let (answer, _) = admin.ask(asked.clone()).await;
        listed.extend(keys(&items(&answer)).into_iter().map(str::to_owned));
        let Some(cursor) = answer.body.get("nextCursor") else {
            break;
        };
        asked["cursor"] = cursor.clone();
        app.advance(MINUTE);
        app.license().create().await;
    }
    assert_eq!(listed.len(), 7);
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), made);
}

#[tokio::test]
async fn an_api_key_lists_its_owner_s_licenses_only() {
    let (app, _) = shop().await;
    let bob = app.creator("bob").await;
    let listed = items(&bob.post("/listLicenses", json!({ "limit": 500 })).await);
    assert_eq!(listed.len(), 24);
    assert!(listed.iter().all(|license| license["productId"] == "bobs"));
    let by_email = bob.post("/listLicenses", json!({ "email": "ann@example.com" })).await;
    assert_eq!(items(&by_email).len(), 12);
    for product in [PRODUCT, "unknown"] {
        let answer = bob.post("/listLicenses", json!({ "productId": product })).await;
        answer.expect_refusal(404, "Product not found");
    }
    let nobody = app.creator("nobody").await.post("/listLicenses", json!({})).await;
    nobody.expect_body(200, &json!({ "success": true, "count": 0, "licenses": [] }));
}

#[tokio::test]
async fn an_api_key_with_more_than_thirty_products_must_name_one() {
    let app = TestApp::start().await;
    let status = |i: usize| ["live", "unlisted", "archived"][i % 3];
    for i in 0..30 {
        app.make_product(&format!("carol-{i}"), "carol", status(i)).await;
    }
    let carol = app.creator("carol").await;
    carol.post("/listLicenses", json!({})).await.expect(200);
    app.make_product("carol-30", "carol", "archived").await;
    for asked in [
        json!({}),
        json!({ "email": "ann@example.com" }),
        json!({ "status": "active" }),
    ] {
        let answer = carol.post("/listLicenses", asked).await;
        answer.expect_refusal(400, "Missing required fields: productId");
    }
    let named = json!({ "productId": "carol-30" });
    carol.post("/listLicenses", named).await.expect(200);
    app.admin().post("/listLicenses", json!({})).await.expect(200);
    app.creator(OWNER)
        .await
        .post("/listLicenses", json!({}))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_page_costs_the_same_of_a_thousand_licenses_and_of_twenty_thousand() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-01-01T00:00:00Z").create().await;
    let admin = Lister::Admin(app.clone());
    let alice = Lister::Creator(app.creator(OWNER).await);
    let lists = [
        (&admin, json!({})),
        (&admin, json!({ "productId": PRODUCT })),
        (&admin, json!({ "status": "active" })),
        (&admin, json!({ "email": "customer@example.com" })),
        (&admin, json!({ "status": "expired", "limit": 500 })),
        (&alice, json!({})),
        (&alice, json!({ "productId": PRODUCT, "limit": 500 })),
        (&alice, json!({ "status": "expired" })),
    ];
    let mut costs = Vec::new();
    for (first, count) in [(0, 1000), (1000, 19_000)] {
        copy(&app, &license.key, first, count).await;
        let mut cost = Vec::new();
        for (lister, list) in &lists {
            let (answer, usage) = lister.ask(list.clone()).await;
            let expected = list["limit"].as_u64().unwrap_or(100);
            assert_eq!(answer.expect(200)["count"], expected, "{list}");
            let mut asked = list.clone();
            asked["cursor"] = answer.body["nextCursor"].clone();
            let (answer, next) = lister.ask(asked).await;
            assert_eq!(answer.expect(200)["count"], expected, "{list}");
            for usage in [usage, next] {
                // How often it waits depends on how the test's calls interleave.
                cost.push((list.to_string(), usage.calls, usage.read_units, usage.write_units));
            }
        }
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn a_customer_of_two_owners_is_to_each_only_their_own() {
    let app = TestApp::start().await;
    app.make_product("hers", "carol", "live").await;
    let ours = app.license().create().await;
    app.advance(MINUTE);
    let mut foreign = Vec::new();
    for _ in 0..30 {
        foreign.push(app.license().with("productId", "hers").create().await.key);
    }
    let alice = app.creator(OWNER).await;
    let asked = json!({ "email": "customer@example.com", "limit": 1 });
    let page = alice.post("/listLicenses", asked).await.expect(200).clone();
    assert_eq!(
        page["licenses"][0]["key"], ours.key,
        "a page is not short because of another's licenses"
    );
    if let Some(cursor) = page["nextCursor"].as_str() {
        let told = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("base64");
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(foreign.iter().all(|key| !told.contains(key)), "{told}");
    }
}

#[tokio::test]
async fn few_expired_licenses_among_many_newer_ones_are_found_at_once_and_last_expired_first() {
    let app = TestApp::start().await;
    let mut expired = Vec::new();
    for days in [1, 3, 2] {
        let ends = (app.now() + days * DAY).to_string();
        expired.push((days, app.license().with("expiresAt", ends).create().await.key));
    }
    app.advance(4 * DAY);
    for _ in 0..40 {
        app.license().create().await;
    }
    expired.sort_by_key(|(days, _)| std::cmp::Reverse(*days));
    let expected: Vec<&str> = expired.iter().map(|(_, key)| key.as_str()).collect();
    let alice = app.creator(OWNER).await;
    for asked in [json!({}), json!({ "productId": PRODUCT })] {
        let mut asked = asked;
        asked["status"] = "expired".into();
        asked["limit"] = 5.into();
        let answers = [
            app.admin().post("/listLicenses", asked.clone()).await,
            alice.post("/listLicenses", asked).await,
        ];
        for answer in answers {
            let licenses = answer.expect(200)["licenses"].as_array().expect("a list");
            let keys: Vec<&str> = licenses.iter().filter_map(|license| license["key"].as_str()).collect();
            assert_eq!(keys, expected);
            assert_eq!(answer.body.get("nextCursor"), None);
        }
    }
}

/// Two functions' clocks are never quite the same.
#[tokio::test]
async fn a_walk_goes_on_where_a_clock_is_behind() {
    let app = TestApp::start().await;
    let expired = app.license().with("expiresAt", "2029-01-01T00:00:00Z").create().await;
    app.license()
        .with("expiresAt", "2030-01-01T00:00:00.001Z")
        .create()
        .await;
    let ahead = Context {
        clock: Clock::given(app.now() + Duration::from_millis(1)),
        ..Context::clone(&app.cx)
    };
    let first = app
        .with_context(ahead)
        .admin()
        .post("/listLicenses", json!({ "status": "expired", "limit": 1 }))
        .await;
    assert_eq!(
        first.expect(200)["licenses"][0]["expiresAt"],
        "2030-01-01T00:00:00.001Z"
    );
    let asked = json!({ "status": "expired", "cursor": first.body["nextCursor"] });
    let second = app.admin().post("/listLicenses", asked).await;
    assert_eq!(keys(&items(&second)), [expired.key]);
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.license().create().await;
    }
    let page = app.admin().post("/listLicenses", json!({ "limit": 1 })).await;
    let cursor = page.expect(200)["nextCursor"].as_str().expect("a cursor");
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    for at in [0, 11, 12, sealed.len() / 2, sealed.len() - 1] {
        let mut tampered = sealed.clone();
        tampered[at] ^= 1;
        let asked = json!({ "cursor": BASE64_URL_SAFE_NO_PAD.encode(tampered) });
        let answer = app.admin().post("/listLicenses", asked).await;
        answer.expect_refusal(400, WRONG_CURSOR);
    }
    for made_up in [
        r#"{"positions":["Start"]}"#,
        r#"{"positions":["Start","Start","Start","Start"]}"#,
    ] {
        let asked = json!({ "cursor": BASE64_URL_SAFE_NO_PAD.encode(made_up) });
        let answer = app.admin().post("/listLicenses", asked).await;
        answer.expect_refusal(400, WRONG_CURSOR);
    }
}

#[tokio::test]
async fn a_cursor_tells_no_license_key() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.license().create().await;
    }
    let page = app.admin().post("/listLicenses", json!({ "limit": 1 })).await;
    let cursor = page.expect(200)["nextCursor"].as_str().expect("a cursor");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    let text = format!("{cursor} {}", String::from_utf8_lossy(&bytes));
    let license = &page.body["licenses"][0];
    for told in ["key", "createdAt"] {
        let told = license[told].as_str().expect("a text");
        assert!(!text.contains(told) && !text.contains(&told[..8]), "{text}");
    }
}
