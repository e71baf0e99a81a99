//! What each request may cost at DynamoDB, line by line of the table in docs/ARCHITECTURE.md, and what it does cost.

use std::{fs, path::Path, time::Duration};

use http::Method;
use keystead_core::{
    config::variable,
    license::activation::SESSION_TIMEOUT,
    store::{Connection, meter::Usage},
};
use keystead_tests::{Answer, Machine, OWNER, Options, PRODUCT, TestApp, TestLicense, request};
use serde_json::{Value, json};

/// Rounds, read units and write units.
type Cost = (u32, f64, f64);

/// A line of the table.
struct Line {
    request: &'static str,
    /// How many calls it makes, exactly.
    calls: u32,
    /// What they come to, exactly. Whoever makes it better writes that here.
    cost: Cost,
    /// At most this.
    budget: Cost,
    measured: Usage,
}

impl Line {
    /// In what this line is not kept, if it is not.
    fn complaint(&self) -> Option<String> {
        let Usage {
            calls,
            rounds,
            read_units,
            write_units,
            ..
        } = self.measured;
        let measured = (rounds, read_units, write_units);
        let (most_rounds, most_reads, most_writes) = self.budget;
        let is_within = rounds <= most_rounds && read_units <= most_reads && write_units <= most_writes;
        let is_exact = (calls, measured) == (self.calls, self.cost);
        (!is_within || !is_exact).then(|| {
            format!(
                "{}: {calls} calls that cost {measured:?}, where the line says {} and {:?}, and the budget {:?}",
                self.request, self.calls, self.cost, self.budget
            )
        })
    }
}

/// A budget that does not say how much capacity.
const ANY: f64 = f64::INFINITY;

const MINUTE: Duration = Connection::PRODUCT_TTL;
const QUARTER: Duration = Duration::from_secs(15 * 60);

async fn post(app: &TestApp, path: &str, body: Value) -> (Answer, Usage) {
    app.send(request(&Method::POST, path, &[], body.to_string().as_bytes()))
        .await
}

async fn active(app: &TestApp, license: &TestLicense, name: &str) -> Machine {
    let machine = app.machine(name);
    machine.activate(license).await.expect(200);
    machine
}

fn usage((answer, usage): (Answer, Usage)) -> Usage {
    answer.expect(200);
    usage
}

