//! Faults: every request is met by every fault at each of its calls of DynamoDB in turn.
//!
//! Whatever happens, the counters stay true, the answer is either right or a clean 500 that tells nothing, and the client
//! that asks again (after a crash: another process) gets what it wanted, and no second seat.

use std::{collections::HashSet, pin::Pin, time::Duration};

use http::Method;
use keystead_core::{
    license::{
        activation::SESSION_TIMEOUT,
        machine::{Fingerprint, MachineId},
    },
    request::idempotency::LONGEST_REQUEST,
};
use keystead_functions::{frame::route::Route, routes};
use keystead_tests::{Answer, Fault, LicenseBuilder, Options, PRODUCT, TestApp, TestLicense, secrets};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A request that is about to be made, and what it is about.
struct Asked {
    path: &'static str,
    body: Value,
    license: TestLicense,
}

impl Asked {
    async fn of(&self, app: &TestApp) -> Answer {
        app.stranger().post(self.path, self.body.clone()).await
    }

    /// As [`Asked::of`], by a client that named the request.
    async fn of_named(&self, app: &TestApp, name: &str) -> Answer {
        let headers = [("idempotency-key", name)];
        let body = self.body.to_string();
        app.stranger()
            .send(&Method::POST, self.path, &headers, body.as_bytes())
            .await
    }
}

type Prepared = Pin<Box<dyn Future<Output = Asked> + Send>>;

/// A request to meet with faults.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    /// Brings the service into the state in which the request is made; machines and the like are named after the text.
    prepare: fn(TestApp, String) -> Prepared,
    /// How the same request may be answered once it took effect already, beside with 200.
    again: Option<(u16, &'static str)>,
    /// As `again`, also of a request that its client named: what it takes away is not there to be taken twice.
    gone: Option<(u16, &'static str)>,
}

/// A scenario; `$again` when the same request is answered differently once it took effect.
macro_rules! scenario {
    ($name:literal, |$app:ident, $trial:ident| $prepare:block $(, again $again:expr)? $(, gone $gone:expr)?) => {
        Scenario {
            name: $name,
            prepare: |$app, $trial| Box::pin(async move { $prepare }),
            again: None $(.or(Some($again)))? $(.or(Some($gone)))?,
            gone: None $(.or(Some($gone)))?,
        }
    };
}

fn client_scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        scenario!("/activate by a new machine", |app, trial| {
            let license = app.license().max_machines(1).create().await;
            activate(&trial, license)
        }),
        scenario!("/activate by a known machine", |app, trial| {
            let license = app.license().max_machines(1).create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            activate(&trial, license)
        }),
        scenario!("/activate by a new machine, floating", |app, trial| {
            let license = app.license().floating(1).create().await;
            activate(&trial, license)
        }),
        scenario!("/activate by a machine whose session was reaped", |app, trial| {
            let (license, _) = reaped(&app, &trial).await;
            activate(&trial, license)
        }),
        scenario!("/activate by a machine that reaps", |app, trial| {
            let license = app.license().floating(1).create().await;
            app.machine(&format!("{trial}-other"))
                .activate(&license)
                .await
                .expect(200);
            app.advance(SESSION_TIMEOUT);
            activate(&trial, license)
        }),
        scenario!("/validate", |app, trial| {
            let license = app.license().create().await;
            validate(&app, &trial, license).await
        }),
        scenario!("/validate after a while", |app, trial| {
            let license = app.license().create().await;
            let asked = validate(&app, &trial, license).await;
            app.advance(Duration::from_secs(15 * 60));
            asked
        }),
        scenario!("/validate with a token to renew", |app, trial| {
            let license = app.license().create().await;
            let asked = validate(&app, &trial, license).await;
            app.advance(Duration::from_secs(24 * 24 * 60 * 60));
            asked
        }),
        scenario!("/validate of a machine that is back", |app, trial| {
            let license = app.license().create().await;
            let asked = validate(&app, &trial, license).await;
            app.advance(Duration::from_secs(60 * 60));
            asked
        }),
        scenario!("/validate of a machine whose session was reaped", |app, trial| {
            let (license, token) = reaped(&app, &trial).await;
            machine_s("/validate", &trial, license, json!({ "token": token }))
        }),
        scenario!("/heartbeat", |app, trial| {
            let license = app.license().floating(1).create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            machine_s("/heartbeat", &trial, license, json!({}))
        }),
        scenario!("/heartbeat of a machine whose session was reaped", |app, trial| {
            let (license, token) = reaped(&app, &trial).await;
            machine_s("/heartbeat", &trial, license, json!({ "token": token }))
        }),
        scenario!("/heartbeat, per machine", |app, trial| {
            let license = app.license().create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            app.advance(Duration::from_secs(15 * 60));
            machine_s("/heartbeat", &trial, license, json!({}))
        }),
        scenario!(
            "/deactivate",
            |app, trial| {
                let license = app.license().create().await;
                app.machine(&trial).activate(&license).await.expect(200);
                machine_s("/deactivate", &trial, license, json!({}))
            },
            gone(404, "Activation not found")
        ),
        scenario!(
            "/deactivate, floating",
            |app, trial| {
                let license = app.license().floating(1).create().await;
                app.machine(&trial).activate(&license).await.expect(200);
                machine_s("/deactivate", &trial, license, json!({}))
            },
            gone(404, "Activation not found")
        ),
        scenario!("/listMachines", |app, trial| {
            let license = app.license().create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            machine_s("/listMachines", &trial, license, json!({}))
        }),
        scenario!("/verify", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "licenseKey": license.key, "productId": PRODUCT, "note": trial });
            Asked {
                path: "/verify",
                body,
                license,
            }
        }),
    ];
    scenarios.extend(move_scenarios());
    scenarios
}

