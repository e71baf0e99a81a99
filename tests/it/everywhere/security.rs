//! What holds for every route against those who mean no good. docs/SECURITY.md has the whole table.

use std::time::{Duration, Instant};

use http::Method;
use keystead_functions::{
    frame::{body::RequestBody, callers::CallerKind, route::Route},
    routes,
};
use keystead_tests::{
    Answer, Field,
    examples::{World, assert_refusal, row},
    fields, request, secrets,
};
use serde_json::{Value, json};

/// Sends a route's good body with more headers and a longer query.
async fn send(world: &World, route: &Route, method: &str, headers: &[(&str, &str)], query: &str) -> Answer {
    let body = (row(route).good)(world);
    let mut path = route.path().to_owned();
    for (name, value) in body.as_object().expect("an object") {
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"));
    }
    let body = if method == "GET" {
        String::new()
    } else {
        body.to_string()
    };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let stranger = world.app.stranger();
    stranger
        .send(&method, &format!("{path}?{query}"), headers, body.as_bytes())
        .await
}

/// The headers in which somebody may think that a credential belongs.
const HEADERS: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-admin-secret",
    "x-webhook-secret",
    "stripe-signature",
    "x-auth-token",
];

#[tokio::test]
async fn a_right_credential_in_a_wrong_place_opens_nothing() {
    let world = World::new().await.with_team().await;
    let secrets = secrets();
    let stripe = secrets.credentials.stripe_webhook_secret.clone().expect("a secret");
    let license = world.app.license().create().await;
    let machine = world.app.machine("with-a-token");
    machine.activate(&license).await.expect(200);
    let api_key = world.app.creator(keystead_tests::OWNER).await.api_key;
    let person = world.app.person("somebody@example.com").await;
    let credentials = [
        ("admin", secrets.credentials.admin_secret.clone()),
        ("api key", api_key),
        ("webhook", secrets.credentials.webhook_secret.clone()),
        ("stripe", stripe),
        ("login", person.token.clone()),
        ("access token", person.access().await),
        ("machine's token", machine.token()),
        ("license key", license.key.clone()),
    ];
    world.app.is_no_credential(&license.key);
    for route in routes::all() {
        let (own, places): (&[&str], &[&str]) = match route.caller {
            CallerKind::Anyone | CallerKind::LicenseKeyHolder => continue,
            CallerKind::Admin => (&["api key"], &["x-api-key"]),
            CallerKind::SuperAdmin | CallerKind::Operator | CallerKind::Stripe | CallerKind::OwnerStripe => (&[], &[]),
            CallerKind::Store => (&["webhook"], &["x-webhook-secret"]),
            CallerKind::SignedIn => (&["login"], &["authorization", "cookie"]),
            CallerKind::AccountHolder => (&["access token"], &["authorization"]),
            CallerKind::ProductKey => (&["product key"], &["authorization", "x-api-key"]),
        };
        for method in route.methods() {
            for (kind, credential) in &credentials {
                let bearer = format!("Bearer {credential}");
                let basic = format!("Basic {credential}");
                let cookie = format!("session={credential}");
                for header in HEADERS {
                    if own.contains(kind) && places.contains(&header) {
                        continue;
                    }
                    for value in [credential, &bearer, &basic, &cookie] {
                        let answer = send(&world, &route, method, &[(header, value)], "").await;
                        assert_eq!(answer.status, 401, "{kind} as {header}: {answer:?}");
                    }
                }
                for name in ["secret", "token", "session", "webhookSecret", "key", "access_token"] {
                    let query = format!("{name}={credential}");
                    let answer = send(&world, &route, method, &[], &query).await;
                    // The webhooks have no GET, and so no query that is looked at.
                    assert_eq!(answer.status, 401, "{kind} as ?{name}=: {answer:?}");
                }
                if method != "GET" {
                    let answer = send(&world, &route, method, &[], &format!("adminSecret={credential}")).await;
                    assert_eq!(answer.status, 401, "{kind} in the query of a {method}: {answer:?}");
                }
            }
        }
    }
}

/// Good answers and refusals: browsers guess no type, and nobody on the way keeps what may hold a secret.
#[tokio::test]
async fn no_answer_is_kept_by_others_unless_it_is_public() {
    let world = World::new().await;
    for route in routes::all() {
        let is_public = matches!(route.name, "get-signing-key" | "jwks" | "docs") || route.name.starts_with("openapi-");
        for method in route.methods() {
            let body = (row(&route).good)(&world);
            let refused = world.send(&route, method, &body).await;
            let good = world.send(&route, method, &world.let_in(&route, body)).await;
            for answer in [refused, good] {
                assert_eq!(answer.header("x-content-type-options"), "nosniff", "{}", route.name);
                let kept = if is_public { "public, max-age=300" } else { "no-store" };
                // What may be kept, and by whom, is told of every answer.
                assert_eq!(answer.header("cache-control"), kept, "{}: {answer:?}", route.name);
                let kind = if route.name == "docs" {
                    "text/html"
                } else {
                    "application/json"
                };
                let is_known = answer.header("content-type").starts_with(kind);
                assert!(is_known || answer.text.is_empty(), "{}: {}", route.name, answer.text);
            }
        }
    }
}

