//! `GET /api/auth/events`: what is kept of what happened to an account.

use http::Method;
use keystead_core::store::schema;
use keystead_tests::{Answer, HOUR, PASSWORD, Person, TestApp, request};
use serde_json::{Value, json};

use super::{ANN, expect_refusal, forgot, login, post_from, reset, verify};

const PATH: &str = "/api/auth/events";

async fn events_at(person: &Person, query: &str) -> Vec<Value> {
    let answer = person.get(&format!("{PATH}{query}")).await;
    answer.expect(200)["events"].as_array().expect("events").clone()
}

/// What happened, the newest first.
async fn types(person: &Person) -> Vec<String> {
    let events = events_at(person, "").await;
    let types = events.iter().map(|event| event["type"].as_str().expect("a type"));
    types.map(str::to_owned).collect()
}

async fn wrong(app: &TestApp, address: &str) -> Answer {
    let guess = json!({ "email": ANN, "password": "wrong password" });
    post_from(app, address, "/api/auth/login", guess).await
}

#[tokio::test]
async fn an_account_s_life_is_told_to_its_holder() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.advance(HOUR);
    let other = Person::sign_in(&app, ANN).await;
    app.advance(HOUR);
    let listed = ann.get("/api/auth/sessions").await.expect(200)["sessions"].clone();
    let revoke = format!("/api/auth/sessions/{}/revoke", listed[0]["id"].as_str().expect("an id"));
    ann.post(&revoke, json!({})).await.expect(200);
    // What is over already is no event.
    ann.post(&revoke, json!({})).await.expect(200);
    expect_refusal(&other.get("/api/auth/me").await, 401, "Unauthorized");
    app.advance(HOUR);
    ann.post("/api/auth/sessions/revoke-all", json!({})).await.expect(200);
    app.advance(HOUR);
    let change = json!({ "currentPassword": PASSWORD, "password": "another password" });
    ann.post("/api/auth/change-password", change).await.expect(200);
    app.advance(HOUR);
    forgot(&app, ANN).await.expect(200);
    reset(&app, &app.mailed_token(ANN), PASSWORD).await.expect(200);
    app.advance(HOUR);
    let ann = Person::sign_in(&app, ANN).await;
    app.advance(HOUR);
    let moved = json!({ "email": "ann@home.example", "password": PASSWORD });
    ann.post("/api/auth/change-email", moved).await.expect(200);
    let token = json!({ "token": app.mailed_token("ann@home.example") });
    ann.post("/api/auth/confirm-email", token).await.expect(200);
    app.advance(HOUR);
    let ann = Person::sign_in(&app, "ann@home.example").await;
    app.advance(HOUR);
    ann.post("/api/auth/logout", json!({})).await.expect(200);
    app.advance(HOUR);
    let ann = Person::sign_in(&app, "ann@home.example").await;
    assert_eq!(
        types(&ann).await,
        [
            "signedIn",
            "signedOut",
            "signedIn",
            "addressChanged",
            "signedIn",
            "passwordChanged",
            "passwordChanged",
            "sessionsRevoked",
            "sessionRevoked",
            "signedIn",
            "signedIn",
            "accountCreated",
        ]
    );
    let changed = &events_at(&ann, "?type=addressChanged").await[0]["details"];
    assert_eq!(
        (&changed["from"], &changed["to"]),
        (&json!(ANN), &json!("ann@home.example"))
    );
}

