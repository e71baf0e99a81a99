//! `POST /activate`.

use keystead_core::license::standing::SuspendedBy;
use keystead_tests::{DAY, HOUR, MINUTE, OWNER, PRODUCT, TestApp, token::claims};
use serde_json::{Value, json};

const FULL: &str = "Machine limit reached (1). Deactivate another machine first.";
const TOO_MANY: &str = "Too many activation attempts. Try again later.";

#[tokio::test]
async fn a_machine_that_activates_gets_a_token_and_a_seat() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).with("variant", "pro").create().await;
    let (answer, usage) = app.machine("a").activate_with(&license, json!({})).await;
    let body = answer.expect(200);
    assert_eq!(body["machinesUsed"], 1);
    // A call reads what is sold, as it does once a minute; and the first time, once it is known that the key is good.
    assert_eq!((usage.calls, usage.rounds), (3, 3), "{usage:?}");
    assert_eq!((usage.read_units, usage.write_units), (3.0, 8.0), "{usage:?}");
}

#[tokio::test]
async fn the_answer_tells_when_the_token_expires_and_when_the_license_does() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .max_machines(3)
        .with("variant", "pro")
        .with("expiresAt", "2031-01-01T00:00:00Z")
        .create()
        .await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect_body(
        200,
        &json!({
            "success": true,
            "token": machine.token(),
            "expiresAt": "2030-01-31T00:00:00.000Z",
            "machinesUsed": 1,
            "maxMachines": 3,
            "status": "active",
            "variant": "pro",
            "message": "License is active",
            "licenseExpiresAt": "2031-01-01T00:00:00.000Z",
        }),
    );
}

#[tokio::test]
async fn a_perpetual_license_expires_at_null() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let answer = app.machine("a").activate(&license).await;
    assert_eq!(answer.expect(200).get("licenseExpiresAt"), Some(&Value::Null));
}

#[tokio::test]
async fn each_of_the_four_fields_is_required() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for field in ["licenseKey", "machineFingerprint", "hostname", "productId"] {
        for absent in [json!(null), json!(""), json!(" \t")] {
            let (answer, _) = app.machine("a").activate_with(&license, json!({ field: absent })).await;
            answer.expect_refusal(400, "Missing required fields");
        }
        let mut body = json!({ "licenseKey": "k", "machineFingerprint": "f", "hostname": "h", "productId": "p" });
        body.as_object_mut().expect("an object").remove(field);
        app.stranger()
            .post("/activate", body)
            .await
            .expect_refusal(400, "Missing required fields");
    }
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let app = TestApp::start().await;
    let body = json!({
        "licenseKey": "XXXX-XXXX-XXXX-XXXX", "machineFingerprint": "f", "hostname": "h", "productId": PRODUCT,
    });
    app.stranger()
        .post("/activate", body)
        .await
        .expect_refusal(404, "License not found");
}

#[tokio::test]
async fn a_key_is_trimmed_and_otherwise_matched_exactly() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let padded = format!("  {}\n", license.key);
    machine
        .activate_with(&license, json!({ "licenseKey": padded }))
        .await
        .0
        .expect(200);
    let upper = license.key.replace("8000", "800A").to_uppercase();
    machine
        .activate_with(&license, json!({ "licenseKey": upper }))
        .await
        .0
        .expect_refusal(404, "License not found");
}

#[tokio::test]
async fn a_fingerprint_is_opaque_and_every_other_text_is_another_machine() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    let long = "f".repeat(512);
    let texts = ["f", "F", " f", "f ", "3f:a0 / {\"x\"}", "指紋", "#", &long];
    for (used, fingerprint) in (1..).zip(texts) {
        let named = json!({ "machineFingerprint": fingerprint });
        for _ in 0..2 {
            let (answer, _) = app.machine("a").activate_with(&license, named.clone()).await;
            assert_eq!(answer.expect(200)["machinesUsed"], used, "{fingerprint}");
        }
        app.advance(HOUR);
    }
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_revoked_license_lets_nobody_in() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    license.revoke(&app).await;
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License has been revoked");
    app.machine("b")
        .activate(&license)
        .await
        .expect_refusal(403, "License has been revoked");
}

#[tokio::test]
async fn a_license_works_until_the_moment_it_expires() {
    let app = TestApp::start().await;
    let license = app.license().with("expiresAt", "2030-01-02T00:00:00Z").create().await;
    let machine = app.machine("a");
    app.advance(DAY - MINUTE);
    machine.activate(&license).await.expect(200);
    app.advance(MINUTE);
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License has expired");
}

#[tokio::test]
async fn a_license_opens_its_own_product_only() {
    let app = TestApp::start().await;
    app.make_product("other", OWNER, "live").await;
    let license = app.license().create().await;
    for product in ["other", "no-such-product", "APP"] {
        let (answer, _) = app
            .machine("a")
            .activate_with(&license, json!({ "productId": product }))
            .await;
        answer.expect_refusal(403, "License is for a different product");
    }
}