/// What is taken in spite of it: a note is cut short, and of violations those are resolved that there are.
const TAKEN: [(&str, &str, &str); 3] = [
    ("create-license", "disputeReason", "a long text"),
    ("revoke-license", "reason", "a long text"),
    ("resolve-license", "violationIds", "a long list"),
];

/// No field of any route takes what costs the service more than it costs whoever sends it.
#[tokio::test]
async fn what_is_long_or_deep_is_refused_and_soon() {
    let world = World::new().await;
    let long = "x".repeat(200_000);
    let deep = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    let wrong: [(&str, Value); 6] = [
        ("a long text", json!(long)),
        ("a long list", json!(vec!["x"; 40_000])),
        ("a list of lists", json!(vec![json!([]); 40_000])),
        ("a deep list", deep(100)),
        (
            "a wide object",
            (0..20_000).map(|i| (i.to_string(), json!(1))).collect(),
        ),
        ("a long number", json!(1e300)),
    ];
    for route in routes::all() {
        let method = route.methods().last().expect("a method");
        if method == "GET" {
            continue;
        }
        let good = world.let_in(&route, (row(&route).good)(&world));
        for Field { name: field, .. } in fields(&route) {
            // Who shows two credentials is let in by one.
            if ["adminSecret", "apiKey"].contains(&field.as_str()) && good.get(&field).is_none() {
                continue;
            }
            for (kind, value) in &wrong {
                let mut body = good.clone();
                body[&field] = value.clone();
                let begun = Instant::now();
                let answer = world.send(&route, method, &body).await;
                // Of Stripe's events, most are none of ours: they are answered well and not looked at.
                let is_taken = TAKEN.contains(&(route.name, &field, kind))
                    || (matches!(route.caller, CallerKind::Stripe | CallerKind::OwnerStripe) && answer.status == 200);
                assert_eq!(
                    (400..500).contains(&answer.status),
                    !is_taken,
                    "{}: {kind} as {field}: {answer:?}",
                    route.name
                );
                assert!(answer.status < 500, "{}: {kind} as {field}: {answer:?}", route.name);
                // They take milliseconds; the limit is for a machine that has much else to do.
                assert!(
                    begun.elapsed() < Duration::from_secs(5),
                    "{}: {kind} as {field} took {:?}",
                    route.name,
                    begun.elapsed()
                );
                assert!(
                    answer.text.len() < 2_000,
                    "{}: {kind} as {field} is told again",
                    route.name
                );
            }
        }
    }
}

/// Whoever shows a credential in a header is told what is wrong with the body; where it has to be in the body, nobody is.
#[tokio::test]
async fn a_body_that_can_not_be_read_is_refused_by_every_route() {
    let world = World::new().await;
    let key = world.app.creator(keystead_tests::OWNER).await.api_key;
    let reader = world.app.person("reader@example.com").await;
    let nested = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for route in routes::all() {
        if !route.methods().any(|method| method == "POST") {
            continue;
        }
        let path = route.path().replace("{keyId}", "none");
        let bearer = reader.authorization(&path).await;
        let headers = [("x-api-key", key.as_str()), ("authorization", bearer.as_str())];
        for (body, status) in [
            (None, 413),
            (Some("{"), 400),
            (Some("[]"), 400),
            (Some(nested.as_str()), 400),
        ] {
            let mut asked = request(&Method::POST, &path, &headers, body.unwrap_or_default().as_bytes());
            if body.is_none() {
                // What is longer than allowed is not read.
                asked.body = RequestBody::TooLong;
            }
            let answer = world.app.send(asked).await.0;
            let with_header = match route.caller {
                CallerKind::Anyone
                | CallerKind::LicenseKeyHolder
                | CallerKind::Admin
                | CallerKind::SignedIn
                | CallerKind::AccountHolder => true,
                // None of these headers has one.
                CallerKind::ProductKey | CallerKind::Operator => false,
                // Shown in the body, or over it.
                CallerKind::SuperAdmin | CallerKind::Store | CallerKind::Stripe | CallerKind::OwnerStripe => false,
            };
            let refused = answer.status == status || (!with_header && answer.status == 401);
            assert!(refused, "{answer:?}");
            assert_refusal(&route, &answer);
        }
    }
}
