//! `POST /resendLicense`.

use keystead_tests::{HOUR, OWNER, TestApp};
use serde_json::json;

#[tokio::test]
async fn a_license_s_key_is_mailed_to_its_customer_and_to_nobody_else() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "Ann@Example.com").create().await;
    let asked = json!({ "licenseKey": license.key, "email": "thief@example.com" });
    let answer = app.admin().post("/resendLicense", asked).await;
    answer.expect_body(200, &json!({ "success": true, "mailed": true }));
    let mails = app.mails.mails();
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("Ann@Example.com", "Your license key")
    );
    assert!(mail.text.contains(&license.key), "{}", mail.text);
    let log = app
        .admin()
        .post("/listAuditEvents", json!({ "creatorId": OWNER }))
        .await;
    let latest = &log.expect(200)["events"][0];
    assert_eq!(
        (&latest["type"], &latest["actor"]["kind"]),
        (&json!("keyMailed"), &json!("admin"))
    );
}

#[tokio::test]
async fn two_an_hour_are_mailed_to_a_mailbox_apart_from_mails_of_accounts() {
    let app = TestApp::start().await;
    let license = app.license().with("email", "ann+one@example.com").create().await;
    let other = app.license().with("email", "ann+two@example.com").create().await;
    let resend = async |key: &str| app.admin().post("/resendLicense", json!({ "licenseKey": key })).await;
    resend(&license.key).await.expect(200);
    resend(&other.key).await.expect(200);
    let refused = resend(&license.key).await;
    refused.expect_refusal(429, "Too many attempts. Try again later.");
    // A new password can be asked for all the same.
    let before = app.mails.mails().len();
    app.register("ann@example.com").await;
    assert_eq!(app.mails.mails().len(), before + 1);
    app.advance(HOUR);
    resend(&license.key).await.expect(200);
}
