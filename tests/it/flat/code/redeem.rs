//! Trial and discount codes: one store under two names.

use keystead_core::{
    event::{ActorKind, EventType},
    store::schema,
};
use keystead_tests::{Answer, DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

const NOT_FOUND: &str = "Trial code not found";
const INACTIVE: &str = "Trial code is inactive";
const EXPIRED: &str = "Trial code has expired";
const USED_UP: &str = "Trial code has reached its usage limit";
const REDEEMED: &str = "Trial already redeemed for this email";
const TAKEN: &str = "A code with this name already exists";

const CREATE: [&str; 2] = ["/createTrialCode", "/createDiscountCode"];
const LIST: [&str; 2] = ["/listTrialCodes", "/listDiscountCodes"];
const UPDATE: [&str; 2] = ["/updateTrialCode", "/updateDiscountCode"];
const DELETE: [&str; 2] = ["/deleteTrialCode", "/deleteDiscountCode"];

/// Makes a trial code of [`PRODUCT`].
async fn trial(app: &TestApp, code: &str, fields: Value) {
    let mut body = json!({ "code": code, "productId": PRODUCT });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = app.admin().post("/createTrialCode", body).await;
    answer.expect_body(200, &json!({ "success": true, "code": code }));
}

/// Makes a trial code for all products of [`OWNER`].
async fn trial_of_all(app: &TestApp, code: &str) {
    let body = json!({ "code": code, "creatorId": OWNER });
    app.admin().post("/createTrialCode", body).await.expect(200);
}

async fn redeem(app: &TestApp, code: &str, email: &str) -> Answer {
    redeem_with(app, json!({ "code": code, "email": email })).await
}

async fn redeem_with(app: &TestApp, body: Value) -> Answer {
    app.admin().post("/redeemTrialCode", body).await
}

/// The license that a redemption made.
async fn license(app: &TestApp, redeemed: &Answer) -> Value {
    let key = redeemed.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    app.shown(&TestLicense { key }).await["license"].clone()
}

/// The codes that `answer` lists.
#[track_caller]
fn listed(answer: &Answer) -> Vec<Value> {
    let body = answer.expect(200);
    let codes = body["codes"].as_array().expect("a list").clone();
    assert_eq!(*body, json!({ "success": true, "codes": codes, "count": codes.len() }));
    codes
}

fn names(codes: &[Value]) -> Vec<&str> {
    codes
        .iter()
        .map(|code| code["code"].as_str().expect("a code"))
        .collect()
}

/// A code as it is listed to the super admin.
async fn shown(app: &TestApp, name: &str) -> Value {
    let codes = listed(&app.admin().post("/listTrialCodes", json!({})).await);
    let found = codes.into_iter().find(|code| code["code"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}

#[tokio::test]
async fn a_trial_code_is_listed_with_all_that_it_was_made_with() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    let body = json!({
        "code": "  Summer 2030 ", "productId": PRODUCT, "trialDays": 30, "maxUses": 5, "expiresAt": "2030-02-01T00:00:00Z",
    });
    let answer = alice.post("/createTrialCode", body).await;
    answer.expect_body(200, &json!({ "success": true, "code": "Summer 2030" }));
    for path in LIST {
        let codes = listed(&alice.post(path, json!({})).await);
        let code = json!({
            "code": "Summer 2030", "productId": PRODUCT, "trialDays": 30, "maxUses": 5, "usedCount": 0,
            "expiresAt": "2030-02-01T00:00:00.000Z", "createdAt": "2030-01-01T00:00:00.000Z", "active": true,
            "creatorId": OWNER,
        });
        assert_eq!(codes, [code], "{path}");
    }
}

#[tokio::test]
async fn what_is_not_said_of_a_code_has_its_default() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for (code, more) in [
        ("unsaid", json!({})),
        (
            "null",
            json!({ "productId": null, "maxUses": null, "expiresAt": null, "active": null, "trialDays": null }),
        ),
        ("blank", json!({ "productId": " ", "maxUses": -1 })),
    ] {
        for (path, days) in CREATE.iter().zip([Some(14), None]) {
            let mut body = more.clone();
            body["code"] = json!(code);
            alice.post(path, body).await.expect(200);
            let mut expected = json!({
                "code": code, "productId": "", "maxUses": null, "usedCount": 0, "expiresAt": null,
                "createdAt": "2030-01-01T00:00:00.000Z", "active": true, "creatorId": OWNER,
            });
            if let Some(days) = days {
                expected["trialDays"] = json!(days);
            }
            assert_eq!(shown(&app, code).await, expected, "{path}");
            alice
                .post("/deleteTrialCode", json!({ "code": code }))
                .await
                .expect(200);
        }
    }
}

#[tokio::test]
async fn a_discount_in_percent_is_shown_as_it_was_written() {
    let app = TestApp::start().await;
    for (code, percent) in [
        ("a", json!(20)),
        ("b", json!(12.5)),
        ("c", json!(100)),
        ("d", json!(0.01)),
    ] {
        let body = json!({ "code": code, "productId": PRODUCT, "discountPercent": percent, "active": false });
        app.admin().post("/createDiscountCode", body).await.expect(200);
        let code = shown(&app, code).await;
        assert_eq!((&code["discountPercent"], &code["active"]), (&percent, &json!(false)));
        assert_eq!(code.get("trialDays"), None);
    }
}

#[tokio::test]
async fn a_code_is_taken_in_every_letter_case_by_whoever_has_it() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    trial(&app, "Straße", json!({})).await;
    for taken in ["Straße", "straße", " STRASSE ", "strasse"] {
        for path in CREATE {
            let body = json!({ "code": taken, "creatorId": OWNER });
            app.admin().post(path, body).await.expect_refusal(409, TAKEN);
            bob.post(path, json!({ "code": taken }))
                .await
                .expect_refusal(409, TAKEN);
        }
    }
    assert_eq!(shown(&app, "Straße").await["creatorId"], OWNER);
}