#[tokio::test]
async fn a_full_license_names_its_limit() {
    let app = TestApp::start().await;
    for limit in [0, 1, 3] {
        let license = app.license().max_machines(limit).create().await;
        for machine in 0..limit {
            app.machine(&format!("m{machine}")).activate(&license).await.expect(200);
        }
        let refusal = format!("Machine limit reached ({limit}). Deactivate another machine first.");
        app.machine("one-more")
            .activate(&license)
            .await
            .expect_refusal(403, &refusal);
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn a_known_machine_is_refreshed_and_takes_no_new_seat_even_at_the_limit() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let first_token = machine.token();

    app.advance(DAY);
    let (answer, _) = machine
        .activate_with(&license, json!({ "hostname": "renamed.local" }))
        .await;
    let body = answer.expect(200);
    assert_eq!(body["machinesUsed"], 1);
    assert_eq!(body["expiresAt"], "2030-02-01T00:00:00.000Z");
    assert_ne!(machine.token(), first_token);

    let shown = app.shown(&license).await;
    assert_eq!(shown["activations"].as_array().map(Vec::len), Some(1));
    let activation = &shown["activations"][0];
    assert_eq!(activation["hostname"], "renamed.local");
    assert_eq!(activation["firstSeen"], "2030-01-01T00:00:00.000Z");
    assert_eq!(activation["lastSeen"], "2030-01-02T00:00:00.000Z");
    assert_eq!(activation["tokenExpiry"], "2030-02-01T00:00:00.000Z");
    app.machine("b").activate(&license).await.expect_refusal(403, FULL);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn an_activation_leaves_a_row_that_tells_the_machine_the_times_and_the_country() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").in_country("DE").activate(&license).await.expect(200);
    assert_eq!(
        app.shown(&license).await["activations"],
        json!([{
            "fingerprint": "fingerprint-of-a",
            "hostname": "a.local",
            "firstSeen": "2030-01-01T00:00:00.000Z",
            "lastSeen": "2030-01-01T00:00:00.000Z",
            "tokenExpiry": "2030-01-31T00:00:00.000Z",
            "sessionStarted": null,
            "sessionActive": false,
            "countries": ["DE"],
            "lastCountry": "DE",
        }])
    );
}

#[tokio::test]
async fn a_machine_s_countries_are_remembered_and_the_last_one_is_told() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    // What a CDN sends when it does not know is no country.
    for country in ["US", "fr", "XX", "T1", "Germany", "US"] {
        machine.clone().in_country(country).activate(&license).await.expect(200);
    }
    machine.activate(&license).await.expect(200);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["countries"], json!(["FR", "US"]));
    assert_eq!(activation["lastCountry"], "US");
}

#[tokio::test]
async fn without_a_country_the_list_is_empty_and_the_last_one_is_an_empty_text() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    let activation = &app.shown(&license).await["activations"][0];
    assert_eq!(activation["countries"], json!([]));
    assert_eq!(activation["lastCountry"], "");
}

#[tokio::test]
async fn only_the_configured_header_tells_the_country() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({
        "licenseKey": license.key, "machineFingerprint": "f", "hostname": "h", "productId": PRODUCT, "country": "US",
    });
    let forged = [
        ("x-appengine-country", "US"),
        ("cf-ipcountry", "US"),
        ("x-forwarded-for", "8.8.8.8"),
    ];
    app.stranger()
        .send(&http::Method::POST, "/activate", &forged, body.to_string().as_bytes())
        .await
        .expect(200);
    assert_eq!(app.shown(&license).await["activations"][0]["lastCountry"], "");
}

#[tokio::test]
async fn a_degraded_license_works_with_a_nag() {
    let app = TestApp::start().await;
    let license = app.license().degraded().create().await;
    let answer = app.machine("a").activate(&license).await;
    let body = answer.expect(200);
    assert_eq!(body["status"], "degraded");
    assert_eq!(
        body["message"],
        "License has been flagged for unusual activity. Please contact support."
    );
    assert_eq!(
        body["expiresAt"], "2030-01-02T00:00:00.000Z",
        "its token lives 24 hours"
    );
}

#[tokio::test]
async fn a_license_that_the_vendor_suspends_is_blocked_at_once() {
    let app = TestApp::start().await;
    let license = app.license().suspended(SuspendedBy::Vendor).create().await;
    app.machine("a")
        .activate(&license)
        .await
        .expect_refusal(403, "License is suspended");
}

