//! What strangers cost: until a credential is found good, a request reads two items at the most and writes nothing; and who
//! shows many that are not is refused for a while without a read.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use keystead_core::store::meter::Usage;
use keystead_functions::{
    frame::{callers::CallerKind, route::Route},
    routes,
};
use keystead_tests::{
    Answer, MINUTE, TestApp,
    examples::{World, row},
    request,
};
use serde_json::{Value, json};

/// Routes that ask for no credential and count who asks, where from and how often, so that no more is done for them than that:
/// ADR 34 has what for. They write in any case.
const COUNTED: [&str; 8] = [
    "auth-register",
    "auth-login",
    "auth-forgot-password",
    "auth-verify",
    "v1-register",
    "v1-login",
    "v1-forgot-password",
    "v1-verify",
];

/// As [`COUNTED`], by the token that was mailed.
const MAILED: [&str; 2] = ["auth-reset-password", "v1-reset-password"];

/// A request as strangers make it: whole and sound, with credentials that look like good ones and are none.
fn made_up(world: &World, route: &Route, spelling: &str) -> Value {
    let mut body = (row(route).good)(world);
    match route.caller {
        CallerKind::LicenseKeyHolder => {
            for name in ["licenseKey", "key"] {
                if body.get(name).is_some() {
                    body[name] = json!(spelling);
                }
            }
        }
        CallerKind::Admin => body["apiKey"] = json!(format!("cgls_{}", "0".repeat(64))),
        CallerKind::SuperAdmin => body["adminSecret"] = json!("0".repeat(64)),
        CallerKind::Store => body["webhookSecret"] = json!(format!("cgls_{}", "0".repeat(64))),
        CallerKind::OwnerStripe => body["endpointId"] = json!(format!("cgst_{}", "0".repeat(64))),
        CallerKind::Anyone
        | CallerKind::SignedIn
        | CallerKind::Stripe
        | CallerKind::AccountHolder
        | CallerKind::Operator
        | CallerKind::ProductKey => {}
    }
    body
}

/// What has the form of a token of ours, by a key that is none.
fn forged() -> String {
    let header = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{}"}}"#, "A".repeat(43));
    let parts = [header.as_str(), r#"{"sub":"made-up"}"#, "signature"].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    parts.join(".")
}

/// Sends it, with made-up credentials in the headers as well, and a name by which it could be sent again.
async fn send(app: &TestApp, route: &Route, method: &str, body: &Value, number: usize) -> (Answer, Usage) {
    let mut path = route.path().to_owned();
    for (name, value) in body.as_object().expect("an object") {
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"));
    }
    let body = if method == "GET" {
        let fields = body.as_object().expect("an object").iter();
        let pairs: Vec<String> = fields
            .map(|(name, value)| format!("{name}={}", value.as_str().expect("a text")))
            .collect();
        path = format!("{path}?{}", pairs.join("&"));
        String::new()
    } else {
        body.to_string()
    };
    let (name, signature) = (format!("named-{number}"), format!("t={},v1=00", app.now().seconds()));
    // What could be a key is looked for; what could be a token is verified.
    let bearer = if route.caller == CallerKind::ProductKey {
        format!("Bearer gg_{}", "A".repeat(43))
    } else {
        format!("Bearer {}", forged())
    };
    let cookie = format!("session={}", forged());
    let guessed = "0".repeat(64);
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", cookie.as_str()),
        ("x-admin-token", guessed.as_str()),
        ("stripe-signature", signature.as_str()),
        ("idempotency-key", name.as_str()),
    ];
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    app.send(request(&method, &path, &headers, body.as_bytes())).await
}

