//! Holders of the key alone: whatever they do, machines that were in before go on.
//!
//! A license key is in mails, screenshots and tickets. Whoever has it knows the product too, and, with a machine of their own on
//! the license, what the others are shown as; not their fingerprints, nor their tokens. Random sequences of all that they can
//! ask by any route of the client APIs, by an account of their own, and as vendors and stores would, from several networks and
//! countries, over weeks: at each step an established machine still validates with a full token, is let in anew, holds its session
//! by heartbeats, and is what the key is bound to.
//!
//! Not promised is a floating seat that nobody holds: whoever has the key may take it, until the vendor issues another key.

use std::time::Duration;

use http::Method;
use keystead_functions::{frame::callers::CallerKind, routes};
use keystead_tests::{
    Answer, DAY, HOUR, MINUTE, Machine, PRODUCT, Person, TestApp, TestLicense, request, storm::seeds,
};
use serde_json::{Value, json};

/// Numbers that a seed decides.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("a number") % limit
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// Who has the key and nothing else.
struct Attackers<'a> {
    app: &'a TestApp,
    license: &'a TestLicense,
    /// The account of one of them.
    thief: &'a Person,
    /// What they have been given or shown so far.
    tokens: Vec<(String, String)>,
    /// From how many networks they ask.
    networks: usize,
    shown: Vec<String>,
}

impl Attackers<'_> {
    /// One request that takes more than a license key: an account that bought the license, or a vendor's or store's credential.
    async fn overreach(&self, draws: &mut Draws) -> Answer {
        let key = &self.license.key;
        match draws.below(6) {
            0 => {
                self.thief
                    .post("/api/license-keys/shuffle", json!({ "key": key }))
                    .await
            }
            1 => self.thief.post("/api/license-keys/reset", json!({ "key": key })).await,
            2 => {
                let redeemed = json!({ "licenseKey": key });
                self.thief.post("/v1/dashboard/licenses/redeem", redeemed).await
            }
            3 => {
                let revoked = json!({ "licenseKey": key, "apiKey": key, "adminSecret": "guessed" });
                self.app.stranger().post("/revokeLicense", revoked).await
            }
            4 => {
                let refunded = json!({ "event": "license.refunded", "licenseKey": key, "webhookSecret": key });
                self.app.stranger().post("/cgloungeWebhook", refunded).await
            }
            _ => {
                let refunded = json!({ "id": "evt_1", "type": "charge.refunded", "data": { "object": {} } });
                self.app.stranger().post("/stripeWebhook", refunded).await
            }
        }
    }

    /// One request, mostly by any route that takes a license key.
    async fn act(&mut self, draws: &mut Draws) -> Answer {
        if draws.below(12) == 0 {
            return self.overreach(draws).await;
        }
        let routes: Vec<_> = routes::all()
            .into_iter()
            .filter(|route| route.caller == CallerKind::LicenseKeyHolder)
            .collect();
        // What lets machines in does the most.
        let lets_in = routes.iter().find(|route| route.name == "activate").copied();
        let route = lets_in.filter(|_| draws.below(2) == 0);
        let route = route.unwrap_or_else(|| draws.one(&routes));
        let own = format!("attacker-{}", draws.below(40));
        let (fingerprint, token) = match self.tokens.get(draws.below(self.tokens.len().max(1))) {
            Some((fingerprint, token)) if draws.below(2) == 0 => (fingerprint.clone(), Some(token.clone())),
            Some(_) | None => (own, None),
        };
        let key = match draws.below(12) {
            0 => "made up".to_owned(),
            1 => self.license.key.replace('-', "–"),
            _ => self.license.key.clone(),
        };
        let product = if draws.below(6) == 0 { "other" } else { PRODUCT };
        let with_token = draws.below(2) == 0;
        let mut body = match route.name {
            "activate" => json!({
                "licenseKey": key, "machineFingerprint": fingerprint, "hostname": "host", "productId": product,
            }),
            "move-license" => {
                let mut leaving = self.shown.clone();
                leaving.push(format!("attacker-{}", draws.below(40)));
                json!({
                    "licenseKey": key, "machineFingerprint": fingerprint, "hostname": "host", "productId": product,
                    "releaseFingerprint": draws.one(&leaving),
                })
            }
            "verify" => json!({ "licenseKey": key, "productId": product }),
            "validate" => json!({
                "licenseKey": key, "machineFingerprint": fingerprint, "token": token.clone().unwrap_or("forged".to_owned()),
            }),
            "deactivate" | "heartbeat" | "list-machines" => {
                json!({ "licenseKey": key, "machineFingerprint": fingerprint })
            }
            "license-keys-validate" => json!({ "key": key, "hwid": draws.one(&["hw-1", "hw-2", ""]) }),
            other => panic!("{other} takes a license key: say here what those can ask who have nothing else"),
        };
        if let (true, Some(token), true) = (with_token, &token, body.get("productId").is_none()) {
            body["token"] = json!(token);
        }
        let address = format!("203.0.113.{}", draws.below(self.networks));
        let country = draws.one(&["FR", "DE", "US", "JP", "BR", "IN", "ZA"]);
        let name = format!("name-{}", draws.below(5));
        let headers = [
            ("x-forwarded-for", address.as_str()),
            ("cloudfront-viewer-country", country),
            ("idempotency-key", name.as_str()),
        ];
        let asked = request(&Method::POST, route.path(), &headers, body.to_string().as_bytes());
        let (answer, _) = self.app.send(asked).await;
        if let Some(token) = answer.body["token"].as_str() {
            self.tokens.push((fingerprint, token.to_owned()));
        }
        for machine in answer.body["machines"].as_array().into_iter().flatten() {
            let shown = machine["fingerprint"].as_str().expect("a text").to_owned();
            if !self.shown.contains(&shown) {
                self.shown.push(shown);
            }
        }
        answer
    }
}