/// Those of moves. Once it was moved, the machine that left is not there to leave again.
fn move_scenarios() -> Vec<Scenario> {
    const LEFT: &str = "Activation not found";

    vec![
        scenario!(
            "/moveLicense",
            |app, trial| {
                let license = app.license().max_machines(1).create().await;
                let left = activated(&app, &trial, &license).await;
                move_from(&left, &trial, license)
            },
            again(404, LEFT)
        ),
        scenario!(
            "/moveLicense from a machine as it is shown",
            |app, trial| {
                let license = app.license().max_machines(1).create().await;
                let left = activated(&app, &trial, &license).await;
                // It can't run by itself any more.
                app.advance(Duration::from_secs(30 * 24 * 60 * 60));
                let left = Fingerprint::parse(&left).expect("a fingerprint");
                move_from(MachineId::of(&left).shown(), &trial, license)
            },
            again(404, LEFT)
        ),
        scenario!("/moveLicense in its own place", |app, trial| {
            let license = app.license().max_machines(1).create().await;
            let left = app.machine(&trial);
            left.activate(&license).await.expect(200);
            move_from(&left.fingerprint, &trial, license)
        }),
        scenario!(
            "/moveLicense to a machine that is in",
            |app, trial| {
                let license = app.license().create().await;
                let left = activated(&app, &trial, &license).await;
                app.machine(&trial).activate(&license).await.expect(200);
                move_from(&left, &trial, license)
            },
            again(404, LEFT)
        ),
        scenario!(
            "/moveLicense, floating",
            |app, trial| {
                let license = app.license().floating(1).create().await;
                let left = activated(&app, &trial, &license).await;
                move_from(&left, &trial, license)
            },
            again(404, LEFT)
        ),
        scenario!(
            "/moveLicense to a machine whose session was reaped",
            |app, trial| {
                let license = app.license().floating(1).create().await;
                app.machine(&trial).activate(&license).await.expect(200);
                app.advance(SESSION_TIMEOUT);
                let left = activated(&app, &trial, &license).await;
                move_from(&left, &trial, license)
            },
            again(404, LEFT)
        ),
        scenario!(
            "/moveLicense by a machine that reaps",
            |app, trial| {
                let license = app.license().floating(1).create().await;
                let left = activated(&app, &trial, &license).await;
                app.advance(SESSION_TIMEOUT);
                let other = app.machine(&format!("{trial}-other"));
                other.activate(&license).await.expect(200);
                app.advance(SESSION_TIMEOUT);
                move_from(&left, &trial, license)
            },
            again(404, LEFT)
        ),
    ]
}

/// The fingerprint of another machine, which is on the license.
async fn activated(app: &TestApp, machine: &str, license: &TestLicense) -> String {
    let leaving = app.machine(&format!("{machine}-leaving"));
    leaving.activate(license).await.expect(200);
    leaving.fingerprint
}

