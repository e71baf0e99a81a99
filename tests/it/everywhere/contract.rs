//! What holds for every route, tested once over `routes::all()`.

use http::Method;
use keystead_core::{account::AccountPolicy, store::schema};
use keystead_functions::{
    flat,
    frame::{callers::CallerKind, face::Readers, function::Function, route::Route, router::Router},
    routes,
};
use keystead_tests::{
    Answer, TestApp,
    examples::{Foreign, World, assert_refusal, flag, row, rows},
    request, secrets,
};
use serde_json::{Value, json};

/// The answer to who may not ask, in the shape of the route's face.
#[track_caller]
fn assert_unauthorized(route: &Route, answer: &Answer) {
    let error = &answer.expect(401)["error"];
    let said = error.get("code").unwrap_or(error).as_str().unwrap_or_default();
    assert_eq!(said.to_ascii_lowercase(), "unauthorized", "{}", route.name);
    assert_refusal(route, answer);
}

#[test]
fn every_route_is_covered_by_these_tests() {
    let routes: Vec<&str> = routes::all().iter().map(|route| route.name).collect();
    let rows: Vec<&str> = rows().map(|row| row.name).collect();
    assert_eq!(
        rows, routes,
        "tests/src/examples.rs must have a row for each of routes::all(), in its order"
    );
}

#[tokio::test]
async fn every_route_answers_what_it_should_and_no_success_holds_an_error() {
    for route in routes::all() {
        // Documents are no answers; openapi.rs tests them.
        if route.name == "docs" || route.name.starts_with("openapi-") {
            continue;
        }
        for method in route.methods() {
            let world = World::for_route(&route).await;
            let body = world.let_in(&route, (row(&route).good)(&world));
            let answer = world.send(&route, method, &body).await;
            let body = answer.expect(route.statuses[0].as_u16());
            // The one list that stands alone.
            assert_eq!(
                body.is_object(),
                route.name != "license-keys-events",
                "{}: {body}",
                route.name
            );
            assert_sound(route.name, body);
            // Keys are served in the shapes that others have defined.
            if let (false, Some(flag)) = (["get-signing-key", "jwks"].contains(&route.name), flag(route.face)) {
                assert_eq!(body[flag], true, "{}: {body}", route.name);
            }
            for (name, value) in [
                ("content-type", "application/json"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("content-security-policy", "frame-ancestors 'none'"),
                ("referrer-policy", "no-referrer"),
                ("strict-transport-security", "max-age=31536000"),
                ("access-control-allow-origin", readers(&route)),
            ] {
                assert_eq!(answer.header(name), value, "{}: {name}", route.name);
            }
        }
    }
}

/// Who may read the answers of a route in a browser, unless the operator lists them.
fn readers(route: &Route) -> &'static str {
    match route.face.readers {
        Readers::Everyone => "*",
        Readers::Listed => "",
    }
}

