//! The OpenAPI document: that it is what the endpoints say, and that it tells all of them.
//!
//! That every answer is as the document says is held by the harness, in every story (`tests/src/document.rs`).

use std::collections::BTreeSet;

use expect_test::expect_file;
use keystead_core::config::Config;
use keystead_functions::{
    frame::{callers::CallerKind, function::Api, openapi},
    routes,
};
use keystead_tests::{
    DOCUMENT, Options, REWRITE, TestApp,
    examples::{World, row},
    secrets,
};
use serde_json::{Value, json};

#[tokio::test]
async fn each_api_s_document_is_what_its_endpoints_say() {
    for api in &routes::APIS {
        let document = with_examples(api).await;
        let text = serde_json::to_string_pretty(&document).expect("JSON") + "\n";
        let secrets = secrets();
        for secret in [&secrets.credentials.admin_secret, &secrets.credentials.webhook_secret] {
            assert!(!text.contains(secret.as_str()), "an example shows a secret");
        }
        // If this fails, the endpoints have changed: write the documents anew, with the command in `REWRITE`.
        let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi");
        expect_file![committed.join(format!("{}.json", api.name))].assert_eq(&text);
    }
}

/// The document of an API, with an example of each request and of its answer.
async fn with_examples(api: &Api) -> Value {
    let mut document = openapi::api_document(api);
    for route in api.routes() {
        for method in route.methods() {
            let world = World::for_route(&route).await;
            let asked = (row(&route).good)(&world);
            let answer = world.send(&route, method, &world.let_in(&route, asked.clone())).await;
            let operation = &mut document["paths"][route.path()][method.to_lowercase()];
            let mut asked = asked;
            if let (CallerKind::SuperAdmin, "POST") = (route.caller, method) {
                asked["adminSecret"] = json!("your-admin-secret");
            }
            fade(&mut asked);
            if method == "GET" {
                for parameter in operation
                    .get_mut("parameters")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    if let Some(value) = parameter["name"].as_str().and_then(|name| asked.get(name)) {
                        parameter["example"] = value.clone();
                    }
                }
            } else {
                // What the path holds is not in the body.
                if let Some(fields) = asked.as_object_mut() {
                    fields.retain(|name, _| !route.path().contains(&format!("{{{name}}}")));
                }
                operation["requestBody"]["content"]["application/json"]["example"] = asked;
            }
            let good = route.statuses[0].as_u16();
            let mut replied = answer.expect(good).clone();
            fade(&mut replied);
            let content = operation["responses"][good.to_string()]["content"].get_mut("application/json");
            // A document is no example of itself.
            if let (Some(content), false) = (content, route.path().contains("openapi")) {
                content["example"] = replied;
            }
        }
    }
    if let Some(validate) = document["paths"].get_mut("/api/license-keys/validate") {
        validate["post"]["responses"]["403"]["content"]["application/json"]["example"] = other_machine().await;
    }
    document
}

/// What `/api/license-keys/validate` answers to another machine than the key's, where the deployment wants a 403 for it.
async fn other_machine() -> Value {
    let config = Config {
        hwid_mismatch_is_forbidden: true,
        ..Config::default()
    };
    let app = Options::default().config(config).start().await;
    let license = app.license().create().await;
    let validate = async |hwid: &str| {
        let asked = json!({ "key": license.key, "hwid": hwid });
        app.stranger().post("/api/license-keys/validate", asked).await
    };
    validate("machine").await.expect(200);
    validate("other-machine").await.expect(403).clone()
}

/// Takes out of an example what is different each time the tests run: what keys have made.
fn fade(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("eyJ") => *text = "eyJhbGciOiJSUzI1NiIs...".to_owned(),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    // Sealed, so that no two are alike.
                    "refreshToken" if value.is_string() => {
                        *value = json!("kXz56e9Lq_uG7BawsQ_PNUdQKDKcAjTff8z73BfnisCeQJt...");
                    }
                    "kid" => *value = json!("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
                    "n" | "rootSignature" => *value = json!("pjdss8ZaDfEH6K6U7GeW2nxDqR4IP049fk1fK0lndimbMMVBdPv..."),
                    "publicKey" => *value = json!("-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n"),
                    _ => fade(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(fade),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_route_is_in_the_document_and_no_other() {
    let mut routed = BTreeSet::new();
    for route in routes::all() {
        for method in route.methods() {
            routed.insert(format!("{method} {}", route.path()));
        }
    }
    let mut documented = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(
        documented, routed,
        "left: docs/openapi/, right: routes::all(); write the document anew:\n  {REWRITE}"
    );
}

#[tokio::test]
async fn the_service_serves_the_document_and_a_page_that_needs_nothing_else() {
    let app = TestApp::start().await;
    for api in &routes::APIS {
        let served = app.stranger().get(&format!("/openapi/{}.json", api.name)).await;
        let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi");
        let committed = std::fs::read_to_string(committed.join(format!("{}.json", api.name))).expect("a document");
        served.expect(200);
        assert_eq!(served.text, committed, "{}", api.name);
        assert_eq!(served.header("content-type"), "application/json");
    }

    let page = app.stranger().get("/docs").await;
    page.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for api in &routes::APIS {
        let chosen = format!("{{ url: \"openapi/{}.json\", name: \"{}\" }}", api.name, api.title);
        assert!(page.text.contains(&chosen), "the page does not show {chosen}");
    }
    for elsewhere in ["src=\"http", "src=\"//", "href=\"http", "href=\"//", "@import"] {
        let (head, _) = page.text.split_once("<script>").expect("a script");
        assert!(!head.contains(elsewhere), "the page loads something: {elsewhere}");
    }
}

#[tokio::test]
async fn every_api_is_in_the_document_of_the_whole_service() {
    let app = TestApp::start().await;
    let answer = app.stranger().get("/openapi.json").await;
    let whole = answer.expect(200);
    assert_eq!(whole["info"]["title"], "Keystead");
    for part in [
        "/paths",
        "/components/schemas",
        "/components/securitySchemes",
        "/components/headers",
    ] {
        let names = |document: &Value| -> BTreeSet<String> {
            let part = document.pointer(part).and_then(Value::as_object);
            part.expect("an object").keys().cloned().collect()
        };
        assert_eq!(
            names(whole),
            names(&DOCUMENT),
            "left: /openapi.json, right: routes::all(); {part}"
        );
    }
    let tags = |document: &Value| document["tags"].as_array().map(Vec::len);
    assert_eq!(tags(whole), tags(&DOCUMENT));
}