fn move_from(leaving: &str, machine: &str, license: TestLicense) -> Asked {
    let more = json!({ "hostname": "host", "productId": PRODUCT, "releaseFingerprint": leaving });
    machine_s("/moveLicense", machine, license, more)
}

fn admin_scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        scenario!("/createLicense", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "email": format!("{trial}@example.com"), "productId": PRODUCT });
            with_key(&app, "/createLicense", license, body).await
        }),
        scenario!("/getLicense", |app, trial| {
            let license = app.license().create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            let body = json!({ "licenseKey": license.key });
            with_key(&app, "/getLicense", license, body).await
        }),
        scenario!("/revokeLicense", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "licenseKey": license.key, "reason": trial });
            with_key(&app, "/revokeLicense", license, body).await
        }),
        scenario!("/resetActivations", |app, trial| {
            let license = app.license().floating(3).create().await;
            for i in 0..3 {
                app.machine(&format!("{trial}-{i}"))
                    .activate(&license)
                    .await
                    .expect(200);
            }
            let body = json!({ "licenseKey": license.key });
            with_key(&app, "/resetActivations", license, body).await
        }),
        scenario!(
            "/createProduct",
            |app, trial| {
                let license = app.license().create().await;
                let body = json!({ "name": "Another", "slug": format!("slug-{trial}") });
                with_key(&app, "/createProduct", license, body).await
            },
            again(409, "A product with this slug already exists")
        ),
        scenario!("/listProducts", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "includeAll": true, "note": trial });
            with_key(&app, "/listProducts", license, body).await
        }),
        scenario!("/createApiKey", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "adminSecret": secrets().credentials.admin_secret, "creatorId": "bob", "name": trial });
            Asked {
                path: "/createApiKey",
                body,
                license,
            }
        }),
    ];
    scenarios.extend(further_admin_scenarios());
    scenarios.extend(code_scenarios());
    scenarios
}

/// Those of the endpoints around a license: its catalog, its keys, its changes.
fn further_admin_scenarios() -> Vec<Scenario> {
    vec![
        scenario!("/listLicenses", |app, trial| {
            let license = app.license().create().await;
            with_key(
                &app,
                "/listLicenses",
                license,
                json!({ "productId": PRODUCT, "note": trial }),
            )
            .await
        }),
        scenario!("/updateLicense", |app, trial| {
            let license = app.license().floating(3).create().await;
            app.machine(&trial).activate(&license).await.expect(200);
            let body = json!({ "licenseKey": license.key, "status": "suspended", "licenseType": "per-machine" });
            with_key(&app, "/updateLicense", license, body).await
        }),
        scenario!("/reinstateLicense", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "licenseKey": license.key, "reason": trial });
            app.admin().post("/revokeLicense", body.clone()).await.expect(200);
            with_key(&app, "/reinstateLicense", license, body).await
        }),
        scenario!("/updateProduct", |app, trial| {
            let license = app.license().create().await;
            let product =
                json!({ "name": "Another", "slug": format!("slug-{trial}"), "creatorId": keystead_tests::OWNER });
            app.admin().post("/createProduct", product).await.expect(200);
            let body = json!({ "productId": format!("slug-{trial}"), "name": "Renamed", "status": "unlisted" });
            with_key(&app, "/updateProduct", license, body).await
        }),
        scenario!(
            "/createVariant",
            |app, trial| {
                let license = app.license().create().await;
                with_key(
                    &app,
                    "/createVariant",
                    license,
                    json!({ "productId": PRODUCT, "name": trial }),
                )
                .await
            },
            again(409, "A variant with this name already exists")
        ),
        scenario!("/updateVariant", |app, trial| {
            let license = app.license().create().await;
            let variant = with_key(
                &app,
                "/createVariant",
                license.clone(),
                json!({ "productId": PRODUCT, "name": trial }),
            );
            let made = variant.await.of(&app).await;
            let body = json!({ "variantId": made.expect(200)["variantId"], "maxMachines": 7 });
            with_key(&app, "/updateVariant", license, body).await
        }),
        scenario!("/listVariants", |app, trial| {
            let license = app.license().create().await;
            with_key(
                &app,
                "/listVariants",
                license,
                json!({ "productId": PRODUCT, "note": trial }),
            )
            .await
        }),
        scenario!("/createLicense with a purchase and a code", |app, trial| {
            let license = app.license().create().await;
            let code = json!({ "code": trial, "discountPercent": 10, "creatorId": keystead_tests::OWNER });
            app.admin().post("/createDiscountCode", code).await.expect(200);
            let body = json!({ "email": format!("{trial}@example.com"), "productId": PRODUCT, "purchaseId": trial,
                               "discountCode": trial });
            with_key(&app, "/createLicense", license, body).await
        }),
        scenario!("/cgloungeWebhook, completed", |app, trial| {
            let license = app.license().create().await;
            told("purchase.completed", license, &trial)
        }),
        scenario!("/cgloungeWebhook, refunded", |app, trial| {
            let license = app.license().with("purchaseId", trial.as_str()).create().await;
            told("purchase.refunded", license, &trial)
        }),
        scenario!("/cgloungeWebhook, disputed", |app, trial| {
            let license = app.license().with("purchaseId", trial.as_str()).create().await;
            told("purchase.disputed", license, &trial)
        }),
        scenario!("/cgloungeWebhook, renewed", |app, trial| {
            let ends = (app.now() + Duration::from_secs(60)).to_string();
            let license = app.license().with("expiresAt", ends).create().await;
            told("subscription.renewed", license, &trial)
        }),
        scenario!("/listApiKeys", |app, trial| {
            let license = app.license().create().await;
            let body = json!({ "adminSecret": secrets().credentials.admin_secret, "note": trial });
            Asked {
                path: "/listApiKeys",
                body,
                license,
            }
        }),
        scenario!("/revokeApiKey", |app, trial| {
            let license = app.license().create().await;
            let key = app.creator(&trial).await.api_key;
            let body = json!({ "adminSecret": secrets().credentials.admin_secret, "apiKey": key });
            Asked {
                path: "/revokeApiKey",
                body,
                license,
            }
        }),
    ]
}

