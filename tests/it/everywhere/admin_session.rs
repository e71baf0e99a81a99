//! What an administrator's desktop tool sends in one session, from its first list to its last reset.

use keystead_tests::{DAY, OWNER, PRODUCT, TestApp, TestLicense};
use serde_json::{Value, json};

#[tokio::test]
async fn a_session_of_an_admin_tool() {
    let app = TestApp::start().await;
    app.make_product("brush", OWNER, "unlisted").await;
    app.make_product("bobs", "bob", "live").await;
    let alice = app.creator(OWNER).await;
    let post = async |path: &str, asked: Value| alice.post(path, asked).await.expect(200).clone();

    // The products fill a list, and each one's licenses are asked for.
    let products = post("/listProducts", json!({ "includeAll": true })).await;
    let mut ids: Vec<&str> = products["products"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|product| product["productId"].as_str().expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [PRODUCT, "brush"]);
    for id in ids {
        let licenses = post("/listLicenses", json!({ "productId": id, "limit": 500 })).await;
        assert_eq!(licenses, json!({ "success": true, "licenses": [], "count": 0 }));
    }

    // A variant is made, and fills the form of a new license.
    let studio = json!({ "productId": PRODUCT, "name": "Studio", "maxMachines": 5 });
    assert_eq!(post("/createVariant", studio).await["variantId"], "app-studio");
    let variants = post("/listVariants", json!({ "productId": PRODUCT })).await;
    assert_eq!(variants.get("error"), None);
    let prefixed = variants["variants"][0]["variantId"].as_str().expect("an id");
    let variant = prefixed.strip_prefix("app-").expect("a prefix");
    let wanted = json!({
        "email": "ann@example.com", "productId": PRODUCT, "variant": variant, "licenseType": "per-machine",
        "maxMachines": 5, "expiresAt": "2031-01-01T00:00:00Z",
    });
    let created = post("/createLicense", wanted).await;
    let license = TestLicense {
        key: created["licenseKey"].as_str().expect("a key").to_owned(),
    };
    let of_license = |fields: Value| {
        let mut asked = fields;
        asked["licenseKey"] = json!(license.key);
        asked
    };
    let (a, b) = (app.machine("a"), app.machine("b"));
    a.activate(&license).await.expect(200);
    b.activate(&license).await.expect(200);

    // It is edited: all fields of the dialog at once.
    let edited = json!({
        "variant": "studio", "licenseType": "per-machine", "maxMachines": 3, "expiresAt": null, "status": "active",
    });
    post("/updateLicense", of_license(edited)).await;
    let listed = post("/listLicenses", json!({ "productId": PRODUCT, "limit": 500 })).await;
    let item = &listed["licenses"][0];
    for (field, value) in [
        ("key", json!(license.key)),
        ("variant", json!("studio")),
        ("status", json!("active")),
        ("threatLevel", json!(0)),
        ("maxMachines", json!(3)),
        ("machinesUsed", json!(2)),
        ("unresolvedViolationsCount", json!(0)),
        ("expiresAt", json!(null)),
    ] {
        assert_eq!(item[field], value, "{field}");
    }

    // A trial code is made, as the dialog sends it; switched off and on; limited; and deleted.
    let code = json!({ "code": " Summer-30 ", "productId": PRODUCT, "trialDays": 30, "maxUses": 5,
                       "expiresAt": "2030-02-01T00:00:00Z" });
    assert_eq!(post("/createTrialCode", code).await["code"], "Summer-30");
    let codes = post("/listTrialCodes", json!({ "productId": PRODUCT })).await;
    assert_eq!(codes.get("error"), None);
    let item = &codes["codes"][0];
    for (field, value) in [
        ("code", json!("Summer-30")),
        ("productId", json!(PRODUCT)),
        ("trialDays", json!(30)),
        ("maxUses", json!(5)),
        ("usedCount", json!(0)),
        ("expiresAt", json!("2030-02-01T00:00:00.000Z")),
        ("active", json!(true)),
    ] {
        assert_eq!(item[field], value, "{field}");
    }
    for change in [
        json!({ "code": "Summer-30", "active": false }),
        json!({ "code": "Summer-30", "active": true, "maxUses": -1, "expiresAt": null }),
    ] {
        assert_eq!(post("/updateTrialCode", change).await["success"], true);
    }
    let redeemed = post(
        "/redeemTrialCode",
        json!({ "code": "SUMMER-30", "email": "bea@example.com" }),
    )
    .await;
    let trial = post("/getLicense", json!({ "licenseKey": redeemed["licenseKey"] })).await;
    assert_eq!(trial["license"]["variant"], "trial");
    post(
        "/revokeLicense",
        json!({ "licenseKey": redeemed["licenseKey"], "reason": "manual" }),
    )
    .await;
    assert_eq!(
        post("/deleteTrialCode", json!({ "code": "Summer-30" })).await,
        json!({ "success": true })
    );

    // It is suspended, and reinstated a day later.
    post("/updateLicense", of_license(json!({ "status": "suspended" }))).await;
    a.validate(&license).await.expect_invalid(403, "License is suspended");
    app.advance(DAY);
    let suspended = json!({ "productId": PRODUCT, "status": "suspended", "limit": 500 });
    assert_eq!(post("/listLicenses", suspended.clone()).await["count"], 1);
    assert_eq!(
        post("/reinstateLicense", of_license(json!({}))).await["status"],
        "active"
    );
    assert_eq!(post("/listLicenses", suspended).await["count"], 0);
    a.validate(&license).await.expect(200);

    // It is caught at something, which is looked at and put aside.
    license.caught(&app, "viol_001", "medium").await;
    license.degrade(&app).await;
    let shown = post("/getLicense", of_license(json!({}))).await;
    assert_eq!(shown["unresolvedViolationsCount"], 1);
    let id = &shown["violations"][0]["id"];
    let resolved = post("/resolveLicense", of_license(json!({ "violationIds": [id] }))).await;
    assert_eq!(
        resolved,
        json!({ "success": true, "threatLevel": 0, "status": "active", "resolvedCount": 1 })
    );

    // Its machines are taken off it.
    assert_eq!(
        post("/resetActivations", of_license(json!({}))).await["deletedCount"],
        2
    );
    let shown = post("/getLicense", of_license(json!({}))).await;
    assert_eq!(
        (
            &shown["machinesUsed"],
            &shown["activations"],
            &shown["unresolvedViolationsCount"]
        ),
        (&json!(0), &json!([]), &json!(0))
    );
    a.validate(&license)
        .await
        .expect_invalid(403, "Machine is not activated");
    a.activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}