#[tokio::test]
async fn a_code_of_a_product_belongs_to_the_product_s_owner() {
    let app = TestApp::start().await;
    trial(&app, "one", json!({})).await;
    trial(&app, "two", json!({ "creatorId": OWNER })).await;
    assert_eq!(shown(&app, "one").await["creatorId"], OWNER);
    let body = json!({ "code": "three", "productId": PRODUCT, "creatorId": "bob" });
    for path in CREATE {
        let answer = app.admin().post(path, body.clone()).await;
        answer.expect_refusal(400, "Invalid creatorId: must be the product's own creator");
    }
}

#[tokio::test]
async fn a_code_of_all_products_belongs_to_the_key_s_creator_or_the_one_that_the_admin_names() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    for path in CREATE {
        let missing = app.admin().post(path, json!({ "code": "x" })).await;
        missing.expect_refusal(400, "Missing required fields: creatorId");
        let another = alice.post(path, json!({ "code": "x", "creatorId": "bob" })).await;
        another.expect_refusal(400, "Invalid creatorId: must be the API key's own creator");
    }
    alice
        .post("/createTrialCode", json!({ "code": "a", "creatorId": OWNER }))
        .await
        .expect(200);
    app.admin()
        .post("/createTrialCode", json!({ "code": "b", "creatorId": "bob" }))
        .await
        .expect(200);
    assert_eq!(shown(&app, "a").await["creatorId"], OWNER);
    assert_eq!(shown(&app, "b").await["creatorId"], "bob");
}

#[tokio::test]
async fn no_code_is_made_for_a_product_that_is_unknown_another_s_or_archived() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    app.make_product("old", OWNER, "archived").await;
    let of = |product: &str| json!({ "code": "x", "productId": product });
    for path in CREATE {
        bob.post(path, of(PRODUCT))
            .await
            .expect_refusal(404, "Product not found");
        bob.post(path, of("old")).await.expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("unknown"))
            .await
            .expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("old"))
            .await
            .expect_refusal(400, "Product is archived");
    }
}

#[tokio::test]
async fn a_code_is_required_and_may_not_look_like_anything() {
    let app = TestApp::start().await;
    for path in CREATE.into_iter().chain(UPDATE).chain(DELETE) {
        for body in [json!({}), json!({ "code": null }), json!({ "code": " " })] {
            app.admin()
                .post(path, body)
                .await
                .expect_refusal(400, "Missing required fields: code");
        }
        for code in [json!("a#b"), json!("x".repeat(65)), json!("a\tb"), json!(7)] {
            let answer = app.admin().post(path, json!({ "code": code })).await;
            answer.expect_refusal(400, "Invalid code: must be a string of 1 to 64 characters without #");
        }
    }
    for body in [
        json!({}),
        json!({ "code": "x" }),
        json!({ "email": "c@example.com", "code": "" }),
    ] {
        redeem_with(&app, body)
            .await
            .expect_refusal(400, "Missing required fields: code, email");
    }
}