#[tokio::test]
async fn an_event_says_from_where_with_what_and_in_which_request() {
    let app = TestApp::start().await;
    // One who asks for the mail, and another who has the mailbox.
    let asked = json!({ "email": ANN });
    let asking = post_from(&app, "198.51.100.7", "/api/auth/register", asked).await;
    app.advance(HOUR);
    let chosen = json!({ "token": app.mailed_token(ANN), "password": PASSWORD }).to_string();
    let headers = [("user-agent", "Brush/1.0"), ("x-forwarded-for", "203.0.113.9")];
    let choosing = request(&Method::POST, "/api/auth/verify", &headers, chosen.as_bytes());
    let choosing = app.send(choosing).await.0;
    choosing.expect(200);
    let ann = Person::sign_in(&app, ANN).await;
    let created = events_at(&ann, "?type=accountCreated").await.remove(0);
    assert_eq!(
        (&created["ip"], &created["userAgent"], &created["requestId"]),
        (
            &json!("203.0.113.9"),
            &json!("Brush/1.0"),
            &json!(choosing.header("x-request-id"))
        )
    );
    assert_eq!(
        created["details"],
        json!({ "asked": {
            "at": "2030-01-01T00:00:00.000Z", "ip": "198.51.100.7", "requestId": asking.header("x-request-id"),
        } })
    );
    let signed_in = events_at(&ann, "?type=signedIn").await.remove(0);
    let session = ann.get("/api/auth/sessions").await.expect(200)["sessions"][0]["id"].clone();
    assert_eq!(signed_in["details"], json!({ "session": session }));
}

#[tokio::test]
async fn wrong_passwords_are_counted_in_one_event_an_hour_and_network() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.advance(HOUR);
    for _ in 0..3 {
        wrong(&app, "198.51.100.7").await.expect(401);
    }
    // A neighbour is in the same network, a stranger elsewhere is not.
    wrong(&app, "198.51.100.8").await.expect(401);
    wrong(&app, "203.0.113.9").await.expect(401);
    app.advance(HOUR);
    wrong(&app, "198.51.100.7").await.expect(401);
    let told = events_at(&ann, "?type=wrongPassword").await;
    let told: Vec<_> = told.iter().map(|e| (&e["at"], &e["ip"], &e["count"])).collect();
    let (one, two) = (json!("2030-01-01T01:00:00.000Z"), json!("2030-01-01T02:00:00.000Z"));
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], (&two, &json!("198.51.100.7"), &json!(1)));
    for expected in [
        (&one, &json!("198.51.100.7"), &json!(4)),
        (&one, &json!("203.0.113.9"), &json!(1)),
    ] {
        assert!(told[1..].contains(&expected), "{told:?}");
    }
    // One that who is signed in shows is told as well.
    let guess = json!({ "currentPassword": "wrong password", "password": "another password" });
    ann.post("/api/auth/change-password", guess).await.expect(400);
    assert_eq!(events_at(&ann, "?type=wrongPassword").await.len(), 4);
}

#[tokio::test]
async fn wrong_passwords_at_once_are_counted_each_in_one_event() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let guesses = (0..8).map(|_| {
        let app = app.clone();
        tokio::spawn(async move { wrong(&app, "198.51.100.7").await.expect(401).clone() })
    });
    for guess in guesses.collect::<Vec<_>>() {
        guess.await.expect("an answer");
    }
    let told = events_at(&ann, "?type=wrongPassword").await;
    assert_eq!((told.len(), &told[0]["count"]), (1, &json!(8)), "{told:?}");
}

/// A stranger who knows the address and nothing else, and a customer who has a license key.
#[tokio::test]
async fn no_stranger_fills_an_account_s_log() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let license = app.license().with("email", ANN).create().await;
    app.advance(HOUR);
    super::guess_from_everywhere(&app, ANN).await;
    for _ in 0..20 {
        forgot(&app, ANN).await;
        super::register(&app, ANN).await;
        verify(&app, &"x".repeat(43), PASSWORD).await;
        app.machine("a").activate(&license).await;
        app.machine("a").deactivate(&license).await;
    }
    let told = types(&ann).await;
    let networks = told.iter().filter(|told| *told == "wrongPassword").count();
    assert!(networks <= 24, "one each of the networks that guessed: {networks}");
    assert_eq!(told.len() - networks, 2, "{told:?}");
    // However many there are, the rest is found by its type.
    assert_eq!(events_at(&ann, "?type=accountCreated").await.len(), 1);
}