/// Those of the endpoints around trial and discount codes.
fn code_scenarios() -> Vec<Scenario> {
    const GONE: (u16, &str) = (404, "Trial code not found");

    vec![
        scenario!(
            "/createTrialCode",
            |app, trial| {
                let license = app.license().create().await;
                let body = json!({ "code": trial, "productId": PRODUCT });
                with_key(&app, "/createTrialCode", license, body).await
            },
            again(409, "A code with this name already exists")
        ),
        scenario!("/listTrialCodes", |app, trial| {
            let body = json!({ "productId": PRODUCT, "note": trial });
            about_a_code(&app, "/listTrialCodes", &trial, body).await
        }),
        scenario!("/updateTrialCode", |app, trial| {
            let body = json!({ "code": trial, "maxUses": 3, "expiresAt": null });
            about_a_code(&app, "/updateTrialCode", &trial, body).await
        }),
        scenario!(
            "/deleteTrialCode",
            |app, trial| { about_a_code(&app, "/deleteTrialCode", &trial, json!({ "code": trial })).await },
            gone GONE
        ),
        scenario!(
            "/redeemTrialCode",
            |app, trial| {
                let body = json!({ "code": trial, "email": format!("{trial}@example.com") });
                about_a_code(&app, "/redeemTrialCode", &trial, body).await
            },
            again(409, "Trial already redeemed for this email")
        ),
    ]
}

/// A request about a code that is there.
async fn about_a_code(app: &TestApp, path: &'static str, code: &str, body: Value) -> Asked {
    let license = app.license().create().await;
    let made = json!({ "code": code, "productId": PRODUCT, "maxUses": 1 });
    app.admin().post("/createTrialCode", made).await.expect(200);
    with_key(app, path, license, body).await
}

fn activate(machine: &str, license: TestLicense) -> Asked {
    let more = json!({ "hostname": "host", "productId": PRODUCT });
    machine_s("/activate", machine, license, more)
}

/// `POST /validate` by a machine that is activated for it.
async fn validate(app: &TestApp, machine: &str, license: TestLicense) -> Asked {
    let token = app.machine(machine).activate(&license).await.expect(200)["token"].clone();
    machine_s("/validate", machine, license, json!({ "token": token }))
}

/// A request by a machine.
fn machine_s(path: &'static str, machine: &str, license: TestLicense, more: Value) -> Asked {
    let mut body = more;
    body["licenseKey"] = license.key.clone().into();
    body["machineFingerprint"] = format!("fingerprint-of-{machine}").into();
    Asked { path, body, license }
}