#[tokio::test]
async fn limits_of_codes_are_refused_in_words_that_say_what_they_must_be() {
    let app = TestApp::start().await;
    for (field, wrong, text) in [
        (
            "maxUses",
            json!(-2),
            "a whole number from 0 to 1000000000, or -1 for unlimited",
        ),
        ("trialDays", json!(0), "a whole number of days from 1 to 3650"),
        ("trialDays", json!(3651), "a whole number of days from 1 to 3650"),
        ("discountPercent", json!(0), "a number from 0.01 to 100"),
        ("discountPercent", json!(100.5), "a number from 0.01 to 100"),
    ] {
        for path in CREATE.into_iter().chain(UPDATE) {
            let answer = app.admin().post(path, json!({ "code": "x", field: wrong })).await;
            answer.expect_refusal(400, &format!("Invalid {field}: must be {text}"));
        }
    }
}

#[tokio::test]
async fn a_product_s_list_holds_its_own_codes_and_those_for_all_products_of_its_owner_the_newest_first() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.creator(OWNER).await, app.creator("bob").await);
    app.make_product("brush", OWNER, "live").await;
    for (creator, body) in [
        (&alice, json!({ "code": "app", "productId": PRODUCT })),
        (&alice, json!({ "code": "brush", "productId": "brush" })),
        (&alice, json!({ "code": "all" })),
        (&bob, json!({ "code": "bob" })),
    ] {
        creator.post("/createTrialCode", body).await.expect(200);
        app.advance(DAY);
    }
    for path in LIST {
        let of = |product: &str| json!({ "productId": product });
        let list = async |asked: Value| listed(&alice.post(path, asked).await);
        assert_eq!(names(&list(json!({})).await), ["all", "brush", "app"]);
        assert_eq!(names(&list(of("")).await), ["all", "brush", "app"]);
        assert_eq!(names(&list(of(PRODUCT)).await), ["all", "app"]);
        assert_eq!(names(&list(of("brush")).await), ["all", "brush"]);
        assert_eq!(names(&listed(&bob.post(path, json!({})).await)), ["bob"]);
        let every = listed(&app.admin().post(path, json!({})).await);
        assert_eq!(names(&every), ["bob", "all", "brush", "app"]);
        let of_app = listed(&app.admin().post(path, of(PRODUCT)).await);
        assert_eq!(names(&of_app), ["all", "app"]);
        bob.post(path, of(PRODUCT))
            .await
            .expect_refusal(404, "Product not found");
        app.admin()
            .post(path, of("unknown"))
            .await
            .expect_refusal(404, "Product not found");
        let query = format!("{path}?apiKey={}&productId=brush", alice.api_key);
        assert_eq!(names(&listed(&app.stranger().get(&query).await)), ["all", "brush"]);
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(
        &app,
        "Welcome",
        json!({ "maxUses": 5, "expiresAt": "2030-02-01T00:00:00Z" }),
    )
    .await;
    redeem(&app, "Welcome", "first@example.com").await.expect(200);
    let mut expected = shown(&app, "Welcome").await;
    for (i, (field, value, then)) in [
        ("active", json!(false), json!(false)),
        ("active", json!(true), json!(true)),
        ("maxUses", json!(9), json!(9)),
        ("maxUses", json!(-1), json!(null)),
        ("maxUses", json!(0), json!(0)),
        ("maxUses", json!(null), json!(null)),
        (
            "expiresAt",
            json!("2031-01-01T00:00:00Z"),
            json!("2031-01-01T00:00:00.000Z"),
        ),
        ("expiresAt", json!(null), json!(null)),
        ("trialDays", json!(3650), json!(3650)),
        ("discountPercent", json!(7.5), json!(7.5)),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "code": " wELCOME ", field: value });
        let answer = alice.post(UPDATE[i % 2], body).await;
        answer.expect_body(200, &json!({ "success": true, "code": "Welcome" }));
        expected[field] = then;
        assert_eq!(shown(&app, "Welcome").await, expected, "{field} = {value}");
    }
    let body = json!({ "code": "Welcome", "trialDays": null, "discountPercent": null });
    alice.post("/updateTrialCode", body).await.expect(200);
    let code = shown(&app, "Welcome").await;
    assert_eq!((code.get("trialDays"), code.get("discountPercent")), (None, None));
}

#[tokio::test]
async fn an_update_without_a_change_is_refused() {
    let app = TestApp::start().await;
    for path in UPDATE {
        for body in [
            json!({ "code": "x" }),
            json!({ "code": "x", "active": null, "productId": "brush" }),
        ] {
            app.admin()
                .post(path, body)
                .await
                .expect_refusal(400, "No fields to update");
        }
    }
}

