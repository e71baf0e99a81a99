//! Races around codes: their uses are counted once, and nobody redeems one twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keystead_tests::{
    Answer, OWNER, PRODUCT, TestApp,
    storm::{CALLERS, Caller, at_once, caller, seeds, storm},
};
use serde_json::{Value, json};

/// What the table of codes holds of the code `RUN`: how often it was used, and its redemptions.
fn uses(app: &TestApp) -> (usize, usize) {
    let query = json!({
        "TableName": "codes",
        "KeyConditionExpression": "code = :code",
        "ExpressionAttributeValues": { ":code": { "S": "RUN" } },
    });
    let (status, reply) = app.database.answer("Query", query.to_string().as_bytes());
    assert_eq!(status, 200);
    let reply: Value = serde_json::from_slice(&reply).expect("a reply");
    let items = reply["Items"].as_array().expect("items");
    let code = items.iter().find(|item| item["item"]["S"] == "#");
    let used = code.map_or(0, |code| {
        code["usedCount"]["N"]
            .as_str()
            .and_then(|used| used.parse().ok())
            .expect("a number")
    });
    (used, items.len() - usize::from(code.is_some()))
}

/// How many licenses there are.
async fn licenses(app: &TestApp) -> usize {
    let asked = json!({ "limit": 1000 });
    let answer = app.admin().post("/listLicenses", asked).await;
    answer.expect(200)["licenses"].as_array().expect("a list").len()
}

/// A service with the trial code `RUN`, which may be used so often.
async fn with_code(seed: u64, max_uses: i64) -> TestApp {
    let app = storm(seed).await;
    let code = json!({ "code": "Run", "productId": PRODUCT, "maxUses": max_uses });
    app.admin().post("/createTrialCode", code).await.expect(200);
    app
}

/// `POST /redeemTrialCode` for each of these.
fn redeemers(app: &TestApp, emails: impl IntoIterator<Item = String>) -> Vec<Caller<Answer>> {
    let redeem = |email: String| {
        let app = app.clone();
        caller(async move {
            let body = json!({ "code": "run", "email": email });
            app.admin().post("/redeemTrialCode", body).await
        })
    };
    emails.into_iter().map(redeem).collect()
}

fn different_emails() -> impl Iterator<Item = String> {
    (0..CALLERS).map(|i| format!("customer-{i}@example.com"))
}

#[tokio::test]
async fn a_code_s_last_uses_are_given_once() {
    for seed in seeds(4) {
        let app = with_code(seed, 10).await;
        let answers = at_once(redeemers(&app, different_emails())).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 10);
        for answer in refused {
            answer.expect_error(403, "Trial code has reached its usage limit");
        }
        assert_eq!((uses(&app), licenses(&app).await), ((10, 10), 10));
    }
}

#[tokio::test]
async fn an_unlimited_code_turns_nobody_away() {
    for seed in seeds(2) {
        let app = with_code(seed, -1).await;
        for answer in at_once(redeemers(&app, different_emails())).await {
            answer.expect(200);
        }
        assert_eq!((uses(&app), licenses(&app).await), ((CALLERS, CALLERS), CALLERS));
    }
}

/// However many uses are left, even if it is this customer's own redemption that used the last one.
#[tokio::test]
async fn one_customer_who_redeems_a_code_many_times_at_once_gets_one_license() {
    for seed in seeds(4) {
        for max_uses in [1, 10, -1] {
            let app = with_code(seed, max_uses).await;
            let emails = (0..CALLERS).map(|i| if i % 2 == 0 { "A@example.com" } else { "a@example.com" }.to_owned());
            let answers = at_once(redeemers(&app, emails)).await;
            let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
            assert_eq!(made.len(), 1, "seed {seed}");
            for answer in refused {
                answer.expect_error(409, "Trial already redeemed for this email");
            }
            assert_eq!((uses(&app), licenses(&app).await), ((1, 1), 1));
        }
    }
}