/// What a store tells of the purchase with this id.
fn told(r#type: &str, license: TestLicense, id: &str) -> Asked {
    let body = json!({
        "webhookSecret": secrets().credentials.webhook_secret, "type": r#type, "email": "customer@example.com",
        "productId": PRODUCT, "purchaseId": id, "durationDays": 30,
    });
    Asked {
        path: "/cgloungeWebhook",
        body,
        license,
    }
}

/// A request with an API key of the product's owner.
async fn with_key(app: &TestApp, path: &'static str, license: TestLicense, mut body: Value) -> Asked {
    body["apiKey"] = app.creator(keystead_tests::OWNER).await.api_key.into();
    Asked { path, body, license }
}

/// A floating license with one seat, which is free, and a token of the machine that held it first.
async fn reaped(app: &TestApp, machine: &str) -> (TestLicense, String) {
    let license = app.license().floating(1).create().await;
    let first = app.machine(machine);
    first.activate(&license).await.expect(200);
    app.advance(SESSION_TIMEOUT);
    let other = app.machine(&format!("{machine}-other"));
    other.activate(&license).await.expect(200);
    other.deactivate(&license).await.expect(200);
    assert_eq!(app.assert_counters_true(&license).await.seats.sessions_open, 0);
    (license, first.token())
}

/// A service that keeps nothing, so that a request makes the same calls each time.
async fn forgetful() -> TestApp {
    Options::default().product_ttl(Duration::ZERO).start().await
}

/// What a scenario comes to without faults: how many calls it makes, and the license's counters afterwards.
async fn without_faults(app: &TestApp, scenario: Scenario) -> (usize, (u32, u32)) {
    let asked = (scenario.prepare)(app.clone(), "first".to_owned()).await;
    app.faults.calls();
    asked.of(app).await.expect(200);
    let calls = app.faults.calls().len();
    (calls, counters(app, &asked).await)
}

async fn counters(app: &TestApp, asked: &Asked) -> (u32, u32) {
    let license = app.assert_counters_true(&asked.license).await;
    (license.seats.machines_used, license.seats.sessions_open)
}

/// Asserts that an answer is a 500 of which nobody learns anything.
#[track_caller]
fn assert_clean(answer: &Answer, trial: &str) {
    let shape = if answer.body.get("valid").is_some() {
        "valid"
    } else {
        "success"
    };
    assert_eq!(answer.status, 500, "{trial}: {answer:?}");
    assert_eq!(
        answer.body,
        json!({ shape: false, "error": "Internal error" }),
        "{trial}"
    );
}

/// Asserts that a client that asks again gets what it wanted.
#[track_caller]
fn assert_answered_again(scenario: Scenario, answer: &Answer, trial: &str) {
    match scenario.again {
        Some((status, text)) if answer.status == status => {
            answer.expect_error(status, text);
        }
        _ => assert_eq!(answer.status, 200, "{trial}, asked again: {answer:?}"),
    }
}

/// Runs `story` on every scenario, all at once: they wait a lot.
async fn on_each<F>(scenarios: Vec<Scenario>, story: impl Fn(Scenario) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut stories = JoinSet::new();
    for scenario in scenarios {
        stories.spawn(story(scenario));
    }
    stories.join_all().await;
}

