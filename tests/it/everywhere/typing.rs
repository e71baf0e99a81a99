//! What people type and send, as people do.

use http::Method;
use keystead_functions::routes;
use keystead_tests::{OWNER, PRODUCT, TestApp, TestLicense, request};
use serde_json::{Value, json};

/// Ways in which people write a key of ours.
fn written(key: &str) -> Vec<String> {
    let dashed = |dash: &str| key.replace('-', dash);
    vec![
        key.to_uppercase(),
        key.to_lowercase(),
        dashed("\u{2013}"),
        dashed("\u{2011}"),
        dashed("\u{2212}"),
        format!("\u{200b}{key}\u{feff}"),
        format!("{key}\u{2060}\u{200e}\u{200f}\u{ad}"),
        format!("  {key}\r\n"),
    ]
}

/// Ways in which people write a grouped key besides.
fn written_in_groups(key: &str) -> Vec<String> {
    let (first, last) = key.split_at(11);
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).expect("a full width");
    vec![
        key.replace('-', " "),
        key.replace('-', ""),
        key.replace('-', "- "),
        format!("{first}\n{last}"),
        key.chars().map(wide).collect(),
    ]
}

#[tokio::test]
async fn a_key_of_ours_is_found_however_it_is_typed_in_every_api() {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    for (license, ways) in [
        {
            let license = app.license().max_machines(-1).create().await;
            let ways = written(&license.key);
            (license, ways)
        },
        {
            let license = app
                .license()
                .max_machines(-1)
                .with("keyFormat", "grouped")
                .create()
                .await;
            let ways = [written(&license.key), written_in_groups(&license.key)].concat();
            (license, ways)
        },
    ] {
        for typed in ways {
            let machine = app.machine("a");
            let as_typed = TestLicense { key: typed.clone() };
            let (answer, _) = machine.activate_with(&as_typed, json!({})).await;
            assert_eq!(answer.status, 200, "/activate {typed:?}: {}", answer.text);
            for answer in [
                machine.validate(&as_typed).await,
                machine.heartbeat(&as_typed).await,
                machine.list_machines(&as_typed).await,
                machine.move_license(&as_typed, &machine.fingerprint).await,
                machine.deactivate(&as_typed).await,
            ] {
                assert_eq!(answer.status, 200, "{typed:?}: {}", answer.text);
            }
            let asked = json!({ "licenseKey": typed, "productId": PRODUCT });
            app.stranger().post("/verify", asked).await.expect(200);
            let shown = app.admin().post("/getLicense", json!({ "licenseKey": typed })).await;
            assert_eq!(shown.expect(200)["license"]["key"], license.key, "{typed:?}");
            let changed = json!({ "licenseKey": typed, "variant": "studio" });
            let changed = app.creator(OWNER).await.post("/updateLicense", changed).await;
            assert_eq!(changed.expect(200)["licenseKey"], license.key, "{typed:?}");
            let checked = json!({ "key": typed });
            let checked = app.stranger().post("/api/license-keys/validate", checked).await;
            assert_eq!(checked.expect(200)["valid"], true, "{typed:?}: {}", checked.text);
        }
    }
}

#[tokio::test]
async fn a_key_from_elsewhere_is_matched_exactly() {
    let app = TestApp::start().await;
    let ours = app
        .license()
        .with("licenseKey", "de300000-0000-4000-8000-00000000000a")
        .create()
        .await;
    let upper = ours.key.to_uppercase();
    for own in [
        "Imported Key",
        "AAAA1111-BBBB2222-CCCC3333-DDDD4444",
        "ABCDEFGHIJKLMNOPQRSTU",
        &upper,
    ] {
        app.license().with("licenseKey", own).create().await;
        let asked = |key: &str| json!({ "licenseKey": key });
        let shown = app.admin().post("/getLicense", asked(own)).await;
        assert_eq!(shown.expect(200)["license"]["key"], own);
        // What can't be seen around it is nothing that anybody typed.
        let padded = format!("\u{200b} {own}\u{feff}");
        let shown = app.admin().post("/getLicense", asked(&padded)).await;
        assert_eq!(shown.expect(200)["license"]["key"], own);
        let other = app.admin().post("/getLicense", asked(&own.to_lowercase())).await;
        if own == upper {
            assert_eq!(other.expect(200)["license"]["key"], ours.key);
        } else {
            other.expect_refusal(404, "License not found");
        }
    }
}