/// Asserts of a good answer, however deep: that no key is named `error`, that what is named as a time is one as clients
/// parse it, and that items of lists hold no activations or violations of their own.
#[track_caller]
fn assert_sound(route: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                assert_ne!(name, "error", "{route}: a client tests whether the key is there");
                if name.ends_with("At")
                    || name.ends_with("Seen")
                    || ["tokenExpiry", "sessionStarted"].contains(&&**name)
                {
                    assert!(
                        value.is_null() || value.as_str().is_some_and(is_time),
                        "{route}: {name} is {value}"
                    );
                }
                assert_sound(route, value);
            }
        }
        Value::Array(items) => {
            for item in items {
                for list in ["activations", "violations"] {
                    assert_eq!(
                        item.get(list),
                        None,
                        "{route}: a client counts them instead of machinesUsed"
                    );
                }
                assert_sound(route, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether `text` is a time as every answer has it: UTC, with three digits of a second, which Python 3.9 parses too.
fn is_time(text: &str) -> bool {
    let shape = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c });
    shape.collect::<String>() == "0000-00-00T00:00:00.000Z"
}

#[tokio::test]
async fn every_admin_route_answers_401_to_a_stranger() {
    let world = World::new().await;
    let team = World::for_route(&routes::all().pop().expect("a route")).await;
    let unknown_key = format!("cgls_{}", "0".repeat(64));
    let credentials = [
        json!({}),
        json!({ "adminSecret": "wrong" }),
        json!({ "apiKey": unknown_key }),
        json!({ "apiKey": "wrong", "adminSecret": "wrong" }),
        json!({ "apiKey": secrets().credentials.admin_secret }),
        json!({ "adminSecret": world.alice.api_key }),
        json!({ "apiKey": "", "adminSecret": "" }),
        json!({ "webhookSecret": "" }),
        json!({ "webhookSecret": "wrong" }),
        json!({ "webhookSecret": secrets().credentials.admin_secret }),
    ];
    for route in routes::all() {
        match route.caller {
            CallerKind::Admin
            | CallerKind::SuperAdmin
            | CallerKind::Operator
            | CallerKind::SignedIn
            | CallerKind::Store
            | CallerKind::Stripe
            | CallerKind::AccountHolder
            | CallerKind::ProductKey
            | CallerKind::OwnerStripe => {}
            CallerKind::Anyone | CallerKind::LicenseKeyHolder => continue,
        }
        let world = if route.face.prefix == "/v1" { &team } else { &world };
        for method in route.methods() {
            for credential in &credentials {
                for mut body in [json!({}), (row(&route).good)(world)] {
                    for (name, value) in credential.as_object().expect("an object") {
                        body[name] = value.clone();
                    }
                    let answer = world.send(&route, method, &body).await;
                    assert_unauthorized(&route, &answer);
                }
            }
            let headers = [
                ("x-api-key", unknown_key.as_str()),
                ("authorization", "Bearer wrong"),
                ("cookie", "session=wrong"),
            ];
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = world.app.stranger().send(&method, route.path(), &headers, b"").await;
            assert_unauthorized(&route, &answer);
        }
    }
    let shown = world.app.shown(&world.license).await;
    assert_eq!(
        (&shown["license"]["status"], &shown["machinesUsed"]),
        (&json!("active"), &json!(1))
    );
}

#[tokio::test]
async fn every_route_for_who_is_signed_in_answers_401_once_the_login_is_over() {
    let logins = routes::all()
        .into_iter()
        .filter(|route| route.caller == CallerKind::SignedIn);
    for route in logins {
        for method in route.methods() {
            for is_signed_out in [true, false] {
                let world = World::for_route(&route).await;
                let body = world.let_in(&route, (row(&route).good)(&world));
                if is_signed_out {
                    world.person.post("/api/auth/logout", json!({})).await.expect(200);
                } else {
                    world.app.advance(AccountPolicy::default().login_life);
                }
                assert_unauthorized(&route, &world.send(&route, method, &body).await);
            }
        }
    }
}

#[tokio::test]
async fn every_route_for_access_tokens_answers_401_once_the_login_or_the_token_is_over() {
    let tokens = routes::all()
        .into_iter()
        .filter(|route| route.caller == CallerKind::AccountHolder);
    for route in tokens {
        for method in route.methods() {
            let world = World::for_route(&route).await;
            let body = world.let_in(&route, (row(&route).good)(&world));
            world.app.advance(AccountPolicy::default().access_life);
            let answer = world.send(&route, method, &body).await;
            assert_eq!(answer.expect(401)["error"]["code"], "EXPIRED_TOKEN", "{}", route.name);
            assert_refusal(&route, &answer);
            world.person.refresh().await;
            world.person.post("/v1/auth/logout", json!({})).await.expect(200);
            assert_unauthorized(&route, &world.send(&route, method, &body).await);
        }
    }
}

#[tokio::test]
async fn every_admin_route_answers_401_to_an_api_key_from_the_next_call_after_it_was_revoked() {
    let world = World::new().await;
    let key = &world.alice.api_key;
    let ask = async |route: &Route, method: &str| {
        let body = world.let_in(route, (row(route).good)(&world));
        world.send(route, method, &body).await
    };
    let list = world.alice.post("/listProducts", json!({})).await;
    list.expect(200);
    world
        .app
        .admin()
        .post("/revokeApiKey", json!({ "key": key }))
        .await
        .expect(200);
    for route in routes::all() {
        if route.caller == CallerKind::Admin {
            for method in route.methods() {
                ask(&route, method).await.expect_refusal(401, "Unauthorized");
            }
        }
    }
}

#[tokio::test]
async fn every_route_treats_another_owner_s_records_as_if_they_were_not_there() {
    let world = World::new().await;
    for route in routes::all() {
        let row = row(&route);
        let has_keys = matches!(route.caller, CallerKind::Admin);
        let knows_owners = !matches!(row.foreign, Foreign::NoOwners | Foreign::NoKeys);
        assert_eq!(
            has_keys, knows_owners,
            "{}: its row's `foreign` does not fit its AUTH",
            route.name
        );
        for method in route.methods() {
            let mut body = (row.good)(&world);
            body["apiKey"] = json!(world.bob.api_key);
            if let Foreign::NoOwners = row.foreign {
                continue;
            }
            let answer = world.send(&route, method, &body).await;
            match row.foreign {
                Foreign::NotFound(text) => answer.expect_refusal(404, text),
                Foreign::Forbidden => answer.expect_refusal(403, "The API key belongs to another creator"),
                Foreign::NoKeys => assert_unauthorized(&route, &answer),
                Foreign::OwnOnly(foreign) => {
                    let body = answer.expect(200).to_string();
                    for text in foreign {
                        assert!(!body.contains(&format!("\"{text}\"")), "{}: {body}", route.name);
                    }
                }
                Foreign::NoOwners => {}
            }
        }
    }
    let shown = world.app.shown(&world.license).await;
    assert_eq!(
        (&shown["license"]["status"], &shown["machinesUsed"]),
        (&json!("active"), &json!(1))
    );
}

#[tokio::test]
async fn no_route_answers_garbage_with_5xx_or_in_another_shape() {
    let world = World::new().await;
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(18_446_744_073_709_551_615_u64),
        json!([]),
        json!({}),
        json!("\u{0}"),
        json!("#"),
        json!("x".repeat(5000)),
        json!("😀"),
    ];
    let team = World::for_route(&routes::all().pop().expect("a route")).await;
    for route in routes::all() {
        let world = if route.face.prefix == "/v1" { &team } else { &world };
        let good = world.let_in(&route, (row(&route).good)(world));
        let check = |answer: &Answer| match answer.status {
            // The document speaks of errors without being one.
            200 if route.name.starts_with("openapi-") => {}
            200 | 201 => assert_sound(route.name, &answer.body),
            400..=499 => assert_refusal(&route, answer),
            _ => panic!("{}: {} {}", route.name, answer.status, answer.body),
        };
        for method in route.methods().filter(|method| *method != "GET") {
            for field in good.as_object().expect("an object").keys() {
                for odd in &odd {
                    let mut body = good.clone();
                    body[field] = odd.clone();
                    check(&world.send(&route, method, &body).await);
                }
            }
            for body in [
                &b"\xff\xfe"[..],
                b"{",
                b"[1,2",
                b"null",
                b"\"text\"",
                b"{\"a\":1}trailing",
                b"a=b&c=d",
            ] {
                check(&world.app.stranger().post_raw(route.path(), body).await);
            }
        }
        if route.methods().any(|method| method == "GET") {
            let key = &world.alice.api_key;
            for query in [
                "%",
                "%ff=%ff",
                "&&&",
                "=",
                "licenseKey",
                "a=b;c",
                "licenseKey=a&licenseKey=b",
                "x[]=1",
                "?",
            ] {
                for query in [query.to_owned(), format!("apiKey={key}&{query}")] {
                    check(&world.app.stranger().get(&format!("{}?{query}", route.path())).await);
                }
            }
        }
    }
}