/// The process crashes at each call, before or after it took effect; the client asks another process.
async fn crashes_at_each_call(scenario: Scenario) {
    let app = forgetful().await;
    let (calls, expected) = without_faults(&app, scenario).await;
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for call in 0..calls {
            let trial = format!("{} {fault:?} {call}", scenario.name);
            let asked = (scenario.prepare)(app.clone(), format!("{fault:?}-{call}").to_lowercase()).await;
            app.faults.inject(std::iter::repeat_n(Fault::None, call).chain([fault]));
            let answer = app.faults.until_crash(asked.of(&app)).await;
            assert!(answer.is_none(), "{trial}: {answer:?}");
            let next = app.restarted().await;
            next.assert_counters_true(&asked.license).await;
            assert_answered_again(scenario, &asked.of(&next).await, &trial);
            assert_eq!(counters(&next, &asked).await, expected, "{trial}");
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_call_of_a_client_s_request_costs_nobody_a_seat() {
    on_each(client_scenarios(), crashes_at_each_call).await;
}

#[tokio::test]
async fn a_crash_at_any_call_of_an_admin_s_request_leaves_the_counters_true() {
    on_each(admin_scenarios(), crashes_at_each_call).await;
}

/// As [`crashes_at_each_call`], with a request that the client named: it gets the answer that it would have got, and what it
/// asked for is done once.
async fn crashes_at_each_call_of_a_named_request(scenario: Scenario) {
    let app = forgetful().await;
    let asked = (scenario.prepare)(app.clone(), "first".to_owned()).await;
    app.faults.calls();
    asked.of_named(&app, "first").await.expect(200);
    let calls = app.faults.calls().len();
    let (expected, told) = (counters(&app, &asked).await, events(&app, &asked).await);
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for call in 0..calls {
            let trial = format!("{} {fault:?} {call}", scenario.name);
            let asked = (scenario.prepare)(app.clone(), format!("{fault:?}-{call}").to_lowercase()).await;
            app.faults.inject(std::iter::repeat_n(Fault::None, call).chain([fault]));
            let answer = app.faults.until_crash(asked.of_named(&app, &trial)).await;
            assert!(answer.is_none(), "{trial}: {answer:?}");
            let next = app.restarted().await;
            // Until then the next process waits for the one that died.
            next.advance(LONGEST_REQUEST);
            let again = asked.of_named(&next, &trial).await;
            match scenario.gone {
                Some((status, text)) if again.status == status => {
                    again.expect_error(status, text);
                }
                _ => assert_eq!(again.status, 200, "{trial}, asked again: {again:?}"),
            }
            assert_eq!(counters(&next, &asked).await, expected, "{trial}");
            assert_eq!(events(&next, &asked).await, told, "{trial}");
            let replayed = asked.of_named(&next, &trial).await;
            assert_eq!(
                (replayed.status, &replayed.body),
                (again.status, &again.body),
                "{trial}"
            );
            assert_eq!(replayed.header("idempotency-replayed"), "true", "{trial}");
        }
    }
}

/// How many events of the license there are.
async fn events(app: &TestApp, asked: &Asked) -> usize {
    let license = app.stored(&asked.license).await;
    app.cx.store.event_list(&license).await.expect("a read").len()
}

#[tokio::test]
async fn a_named_request_that_dies_is_carried_out_once() {
    let writes: HashSet<&str> = routes::all()
        .iter()
        .filter(|route| route.writes)
        .map(Route::path)
        .collect();
    let scenarios = client_scenarios().into_iter().chain(admin_scenarios());
    let written = scenarios.filter(|scenario| {
        scenario
            .name
            .split([' ', ','])
            .next()
            .is_some_and(|path| writes.contains(path))
    });
    on_each(written.collect(), crashes_at_each_call_of_a_named_request).await;
}

/// Every fault that DynamoDB and the network know, once at each call. The SDK and the store try again, so the client
/// sees nothing of it.
async fn fails_once_at_each_call(scenario: Scenario) {
    let app = forgetful().await;
    let mut secrets = HashSet::new();
    let (calls, expected) = without_faults(&app, scenario).await;
    for fault in [
        Fault::Throttled,
        Fault::ServerError,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Conflict,
        Fault::Garbled,
    ] {
        for call in 0..calls {
            let trial = format!("{} {fault:?} {call}", scenario.name);
            let asked = (scenario.prepare)(app.clone(), format!("{fault:?}-{call}").to_lowercase()).await;
            app.faults.inject(std::iter::repeat_n(Fault::None, call).chain([fault]));
            let answer = asked.of(&app).await;
            app.assert_counters_true(&asked.license).await;
            // A reply that can't be read is not asked for again: nobody knows what became of the call.
            if fault == Fault::Garbled && answer.status == 500 {
                assert_clean(&answer, &trial);
                assert_answered_again(scenario, &asked.of(&app).await, &trial);
            } else {
                assert_eq!(answer.status, 200, "{trial}: {answer:?}\n{}", app.cx.log.written());
            }
            assert_eq!(counters(&app, &asked).await, expected, "{trial}");
            if scenario.again.is_none() && fault == Fault::LostAfter {
                asked.of(&app).await.expect(200);
                assert_eq!(counters(&app, &asked).await, expected, "{trial}, asked again");
            }
            secrets.extend(secrets_of(&asked));
        }
    }
    assert_discreet(&app, scenario, &secrets);
}

#[tokio::test]
async fn a_client_sees_nothing_of_a_fault_that_passes() {
    on_each(client_scenarios(), fails_once_at_each_call).await;
}

#[tokio::test]
async fn an_admin_sees_nothing_of_a_fault_that_passes() {
    on_each(admin_scenarios(), fails_once_at_each_call).await;
}

/// From some call on, everything fails for as long as the request lasts.
async fn fails_from_each_call_on(scenario: Scenario) {
    let app = forgetful().await;
    let mut secrets = HashSet::new();
    let (calls, expected) = without_faults(&app, scenario).await;
    for fault in [Fault::ServerError, Fault::LostAfter] {
        for call in 0..calls {
            let trial = format!("{} {fault:?} from {call} on", scenario.name);
            let asked = (scenario.prepare)(app.clone(), format!("{fault:?}-{call}").to_lowercase()).await;
            let faults = std::iter::repeat_n(Fault::None, call).chain(std::iter::repeat_n(fault, 40));
            app.faults.inject(faults);
            let answer = asked.of(&app).await;
            app.faults.inject([]);
            assert_clean(&answer, &trial);
            app.assert_counters_true(&asked.license).await;
            assert_answered_again(scenario, &asked.of(&app).await, &trial);
            assert_eq!(counters(&app, &asked).await, expected, "{trial}");
            secrets.extend(secrets_of(&asked));
        }
    }
    assert_discreet(&app, scenario, &secrets);
}

#[tokio::test]
async fn a_client_is_told_nothing_of_a_fault_that_lasts_and_can_ask_again() {
    on_each(client_scenarios(), fails_from_each_call_on).await;
}

#[tokio::test]
async fn an_admin_is_told_nothing_of_a_fault_that_lasts_and_can_ask_again() {
    on_each(admin_scenarios(), fails_from_each_call_on).await;
}

/// What a request holds that must not be in the log: an operator is told the cause, and nothing of the customer.
fn secrets_of(asked: &Asked) -> Vec<String> {
    let secret = [
        "licenseKey",
        "machineFingerprint",
        "releaseFingerprint",
        "token",
        "apiKey",
        "adminSecret",
        "email",
    ];
    let values = secret.iter().filter_map(|field| asked.body[field].as_str());
    values
        .chain([asked.license.key.as_str(), "customer@example.com"])
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn assert_discreet(app: &TestApp, scenario: Scenario, secrets: &HashSet<String>) {
    let log = app.cx.log.written();
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}: {secret} is in the log: {line:?}", scenario.name);
    }
}