/// Asserts that a machine that was in before is as it should be.
async fn assert_goes_on(app: &TestApp, license: &TestLicense, own: &Machine, is_floating: bool, story: &[String]) {
    let ago = format!("after {story:#?}");
    if is_floating {
        let beat = own.heartbeat(license).await;
        assert_eq!((beat.status, &beat.body["status"]), (200, &json!("active")), "{ago}");
    }
    let answer = own.validate(license).await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (200, &json!("active")),
        "{ago}"
    );
    assert_eq!(answer.body["message"], "License is active", "{ago}");
    let expiry = keystead_core::Timestamp::parse(answer.body["expiresAt"].as_str().expect("a time"));
    let left = expiry.expect("a time").since(app.now());
    // One that has a week left is renewed, for as long as ever.
    assert!(is_floating || left > 7 * DAY, "{left:?} {ago}");
    let bound = json!({ "key": license.key, "hwid": "hw-own" });
    let bound = app.stranger().post("/api/license-keys/validate", bound).await;
    assert_eq!(bound.body["valid"], true, "{bound:?} {ago}");
}

#[tokio::test]
async fn whatever_those_do_who_have_the_key_alone_machines_that_were_in_before_go_on() {
    let (mut blocked, mut refused_moves, mut throttled) = (0, 0, 0);
    for seed in seeds(64) {
        let mut draws = Draws(seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493));
        let is_floating = seed % 4 == 3;
        let app = TestApp::start().await;
        let license = if is_floating {
            app.license().floating(4)
        } else {
            app.license().max_machines(4)
        };
        let license = license.create().await;
        let own = app.machine("own").at("198.51.100.7").in_country("CH");
        own.activate(&license).await.expect(200);
        let bound = json!({ "key": license.key, "hwid": "hw-own" });
        app.stranger()
            .post("/api/license-keys/validate", bound)
            .await
            .expect(200);
        app.advance(2 * HOUR);
        own.validate(&license).await.expect(200);

        let thief = app.person("thief@example.com").await;
        // They show it where other things are asked for.
        app.is_no_credential(&license.key);
        let mut attackers = Attackers {
            app: &app,
            license: &license,
            thief: &thief,
            tokens: Vec::new(),
            networks: draws.one(&[1, 1, 2, 6]),
            shown: Vec::new(),
        };
        let mut story = Vec::new();
        for _ in 0..4 {
            for _ in 0..1 + draws.below(28) {
                let answer = attackers.act(&mut draws).await;
                assert!(answer.status < 500, "seed {seed}: {answer:?}");
                throttled += usize::from(answer.status == 429);
                let told: &Value = &answer.body["error"];
                let may_run = told
                    .as_str()
                    .is_some_and(|told| told.starts_with("The machine may still run"));
                refused_moves += usize::from(may_run);
                story.push(format!("{} {answer:?}", app.now()));
            }
            // Weeks go by; a session is held by a heartbeat every five minutes.
            let passes = match draws.below(4) {
                _ if is_floating => MINUTE * u32::try_from(5 + draws.below(10)).expect("a small number"),
                0 => MINUTE,
                1 => HOUR,
                2 => DAY,
                _ => 4 * DAY,
            };
            app.advance(passes);
            assert_goes_on(&app, &license, &own, is_floating, &story).await;
            if passes >= Duration::from_secs(5 * 60) {
                let answer = own.activate(&license).await;
                assert_eq!(
                    (answer.status, &answer.body["status"]),
                    (200, &json!("active")),
                    "{story:#?}"
                );
            }
        }
        let stored = app.assert_counters_true(&license).await;
        blocked += usize::from(stored.standing(app.now()).is_err());
    }
    // Or else this would have shown nothing.
    assert!(
        blocked > 5 && refused_moves > 5 && throttled > 5,
        "{blocked} blocked, {refused_moves} moves refused, {throttled} throttled"
    );
}