#[tokio::test]
async fn a_named_request_with_a_typed_key_is_answered_again() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    let body =
        json!({ "licenseKey": license.key.to_uppercase(), "machineFingerprint": "fingerprint-of-a" }).to_string();
    let headers = [("idempotency-key", "leave-1")];
    for replayed in [false, true] {
        let asked = request(&Method::POST, "/deactivate", &headers, body.as_bytes());
        let (answer, _) = app.send(asked).await;
        assert_eq!(answer.expect(200)["machinesUsed"], 0);
        assert_eq!(answer.headers.contains_key("idempotency-replayed"), replayed);
    }
}

#[tokio::test]
async fn a_key_counts_once_in_whatever_way_it_is_typed() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    let ways = written(&license.key);
    let mut refused = 0;
    for attempt in 0..20 {
        let typed = TestLicense {
            key: ways[attempt % ways.len()].clone(),
        };
        refused += usize::from(app.machine("a").activate(&typed).await.status == 429);
    }
    assert_eq!(refused, 5, "fifteen an hour");
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let app = TestApp::start().await;
    let mut count = 0;
    for route in routes::all() {
        if !route.methods().any(|method| method == "GET") {
            continue;
        }
        let path = route.path().replace("{keyId}", "none");
        let got = app.stranger().send(&Method::GET, &path, &[], b"").await;
        let head = app.stranger().send(&Method::HEAD, &path, &[], b"").await;
        assert_eq!(head.status, got.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
        assert_eq!(head.header("cache-control"), got.header("cache-control"), "{path}");
        assert_eq!(head.header("content-length"), got.text.len().to_string(), "{path}");
        count += 1;
    }
    assert!(count > 5, "{count} routes are got");
}

#[tokio::test]
async fn a_mark_of_utf_8_before_the_json_is_passed_over() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = format!(
        "\u{feff}{{\"licenseKey\":\"{}\",\"productId\":\"{PRODUCT}\"}}",
        license.key
    );
    app.stranger().post_raw("/verify", body.as_bytes()).await.expect(200);
    let answer = app.stranger().post_raw("/verify", b"\xef\xbb\xbf").await;
    answer.expect_invalid(400, "Missing required fields");
}

