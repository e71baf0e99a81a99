//! Invites: `/v1/dashboard/orgs/{orgId}/invites`.

use keystead_tests::{DAY, TestApp};
use serde_json::json;

use super::{expect_refusal, members, of};

const NOT_FOUND: &str = "Invite not found";

#[tokio::test]
async fn an_invite_is_accepted_by_the_address_that_it_was_mailed_to() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    owner.invite(&org, "invited@example.com", "DEV").await;
    let token = json!({ "token": app.mailed_token("invited@example.com") });
    for method in ["GET", "POST"] {
        let path = "/v1/dashboard/invites/preview";
        let shown = if method == "GET" {
            app.stranger()
                .get(&format!("{path}?token={}", token["token"].as_str().expect("a token")))
                .await
        } else {
            app.stranger().post(path, token.clone()).await
        };
        shown.expect_body(
            200,
            &json!({ "ok": true, "data": { "invite": {
                "email": "invited@example.com", "role": "DEV", "org": { "name": "Acme" },
            } } }),
        );
    }
    let other = app.person("other@example.com").await;
    let refused = other.post("/v1/dashboard/invites/accept", token.clone()).await;
    expect_refusal(&refused, 403, "FORBIDDEN", "The invite is for another address");
    let invited = app.person("invited@example.com").await;
    // Its answer may be lost, so it is given twice.
    for _ in 0..2 {
        let accepted = invited.post("/v1/dashboard/invites/accept", token.clone()).await;
        assert_eq!(accepted.expect(200)["data"]["org"]["role"], "DEV");
    }
    assert_eq!(members(&invited, &org).await.len(), 2);
    let again = owner
        .post(
            &of(&org, "/invites"),
            json!({ "email": "invited@example.com", "role": "DEV" }),
        )
        .await;
    expect_refusal(&again, 409, "CONFLICT", "They are a member already");
    // Whoever is taken out of the team does not come back by it.
    let id = super::member_id(&owner, &org, "invited@example.com").await;
    owner
        .ask("DELETE", &of(&org, &format!("/members/{id}")), json!({}))
        .await
        .expect(200);
    let back = invited.post("/v1/dashboard/invites/accept", token).await;
    expect_refusal(&back, 404, "NOT_FOUND", NOT_FOUND);
}

#[tokio::test]
async fn what_was_mailed_is_dead_once_it_is_taken_back_mailed_again_or_a_week_old() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let invited = app.person("invited@example.com").await;
    let id = owner.invite(&org, &invited.email, "DEV").await;
    let first = json!({ "token": app.mailed_token(&invited.email) });
    owner
        .post(&of(&org, &format!("/invites/{id}/resend")), json!({}))
        .await
        .expect(200);
    let second = json!({ "token": app.mailed_token(&invited.email) });
    assert_ne!(first, second);
    let accept = async |token: &serde_json::Value| invited.post("/v1/dashboard/invites/accept", token.clone()).await;
    expect_refusal(&accept(&first).await, 404, "NOT_FOUND", NOT_FOUND);
    let waiting = owner.get(&of(&org, "/invites")).await;
    assert_eq!(waiting.expect(200)["data"]["total"], 1);
    owner
        .post(&of(&org, &format!("/invites/{id}/revoke")), json!({}))
        .await
        .expect(200);
    expect_refusal(&accept(&second).await, 404, "NOT_FOUND", NOT_FOUND);
    let gone = owner.post(&of(&org, &format!("/invites/{id}/revoke")), json!({})).await;
    expect_refusal(&gone, 404, "NOT_FOUND", NOT_FOUND);
    assert_eq!(owner.get(&of(&org, "/invites")).await.expect(200)["data"]["total"], 0);

    owner.invite(&org, &invited.email, "DEV").await;
    let third = json!({ "token": app.mailed_token(&invited.email) });
    app.advance(7 * DAY);
    invited.refresh().await;
    expect_refusal(&accept(&third).await, 404, "NOT_FOUND", NOT_FOUND);
}

#[tokio::test]
async fn a_mailbox_is_not_filled_with_invites_and_no_address_is_advertised() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("win at www.evil.example/now").await;
    let ask = async || {
        let asked = json!({ "email": "victim@example.com", "role": "VIEWER" });
        owner.post(&of(&org, "/invites"), asked).await
    };
    for _ in 0..5 {
        ask().await.expect(201);
    }
    assert_eq!(ask().await.expect(429)["error"]["code"], "RATE_LIMITED");
    let mails = app.mails.mails();
    let mails: Vec<_> = mails
        .iter()
        .filter(|mail| mail.to.as_str() == "victim@example.com")
        .collect();
    assert_eq!(mails.len(), 5);
    assert!(
        mails
            .iter()
            .all(|mail| !mail.text.contains("www.") && !mail.subject.contains("www."))
    );
}
