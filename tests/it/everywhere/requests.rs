//! What requests may look like, and what becomes of those that may not.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use http::Method;
use keystead::{
    connections::ConnectionLimits,
    server::{self, App},
};
use keystead_core::config::Config;
use keystead_functions::{
    frame::{
        body::{BODY_LIMIT, RequestBody},
        context::Context,
        log::Log,
        router::Router,
    },
    routes::{self},
};
use keystead_tests::{
    Field, OWNER, PRODUCT, TestApp,
    examples::{World, assert_refusal, row},
    fields, request, secrets,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_preflight_is_answered_without_a_body_and_kept_for_a_day() {
    let app = TestApp::start().await;
    let headers = [
        ("origin", "https://dashboard.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-api-key"),
    ];
    let answer = app.stranger().send(&Method::OPTIONS, "/activate", &headers, b"").await;
    answer.expect_body(204, &Value::Null);
    let names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "access-control-allow-headers",
            "access-control-allow-methods",
            "access-control-allow-origin",
            "access-control-max-age",
            "content-security-policy",
            "referrer-policy",
            "strict-transport-security",
            "x-content-type-options",
            "x-frame-options",
        ]
    );
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "Content-Type, X-API-Key, x-webhook-secret, Authorization, Idempotency-Key"
    );
    assert_eq!(answer.header("access-control-max-age"), "86400");
}