// Nothing is late here, however busy the machine.
#[tokio::test(start_paused = true)]
async fn every_request_keeps_within_its_budget() {
    let app = Options::default().product_ttl(Duration::MAX).start().await;
    let nothing = || json!({});
    let mut lines = Vec::new();
    let mut line = |request, calls, cost, budget, measured| {
        lines.push(Line {
            request,
            calls,
            cost,
            budget,
            measured,
        });
    };

    let license = app.license().max_machines(5).create().await;
    let body = json!({ "licenseKey": license.key, "productId": PRODUCT });
    // A product that was deleted opens nothing, so it is looked at once a minute here as well.
    let measured = usage(post(&app, "/verify", body.clone()).await);
    line(
        "/verify, of a product that its process does not know",
        2,
        (2, 2.0, 0.0),
        (2, 2.0, 0.0),
        measured,
    );
    let measured = usage(post(&app, "/verify", body).await);
    line("/verify", 1, (1, 1.0, 0.0), (1, 1.0, 0.0), measured);

    // A process reads a product once a minute, beside the rest; the first time, once the key was found good.
    let other = app.license().create().await;
    let cold = app.restarted().await;
    let measured = usage(cold.machine("first").activate_with(&other, nothing()).await);
    line(
        "/activate, of a product that its process does not know",
        3,
        (3, 3.0, 8.0),
        (3, 3.0, 8.0),
        measured,
    );
    let minutely = app.restarted_with(Options::default().product_ttl(MINUTE)).await;
    minutely.machine("0").activate(&other).await.expect(200);
    minutely.advance(MINUTE);
    let measured = usage(minutely.machine("0").activate_with(&other, nothing()).await);
    line(
        "/activate, known machine, a minute after its product was read",
        3,
        (2, 3.0, 1.0),
        (2, 3.0, 2.0),
        measured,
    );
    let machine = app.machine("new");
    let measured = usage(machine.activate_with(&license, nothing()).await);
    line("/activate, new machine", 2, (2, 2.0, 8.0), (2, 2.0, 8.0), measured);
    let measured = usage(machine.activate_with(&license, nothing()).await);
    line("/activate, known machine", 2, (2, 2.0, 1.0), (2, 2.0, 2.0), measured);
    let wrong = json!({ "productId": "other" });
    let (refused, measured) = machine.activate_with(&license, wrong.clone()).await;
    refused.expect(403);
    line(
        "/activate, refused, known machine",
        2,
        (2, 2.0, 1.0),
        (2, 2.0, 2.0),
        measured,
    );
    let (refused, measured) = app.machine("nobody").activate_with(&license, wrong).await;
    refused.expect(403);
    line(
        "/activate, refused, new machine",
        2,
        (2, 2.0, 1.0),
        (2, 2.0, 2.0),
        measured,
    );

    app.advance(QUARTER - Duration::from_millis(1));
    let measured = usage(machine.validate_with(&license, nothing()).await);
    line(
        "/validate, seen within 15 minutes",
        1,
        (1, 2.0, 0.0),
        (1, 2.0, 0.0),
        measured,
    );
    app.advance(Duration::from_millis(1));
    let measured = usage(machine.validate_with(&license, nothing()).await);
    line(
        "/validate, seen 15 minutes ago",
        2,
        (2, 2.0, 1.0),
        (2, 2.0, 1.0),
        measured,
    );
    app.advance(QUARTER * 3);
    let measured = usage(machine.validate_with(&license, nothing()).await);
    line(
        "/validate, the first an hour after the activation, an event as well",
        2,
        (2, 2.0, 6.0),
        (2, 2.0, 6.0),
        measured,
    );
    let abroad = machine.clone().in_country("FR");
    let measured = usage(abroad.validate_with(&license, nothing()).await);
    line("/validate, in a new country", 2, (2, 2.0, 4.0), (2, 2.0, 4.0), measured);
    let measured = usage(abroad.validate_with(&license, nothing()).await);
    line(
        "/validate, in the same country",
        1,
        (1, 2.0, 0.0),
        (1, 2.0, 0.0),
        measured,
    );
    app.advance(Duration::from_secs(24 * 24 * 60 * 60));
    let (answer, measured) = machine.validate_with(&license, nothing()).await;
    assert_eq!(answer.expect(200)["refreshed"], true);
    line(
        "/validate, with a token to renew, an event as well",
        2,
        (2, 2.0, 4.0),
        (2, 2.0, 5.0),
        measured,
    );
    let measured = usage(machine.list_machines_with(&license, nothing()).await);
    line("/listMachines", 2, (2, 2.0, 0.0), (2, ANY, 0.0), measured);
    let token = json!({ "token": machine.token() });
    let measured = usage(machine.list_machines_with(&license, token).await);
    line("/listMachines, with a token", 2, (1, 2.0, 0.0), (1, ANY, 0.0), measured);
    let other = app.machine("other");
    let measured = usage(other.move_license_with(&license, &machine.fingerprint, nothing()).await);
    line("/moveLicense", 3, (3, 3.0, 12.0), (3, 3.0, 13.0), measured);
    app.advance(31 * 24 * 4 * QUARTER);
    let measured = usage(machine.move_license_with(&license, &other.shown(), nothing()).await);
    line(
        "/moveLicense, from a machine as it is shown",
        3,
        (3, 3.0, 12.0),
        (3, 3.0, 13.0),
        measured,
    );
    let measured = usage(machine.heartbeat_with(&license, nothing()).await);
    line("/heartbeat, per machine", 2, (2, 1.0, 0.0), (2, 1.0, 1.0), measured);
    let measured = usage(machine.deactivate_with(&license, nothing()).await);
    line("/deactivate", 2, (2, 2.0, 6.0), (2, 2.0, 7.0), measured);

    let floating = app.license().floating(2).create().await;
    let machine = app.machine("floating");
    let measured = usage(machine.activate_with(&floating, nothing()).await);
    line(
        "/activate, new machine, floating",
        2,
        (2, 2.0, 8.0),
        (2, 2.0, 8.0),
        measured,
    );
    let measured = usage(machine.activate_with(&floating, nothing()).await);
    line(
        "/activate, known machine, floating",
        2,
        (2, 2.0, 1.0),
        (2, 2.0, 2.0),
        measured,
    );
    let measured = usage(machine.heartbeat_with(&floating, nothing()).await);
    line("/heartbeat", 2, (2, 1.0, 1.0), (2, 1.0, 1.0), measured);
    let token = json!({ "token": machine.token() });
    let measured = usage(machine.heartbeat_with(&floating, token).await);
    line("/heartbeat, with a token", 2, (1, 1.0, 1.0), (1, 1.0, 1.0), measured);
    let measured = usage(machine.validate_with(&floating, nothing()).await);
    line("/validate, floating", 1, (1, 2.0, 0.0), (1, 2.0, 0.0), measured);
    app.advance(SESSION_TIMEOUT);
    let measured = usage(machine.heartbeat_with(&floating, nothing()).await);
    line("/heartbeat, session lapsed", 2, (2, 1.0, 1.0), (2, 1.0, 1.0), measured);
    let measured = usage(machine.deactivate_with(&floating, nothing()).await);
    line("/deactivate, floating", 2, (2, 2.0, 6.0), (2, 2.0, 7.0), measured);

    let creator = app.creator(OWNER).await;
    let wanted = json!({ "email": "customer@example.com", "productId": PRODUCT });
    let measured = usage(creator.post_metered("/createLicense", wanted.clone()).await);
    line("/createLicense, API key", 3, (3, 3.0, 12.0), (3, ANY, ANY), measured);
    let measured = usage(app.admin().post_metered("/createLicense", wanted).await);
    line(
        "/createLicense, admin secret",
        2,
        (2, 2.0, 12.0),
        (3, ANY, ANY),
        measured,
    );

    let code = json!({ "code": "Welcome", "productId": PRODUCT });
    let measured = usage(creator.post_metered("/createTrialCode", code).await);
    line("/createTrialCode, API key", 3, (2, 2.0, 6.0), (2, ANY, ANY), measured);
    let redeem = |email: &str| json!({ "code": "welcome", "email": email, "productId": PRODUCT });
    let measured = usage(
        creator
            .post_metered("/redeemTrialCode", redeem("one@example.com"))
            .await,
    );
    line("/redeemTrialCode, API key", 5, (3, 5.0, 21.0), (3, ANY, ANY), measured);
    let without = json!({ "code": "welcome", "email": "two@example.com" });
    let measured = usage(creator.post_metered("/redeemTrialCode", without).await);
    line(
        "/redeemTrialCode, without the product",
        5,
        (3, 5.0, 21.0),
        (3, ANY, ANY),
        measured,
    );
    let code = json!({ "code": "welcome", "maxUses": 9 });
    let measured = usage(creator.post_metered("/updateTrialCode", code).await);
    line("/updateTrialCode, API key", 3, (2, 2.0, 6.0), (2, ANY, ANY), measured);
    let measured = usage(
        creator
            .post_metered("/listTrialCodes", json!({ "productId": PRODUCT }))
            .await,
    );
    line("/listTrialCodes, API key", 3, (2, 2.5, 0.0), (2, ANY, 0.0), measured);
    let measured = usage(
        creator
            .post_metered("/deleteTrialCode", json!({ "code": "welcome" }))
            .await,
    );
    line("/deleteTrialCode, API key", 3, (2, 2.0, 6.0), (2, ANY, ANY), measured);

    active(&app, &license, "one").await;
    active(&app, &license, "two").await;
    let wanted = json!({ "licenseKey": license.key });
    let measured = usage(creator.post_metered("/getLicense", wanted.clone()).await);
    line("/getLicense, API key", 4, (2, 4.0, 0.0), (2, ANY, 0.0), measured);
    let measured = usage(app.admin().post_metered("/getLicense", wanted).await);
    line("/getLicense, admin secret", 3, (2, 3.0, 0.0), (2, ANY, 0.0), measured);
    let change = json!({ "licenseKey": license.key, "maxMachines": 9 });
    let measured = usage(creator.post_metered("/updateLicense", change).await);
    line("/updateLicense, API key", 3, (2, 2.0, 6.0), (2, ANY, ANY), measured);
    let revoke = json!({ "licenseKey": license.key });
    let measured = usage(creator.post_metered("/revokeLicense", revoke).await);
    line("/revokeLicense, API key", 3, (2, 2.0, 12.0), (2, ANY, ANY), measured);
    let reinstate = json!({ "licenseKey": license.key });
    let measured = usage(creator.post_metered("/reinstateLicense", reinstate).await);
    line("/reinstateLicense, API key", 4, (3, 3.0, 12.0), (3, ANY, ANY), measured);

    let path = "/api/license-keys/validate";
    let license = app.license().create().await;
    let validate = json!({ "key": license.key, "hwid": "hw-1" });
    // Its product is known from now on.
    post(&app, path, validate.clone()).await.0.expect(200);
    let measured = usage(post(&app, path, validate.clone()).await);
    line(
        "license-keys validate, bound to this machine",
        1,
        (1, 1.0, 0.0),
        (1, 1.0, 0.0),
        measured,
    );
    app.advance(4 * QUARTER);
    let measured = usage(post(&app, path, validate.clone()).await);
    line(
        "license-keys validate, bound to this machine, once an hour",
        2,
        (2, 1.0, 4.0),
        (2, ANY, ANY),
        measured,
    );
    let unbound = json!({ "key": app.license().create().await.key, "hwid": "hw-1" });
    let measured = usage(post(&app, path, unbound).await);
    line(
        "license-keys validate, when it binds",
        2,
        (2, 1.0, 4.0),
        (2, ANY, ANY),
        measured,
    );
    // Which product it is, only the license tells. So the first request of a process waits for it, and one a minute.
    let begun = async || app.restarted_with(Options::default().product_ttl(MINUTE)).await;
    let first = begun().await;
    let measured = usage(post(&first, path, validate.clone()).await);
    line(
        "license-keys validate, bound to this machine, the first of a function",
        2,
        (2, 2.0, 0.0),
        (2, ANY, ANY),
        measured,
    );
    first.advance(MINUTE);
    let measured = usage(post(&first, path, validate).await);
    line(
        "license-keys validate, bound to this machine, a minute after its product was read",
        2,
        (2, 2.0, 0.0),
        (2, ANY, ANY),
        measured,
    );
    let unbound = json!({ "key": app.license().create().await.key, "hwid": "hw-1" });
    let measured = usage(post(&begun().await, path, unbound).await);
    line(
        "license-keys validate, when it binds, the first of a function",
        3,
        (3, 2.0, 4.0),
        (3, ANY, ANY),
        measured,
    );
    let measured = usage(post(&app, path, json!({ "key": license.key })).await);
    line(
        "license-keys validate, without a machine",
        1,
        (1, 1.0, 0.0),
        (1, ANY, ANY),
        measured,
    );

    // What refused conditions took is not in here, because DynamoDB does not tell it: a heartbeat without a session
    // takes one write unit more.
    let wrong: Vec<String> = lines.iter().filter_map(Line::complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_recorded(&lines, "benches/units.json");
}

/// The dashboard API. Its lists cost what a page does: how many licenses there are is no part of it, but of the total, which is
/// counted up to 10,000.
#[tokio::test(start_paused = true)]
async fn every_request_of_v1_keeps_within_its_budget() {
    let app = Options::default().product_ttl(Duration::MAX).start().await;
    let shop = app.shop().await;
    let mut lines = Vec::new();
    let mut line = |request, calls, cost, budget, measured| {
        lines.push(Line {
            request,
            calls,
            cost,
            budget,
            measured,
        });
    };
    let limits = json!({
        "hwid": { "mode": "limit", "maxDistinct": 2 },
        "ip": { "mode": "limit", "maxDistinct": 2, "windowDays": 7, "limitType": "ip" },
        "concurrency": { "mode": "limit", "maxActive": 2 },
    });
    let (limited, _) = shop.limited(limits).await;
    let (free, _) = shop.license(json!({})).await;
    let of_machine = json!({ "hwid": "a", "ip": "203.0.113.1" });
    let of_session = json!({ "hwid": "a", "ip": "203.0.113.1", "sessionId": "s" });
    let first = shop.authorize_metered(&free, of_machine.clone()).await;
    first.0.expect(200);
    let authorized = async |license: &TestLicense, fields: &Value, status: u16| {
        let (answer, usage) = shop.authorize_metered(license, fields.clone()).await;
        answer.expect(status);
        usage
    };
    let measured = authorized(&free, &of_machine, 200).await;
    line(
        "authorize, known machine, nothing is due",
        2,
        (1, 7.0, 0.0),
        (1, 8.0, 0.0),
        measured,
    );
    let measured = authorized(&limited, &of_session, 200).await;
    line(
        "authorize, all limits, new machine, address and session",
        3,
        (2, 8.0, 10.0),
        (2, 8.0, ANY),
        measured,
    );
    let measured = authorized(&limited, &of_session, 200).await;
    line(
        "authorize, all limits, nothing is due",
        2,
        (1, 8.0, 0.0),
        (1, 8.0, 0.0),
        measured,
    );
    let dry = json!({ "hwid": "b", "ip": "203.0.113.1", "sessionId": "t", "dryRun": true });
    let measured = authorized(&limited, &dry, 200).await;
    line(
        "authorize, all limits, a dry run of a new machine",
        2,
        (1, 8.0, 0.0),
        (1, 8.0, 0.0),
        measured,
    );
    app.advance(QUARTER);
    let measured = authorized(&limited, &of_session, 200).await;
    line(
        "authorize, all limits, a quarter of an hour later",
        5,
        (2, 8.0, 12.0),
        (2, 8.0, ANY),
        measured,
    );
    let shop = shop.signed_in().await;
    let key = json!({ "expiresAfterDays": 30 });
    let (_, view) = shop.license(key).await;
    let path = format!("/v1/dashboard/licenses/{}", view["id"].as_str().expect("an id"));
    let measured = usage(shop.owner.get_metered(&path).await);
    line("GET license", 7, (5, 9.5, 0.0), (5, ANY, 0.0), measured);
    // Reads that run at once are counted as they happen to overlap.
    let within_three_rounds = |(answer, mut usage): (Answer, Usage)| {
        answer.expect(200);
        assert!(usage.rounds <= 3, "{usage:?}");
        usage.rounds = 3;
        (answer, usage)
    };
    let listed = format!("/v1/dashboard/orgs/{}/licenses", shop.org);
    // Whom a process does not know yet waits a round more, for whether they are a member.
    let (answer, first) = shop.owner.get_metered(&listed).await;
    answer.expect(200);
    assert!(first.rounds <= 4, "{first:?}");
    // The next page costs the same, however long the list is.
    for (more, first, calls, cost, next) in [
        (
            100,
            "list of 103 licenses, 50 and the total",
            14,
            (3, 62.5, 0.0),
            "list of 103 licenses, the next 50",
        ),
        (
            500,
            "list of 603 licenses, 50 and the total",
            14,
            (3, 70.0, 0.0),
            "list of 603 licenses, the next 50",
        ),
    ] {
        let wanted = json!({ "productId": shop.product, "count": more });
        shop.owner.post(&listed, wanted).await.expect(201);
        let page = format!("{listed}?pageSize=50");
        let (answer, measured) = within_three_rounds(shop.owner.get_metered(&page).await);
        line(first, calls, cost, (3, ANY, ANY), measured);
        let cursor = answer.body["data"]["nextCursor"].as_str().expect("a cursor").to_owned();
        let next_page = format!("{page}&cursor={cursor}");
        let (answer, measured) = within_three_rounds(shop.owner.get_metered(&next_page).await);
        assert_eq!(answer.body["data"]["total"], 3 + if more == 100 { 100 } else { 600 });
        line(next, 7, (3, 57.5, 0.0), (3, ANY, 0.0), measured);
    }
    let wrong: Vec<String> = lines.iter().filter_map(Line::complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_recorded(&lines, "benches/units-v1.json");
}

/// Asserts that what was measured is what a file says, from which costs are computed.
fn assert_recorded(lines: &[Line], name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let rows: Vec<String> = lines
        .iter()
        .map(|line| {
            let Usage {
                calls,
                rounds,
                read_units,
                write_units,
                ..
            } = line.measured;
            let row = json!({
                "request": line.request, "calls": calls, "rounds": rounds,
                "readUnits": read_units, "writeUnits": write_units,
            });
            format!("  {row}")
        })
        .collect();
    let measured = format!("[\n{}\n]\n", rows.join(",\n"));
    if variable("KEYSTEAD_RECORD").is_some() {
        fs::write(&file, &measured).expect("the file can be written");
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        recorded, measured,
        "{name} is not what requests cost. Write it anew: KEYSTEAD_RECORD=1 cargo test -p keystead-tests --test it -- budgets"
    );
}
