//! Members: `/v1/dashboard/orgs/{orgId}/members`.

use keystead_tests::TestApp;
use serde_json::json;

use super::{expect_refusal, joined, member_id, members, of};

const LAST: &str = "The team needs an owner: make somebody else one first";
const ROLE: &str = "Your role does not allow this";

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let own = of(
        &org,
        &format!("/members/{}", member_id(&owner, &org, &owner.email).await),
    );
    let demoted = owner.ask("PATCH", &own, json!({ "role": "ADMIN" })).await;
    expect_refusal(&demoted, 409, "CONFLICT", LAST);
    expect_refusal(&owner.ask("DELETE", &own, json!({})).await, 409, "CONFLICT", LAST);

    // With another one, they may go.
    let second = joined(&app, &owner, &org, "second", "OWNER").await;
    owner.ask("DELETE", &own, json!({})).await.expect(200);
    owner.get(&of(&org, "")).await.expect(404);
    let left = members(&second, &org).await;
    assert_eq!(left.len(), 1);
    let other = of(&org, &format!("/members/{}", left[0]["id"].as_str().expect("an id")));
    expect_refusal(&second.ask("DELETE", &other, json!({})).await, 409, "CONFLICT", LAST);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_is_above_their_own_role() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let admin = joined(&app, &owner, &org, "admin", "ADMIN").await;
    joined(&app, &owner, &org, "dev", "DEV").await;
    let of_owner = of(
        &org,
        &format!("/members/{}", member_id(&owner, &org, &owner.email).await),
    );
    let of_admin = of(
        &org,
        &format!("/members/{}", member_id(&owner, &org, &admin.email).await),
    );
    let of_dev = of(
        &org,
        &format!("/members/{}", member_id(&owner, &org, "dev@example.com").await),
    );
    for (path, role) in [(&of_owner, "VIEWER"), (&of_dev, "OWNER"), (&of_admin, "OWNER")] {
        let refused = admin.ask("PATCH", path, json!({ "role": role })).await;
        expect_refusal(&refused, 403, "FORBIDDEN", ROLE);
    }
    expect_refusal(&admin.ask("DELETE", &of_owner, json!({})).await, 403, "FORBIDDEN", ROLE);
    let invited = json!({ "email": "new@example.com", "role": "OWNER" });
    expect_refusal(
        &admin.post(&of(&org, "/invites"), invited).await,
        403,
        "FORBIDDEN",
        ROLE,
    );
    let changed = admin.ask("PATCH", &of_dev, json!({ "role": "ADMIN" })).await;
    assert_eq!(changed.expect(200)["data"]["member"]["role"], "ADMIN");
    admin.ask("DELETE", &of_dev, json!({})).await.expect(200);
    expect_refusal(
        &admin.ask("DELETE", &of_dev, json!({})).await,
        404,
        "NOT_FOUND",
        "Member not found",
    );
}

#[tokio::test]
async fn ownership_goes_to_a_member_and_the_old_owner_is_an_admin() {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    let dev = joined(&app, &owner, &org, "dev", "DEV").await;
    let to = member_id(&owner, &org, &dev.email).await;
    let stranger = owner
        .post(&of(&org, "/transfer-ownership"), json!({ "newOwnerId": "nobody" }))
        .await;
    expect_refusal(&stranger, 404, "NOT_FOUND", "Member not found");
    let transferred = owner
        .post(&of(&org, "/transfer-ownership"), json!({ "newOwnerId": to }))
        .await;
    assert_eq!(transferred.expect(200)["data"]["org"]["role"], "ADMIN");
    let again = owner
        .post(&of(&org, "/transfer-ownership"), json!({ "newOwnerId": to }))
        .await;
    expect_refusal(&again, 403, "FORBIDDEN", ROLE);
    let roles: Vec<_> = members(&dev, &org)
        .await
        .into_iter()
        .map(|member| member["role"].clone())
        .collect();
    assert!(
        roles.contains(&json!("OWNER")) && roles.contains(&json!("ADMIN")),
        "{roles:?}"
    );
}

#[tokio::test]
async fn a_member_that_the_flat_api_added_counts_once_the_address_is_verified() {
    let app = TestApp::start().await;
    let member = json!({ "creatorId": "bob", "email": "later@example.com", "role": "admin" });
    app.admin().post("/addMember", member).await.expect(200);
    let later = app.person("later@example.com").await;
    let listed = later.get("/v1/dashboard/orgs").await;
    let org = &listed.expect(200)["data"]["orgs"][0];
    assert_eq!((&org["id"], &org["role"]), (&json!("bob"), &json!("ADMIN")));
    assert_eq!(members(&later, "bob").await[0]["id"], "later@example.com");
    let gone = json!({ "creatorId": "bob", "email": "LATER@example.com" });
    app.admin().post("/removeMember", gone).await.expect(200);
    later.get(&of("bob", "")).await.expect(404);
}