#[tokio::test]
async fn refusals_can_be_read_by_browsers_as_well() {
    let app = TestApp::start().await;
    for path in ["/activate", "/listProducts", "/nowhere"] {
        let answer = app.stranger().post(path, json!({})).await;
        assert!(answer.status >= 400);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/nowhere",
        "/Activate",
        "/activate/",
        "//activate",
        "/activate/x",
        "/%61ctivate",
        "/_clock",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
            let answer = app.stranger().send(&method, path, &[], b"{}").await;
            answer.expect_refusal(404, "Not found");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_in_json_with_the_right_ones() {
    let app = TestApp::start().await;
    for (method, path, allowed) in [
        (Method::GET, "/activate", "POST"),
        (Method::PUT, "/validate", "POST"),
        (Method::DELETE, "/getLicense", "GET, HEAD, POST"),
        (Method::PATCH, "/listProducts", "GET, HEAD, POST"),
        (Method::GET, "/createLicense", "POST"),
        (Method::POST, "/health", "GET, HEAD"),
    ] {
        let answer = app.stranger().send(&method, path, &[], b"").await;
        answer.expect_refusal(405, "Method not allowed");
        assert_eq!(answer.header("allow"), allowed);
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

/// Sends a body to an endpoint of each face, as someone who is let in.
async fn to_every_face(app: &TestApp, body: &[u8], status: u16, text: &str) {
    let key = app.creator(OWNER).await.api_key;
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    for (path, flag) in [
        ("/activate", "success"),
        ("/deactivate", "success"),
        ("/heartbeat", "success"),
        ("/validate", "valid"),
        ("/verify", "valid"),
        ("/getLicense", "success"),
        ("/createLicense", "success"),
    ] {
        let answer = app.stranger().send(&Method::POST, path, &headers, body).await;
        answer.expect_body(status, &json!({ flag: false, "error": text }));
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused_by_every_face() {
    let app = TestApp::start().await;
    let nested = "[".repeat(10_000) + &"]".repeat(10_000);
    let nested_field = format!(r#"{{"licenseKey":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let objects = r#"{"a":"#.repeat(5000) + "1" + &"}".repeat(5000);
    for body in [
        b"{".as_slice(),
        b"not json",
        b"{\"licenseKey\": }",
        b"{'licenseKey': 'k'}",
        b"{\"licenseKey\": \"k\",}",
        b"{} {}",
        b"null",
        b"true",
        b"7",
        b"\"text\"",
        b"[]",
        b"[{\"licenseKey\": \"k\"}]",
        b"licenseKey=k&productId=p",
        b"{\"licenseKey\": \"\xff\xfe\"}",
        b"{\"licenseKey\": \"\\ud800\"}",
        b"{\"maxMachines\": 1e999}",
        nested.as_bytes(),
        nested_field.as_bytes(),
        objects.as_bytes(),
    ] {
        to_every_face(&app, body, 400, "Invalid JSON body").await;
    }
}

#[tokio::test]
async fn an_empty_body_is_one_without_fields() {
    let app = TestApp::start().await;
    for body in [b"".as_slice(), b" \r\n\t", b"{}"] {
        for path in ["/activate", "/deactivate", "/heartbeat"] {
            let answer = app.stranger().post_raw(path, body).await;
            answer.expect_refusal(400, "Missing required fields");
        }
        for path in ["/validate", "/verify"] {
            let answer = app.stranger().post_raw(path, body).await;
            answer.expect_invalid(400, "Missing required fields");
        }
        app.stranger()
            .post_raw("/getLicense", body)
            .await
            .expect_refusal(401, "Unauthorized");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_by_every_face() {
    let app = TestApp::start().await;
    let key = app.creator(OWNER).await.api_key;
    for (path, flag) in [
        ("/activate", "success"),
        ("/validate", "valid"),
        ("/createLicense", "success"),
    ] {
        let mut too_long = request(&Method::POST, path, &[("x-api-key", key.as_str())], b"");
        too_long.body = RequestBody::TooLong;
        let (answer, _) = app.send(too_long).await;
        let text = "Request body is larger than 256 KiB";
        answer.expect_body(413, &json!({ flag: false, "error": text }));
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("licenceType", "site")
        .with("__proto__", json!({}))
        .create()
        .await;
    assert_eq!(app.shown(&license).await["license"]["licenseType"], "per-machine");
    let (answer, _) = app
        .machine("a")
        .activate_with(&license, json!({ "extra": { "deep": [1] } }))
        .await;
    answer.expect(200);
}

/// Values of every type that the document does not allow in this field.
fn wrong(field: &Field) -> Vec<Value> {
    let mut values = vec![json!(true), json!(2), json!(7), json!([]), json!({})];
    values.extend(["7", "maybe", "app"].map(Value::from));
    if field.has("type", "string") {
        values.push(json!("x".repeat(10_000)));
        values.extend(["line\nbreak", "\u{7f}", "unknown", "ACTIVE"].map(Value::from));
        values.extend(["customer", "@example.com", "a@", "a b@example.com"].map(Value::from));
    }
    if field.has("type", "integer") || field.has("type", "number") {
        values.extend([0, -1, -2, 101, 3651, 1_000_001, 1_000_000_001, i64::MIN].map(Value::from));
        values.extend([0.001, 1.5, 2.5, 100.5, 1e300, 1e-300].map(Value::from));
        values.extend([json!(u64::MAX), json!("3")]);
    }
    values.retain(|value| !field.allows(value));
    if field.has("format", "date-time") {
        let times = [
            "yesterday",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-13-01T00:00:00Z",
            "2030-02-30T00:00:00Z",
            "+12030-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
        ];
        values.extend(times.map(Value::from));
        values.push(json!(1_893_456_000));
    }
    // A cursor is any text to those who ask, but not to the service.
    if field.name == "cursor" {
        values.extend([json!("x".repeat(10_000)), json!("line\nbreak"), json!("\u{7f}")]);
    }
    values
}

#[tokio::test]
async fn a_field_that_holds_what_it_cannot_is_named() {
    let world = World::new().await;
    // Wrong where a token belongs, and a part of every address.
    world.app.is_no_credential("@example.com");
    let team = World::new().await.with_team().await;
    team.app.is_no_credential("@example.com");
    let mut count = 0;
    for route in routes::all() {
        let world = if route.face.prefix == "/v1" { &team } else { &world };
        if !route.methods().any(|method| method == "POST") {
            continue;
        }
        for field in fields(&route) {
            // A credential that is none is a wrong one.
            if field.is_credential() {
                continue;
            }
            let name = &field.name;
            for wrong in wrong(&field) {
                let mut body = world.let_in(&route, (row(&route).good)(world));
                body[name] = wrong.clone();
                // `includeAll` overrides a status; that one would not be looked at.
                if name == "status" && route.name == "list-products" {
                    body["includeAll"] = json!(false);
                }
                let answer = world.send(&route, "POST", &body).await;
                let asked = format!("{} {name} = {wrong}", route.name);
                assert_eq!(answer.status, 400, "{asked}: {}", answer.text);
                let error = &answer.body["error"];
                let text = error.get("message").unwrap_or(error).as_str().unwrap_or_default();
                let rest = text.strip_prefix(&format!("Invalid {name}"));
                // A policy is named with what is wrong in it.
                let is_named =
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": must be ") || rest.starts_with('.'));
                assert!(is_named, "{asked}: {text}");
                assert_refusal(&route, &answer);
                // What was sent may be a secret.
                assert!(!text.contains("xxx"), "{text}");
                count += 1;
            }
        }
    }
    assert!(
        count > 1500,
        "{count} wrong fields: the document says of too few what they may be"
    );
}

#[tokio::test]
async fn a_wrong_field_is_refused_in_words_that_say_what_it_must_be() {
    let app = TestApp::start().await;
    let body = json!({ "email": "c@example.com", "productId": PRODUCT });
    for (field, wrong, text) in [
        ("email", json!("customer"), "Invalid email: must be an email address"),
        ("licenseType", json!("perpetual"), "Invalid licenseType"),
        (
            "maxMachines",
            json!(-2),
            "Invalid maxMachines: must be a whole number from 0 to 1000000, or -1 for unlimited",
        ),
        (
            "expiresAt",
            json!("soon"),
            "Invalid expiresAt: must be an ISO 8601 date and time such as 2030-01-31T00:00:00Z",
        ),
        (
            "unlockedProducts",
            json!(["brush", 7]),
            "Invalid unlockedProducts[1]: must be a string of 1 to 128 characters",
        ),
        (
            "unlockedProducts",
            json!(vec!["brush"; 51]),
            "Invalid unlockedProducts: must be at most 50 products",
        ),
    ] {
        let mut body = body.clone();
        body[field] = wrong;
        app.admin().post("/createLicense", body).await.expect_refusal(400, text);
    }
}

/// To JSON Schema, and so to whoever goes by the document, 3.0 is an integer.
#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let app = TestApp::start().await;
    let license = app
        .license()
        .with("licenseType", "floating")
        .with("maxMachines", 3.0)
        .with("maxConcurrent", -1.0)
        .create()
        .await;
    let shown = &app.shown(&license).await["license"];
    assert_eq!(
        (&shown["maxMachines"], &shown["maxConcurrent"]),
        (&json!(3), &json!(-1))
    );
    let listed = app.admin().post("/listLicenses", json!({ "limit": 1.0 })).await;
    assert_eq!(listed.expect(200)["count"], 1);
    let code = json!({ "code": "WHOLE", "productId": PRODUCT, "trialDays": 1.4e1, "maxUses": 0.0 });
    app.admin().post("/createTrialCode", code).await.expect(200);
    for (field, wrong) in [
        ("maxMachines", 3.5),
        ("maxMachines", 1e16),
        ("limit", 0.0),
        ("limit", 1e300),
        ("limit", 1.5),
    ] {
        let path = if field == "limit" {
            "/listLicenses"
        } else {
            "/createLicense"
        };
        let body = json!({ "email": "c@example.com", "productId": PRODUCT, field: wrong });
        let text = app.admin().post(path, body).await.expect(400)["error"].clone();
        assert!(
            text.as_str()
                .is_some_and(|text| text.starts_with(&format!("Invalid {field}: "))),
            "{text}"
        );
    }
}

#[tokio::test]
async fn times_are_read_in_every_usual_form_and_written_in_one() {
    let app = TestApp::start().await;
    for (read, written) in [
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00.000Z"),
        ("2031-01-01T00:00:00.5Z", "2031-01-01T00:00:00.500Z"),
        ("2031-01-01T00:00:00.123Z", "2031-01-01T00:00:00.123Z"),
        ("2031-01-01T00:00:00.123456Z", "2031-01-01T00:00:00.123Z"),
        ("2031-01-01T00:00:00+00:00", "2031-01-01T00:00:00.000Z"),
        ("2031-01-01T02:00:00+02:00", "2031-01-01T00:00:00.000Z"),
        ("2030-12-31T19:00:00-05:00", "2031-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("2030-01-31T12:00:00+0000", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31T12:00:00+02", "2030-01-31T10:00:00.000Z"),
        ("2030-01-31T12:00Z", "2030-01-31T12:00:00.000Z"),
        ("20300131T120000Z", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31T12:00:00.000+0200", "2030-01-31T10:00:00.000Z"),
    ] {
        let license = app.license().with("expiresAt", read).create().await;
        assert_eq!(app.shown(&license).await["license"]["expiresAt"], written, "{read}");
    }
}

#[tokio::test]
async fn the_server_on_a_socket_answers_as_the_router_does() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let context = Context {
        clock: app.cx.clock.clone(),
        ids: app.cx.ids.clone(),
        log: Log::nowhere(),
        ..Context::new(app.cx.store.clone(), secrets(), Config::default()).expect("a context")
    };
    let served = App {
        router: Router::new(&routes::all()).expect("a router"),
        context,
        mails: None,
        test_clock: None,
        limits: ConnectionLimits::default(),
        keep_alive: Duration::from_secs(75),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server::serve(listener, Arc::new(served), async {
        let _ = stopped.await;
    }));

    let verify = format!(r#"{{"licenseKey":"{}","productId":"{PRODUCT}"}}"#, license.key);
    let padded = |length: usize| format!("{verify}{}", " ".repeat(length - verify.len()));
    let too_long = r#"{"valid":false,"error":"Request body is larger than 256 KiB"}"#;
    for (method, path, body, status, expected) in [
        ("POST", "/verify", verify.clone(), "200 OK", None),
        ("POST", "/verify", padded(BODY_LIMIT), "200 OK", None),
        (
            "POST",
            "/verify",
            padded(BODY_LIMIT + 1),
            "413 Payload Too Large",
            Some(too_long),
        ),
        (
            "POST",
            "/verify",
            String::new(),
            "400 Bad Request",
            Some(r#"{"valid":false,"error":"Missing required fields"}"#),
        ),
        (
            "POST",
            "/verify",
            "{".to_owned(),
            "400 Bad Request",
            Some(r#"{"valid":false,"error":"Invalid JSON body"}"#),
        ),
        (
            "GET",
            "/verify",
            String::new(),
            "405 Method Not Allowed",
            Some(r#"{"success":false,"error":"Method not allowed"}"#),
        ),
        (
            "POST",
            "/nowhere",
            String::new(),
            "404 Not Found",
            Some(r#"{"success":false,"error":"Not found"}"#),
        ),
        (
            "POST",
            "/_clock",
            String::new(),
            "404 Not Found",
            Some(r#"{"success":false,"error":"Not found"}"#),
        ),
        ("GET", "/health", String::new(), "200 OK", None),
        ("OPTIONS", "/verify", String::new(), "204 No Content", None),
    ] {
        let answer = tokio::task::spawn_blocking(move || over_a_socket(address, method, path, &body));
        let answer = answer.await.expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{method} {path}: {answer}"
        );
        assert!(answer.contains("\r\naccess-control-allow-origin: *\r\n"), "{answer}");
        if let Some(expected) = expected {
            let body = answer.split("\r\n\r\n").nth(1).expect("a body");
            let (body, expected): (Value, Value) = (
                serde_json::from_str(body).expect("JSON"),
                serde_json::from_str(expected).expect("JSON"),
            );
            assert_eq!(body, expected);
        }
    }
    stop.send(()).expect("the server runs");
    server.await.expect("the server stops");
}

/// One request over a connection of its own; what comes back, as it is.
fn over_a_socket(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream.write_all(body.as_bytes()).expect("the body is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
