//! What keys look like, and the rules that a product has for them.

use keystead_core::{license::key::LicenseKey, product::key_rules::KeyPrefix};
use keystead_tests::{OWNER, PRODUCT, TestApp};
use serde_json::{Value, json};

use super::{BUYER, good, grouped, update_product};

#[tokio::test]
async fn a_grouped_key_is_a_prefix_and_four_groups_without_letters_that_look_alike() {
    let app = TestApp::start().await;
    let license = grouped(&app).await;
    let groups: Vec<&str> = license.key.split('-').collect();
    assert_eq!((groups.len(), groups[0]), (5, "GLD"), "{}", license.key);
    let alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    for group in &groups[1..] {
        assert_eq!(group.len(), 4);
        assert!(group.chars().all(|letter| alphabet.contains(letter)), "{}", license.key);
    }
    let uuid = app.license().with("keyFormat", "uuid").create().await;
    assert_eq!(uuid.key.len(), 36);
    let other = json!({ "email": BUYER, "productId": PRODUCT, "keyFormat": "GROUPED" });
    app.admin()
        .post("/createLicense", other)
        .await
        .expect_refusal(400, "Invalid keyFormat");
}

#[tokio::test]
async fn a_product_with_a_prefix_of_its_own_makes_grouped_keys_unless_asked_for_others() {
    let app = TestApp::start().await;
    assert_eq!(app.license().create().await.key.len(), 36);
    update_product(&app, json!({ "keyPrefix": "acme" })).await;
    assert!(app.license().create().await.key.starts_with("ACME-"));
    assert_eq!(app.license().with("keyFormat", "uuid").create().await.key.len(), 36);
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "p-1" }))
        .await;
    assert!(
        sold.expect(200)["licenseKey"]
            .as_str()
            .expect("a key")
            .starts_with("ACME-")
    );
    let bad = json!({ "productId": PRODUCT, "keyPrefix": "A-B" });
    app.admin()
        .post("/updateProduct", bad)
        .await
        .expect_refusal(400, "Invalid keyPrefix: must be 1 to 10 letters and digits");
    update_product(&app, json!({ "keyPrefix": null })).await;
    assert_eq!(app.license().create().await.key.len(), 36);
}

#[test]
fn keys_are_found_as_people_type_them() {
    let typed = |text: &str| LicenseKey::typed(text).map(|key| key.to_string());
    for (text, key) in [
        (" gld-abcd-ef23-gh45-jk67\n", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLD-ZYXW-VUTS-RQPO-NMLK", Some("GLD-ZYXW-VUTS-RQPO-NMLK")),
        (
            "DE300000-0000-4000-8000-00000000000A",
            Some("de300000-0000-4000-8000-00000000000a"),
        ),
        (
            "gld\u{2013}abcd\u{2011}ef23\u{2212}gh45\u{2014}jk67",
            Some("GLD-ABCD-EF23-GH45-JK67"),
        ),
        ("GLD ABCD EF23 GH45 JK67", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLDABCDEF23GH45JK67", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLD - ABCD- EF23 -GH45-\u{a0}JK67", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLD-ABCD-EF\r\n23-GH45-JK67", Some("GLD-ABCD-EF23-GH45-JK67")),
        ("GLD-ABCD-\nEF23-GH45-JK67", Some("GLD-ABCD-EF23-GH45-JK67")),
        (
            "ＧＬＤ－ＡＢＣＤ－ＥＦ２３－ＧＨ４５－ＪＫ６７",
            Some("GLD-ABCD-EF23-GH45-JK67"),
        ),
        (
            "\u{feff}GLD-AB\u{ad}CD-EF23-\u{200b}GH45-JK67\u{2060}",
            Some("GLD-ABCD-EF23-GH45-JK67"),
        ),
        (
            "\u{200e}DE300000\u{2010}0000\u{2012}4000\u{2013}8000\u{2014}00000000000A\u{200f}",
            Some("de300000-0000-4000-8000-00000000000a"),
        ),
        ("\u{200b}Imported Key\u{feff}", Some("Imported Key")),
        // As they are: neither a group too few nor one of another length, nor anything else.
        ("gld-abcd-ef23-gh45", Some("gld-abcd-ef23-gh45")),
        ("gld-abcd-ef23-gh45-jk678", Some("gld-abcd-ef23-gh45-jk678")),
        ("Imported Key", Some("Imported Key")),
        (
            "de300000000040008000000000000001",
            Some("de300000000040008000000000000001"),
        ),
        ("  ", None),
    ] {
        assert_eq!(typed(text).as_deref(), key, "{text:?}");
    }
    assert_eq!(KeyPrefix::default().as_str(), "GLD");
}

#[tokio::test]
async fn a_product_is_made_with_its_rules_for_keys() {
    let app = TestApp::start().await;
    let product = json!({
        "name": "Brush", "slug": "brush", "creatorId": OWNER, "image": "http://example.com/brush.png",
        "keyPrefix": "br", "allowBuyerShuffle": false, "allowBuyerReset": "0", "maxActivations": -1,
    });
    app.admin().post("/createProduct", product).await.expect(200);
    let license = app.license().with("productId", "brush").create().await;
    assert!(license.key.starts_with("BR-"), "{}", license.key);
    let body = good(&app, &license.key, Some("hw-1")).await;
    assert_eq!(
        (&body["maxActivations"], &body["product"]),
        (
            &Value::Null,
            &json!({ "name": "Brush", "slug": "brush", "image": "http://example.com/brush.png" })
        )
    );
    let buyer = app.person(BUYER).await;
    for path in ["/api/license-keys/shuffle", "/api/license-keys/reset"] {
        let answer = buyer.post(path, json!({ "key": license.key })).await;
        assert!(
            answer.expect(403)["error"]
                .as_str()
                .is_some_and(|text| text.ends_with("Contact the seller."))
        );
    }
    let image = json!({ "name": "B", "slug": "b", "creatorId": OWNER, "image": "javascript:alert(1)" });
    app.admin().post("/createProduct", image).await.expect_refusal(
        400,
        "Invalid image: must be an http or https URL of up to 2048 characters",
    );
}