#[tokio::test]
async fn a_code_that_is_unknown_or_another_s_is_not_found() {
    let app = TestApp::start().await;
    let bob = app.creator("bob").await;
    trial(&app, "Welcome", json!({ "maxUses": 3 })).await;
    let body = |code: &str| json!({ "code": code, "active": false, "email": "c@example.com" });
    for path in UPDATE.into_iter().chain(DELETE).chain(["/redeemTrialCode"]) {
        bob.post(path, body("Welcome")).await.expect_refusal(404, NOT_FOUND);
        bob.post(path, body("unknown")).await.expect_refusal(404, NOT_FOUND);
        app.admin()
            .post(path, body("unknown"))
            .await
            .expect_refusal(404, NOT_FOUND);
    }
    let code = shown(&app, "Welcome").await;
    assert_eq!((&code["active"], &code["usedCount"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn a_deleted_code_is_gone_but_the_licenses_stay() {
    let app = TestApp::start().await;
    for path in DELETE {
        trial(&app, "Welcome", json!({})).await;
        let redeemed = redeem(&app, "welcome", &format!("{}@example.com", &path[1..])).await;
        let delete = json!({ "code": "WELCOME" });
        let answer = app.admin().post(path, delete.clone()).await;
        answer.expect_body(200, &json!({ "success": true }));
        app.admin().post(path, delete).await.expect_refusal(404, NOT_FOUND);
        redeem(&app, "welcome", "other@example.com")
            .await
            .expect_refusal(404, NOT_FOUND);
        assert_eq!(license(&app, &redeemed).await["status"], "active");
        assert!(listed(&app.admin().post("/listTrialCodes", json!({})).await).is_empty());
    }
}

#[tokio::test]
async fn nobody_gets_a_second_trial_when_a_code_is_made_again() {
    let app = TestApp::start().await;
    let first = "customer@example.com";
    trial(&app, "Welcome", json!({})).await;
    redeem(&app, "Welcome", first).await.expect(200);
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    app.advance(DAY);
    trial(&app, "WELCOME", json!({})).await;
    redeem(&app, "Welcome", first).await.expect_refusal(409, REDEEMED);
    redeem(&app, "Welcome", "other@example.com").await.expect(200);
    assert_eq!(shown(&app, "WELCOME").await["usedCount"], 1);
    // Another owner's customers are another's.
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    app.make_product("bobs", "bob", "live").await;
    let bob = app.creator("bob").await;
    bob.post("/createTrialCode", json!({ "code": "welcome", "productId": "bobs" }))
        .await
        .expect(200);
    let ask = json!({ "code": "welcome", "email": first });
    bob.post("/redeemTrialCode", ask.clone()).await.expect(200);
    bob.post("/redeemTrialCode", ask).await.expect_refusal(409, REDEEMED);
}

#[tokio::test]
async fn a_redeemed_code_makes_a_license_that_is_good_for_the_trial() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(&app, "Welcome", json!({})).await;
    app.advance(DAY);
    let ask = json!({ "code": " welCOME ", "email": "Customer@Example.com" });
    let answer = alice.post("/redeemTrialCode", ask).await;
    let key = answer.expect(200)["licenseKey"].clone();
    let expected = json!({
        "success": true, "licenseKey": key, "expiresAt": "2030-01-16T00:00:00.000Z", "trialDays": 14,
    });
    answer.expect_body(200, &expected);
    let license = license(&app, &answer).await;
    for (field, value) in [
        ("email", json!("Customer@Example.com")),
        ("productId", json!(PRODUCT)),
        ("variant", json!("trial")),
        ("licenseType", json!("per-machine")),
        ("maxMachines", json!(2)),
        ("status", json!("active")),
        ("threatLevel", json!(0)),
        ("createdAt", json!("2030-01-02T00:00:00.000Z")),
        ("expiresAt", json!("2030-01-16T00:00:00.000Z")),
        ("discountCode", json!("Welcome")),
    ] {
        assert_eq!(license[field], value, "{field}");
    }
    let key = key.as_str().expect("a key").to_owned();
    let machine = app.machine("a");
    machine.activate(&TestLicense { key: key.clone() }).await.expect(200);
    app.advance(14 * DAY);
    machine
        .activate(&TestLicense { key })
        .await
        .expect_error(403, "License has expired");
    assert_eq!(shown(&app, "Welcome").await["usedCount"], 1);
}

#[tokio::test]
async fn a_redemption_is_told_as_the_making_of_a_license() {
    let app = TestApp::start().await;
    let alice = app.creator(OWNER).await;
    trial(&app, "Welcome", json!({})).await;
    let ask = json!({ "code": "Welcome", "email": "customer@example.com" });
    let answer = alice.post("/redeemTrialCode", ask).await;
    let key = answer.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
    let license = app.stored(&TestLicense { key }).await;
    let events = app.cx.store.event_list(&license).await.expect("a read");
    let told: Vec<_> = events.iter().map(|event| (event.r#type, event.actor.kind)).collect();
    assert_eq!(told, [(EventType::Created, ActorKind::ApiKey)]);
}

#[tokio::test]
async fn a_trial_allows_what_its_variant_says() {
    let app = TestApp::start().await;
    for body in [
        json!({ "name": "Trial", "maxMachines": 1 }),
        json!({ "name": "Farm", "licenseType": "floating", "maxMachines": 50, "maxConcurrent": 10 }),
    ] {
        let mut body = body;
        body["productId"] = json!(PRODUCT);
        app.admin().post("/createVariant", body).await.expect(200);
    }
    trial(&app, "Welcome", json!({})).await;
    for (i, (variant, kept, license_type, machines, sessions)) in [
        (json!(null), "trial", "per-machine", 1, json!(null)),
        (json!(""), "trial", "per-machine", 1, json!(null)),
        (json!("app-trial"), "trial", "per-machine", 1, json!(null)),
        (json!("app-farm"), "farm", "floating", 50, json!(10)),
        (json!("unknown"), "unknown", "per-machine", 2, json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut ask = json!({ "code": "Welcome", "email": format!("{i}@example.com"), "variant": variant });
        if i % 2 == 0 {
            ask["productId"] = json!(PRODUCT);
        }
        let license = license(&app, &redeem_with(&app, ask).await).await;
        assert_eq!(
            (
                &license["variant"],
                &license["licenseType"],
                &license["maxMachines"],
                &license["maxConcurrent"]
            ),
            (&json!(kept), &json!(license_type), &json!(machines), &sessions),
            "{variant}"
        );
    }
}

#[tokio::test]
async fn a_code_for_all_products_is_redeemed_for_the_one_that_is_named() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "unlisted").await;
    app.make_product("bobs", "bob", "live").await;
    app.make_product("old", OWNER, "archived").await;
    trial_of_all(&app, "All").await;
    let ask = |product: Value| json!({ "code": "All", "email": "c@example.com", "productId": product });
    for product in [json!(null), json!(" ")] {
        redeem_with(&app, ask(product))
            .await
            .expect_refusal(400, "Missing required fields: productId");
    }
    for product in ["bobs", "unknown"] {
        redeem_with(&app, ask(json!(product)))
            .await
            .expect_refusal(404, "Product not found");
    }
    redeem_with(&app, ask(json!("old")))
        .await
        .expect_refusal(400, "Product is archived");
    let redeemed = redeem_with(&app, ask(json!("brush"))).await;
    assert_eq!(license(&app, &redeemed).await["productId"], "brush");
    // One trial a customer, not one a product.
    redeem_with(&app, ask(json!(PRODUCT)))
        .await
        .expect_refusal(409, REDEEMED);
}

#[tokio::test]
async fn a_product_s_code_is_redeemed_for_no_other_product() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "live").await;
    trial(&app, "Welcome", json!({})).await;
    let ask = |product: &str| json!({ "code": "Welcome", "email": "c@example.com", "productId": product });
    for product in ["brush", "unknown"] {
        let answer = redeem_with(&app, ask(product)).await;
        answer.expect_refusal(400, "Invalid productId: must be the product that the code is for");
    }
    redeem_with(&app, ask(PRODUCT)).await.expect(200);
    app.archive(PRODUCT);
    redeem(&app, "Welcome", "other@example.com")
        .await
        .expect_refusal(400, "Product is archived");
}

#[tokio::test]
async fn a_code_that_gives_no_trial_can_t_be_redeemed() {
    let app = TestApp::start().await;
    let sale = json!({ "code": "Sale", "productId": PRODUCT, "discountPercent": 20, "active": false });
    app.admin().post("/createDiscountCode", sale).await.expect(200);
    redeem(&app, "Sale", "c@example.com")
        .await
        .expect_refusal(404, NOT_FOUND);
    let both = json!({ "code": "Both", "productId": PRODUCT, "discountPercent": 20, "trialDays": 7 });
    app.admin().post("/createDiscountCode", both).await.expect(200);
    assert_eq!(redeem(&app, "Both", "c@example.com").await.expect(200)["trialDays"], 7);
}

#[tokio::test]
async fn one_mailbox_redeems_a_code_once_in_whatever_letter_case() {
    let app = TestApp::start().await;
    trial(&app, "Welcome", json!({})).await;
    trial(&app, "Another", json!({})).await;
    redeem(&app, "Welcome", "Customer@Example.com").await.expect(200);
    for email in ["Customer@Example.com", "customer@example.com", " CUSTOMER@EXAMPLE.COM "] {
        redeem(&app, "wELCOME", email).await.expect_refusal(409, REDEEMED);
    }
    redeem(&app, "Another", "customer@example.com").await.expect(200);
    assert_eq!(shown(&app, "Welcome").await["usedCount"], 1);
}

#[tokio::test]
async fn a_code_is_never_used_beyond_its_maximum() {
    let app = TestApp::start().await;
    trial(&app, "Two", json!({ "maxUses": 2 })).await;
    trial(&app, "None", json!({ "maxUses": 0 })).await;
    redeem(&app, "None", "a@example.com").await.expect_refusal(403, USED_UP);
    redeem(&app, "Two", "a@example.com").await.expect(200);
    redeem(&app, "Two", "b@example.com").await.expect(200);
    redeem(&app, "Two", "c@example.com").await.expect_refusal(403, USED_UP);
    let update = json!({ "code": "Two", "maxUses": 3 });
    app.admin().post("/updateTrialCode", update).await.expect(200);
    redeem(&app, "Two", "c@example.com").await.expect(200);
    redeem(&app, "Two", "d@example.com").await.expect_refusal(403, USED_UP);
    assert_eq!(shown(&app, "Two").await["usedCount"], 3);
}

#[tokio::test]
async fn refusals_of_a_code_come_in_the_contract_s_order() {
    let app = TestApp::start().await;
    trial(
        &app,
        "Welcome",
        json!({ "maxUses": 1, "expiresAt": "2030-01-02T00:00:00Z" }),
    )
    .await;
    let (had, other) = ("had@example.com", "other@example.com");
    redeem(&app, "Welcome", had).await.expect(200);
    // Whoever has redeemed is told so, though it is used up meanwhile.
    redeem(&app, "Welcome", had).await.expect_refusal(409, REDEEMED);
    redeem(&app, "Welcome", other).await.expect_refusal(403, USED_UP);
    app.advance(DAY);
    redeem(&app, "Welcome", had).await.expect_refusal(403, EXPIRED);
    redeem(&app, "Welcome", other).await.expect_refusal(403, EXPIRED);
    app.admin()
        .post("/updateTrialCode", json!({ "code": "Welcome", "active": false }))
        .await
        .expect(200);
    redeem(&app, "Welcome", other).await.expect_refusal(403, INACTIVE);
    app.admin()
        .post("/deleteTrialCode", json!({ "code": "Welcome" }))
        .await
        .expect(200);
    redeem(&app, "Welcome", had).await.expect_refusal(404, NOT_FOUND);
}

#[tokio::test]
async fn a_code_works_up_to_the_moment_at_which_it_expires() {
    let app = TestApp::start().await;
    trial(&app, "Welcome", json!({ "expiresAt": "2030-01-02T00:00:00Z" })).await;
    app.advance(DAY - std::time::Duration::from_millis(1));
    redeem(&app, "Welcome", "a@example.com").await.expect(200);
    app.advance(std::time::Duration::from_millis(1));
    redeem(&app, "Welcome", "b@example.com")
        .await
        .expect_refusal(403, EXPIRED);
}

#[tokio::test]
async fn a_code_that_was_stored_without_active_is_active() {
    let app = TestApp::start().await;
    app.put_item(
        &schema::CODES,
        json!({
            "code": { "S": "OLD" }, "item": { "S": "#" }, "kind": { "S": "code" }, "name": { "S": "old" },
            "ownerId": { "S": OWNER }, "productId": { "S": PRODUCT }, "trialDays": { "N": "7" },
            "maxUses": { "N": "-1" }, "usedCount": { "N": "0" }, "revision": { "N": "0" },
            "createdAt": { "S": "2029-01-01T00:00:00.000Z" }, "creation": { "S": "once" },
        }),
    );
    assert_eq!(shown(&app, "old").await["active"], true);
    redeem(&app, "Old", "a@example.com").await.expect(200);
}