#[tokio::test]
async fn what_is_guessed_where_there_is_no_account_is_kept_for_no_longer_than_it_counts() {
    let app = TestApp::start().await;
    login(&app, "nobody@example.com", "wrong password").await.expect(401);
    let scan = json!({ "TableName": schema::EVENTS.name }).to_string();
    let (_, items) = app.database.answer("Scan", scan.as_bytes());
    let items: Value = serde_json::from_slice(&items).expect("items");
    let of_nobody = |item: &&Value| item["subject"]["S"].as_str().is_some_and(|s| s.starts_with("nobody#"));
    let kept: Vec<&Value> = items["Items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(of_nobody)
        .collect();
    let [item] = kept[..] else { panic!("{kept:?}") };
    assert_eq!(item["expiresAt"]["N"], (app.now() + HOUR).seconds().to_string());
    assert!(!item.to_string().contains("nobody@example.com"), "{item}");
}

#[tokio::test]
async fn a_log_is_read_page_by_page_by_its_holder_alone() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let bob = app.person("bob@example.com").await;
    for _ in 0..5 {
        app.advance(HOUR);
        Person::sign_in(&app, ANN).await;
    }
    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let query = format!("{PATH}?type=signedIn&limit=2&cursor={cursor}");
        let answer = ann.get(&query).await;
        let page = answer.expect(200);
        seen.extend(page["events"].as_array().expect("events").clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
        // Of the same list, for the same holder.
        for other in [
            bob.get(&query.replace("cursor=", &format!("cursor={cursor}&x="))).await,
            ann.get(&format!("{PATH}?type=signedOut&cursor={cursor}")).await,
            ann.get(&format!("{PATH}?cursor=x{cursor}")).await,
        ] {
            expect_refusal(
                &other,
                400,
                "Invalid cursor: must be the nextCursor of a page of the same list",
            );
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(
        seen.windows(2)
            .all(|pair| pair[0]["at"].as_str() > pair[1]["at"].as_str())
    );
    assert_eq!(types(&bob).await, ["signedIn", "accountCreated"]);
    expect_refusal(&app.stranger().get(PATH).await, 401, "Unauthorized");
    let creator = app.creator("alice").await;
    let headers = [("x-api-key", creator.api_key.as_str())];
    let answer = app.stranger().send(&Method::GET, PATH, &headers, b"").await;
    expect_refusal(&answer, 401, "Unauthorized");
    for (query, text) in [
        ("?type=nothing", "Invalid type"),
        ("?limit=0", "Invalid limit: must be a whole number from 1 to 1000"),
    ] {
        expect_refusal(&ann.get(&format!("{PATH}{query}")).await, 400, text);
    }
}

/// Of two who set a password at once, one does, and one event tells of it.
#[tokio::test]
async fn what_happens_once_is_told_once() {
    for _ in 0..8 {
        let app = TestApp::start().await;
        app.person(ANN).await;
        app.advance(HOUR);
        forgot(&app, ANN).await.expect(200);
        let token = app.mailed_token(ANN);
        let (one, two) = tokio::join!(
            reset(&app, &token, "one other password"),
            reset(&app, &token, "two other passwords")
        );
        let done = [&one, &two].iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1);
        let password = if one.status == 200 {
            "one other password"
        } else {
            "two other passwords"
        };
        let signed_in = login(&app, ANN, password).await;
        let token = signed_in.expect(200)["token"].as_str().expect("a token").to_owned();
        let headers = [("authorization", format!("Bearer {token}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let path = format!("{PATH}?type=passwordChanged");
        let told = app.stranger().send(&Method::GET, &path, &headers, b"").await;
        assert_eq!(
            told.expect(200)["events"].as_array().map(Vec::len),
            Some(1),
            "{}",
            told.body
        );
    }
}