#[tokio::test]
async fn every_write_that_is_named_is_answered_twice_and_done_once() {
    for route in routes::all() {
        let Some(method) = route.methods().find(|method| *method != "GET") else {
            continue;
        };
        let world = World::for_route(&route).await;
        if matches!(route.caller, CallerKind::Stripe | CallerKind::OwnerStripe) {
            continue;
        }
        let fields = (row(&route).good)(&world);
        let mut path = route.path().to_owned();
        for (name, value) in fields.as_object().expect("an object") {
            path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"));
        }
        let body = world.let_in(&route, fields).to_string();
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let bearer = if route.caller == CallerKind::ProductKey {
            format!("Bearer {}", world.org.key)
        } else {
            world.person.authorization(&path).await
        };
        let mut headers = vec![("idempotency-key", route.name), ("authorization", bearer.as_str())];
        if route.caller == CallerKind::Operator {
            headers.push(("x-admin-token", secrets().credentials.admin_secret.as_str()));
        }
        let ask = async || {
            let stranger = world.app.stranger();
            stranger.send(&method, &path, &headers, body.as_bytes()).await
        };
        let (first, second) = (ask().await, ask().await);
        let good = route.statuses[0].as_u16();
        first.expect(good);
        assert_eq!(first.header("idempotency-replayed"), "", "{}", route.name);
        let replayed = if route.writes { "true" } else { "" };
        assert_eq!(second.header("idempotency-replayed"), replayed, "{}", route.name);
        if route.writes {
            second.expect_body(good, &first.body);
        }
    }
}

