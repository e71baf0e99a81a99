//! `GET /api/auth/sessions`, and the ends of sessions.

use http::Method;
use keystead_tests::{DAY, HOUR, PASSWORD, Person, TestApp, request};
use serde_json::{Value, json};

use super::{ANN, expect_refusal, forgot, reset};

async fn sessions(person: &Person) -> Vec<Value> {
    let answer = person.get("/api/auth/sessions").await;
    answer.expect(200)["sessions"].as_array().expect("sessions").clone()
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_the_newest_first() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.person("bob@example.com").await;
    app.advance(2 * HOUR);
    let who = json!({ "email": ANN, "password": PASSWORD }).to_string();
    let headers = [("user-agent", "Brush/1.0"), ("x-forwarded-for", "203.0.113.9")];
    let asked = request(&Method::POST, "/api/auth/login", &headers, who.as_bytes());
    app.send(asked).await.0.expect(200);
    let listed = sessions(&ann).await;
    let [newer, own] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (&newer["userAgent"], &newer["ip"], &newer["current"]),
        (&json!("Brush/1.0"), &json!("203.0.113.9"), &json!(false))
    );
    assert_eq!(
        (&own["createdAt"], &own["lastSeenAt"], &own["current"]),
        (
            &json!("2030-01-01T00:00:00.000Z"),
            &json!("2030-01-01T02:00:00.000Z"),
            &json!(true)
        )
    );
    // One's own, and nobody else's.
    assert_eq!(listed.len(), 2);
}

#[tokio::test]
async fn a_session_is_ended_from_another_at_once_and_for_good() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    app.advance(HOUR);
    let thief = Person::sign_in(&app, ANN).await;
    let bob = app.person("bob@example.com").await;
    let id = sessions(&ann).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/auth/sessions/{id}/revoke");
    // Nobody ends another's.
    bob.post(&path, json!({})).await.expect(200);
    thief.get("/api/auth/me").await.expect(200);
    for _ in 0..2 {
        ann.post(&path, json!({}))
            .await
            .expect_body(200, &json!({ "success": true }));
        expect_refusal(&thief.get("/api/auth/me").await, 401, "Unauthorized");
    }
    assert_eq!(sessions(&ann).await.len(), 1);
    // That it was used is noted hourly, and does not bring it back.
    app.advance(2 * HOUR);
    expect_refusal(&thief.get("/api/auth/me").await, 401, "Unauthorized");
    ann.get("/api/auth/me").await.expect(200);
}

#[tokio::test]
async fn all_other_sessions_are_ended_by_one_request_also_by_two_at_once() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(Person::sign_in(&app, ANN).await);
    }
    let revoke = async |person: &Person| person.post("/api/auth/sessions/revoke-all", json!({})).await;
    revoke(&ann).await.expect_body(200, &json!({ "success": true }));
    ann.get("/api/auth/me").await.expect(200);
    for other in &others {
        expect_refusal(&other.get("/api/auth/me").await, 401, "Unauthorized");
    }
    assert_eq!(sessions(&ann).await.len(), 1);
    // Two who end each other's: one is left.
    let bob = Person::sign_in(&app, ANN).await;
    let (first, second) = tokio::join!(revoke(&ann), revoke(&bob));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let left = [
        ann.get("/api/auth/me").await.status,
        bob.get("/api/auth/me").await.status,
    ];
    assert_eq!(left.iter().filter(|status| **status == 200).count(), 1, "{left:?}");
}

#[tokio::test]
async fn a_session_that_is_not_used_for_a_week_is_over() {
    let app = TestApp::start().await;
    let ann = app.person(ANN).await;
    let idle = Person::sign_in(&app, ANN).await;
    app.advance(4 * DAY);
    ann.get("/api/auth/me").await.expect(200);
    app.advance(3 * DAY);
    expect_refusal(&idle.get("/api/auth/me").await, 401, "Unauthorized");
    ann.get("/api/auth/me").await.expect(200);
    assert_eq!(sessions(&ann).await.len(), 1);
    // Used or not, it is over after a fortnight.
    app.advance(7 * DAY);
    expect_refusal(&ann.get("/api/auth/me").await, 401, "Unauthorized");
}

/// Who signs in while the password is set has the old one, and so a session of the old one.
#[tokio::test]
async fn no_session_of_an_old_password_outlives_it() {
    for _ in 0..8 {
        let app = TestApp::start().await;
        app.person(ANN).await;
        forgot(&app, ANN).await.expect(200);
        let token = app.mailed_token(ANN);
        let signing_in = super::login(&app, ANN, PASSWORD);
        let (signed_in, set) = tokio::join!(signing_in, reset(&app, &token, "another password"));
        set.expect(200);
        if let Some(token) = signed_in.body["token"].as_str() {
            let bearer = format!("Bearer {token}");
            let answer = super::me(&app, &[("authorization", &bearer)]).await;
            expect_refusal(&answer, 401, "Unauthorized");
        }
    }
}