#[tokio::test]
async fn no_route_writes_or_reads_more_than_two_items_for_who_shows_no_good_credential() {
    let world = World::new().await;
    let mut number = 0;
    // Of our own making and not, as it is and as it is typed.
    for spelling in [
        "de300000-0000-4000-8000-00000000000a",
        "DE300000-0000-4000-8000-00000000000A",
        "GLD-AAAA-BBBB-CCCC-DDDD",
        "gld-aaaa-bbbb-cccc-dddd",
        "from elsewhere",
    ] {
        for route in routes::all() {
            for method in route.methods() {
                number += 1;
                let body = made_up(&world, &route, spelling);
                // A process that knows no product yet, and one that knows all.
                for app in [&world.app.restarted().await, &world.app] {
                    app.faults.calls();
                    let (answer, usage) = send(app, &route, method, &body, number).await;
                    if route.caller != CallerKind::Anyone {
                        assert!([401, 404].contains(&answer.status), "{}: {answer:?}", route.name);
                    }
                    let calls = app.faults.calls();
                    if COUNTED.contains(&route.name) || MAILED.contains(&route.name) {
                        continue;
                    }
                    let reads = ["GetItem", "BatchGetItem"];
                    let others: Vec<&String> = calls.iter().filter(|call| !reads.contains(&call.as_str())).collect();
                    assert!(others.is_empty(), "{} for a stranger: {calls:?}", route.name);
                    assert!(
                        usage.read_units <= 2.0 && usage.write_units == 0.0,
                        "{} for a stranger: {usage:?}",
                        route.name
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_counted_of_strangers_is_all_that_is_written() {
    let world = World::new().await;
    let tables = [
        "licenses",
        "activations",
        "events",
        "idempotency",
        "purchases",
        "products",
    ];
    let items = |table: &str| {
        let scan = json!({ "TableName": table }).to_string();
        let (_, reply) = world.app.database.answer("Scan", scan.as_bytes());
        let reply: Value = serde_json::from_slice(&reply).expect("a reply");
        let mut items = reply["Items"].as_array().expect("items").clone();
        // Those who sign in, with what was mailed or with a password, are no strangers, and their account's log says so.
        items.retain(|item| {
            !item["subject"]["S"]
                .as_str()
                .is_some_and(|of| of.starts_with("account#"))
        });
        items
    };
    let before: Vec<Vec<Value>> = tables.iter().map(|table| items(table)).collect();
    for (number, route) in routes::all().into_iter().enumerate() {
        let body = made_up(&world, &route, "made up");
        for method in route.methods() {
            send(&world.app, &route, method, &body, number).await;
        }
    }
    let after: Vec<Vec<Value>> = tables.iter().map(|table| items(table)).collect();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_network_that_shows_many_keys_that_are_none_is_refused_for_a_while() {
    const TOO_MANY: &str = "Too many attempts. Try again later.";
    for route in routes::all() {
        if route.caller != CallerKind::LicenseKeyHolder || route.name == "validate" {
            continue;
        }
        let world = World::new().await;
        let body = made_up(&world, &route, "made up");
        let from = async |address: &str, body: &Value| {
            let headers = [("x-forwarded-for", address)];
            let asked = request(&Method::POST, route.path(), &headers, body.to_string().as_bytes());
            world.app.send(asked).await
        };
        for _ in 0..100 {
            assert_eq!(from("203.0.113.9", &body).await.0.status, 404, "{}", route.name);
        }
        let (refused, usage) = from("203.0.113.9", &body).await;
        assert_eq!(refused.expect(429)["error"], TOO_MANY, "{}", route.name);
        assert_eq!(usage.calls, 0, "{}", route.name);
        // Others are let in, and so is everybody a quarter of an hour later.
        let good = (row(&route).good)(&world);
        assert_eq!(from("203.0.113.10", &good).await.0.status, 200, "{}", route.name);
        world.app.advance(15 * MINUTE);
        assert_eq!(from("203.0.113.9", &body).await.0.status, 404, "{}", route.name);
    }
}

#[tokio::test]
async fn who_mistypes_a_key_keeps_nobody_out_of_an_office_in_which_good_ones_are_used() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a").at("203.0.113.9");
    machine.activate(&license).await.expect(200);
    let typo = keystead_tests::TestLicense {
        key: "mistyped".to_owned(),
    };
    for _ in 0..200 {
        app.machine("b").at("203.0.113.9").activate(&typo).await.expect(404);
    }
    machine.activate(&license).await.expect(200);
}

/// The names that machines give their requests are their own, whoever else has the key.
#[tokio::test]
async fn a_request_s_name_is_its_machine_s_own() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for name in ["own", "other"] {
        app.machine(name).activate(&license).await.expect(200);
    }
    let leave = async |fingerprint: &str| {
        let body = json!({ "licenseKey": license.key, "machineFingerprint": fingerprint }).to_string();
        let headers = [("idempotency-key", "leaving"), ("content-type", "application/json")];
        let stranger = app.stranger();
        stranger
            .send(&Method::POST, "/deactivate", &headers, body.as_bytes())
            .await
    };
    leave("made up").await.expect(404);
    let left = leave(&app.machine("own").fingerprint).await;
    assert_eq!(left.expect(200)["machinesUsed"], 1);
    let again = leave(&app.machine("own").fingerprint).await;
    assert_eq!(again.expect(200)["machinesUsed"], 1);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        leave(&app.machine("other").fingerprint).await.expect(200)["machinesUsed"],
        0
    );
}

#[tokio::test]
async fn a_machine_with_its_token_is_let_in_beside_others_who_guess_keys() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (key, other) = (&license.key, app.license().create().await);
    let activated = app.machine("a").activate(&license).await;
    let token = activated.expect(200)["token"].clone();
    let from_there = async |path: &str, body: &Value| {
        let headers = [("x-forwarded-for", "203.0.113.9")];
        let asked = request(&Method::POST, path, &headers, body.to_string().as_bytes());
        app.send(asked).await.0
    };
    for number in 0..100 {
        let guess = json!({ "licenseKey": format!("guess-{number}"), "productId": "app" });
        assert_eq!(from_there("/verify", &guess).await.status, 404);
    }
    let held = json!({ "licenseKey": key, "machineFingerprint": "fingerprint-of-a", "token": token });
    assert_eq!(from_there("/validate", &held).await.status, 200);
    // A good one has come from there by now, so that it takes more to be refused: elsewhere it does not.
    let elsewhere = async |path: &str, body: &Value| {
        let headers = [("x-forwarded-for", "203.0.113.10")];
        let asked = request(&Method::POST, path, &headers, body.to_string().as_bytes());
        app.send(asked).await.0
    };
    for number in 0..100 {
        let guess = json!({ "licenseKey": format!("guess-{number}"), "productId": "app", "token": token });
        assert_eq!(elsewhere("/verify", &guess).await.status, 404);
    }
    // A token proves its own key, and no other.
    let others = json!({ "licenseKey": other.key, "productId": "app", "token": token });
    assert_eq!(elsewhere("/verify", &others).await.status, 429);
}