#[tokio::test]
async fn every_route_that_changes_something_lets_its_requests_be_named() {
    // Signs of life are no changes, and what only reads is not a write.
    let reads = [
        "validate",
        "verify",
        "heartbeat",
        "get-",
        "list-",
        "jwks",
        "health",
        "openapi-",
        "docs",
        // A machine's slot is its own, and it must not be let in from memory.
        "activate",
        "move-license",
        // Its events have ids of their own.
        "stripe-webhook",
        "owner-stripe-webhook",
        // It binds a key to one machine, however often that asks.
        "license-keys-validate",
        "license-keys-events",
        "license-keys-list",
        // What is mailed is to be mailed again, and who signs in again is signed in.
        "auth-",
        "v1-status",
        "v1-register",
        "v1-verify",
        "v1-login",
        "v1-refresh",
        "v1-logout",
        "v1-forgot-password",
        "v1-reset-password",
        "v1-sessions",
        "v1-revoke-session",
        "v1-me",
        "v1-list-",
        "v1-count-",
        "v1-export-",
        "v1-get-",
        "v1-whoami",
        "v1-preview-invite",
        // Whether an application may run must be asked of the license as it is.
        "v1-authorize",
        // An invite is accepted once, and by one.
        "v1-accept-invite",
    ];
    for route in routes::all() {
        let only_reads = reads.iter().any(|read| route.name.starts_with(read));
        assert_eq!(route.writes, !only_reads, "{}: set WRITES", route.name);
    }
}

#[tokio::test]
async fn every_route_tells_browsers_what_they_may_send() {
    let app = TestApp::start().await;
    for route in routes::all() {
        let answer = app.stranger().send(&Method::OPTIONS, route.path(), &[], b"").await;
        answer.expect_body(204, &Value::Null);
        let may = |told: &'static str| {
            if route.face.readers == Readers::Everyone {
                told
            } else {
                ""
            }
        };
        for (name, value) in [
            ("access-control-allow-origin", readers(&route)),
            (
                "access-control-allow-methods",
                may("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
            ),
            (
                "access-control-allow-headers",
                may("Content-Type, X-API-Key, x-webhook-secret, Authorization, Idempotency-Key"),
            ),
        ] {
            assert_eq!(answer.header(name), value, "{}: {name}", route.name);
        }
    }
}