#[tokio::test]
async fn a_license_that_the_rules_suspend_works_for_72_hours_with_a_warning() {
    let app = TestApp::start().await;
    let license = app.license().suspended(SuspendedBy::Enforcement).create().await;
    let machine = app.machine("a");
    for wait in [std::time::Duration::ZERO, 72 * HOUR - MINUTE] {
        app.advance(wait);
        let answer = machine.activate(&license).await;
        let body = answer.expect(200);
        assert_eq!(body["status"], "suspended");
        assert_eq!(
            body["message"],
            "License is suspended and will stop working soon. Please contact support."
        );
    }
    app.advance(MINUTE);
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License is suspended");
}

#[tokio::test]
async fn licenses_of_products_that_are_off_sale_still_work() {
    let app = TestApp::start().await;
    app.make_product("hidden", OWNER, "unlisted").await;
    app.make_product("old", OWNER, "live").await;
    for product in ["hidden", "old"] {
        let license = app.license().with("productId", product).create().await;
        if product == "old" {
            app.archive(product);
        }
        let (answer, _) = app
            .machine("a")
            .activate_with(&license, json!({ "productId": product }))
            .await;
        answer.expect(200);
    }
}

#[tokio::test]
async fn the_first_refusal_in_the_contract_s_order_is_the_one_that_is_told() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .max_machines(0)
        .with("expiresAt", "2030-01-02T00:00:00Z")
        .suspended(SuspendedBy::Vendor)
        .create()
        .await;
    let machine = app.machine("a");
    let wrong_product = json!({ "productId": "other" });

    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License is suspended");
    app.advance(DAY);
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License has expired");
    license.revoke(&app).await;
    machine
        .activate(&license)
        .await
        .expect_refusal(403, "License has been revoked");
    let (answer, _) = machine.activate_with(&license, wrong_product.clone()).await;
    answer.expect_refusal(403, "License is for a different product");

    // These three counted, whatever came of them.
    for _ in 3..15 {
        machine.activate(&license).await.expect(403);
    }
    let (answer, _) = machine.activate_with(&license, wrong_product).await;
    answer.expect_refusal(429, TOO_MANY);
    let (answer, _) = machine.activate_with(&license, json!({ "hostname": null })).await;
    answer.expect_refusal(400, "Missing required fields");
}

#[tokio::test]
async fn a_suspension_is_told_before_a_lack_of_seats() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .max_machines(0)
        .suspended(SuspendedBy::Vendor)
        .create()
        .await;
    app.machine("a")
        .activate(&license)
        .await
        .expect_refusal(403, "License is suspended");
}

#[tokio::test]
async fn the_sixteenth_attempt_within_an_hour_is_refused() {
    let app = TestApp::start().await;
    let licenses = [
        app.license().create().await,
        app.license().with("licenseType", "site").create().await,
        app.license().floating(5).create().await,
    ];
    for license in &licenses {
        let machine = app.machine("a");
        for _ in 0..15 {
            machine.activate(license).await.expect(200);
        }
        machine.activate(license).await.expect_refusal(429, TOO_MANY);
        // It is counted for itself: no other machine of the key has to wait for it.
        app.machine("b").activate(license).await.expect(200);
    }
    let another = app.license().create().await;
    app.machine("a").activate(&another).await.expect(200);
}

#[tokio::test]
async fn new_machines_of_one_network_are_counted_together() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let here = |i: usize| app.machine(&format!("{i}")).at("203.0.113.9");
    for i in 0..15 {
        here(i).activate(&license).await.expect(200);
    }
    here(15).activate(&license).await.expect_refusal(429, TOO_MANY);
    // Those that are in go on, and so does one that comes from elsewhere.
    for i in 0..15 {
        here(i).activate(&license).await.expect(200);
    }
    app.machine("elsewhere")
        .at("203.0.113.10")
        .activate(&license)
        .await
        .expect(200);
    here(15).activate(&license).await.expect_refusal(429, TOO_MANY);
    app.advance(HOUR);
    here(15).activate(&license).await.expect(200);
}

/// One office, nine o'clock.
#[tokio::test]
async fn thirty_known_machines_behind_one_address_start_within_a_minute() {
    let app = TestApp::start().await;
    let license = app.license().floating(30).create().await;
    let machines: Vec<_> = (0..30).map(|i| app.machine(&format!("{i}"))).collect();
    for (i, machine) in machines.iter().enumerate() {
        if i == 15 {
            app.advance(HOUR);
        }
        machine.activate(&license).await.expect(200);
    }
    app.advance(15 * HOUR);
    for machine in &machines {
        machine.activate(&license).await.expect(200);
        app.advance(std::time::Duration::from_secs(1));
    }
}