#[tokio::test]
async fn nobody_is_kept_out_by_a_hostname() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    // Half of a surrogate pair, Latin-1, and what would turn the direction of the text around it.
    let hosts: [(&[u8], &str); 5] = [
        (br#""J\ud83d""#, "J\u{fffd}"),
        (br#""\udc00x\ud83d\ude00""#, "\u{fffd}x\u{1f600}"),
        (b"\"J\xfcrgen\"", "J\u{fffd}rgen"),
        ("\"a\u{202e}b\u{2066}\"".as_bytes(), "a\u{fffd}b\u{fffd}"),
        ("\"Jürgens Mac\"".as_bytes(), "Jürgens Mac"),
    ];
    for (sent, shown) in hosts {
        let head = format!(
            r#"{{"licenseKey":"{}","machineFingerprint":"f","productId":"{PRODUCT}","hostname":"#,
            license.key
        );
        let body = [head.as_bytes(), sent, b"}"].concat();
        let answer = app.stranger().post_raw("/activate", &body).await;
        assert_eq!(answer.status, 200, "{shown:?}: {}", answer.text);
        assert_eq!(app.shown(&license).await["activations"][0]["hostname"], shown);
    }
    // What is no note for people has to be Unicode.
    let answer = app
        .stranger()
        .post_raw("/activate", br#"{"licenseKey":"\ud800","hostname":"\ud800"}"#)
        .await;
    answer.expect_refusal(400, "Invalid JSON body");
}

#[tokio::test]
async fn a_compressed_body_is_told_from_a_broken_one() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let body = json!({ "licenseKey": license.key, "productId": PRODUCT }).to_string();
    let with = async |coding: &str| {
        let headers = [("content-encoding", coding), ("content-type", "application/json")];
        app.stranger()
            .send(&Method::POST, "/verify", &headers, body.as_bytes())
            .await
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        let answer = with(coding).await;
        answer.expect_invalid(415, "Content-Encoding is not supported: send the body as it is");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    for coding in ["identity", "Identity", ""] {
        with(coding).await.expect(200);
    }
}

#[tokio::test]
async fn names_that_would_turn_the_text_around_them_are_refused() {
    let app = TestApp::start().await;
    for turn in ["\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"] {
        let turned = format!("Ap{turn}p");
        let product = json!({ "name": turned, "slug": "other", "creatorId": OWNER });
        let answer = app.admin().post("/createProduct", product).await;
        answer.expect_refusal(400, "Invalid name: must be a string of 1 to 256 characters");
        let code = json!({ "code": turned, "productId": PRODUCT, "trialDays": 14 });
        let answer = app.admin().post("/createTrialCode", code).await;
        answer.expect_refusal(400, "Invalid code: must be a string of 1 to 64 characters without #");
        // A note is taken, and made harmless.
        let license = app.license().with("discountCode", turned).create().await;
        assert_eq!(app.shown(&license).await["license"]["discountCode"], "Ap\u{fffd}p");
    }
}

#[tokio::test]
async fn a_refusal_names_no_field_that_is_not_ours() {
    let app = TestApp::start().await;
    for wrong in [
        json!({ "<script>alert(1)</script>": 1 }),
        json!({ "x, expected <script>": 1 }),
        json!({ "geoHours": "y, expected <script>" }),
    ] {
        let body = json!({ "productId": PRODUCT, "enforcement": wrong });
        let answer = app.admin().post("/updateProduct", body).await;
        assert_eq!(answer.status, 400);
        let text = answer.body["error"].as_str().expect("a text");
        assert!(text.starts_with("Invalid enforcement"), "{text}");
        assert!(!text.contains("script") && !text.contains('<'), "{text}");
    }
}

#[tokio::test]
async fn a_customer_is_found_in_any_case_and_however_an_accent_is_written() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "JÜRGEN@Example.com").create().await;
    for email in [
        "jürgen@example.com",
        "ju\u{308}rgen@example.com",
        "JU\u{308}RGEN@EXAMPLE.COM",
    ] {
        for listed in [
            app.admin().post("/listLicenses", json!({ "email": email })).await,
            app.creator(OWNER)
                .await
                .post("/listLicenses", json!({ "email": email }))
                .await,
        ] {
            assert_eq!(listed.expect(200)["licenses"][0]["key"], license.key, "{email:?}");
        }
    }
    let other = app
        .admin()
        .post("/listLicenses", json!({ "email": "jurgen@example.com" }))
        .await;
    assert_eq!(other.expect(200)["licenses"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn limits_of_texts_are_in_characters_as_refusals_say() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(-1).create().await;
    for (field, most) in [("hostname", 255), ("machineFingerprint", 512)] {
        let fits = json!({ field: "機".repeat(most) });
        app.machine("a").activate_with(&license, fits).await.0.expect(200);
        let too_long = json!({ field: "機".repeat(most + 1) });
        let text = format!("Invalid {field}: must be a string of 1 to {most} characters");
        let (answer, _) = app.machine("a").activate_with(&license, too_long).await;
        answer.expect_refusal(400, &text);
    }
    let key = "鍵".repeat(128);
    let made = app.license().with("licenseKey", key.as_str()).create().await;
    assert_eq!(made.key, key);
}

#[test]
fn the_pages_say_what_the_service_does() {
    let page = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/api")
            .join(name);
        std::fs::read_to_string(path).expect("a page")
    };
    let (admin, client) = (page("admin.md"), page("client.md"));
    for kind in ["geo_spread", "machine_churn", "chargeback"] {
        assert!(admin.contains(&format!("`{kind}`")), "admin.md names no {kind}");
    }
    assert!(
        !admin.contains("the only `type`"),
        "there are three types of violations"
    );
    // Both are tried by stories: a whole number may have a fraction of nothing, and texts are counted in characters.
    assert!(!admin.contains(r#"neither `"3"` nor `3.0`"#));
    for (name, text) in [("admin.md", &admin), ("client.md", &client)] {
        for line in text
            .lines()
            .filter(|line| line.starts_with("| `") && line.contains(" bytes"))
        {
            assert!(
                line.contains("254 bytes") || line.contains("cut after"),
                "{name}: {line}"
            );
        }
    }
}