#[tokio::test]
async fn every_route_refuses_the_methods_it_does_not_have() {
    let app = TestApp::start().await;
    for route in routes::all() {
        let all = routes::all();
        let same = all.iter().filter(|other| other.path() == route.path());
        let mut own: Vec<&str> = same.flat_map(Route::methods).collect();
        if own.contains(&"GET") {
            own.push("HEAD");
        }
        own.sort_unstable();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"] {
            if own.contains(&method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = app.stranger().send(&method, route.path(), &[], b"{}").await;
            if method == Method::HEAD {
                assert_eq!((answer.status, answer.text.as_str()), (405, ""), "{}", route.name);
            } else if route.face.prefix == "/v1" {
                assert_eq!(answer.expect(405)["error"]["code"], "METHOD_NOT_ALLOWED");
            } else {
                answer.expect_refusal(405, "Method not allowed");
            }
            assert_eq!(answer.header("allow"), own.join(", "), "{}", route.name);
        }
    }
}

#[tokio::test]
async fn required_fields_are_named_by_admin_routes_and_only_counted_by_client_routes() {
    let world = World::new().await;
    let team = World::for_route(&routes::all().pop().expect("a route")).await;
    for route in routes::all() {
        let world = if route.face.prefix == "/v1" { &team } else { &world };
        for missing in route.required {
            let mut body = world.let_in(&route, (row(&route).good)(world));
            body.as_object_mut().expect("an object").remove(*missing);
            let text = match route.face.name {
                "V1" | "V1Keys" | "V1Operators" | "V1Authorizes" => {
                    let method = route.methods().next().expect("a method");
                    let answer = world.send(&route, method, &body).await;
                    let details = answer.expect(400)["error"]["details"].clone();
                    let named = |detail: &Value| detail["path"] == *missing && detail["message"] == "required";
                    assert!(details.as_array().expect("a list").iter().any(named), "{}", route.name);
                    assert_refusal(&route, &answer);
                    continue;
                }
                "FlatClient" | "FlatValidate" | "FlatVerify" => "Missing required fields".to_owned(),
                "FlatAdmin" | "Accounts" => format!("Missing required fields: {}", route.required.join(", ")),
                "KeysForApplications" | "KeysForBuyers" | "KeysForSellers" => "License key is required".to_owned(),
                other => panic!("{other} is a new face: say here how it asks for what is missing"),
            };
            let answer = world.send(&route, "POST", &body).await;
            assert_eq!(answer.expect(400)["error"], text, "{} without {missing}", route.name);
            assert_refusal(&route, &answer);
        }
    }
}

#[tokio::test]
async fn a_failure_inside_is_told_to_the_log_and_not_to_the_client() {
    let world = World::new().await;
    world.app.put_item(
        &schema::LICENSES,
        json!({ "licenseKey": { "S": "broken" }, "status": { "S": "odd" } }),
    );
    for route in routes::all() {
        // `/validate` refuses the token of another license before it reads one.
        if !route.required.contains(&"licenseKey") || route.name == "validate" || route.face.prefix == "/v1" {
            continue;
        }
        let mut body = world.let_in(&route, (row(&route).good)(&world));
        body["licenseKey"] = json!("broken");
        let answer = world.send(&route, "POST", &body).await;
        assert_eq!(answer.expect(500)["error"], "Internal error", "{}", route.name);
        assert_refusal(&route, &answer);
        let log = world.app.cx.log.written();
        let line: Value = log
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .expect("a line");
        assert_eq!(
            (&line["level"], &line["route"]),
            (&json!("error"), &json!(route.path())),
            "{line}"
        );
        assert!(line["cause"].is_string(), "{line}");
        assert_eq!(line["requestId"], answer.header("x-request-id"));
    }
}

/// A family: one function, one binary, several routes.
#[tokio::test]
async fn a_function_with_two_routes_serves_both() {
    const FAMILY: Function = Function {
        name: "family",
        routes: &[
            Route::of::<flat::health::Health>(),
            Route::of::<flat::signing_key::Jwks>(),
        ],
        open_mailer: None,
    };
    assert!(!FAMILY.calls_dynamodb());
    let app = TestApp::start().await;
    let router = Router::new(FAMILY.routes).expect("a router");
    for (path, status) in [
        ("/health", 200),
        ("/.well-known/jwks.json", 200),
        ("/getSigningKey", 404),
    ] {
        let answer = router.answer(&app.cx, &request(&Method::GET, path, &[], b"")).await;
        assert_eq!(answer.status(), status, "{path}");
    }
}
