//! `POST /stripeWebhook/{endpointId}`: an owner's own Stripe account.

use keystead_tests::{Answer, OWNER, PRODUCT, Stripe, TestApp};
use serde_json::{Value, json};

use super::{license, shown};

const ALICES: &str = "whsec_of-alice-in-these-stories";
const BOBS: &str = "whsec_of-bob-in-these-stories";

/// The Stripe account of an owner, who signs with this.
async fn stripe_of(app: &TestApp, owner: &str, secret: &str) -> Stripe {
    let endpoint = app.stripe_endpoint(owner, secret).await;
    app.stripe().signing_with(secret).at(&endpoint)
}

fn session(id: &str, product: &str) -> Value {
    json!({
        "id": format!("cs_{id}"), "mode": "payment", "payment_status": "paid", "payment_intent": format!("pi_{id}"),
        "customer_details": { "email": "customer@example.com" }, "metadata": { "productId": product },
    })
}

async fn buy(stripe: &Stripe, id: &str, product: &str) -> Answer {
    let event = format!("evt_{id}");
    stripe
        .deliver(&event, "checkout.session.completed", session(id, product))
        .await
}

/// Everything that Stripe can tell against the sale with this id.
fn against(id: &str) -> [(&'static str, Value); 5] {
    let (payment, charge) = (format!("pi_{id}"), format!("ch_{id}"));
    [
        (
            "charge.refunded",
            json!({ "id": charge, "refunded": true, "payment_intent": payment }),
        ),
        (
            "charge.dispute.created",
            json!({ "id": "dp_1", "charge": charge, "payment_intent": payment }),
        ),
        ("customer.subscription.deleted", json!({ "id": format!("sub_{id}") })),
        (
            "invoice.paid",
            json!({
                "id": "in_1", "billing_reason": "subscription_cycle", "subscription": format!("sub_{id}"),
                "payment_intent": payment,
                "lines": { "data": [{ "period": { "start": 1_900_000_000, "end": 1_900_000_000 + 30 * 86_400 } }] },
            }),
        ),
        (
            "invoice_payment.paid",
            json!({ "id": "inpay_1", "invoice": "in_1", "payment": { "payment_intent": payment } }),
        ),
    ]
}

#[tokio::test]
async fn a_stripe_account_of_an_owner_sells_what_is_theirs() {
    let app = TestApp::start().await;
    let alice = stripe_of(&app, OWNER, ALICES).await;
    let bought = license(&buy(&alice, "1", PRODUCT).await);
    assert_eq!(buy(&alice, "1", PRODUCT).await.expect(200)["duplicate"], true);
    assert_eq!(shown(&app, &bought).await["status"], "active");
    let (r#type, refund) = against("1")[0].clone();
    alice.deliver("evt_2", r#type, refund).await.expect(200);
    assert_eq!(shown(&app, &bought).await["status"], "revoked");
    // What comes before the purchase is kept for it, as of every store.
    let (r#type, refund) = against("2")[0].clone();
    let early = alice.deliver("evt_3", r#type, refund).await;
    assert!(early.expect(200)["keptUntil"].is_string());
    let late = license(&buy(&alice, "2", PRODUCT).await);
    assert_eq!(shown(&app, &late).await["status"], "revoked");
}

#[tokio::test]
async fn a_stripe_account_of_an_owner_neither_makes_nor_revokes_what_is_another_s() {
    let app = TestApp::start().await;
    app.make_product("bobs", "bob", "live").await;
    let (alice, bob) = (stripe_of(&app, OWNER, ALICES).await, stripe_of(&app, "bob", BOBS).await);
    let of_alice = license(&buy(&alice, "1", PRODUCT).await);
    let of_operator = license(&buy(&app.stripe(), "2", PRODUCT).await);
    let sold = app
        .store()
        .tell("purchase.completed", json!({ "purchaseId": "pi_3" }))
        .await;
    let of_store = license(&sold);
    // Nor does it learn that there is such a product.
    let foreign = buy(&bob, "4", PRODUCT).await;
    foreign.expect_error(404, "Product not found");
    assert_eq!(foreign.body, buy(&bob, "4", "none").await.body);
    // Bob signs whatever he likes: every id of a sale that is not his leads nowhere.
    for id in ["1", "2", "3"] {
        for (r#type, object) in against(id) {
            let told = bob.deliver(&format!("evt_{id}_{type}"), r#type, object).await;
            assert!(told.expect(200).get("licenseKey").is_none(), "{}", told.body);
        }
    }
    // And the same ids, of a product of his, are another purchase.
    let of_bob = license(&buy(&bob, "1", "bobs").await);
    for theirs in [&of_alice, &of_operator, &of_store] {
        let shown = shown(&app, theirs).await;
        assert_eq!(
            (&shown["status"], &shown["expiresAt"]),
            (&json!("active"), &Value::Null)
        );
        assert_ne!(theirs.key, of_bob.key);
    }
    // What he told against the payment was kept, and is of his own sale.
    assert_eq!(shown(&app, &of_bob).await["status"], "revoked");
    // The operator's account leads to the sales that it has told of, and to no owner's.
    for (r#type, object) in against("1") {
        let told = app.stripe().deliver(&format!("evt_op_{type}"), r#type, object).await;
        assert!(told.expect(200).get("licenseKey").is_none(), "{}", told.body);
    }
    assert_eq!(shown(&app, &of_alice).await["status"], "active");
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_of_its_address_opens_nothing() {
    let app = TestApp::start().await;
    let endpoint = app.stripe_endpoint(OWNER, ALICES).await;
    let bobs = app.stripe_endpoint("bob", BOBS).await;
    let alice = app.creator(OWNER).await;
    let wanted = json!({ "creatorId": OWNER, "name": "shop", "purpose": "store" });
    let made = app.admin().post("/createApiKey", wanted).await;
    let store_key = made.expect(200)["apiKey"].as_str().expect("a key").to_owned();
    let stripe = || app.stripe().signing_with(ALICES);
    let unknown = format!("cgst_{}", "0".repeat(64));
    for refused in [
        // Another's secret, the deployment's, and this one at other addresses.
        buy(&app.stripe().signing_with(BOBS).at(&endpoint), "1", PRODUCT).await,
        buy(&app.stripe().at(&endpoint), "1", PRODUCT).await,
        buy(&stripe().at(&bobs), "1", PRODUCT).await,
        buy(&stripe(), "1", PRODUCT).await,
        buy(&stripe().at(&unknown), "1", PRODUCT).await,
        // Keys for something else are no addresses.
        buy(&stripe().at(&alice.api_key), "1", PRODUCT).await,
        buy(&stripe().at(&store_key), "1", PRODUCT).await,
        app.stripe().at(&endpoint).deliver_signed("{}", "t=1,v1=00").await,
    ] {
        refused.expect_error(401, "Unauthorized");
    }
    // And the address is no key for anything else.
    for (path, field) in [("/listLicenses", "apiKey"), ("/cgloungeWebhook", "webhookSecret")] {
        app.stranger().post(path, json!({ field: endpoint })).await.expect(401);
    }
    app.admin()
        .post("/revokeApiKey", json!({ "apiKey": endpoint }))
        .await
        .expect(200);
    buy(&stripe().at(&endpoint), "1", PRODUCT).await.expect(401);
}

#[tokio::test]
async fn strangers_have_one_item_read_at_most_and_nothing_written() {
    let app = TestApp::start().await;
    let endpoint = app.stripe_endpoint(OWNER, ALICES).await;
    let unknown = format!("cgst_{}", "0".repeat(64));
    let body = json!({ "id": "evt_1", "type": "ping", "data": { "object": {} } }).to_string();
    let long = format!("t=1,{}", "v1=00,".repeat(200));
    for (address, signature, reads) in [
        (endpoint.as_str(), "t=1,v1=00", 1),
        (&unknown, "t=1,v1=00", 1),
        ("none", "t=1,v1=00", 0),
        (&endpoint, &long, 0),
    ] {
        app.faults.calls();
        app.stripe()
            .at(address)
            .deliver_signed(&body, signature)
            .await
            .expect(401);
        let calls = app.faults.calls();
        assert_eq!(calls.len(), reads, "{address}: {calls:?}");
        assert!(
            calls.iter().all(|call| format!("{call:?}").contains("GetItem")),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn a_secret_is_replaced_at_once_and_by_the_operator_alone() {
    let app = TestApp::start().await;
    let endpoint = app.stripe_endpoint(OWNER, ALICES).await;
    let (old, new) = (ALICES, "whsec_of-alice-once-it-was-rolled");
    let at = |secret: &str| app.stripe().signing_with(secret).at(&endpoint);
    license(&buy(&at(old), "1", PRODUCT).await);
    let replace = json!({ "apiKey": endpoint, "stripeSecret": new });
    for stranger in [
        app.creator(OWNER)
            .await
            .post("/replaceStripeSecret", replace.clone())
            .await,
        app.stranger().post("/replaceStripeSecret", replace.clone()).await,
        app.person("ann@example.com")
            .await
            .post("/replaceStripeSecret", replace.clone())
            .await,
    ] {
        stranger.expect(401);
    }
    app.admin().post("/replaceStripeSecret", replace).await.expect(200);
    buy(&at(old), "2", PRODUCT).await.expect(401);
    // Its sales are the same: the address is.
    assert_eq!(buy(&at(new), "1", PRODUCT).await.expect(200)["duplicate"], true);
    let told = app
        .admin()
        .post("/listAuditEvents", json!({ "creatorId": OWNER }))
        .await;
    assert_eq!(told.expect(200)["events"][0]["type"], "stripeSecretReplaced");
    // Of nothing else than an address for Stripe that is in use.
    let key = app.creator(OWNER).await.api_key;
    app.admin()
        .post("/revokeApiKey", json!({ "apiKey": endpoint }))
        .await
        .expect(200);
    for other in [&key, &endpoint, "cgst_none"] {
        let replace = json!({ "apiKey": other, "stripeSecret": old });
        let answer = app.admin().post("/replaceStripeSecret", replace).await;
        answer.expect_error(404, "API key not found");
    }
    buy(&at(old), "3", PRODUCT).await.expect(401);
}

#[tokio::test]
async fn an_address_for_stripe_has_a_secret_and_no_other_key_has_one() {
    let app = TestApp::start().await;
    let create = async |fields: Value| {
        let mut body = json!({ "creatorId": OWNER, "name": "stripe" });
        body.as_object_mut()
            .expect("fields")
            .extend(fields.as_object().expect("fields").clone());
        app.admin().post("/createApiKey", body).await
    };
    create(json!({ "purpose": "stripe" }))
        .await
        .expect_error(400, "Missing required fields: stripeSecret");
    for fields in [
        json!({ "stripeSecret": ALICES }),
        json!({ "purpose": "store", "stripeSecret": ALICES }),
    ] {
        create(fields).await.expect_error(
            400,
            "Invalid stripeSecret: must be left out, unless the purpose is stripe",
        );
    }
    for wrong in ["whsec_short", "sk_live_0123456789abcdef", "0123456789abcdef0123456789"] {
        create(json!({ "purpose": "stripe", "stripeSecret": wrong }))
            .await
            .expect_error(
                400,
                "Invalid stripeSecret: must be a signing secret of Stripe's, which begins with whsec_",
            );
    }
    let made = create(json!({ "purpose": "stripe", "stripeSecret": ALICES })).await;
    let made = made.expect(200);
    assert_eq!(made["purpose"], "stripe");
    assert!(
        made["apiKey"].as_str().is_some_and(|key| key.starts_with("cgst_")),
        "{made}"
    );
    assert!(made.get("stripeSecret").is_none());
    let listed = app.admin().post("/listApiKeys", json!({ "creatorId": OWNER })).await;
    let listed = listed.expect(200).to_string();
    assert!(listed.contains("\"stripe\"") && !listed.contains("ecret"), "{listed}");
}

/// Two owners' accounts that tell of one id at the same time have a sale each.
#[tokio::test]
async fn one_id_of_two_accounts_at_once_is_two_sales() {
    for _ in 0..4 {
        let app = TestApp::start().await;
        app.make_product("bobs", "bob", "live").await;
        let (alice, bob) = (stripe_of(&app, OWNER, ALICES).await, stripe_of(&app, "bob", BOBS).await);
        let (of_alice, of_bob, again) = tokio::join!(
            buy(&alice, "1", PRODUCT),
            buy(&bob, "1", "bobs"),
            buy(&alice, "1", PRODUCT)
        );
        let (of_alice, of_bob, again) = (license(&of_alice), license(&of_bob), license(&again));
        assert_eq!(of_alice.key, again.key);
        assert_ne!(of_alice.key, of_bob.key);
        let stored = app.stored(&of_bob).await;
        assert_eq!(stored.owner_id.as_str(), "bob");
    }
}