#[tokio::test]
async fn a_write_that_collides_several_times_in_a_row_is_tried_again() {
    type Make = fn(LicenseBuilder) -> LicenseBuilder;

    let makes: [Make; 2] = [|license| license.max_machines(1), |license| license.floating(1)];
    for make in makes {
        let app = TestApp::start().await;
        let license = make(app.license()).create().await;
        let machine = app.machine("a");
        let collide = |calls_before: usize| {
            let faults = std::iter::repeat_n(Fault::None, calls_before).chain([Fault::Conflict; 5]);
            app.faults.inject(faults);
        };
        collide(2);
        machine.activate(&license).await.expect(200);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 1);
        app.advance(SESSION_TIMEOUT);
        collide(1);
        machine.validate(&license).await.expect(200);
        collide(1);
        machine.heartbeat(&license).await.expect(200);
        collide(1);
        machine.deactivate(&license).await.expect(200);
        assert_eq!(app.assert_counters_true(&license).await.seats.machines_used, 0);
        machine.activate(&license).await.expect(200);
        let body = json!({ "licenseKey": license.key });
        collide(2);
        let reset = app.admin().post("/resetActivations", body.clone()).await;
        assert_eq!(reset.expect(200)["deletedCount"], 1);
        collide(1);
        app.admin().post("/revokeLicense", body).await.expect(200);
        app.assert_counters_true(&license).await;
        assert_eq!(app.stored(&license).await.revision, 1);
    }
}

/// DynamoDB does not tell apart who is refused: an API key that can't be looked up is no wrong key.
#[tokio::test]
async fn a_credential_that_can_t_be_checked_is_not_called_wrong() {
    let app = TestApp::start().await;
    let creator = app.creator(keystead_tests::OWNER).await;
    app.faults.inject([Fault::ServerError; 4]);
    let answer = creator.post("/listProducts", json!({})).await;
    assert_clean(&answer, "/listProducts");
}