/// The vendor changes the code meanwhile: no use is lost, and every license lasts as long as the code said at the time.
#[tokio::test]
async fn uses_are_counted_while_the_code_is_changed() {
    for seed in seeds(4) {
        let app = with_code(seed, 40).await;
        let mut callers = redeemers(&app, different_emails());
        for days in 1..=6 {
            let app = app.clone();
            let change = caller(async move {
                let body = json!({ "code": "run", "trialDays": days, "maxUses": 20 + days });
                app.admin().post("/updateTrialCode", body).await
            });
            callers.insert(days * 10, change);
        }
        let answers = at_once(callers).await;
        let mut made = 0;
        for answer in &answers {
            if answer.status == 200 {
                made += usize::from(answer.body.get("licenseKey").is_some());
            } else {
                answer.expect_error(403, "Trial code has reached its usage limit");
            }
        }
        assert_eq!((uses(&app), licenses(&app).await), ((made, made), made), "seed {seed}");
        // Redemptions before the first change may use forty, and one that comes late no more than it then allows.
        assert!((21..=40).contains(&made), "seed {seed}: {made}");
        for answer in answers.iter().filter(|answer| answer.body.get("licenseKey").is_some()) {
            let days = answer.body["trialDays"].as_u64().expect("a number");
            let expiry = app.now() + Duration::from_secs(days * 24 * 60 * 60);
            assert_eq!(answer.body["expiresAt"], expiry.to_string());
        }
    }
}

#[tokio::test]
async fn no_redemption_that_begins_after_a_code_was_switched_off_or_deleted_is_accepted() {
    for seed in seeds(4) {
        for (path, status, text) in [
            ("/updateTrialCode", 403, "Trial code is inactive"),
            ("/deleteTrialCode", 404, "Trial code not found"),
        ] {
            let app = with_code(seed, -1).await;
            let ended = Arc::new(AtomicBool::new(false));
            let mut callers: Vec<Caller<bool>> = Vec::new();
            for (i, redeem) in redeemers(&app, different_emails()).into_iter().enumerate() {
                let ended = Arc::clone(&ended);
                callers.push(caller(async move {
                    for _ in 0..i {
                        tokio::task::yield_now().await;
                    }
                    let began_after = ended.load(Ordering::SeqCst);
                    let answer = redeem.await;
                    if began_after || answer.status != 200 {
                        answer.expect_error(status, text);
                    }
                    answer.status == 200
                }));
            }
            let end = {
                let app = app.clone();
                tokio::spawn(async move {
                    let body = json!({ "code": "run", "active": false });
                    app.admin().post(path, body).await.expect(200);
                    ended.store(true, Ordering::SeqCst);
                    uses(&app).1
                })
            };
            let made = at_once(callers).await.into_iter().filter(|made| *made).count();
            let at_the_answer = end.await.expect("an end");
            assert_eq!(made, at_the_answer, "a code was redeemed after its end");
            assert_eq!((uses(&app).1, licenses(&app).await), (made, made));
        }
    }
}

/// A code that is deleted, and made again by someone else, while it is redeemed and changed: nobody touches another's.
#[tokio::test]
async fn a_code_that_is_made_again_by_another_owner_is_another_code() {
    for seed in seeds(20) {
        let app = with_code(seed, -1).await;
        let (alice, bob) = (app.creator(OWNER).await, app.creator("bob").await);
        let redeem = alice.post("/redeemTrialCode", json!({ "code": "run", "email": "c@example.com" }));
        let change = alice.post("/updateTrialCode", json!({ "code": "run", "trialDays": 99 }));
        let again = async {
            app.admin()
                .post("/deleteTrialCode", json!({ "code": "run" }))
                .await
                .expect(200);
            bob.post("/createTrialCode", json!({ "code": "run" })).await.expect(200);
        };
        let (redeemed, changed, ()) = tokio::join!(redeem, change, again);
        for answer in [redeemed, changed] {
            assert!(matches!(answer.status, 200 | 404), "{answer:?}");
        }
        let codes = bob.post("/listTrialCodes", json!({})).await;
        let code = &codes.expect(200)["codes"][0];
        assert_eq!(
            (&code["trialDays"], &code["usedCount"]),
            (&json!(14), &json!(0)),
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn a_code_is_made_once() {
    for seed in seeds(4) {
        let app = storm(seed).await;
        let create = |i: usize| {
            let app = app.clone();
            caller(async move {
                let name = if i.is_multiple_of(2) { "wanted" } else { "WANTED" };
                let code = json!({ "code": name, "creatorId": format!("owner {i}") });
                app.admin().post("/createDiscountCode", code).await
            })
        };
        let answers = at_once((0..CALLERS).map(create)).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1);
        for answer in refused {
            answer.expect_error(409, "A code with this name already exists");
        }
    }
}
