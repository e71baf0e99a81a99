//! `GET /v1/dashboard/orgs/{orgId}/licenses/analytics` and `.../export`.

use http::Method;
use keystead_tests::{Answer, DAY, Person, TestApp, request};
use serde_json::{Value, json};

use super::{expect_refusal, joined, of};

async fn counted(who: &Person, org: &str, query: &str) -> Value {
    let counted = who.get(&of(org, &format!("/licenses/analytics{query}"))).await;
    counted.expect(200)["data"].clone()
}

/// The answer of an export, and its body as text.
async fn exported(app: &TestApp, who: &Person, org: &str, query: &str) -> (Answer, String) {
    let path = of(org, &format!("/licenses/export{query}"));
    let bearer = who.authorization(&path).await;
    let headers = [("authorization", bearer.as_str())];
    let answer = app.send(request(&Method::GET, &path, &headers, b"")).await.0;
    let text = answer.text.clone();
    (answer, text)
}

#[tokio::test]
async fn every_license_counts_once_by_its_state_and_its_product() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let other = shop.owner.product(&shop.org, "Other").await;
    assert_eq!(counted(&shop.owner, &shop.org, "").await["total"], 0);
    let mut made = Vec::new();
    for fields in [
        json!({}),
        json!({ "expiresAt": app.now() + DAY }),
        json!({ "expiresAt": app.now() + DAY }),
        json!({ "expiresAt": app.now() + DAY }),
        json!({ "expiresAt": app.now() + 300 * DAY }),
        json!({}),
        json!({ "productId": other }),
    ] {
        made.push(shop.license(fields).await.1);
    }
    // One that has ended is frozen or revoked all the same, and counts as that.
    shop.of(&made[2], "PATCH", "", json!({ "frozen": true }))
        .await
        .expect(200);
    shop.of(&made[3], "POST", "/revoke", json!({})).await.expect(200);
    shop.of(&made[5], "POST", "/revoke", json!({})).await.expect(200);
    app.advance(2 * DAY);
    let shop = shop.signed_in().await;
    let own = json!({ "ACTIVE": 2, "EXPIRED": 1, "REVOKED": 2, "FROZEN": 1 });
    let others = json!({ "ACTIVE": 1, "EXPIRED": 0, "REVOKED": 0, "FROZEN": 0 });
    let all = counted(&shop.owner, &shop.org, "").await;
    assert_eq!((&all["total"], &all["totalExact"]), (&json!(7), &json!(true)));
    assert_eq!(
        all["byStatus"],
        json!({ "ACTIVE": 3, "EXPIRED": 1, "REVOKED": 2, "FROZEN": 1 })
    );
    let by_product = all["byProduct"].as_array().expect("a list");
    let of_product = |id: &str| {
        by_product
            .iter()
            .find(|counts| counts["productId"] == id)
            .expect("counts")
    };
    assert_eq!(of_product(&shop.product)["byStatus"], own);
    assert_eq!(of_product(&other)["byStatus"], others);
    assert_eq!(
        (&of_product(&other)["name"], &of_product(&other)["total"]),
        (&json!("Other"), &json!(1))
    );
    // Every number leads to the list behind it.
    for (status, count) in [("ACTIVE", 3), ("EXPIRED", 1), ("REVOKED", 2), ("FROZEN", 1)] {
        let listed = shop
            .owner
            .get(&of(&shop.org, &format!("/licenses?status={status}")))
            .await;
        let data = listed.expect(200)["data"].clone();
        let licenses = data["licenses"].as_array().expect("a list");
        assert!(
            licenses.iter().all(|license| license["status"] == status),
            "{licenses:?}"
        );
        assert_eq!((licenses.len(), &data["total"]), (count, &json!(count)), "{status}");
    }
    let one = counted(&shop.owner, &shop.org, &format!("?productId={other}")).await;
    assert_eq!((&one["total"], &one["byStatus"]), (&json!(1), &others));
}

#[tokio::test]
async fn a_file_has_a_row_for_each_license_and_no_formula() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let header = "id,key,productId,status,expirationMode,expiresAt,expiresAfterDays,activatedAt,createdAt\n";
    assert_eq!(exported(&app, &shop.owner, &shop.org, "").await.1, header, "of none");
    let (_, formula) = shop.license(json!({ "key": "=HYPERLINK(\"http://x\")" })).await;
    let (plain, _) = shop.license(json!({ "key": "A, quoted", "expiresAfterDays": 9 })).await;
    shop.authorize(&plain, json!({ "hwid": "a" })).await.expect(200);
    let (answer, text) = exported(&app, &shop.owner, &shop.org, "?format=csv").await;
    answer.expect(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"licenses.csv\""
    );
    assert_eq!(answer.header("x-next-cursor"), "");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, header.trim_end()));
    assert!(
        text.contains("\"A, quoted\",sold,ACTIVE,afterActivation,,9,2030-"),
        "{text}"
    );
    assert!(text.contains(",\"'=HYPERLINK(\"\"http://x\"\")\","), "{text}");
    // The same as other answers are.
    let (answer, _) = exported(&app, &shop.owner, &shop.org, "?format=json&status=ACTIVE").await;
    let data = &answer.expect(200)["data"];
    assert_eq!(
        (data["licenses"].as_array().map(Vec::len), &data["nextCursor"]),
        (Some(2), &Value::Null)
    );
    let of_formula = data["licenses"].as_array().expect("a list").iter();
    let mut of_formula = of_formula.filter(|row| row["id"] == formula["id"]);
    assert_eq!(of_formula.next().expect("it")["key"], formula["key"]);
    let revoked = exported(&app, &shop.owner, &shop.org, "?format=json&status=REVOKED").await;
    assert_eq!(revoked.0.expect(200)["data"]["licenses"], json!([]));
    let neither = exported(&app, &shop.owner, &shop.org, "?format=xml").await.0;
    neither.expect(400);
}

#[tokio::test]
async fn who_takes_the_keys_along_is_known_and_a_viewer_does_not() {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    shop.license(json!({})).await;
    let viewer = joined(&app, &shop.owner, &shop.org, "viewer", "VIEWER").await;
    let dev = joined(&app, &shop.owner, &shop.org, "dev", "DEV").await;
    let stranger = app.person("stranger@example.com").await;
    let refused = exported(&app, &viewer, &shop.org, "").await.0;
    expect_refusal(&refused, 403, "FORBIDDEN", "Your role does not allow this");
    counted(&viewer, &shop.org, "").await;
    for path in ["/licenses/export", "/licenses/analytics"] {
        let refused = stranger.get(&of(&shop.org, path)).await;
        expect_refusal(&refused, 404, "NOT_FOUND", "Organisation not found");
    }
    let foreign = stranger.organisation("Elsewhere").await;
    let foreign = stranger.product(&foreign, "Foreign").await;
    let query = of(&shop.org, &format!("/licenses/analytics?productId={foreign}"));
    expect_refusal(&viewer.get(&query).await, 404, "NOT_FOUND", "Product not found");
    exported(&app, &dev, &shop.org, "").await.0.expect(200);
    let log = json!({ "creatorId": shop.org, "type": "licensesExported" });
    let log = app.admin().post("/listAuditEvents", log).await;
    let entries = log.expect(200)["events"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), 1, "who was refused took nothing: {entries:?}");
    assert_eq!(entries[0]["actor"]["kind"], "member");
}