#[tokio::test]
async fn who_has_the_key_keeps_no_machine_out_that_is_in() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(2).create().await;
    let own = app.machine("own");
    own.activate(&license).await.expect(200);
    // From the very same network, as often as it goes.
    for _ in 0..40 {
        let wrong = json!({ "productId": "other" });
        app.machine("attacker").activate_with(&license, wrong).await;
    }
    own.activate(&license).await.expect(200);
    let spare = app.machine("spare");
    spare.activate(&license).await.expect_refusal(429, TOO_MANY);
    spare
        .move_license(&license, &own.fingerprint)
        .await
        .expect_refusal(429, TOO_MANY);
    spare.clone().at("203.0.113.9").activate(&license).await.expect(200);
}

#[tokio::test]
async fn a_key_lets_no_more_than_150_new_machines_in_within_an_hour() {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let machine = |i: u32| app.machine(&format!("{i}")).at(&format!("203.0.113.{}", i / 10));
    app.advance(10 * MINUTE);
    for i in 0..150 {
        machine(i).activate(&license).await.expect(200);
    }
    let refused = machine(150).activate(&license).await;
    refused.expect_refusal(429, TOO_MANY);
    assert_eq!(refused.header("retry-after"), (50 * 60 + 1).to_string());
    machine(149).activate(&license).await.expect(200);
    app.advance(50 * MINUTE);
    machine(150).activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn a_license_has_no_more_machines_than_the_operator_allows() {
    let config = keystead_core::config::Config {
        most_machines: 3,
        ..keystead_core::config::Config::default()
    };
    let app = keystead_tests::Options::default().config(config).start().await;
    for license in [
        app.license().with("licenseType", "site").create().await,
        app.license().max_machines(-1).create().await,
        app.license().floating(9).create().await,
    ] {
        for name in ["a", "b", "c"] {
            app.machine(name).activate(&license).await.expect(200);
        }
        let full = "Machine limit reached (3). Deactivate another machine first.";
        app.machine("d").activate(&license).await.expect_refusal(403, full);
        app.machine("a").activate(&license).await.expect(200);
        app.machine("a").deactivate(&license).await.expect(200);
        app.machine("d").activate(&license).await.expect(200);
        app.assert_counters_true(&license).await;
    }
}

#[tokio::test]
async fn unknown_keys_are_counted_by_the_network_that_shows_them() {
    let app = TestApp::start().await;
    let guess = || async {
        let body = json!({
            "licenseKey": "guessed", "machineFingerprint": "f", "hostname": "h", "productId": PRODUCT,
        });
        app.stranger().post("/activate", body).await
    };
    for _ in 0..100 {
        guess().await.expect_refusal(404, "License not found");
    }
    guess().await.expect_refusal(429, "Too many attempts. Try again later.");
    app.advance(15 * MINUTE);
    guess().await.expect_refusal(404, "License not found");
    let written = app.database.answer("Scan", br#"{"TableName":"rate-limits"}"#).1;
    let written: Value = serde_json::from_slice(&written).expect("a reply");
    assert_eq!(written["Count"], 0);
}

#[tokio::test]
async fn attempts_with_incomplete_bodies_do_not_count() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    for _ in 0..20 {
        machine
            .activate_with(&license, json!({ "hostname": null }))
            .await
            .0
            .expect(400);
        machine
            .activate_with(&license, json!({ "hostname": 7 }))
            .await
            .0
            .expect(400);
    }
    for _ in 0..15 {
        machine.activate(&license).await.expect(200);
    }
}

#[tokio::test]
async fn the_window_slides_attempt_by_attempt() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    // One attempt a minute: the last is made at minute 14.
    for _ in 0..15 {
        machine.activate(&license).await.expect(200);
        app.advance(MINUTE);
    }
    app.advance(44 * MINUTE);
    machine.activate(&license).await.expect_refusal(429, TOO_MANY);
    // At minute 60 the first attempt leaves the window, and makes room for one; and so on.
    for _ in 0..15 {
        app.advance(MINUTE);
        machine.activate(&license).await.expect(200);
        machine.activate(&license).await.expect_refusal(429, TOO_MANY);
    }
}

#[tokio::test]
async fn who_comes_back_after_retry_after_is_let_in() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    for _ in 0..15 {
        machine.activate(&license).await.expect(200);
        app.advance(MINUTE);
    }
    let refused = machine.activate(&license).await;
    refused.expect_refusal(429, TOO_MANY);
    let seconds: u64 = refused
        .header("retry-after")
        .parse()
        .expect("Retry-After is a number of seconds");
    assert!((45 * 60..=45 * 60 + 1).contains(&seconds), "{seconds}");
    app.advance(std::time::Duration::from_secs(seconds));
    machine.activate(&license).await.expect(200);
}

#[tokio::test]
async fn a_token_names_the_license_the_machine_and_the_product() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let claims = claims(&machine.token());
    assert_eq!(claims["licenseKey"], license.key);
    assert_eq!(claims["machineFingerprint"], machine.fingerprint);
    assert_eq!(claims["productId"], PRODUCT);
}
