//! Who may call admin endpoints, and how they show it.

use http::Method;
use keystead_core::{owner::api_key::RawApiKey, store::schema};
use keystead_tests::{Answer, OWNER, TestApp, secrets};
use serde_json::{Value, json};

/// How a request shows its credentials. All on `/listProducts`, whose answer tells whom it took the caller for.
#[derive(Default, Clone, Copy)]
struct Shown<'a> {
    secret_in_body: Option<&'a str>,
    in_body: Option<&'a str>,
    in_header: Option<&'a str>,
    in_query: Option<&'a str>,
}

impl Shown<'_> {
    async fn post(self, app: &TestApp) -> Answer {
        let mut body = json!({ "includeAll": true });
        for (name, value) in [("adminSecret", self.secret_in_body), ("apiKey", self.in_body)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let path = self
            .in_query
            .map_or("/listProducts".to_owned(), |key| format!("/listProducts?apiKey={key}"));
        let headers: Vec<(&str, &str)> = self.in_header.map(|key| ("X-API-Key", key)).into_iter().collect();
        let body = body.to_string();
        app.stranger()
            .send(&Method::POST, &path, &headers, body.as_bytes())
            .await
    }
}

/// Owners with a product each.
async fn shop() -> (TestApp, String, String, String) {
    let app = TestApp::start().await;
    app.make_product("b", "bob", "live").await;
    app.make_product("c", "carol", "live").await;
    let keys = [
        app.creator(OWNER).await,
        app.creator("bob").await,
        app.creator("carol").await,
    ];
    let [alice, bob, carol] = keys.map(|creator| creator.api_key);
    (app, alice, bob, carol)
}

/// Whose products were listed.
#[track_caller]
fn listed(answer: &Answer) -> Vec<&str> {
    let products = answer.expect(200)["products"].as_array().expect("a list");
    let mut owners: Vec<&str> = products
        .iter()
        .filter_map(|product| product["creatorId"].as_str())
        .collect();
    owners.sort_unstable();
    owners
}

#[tokio::test]
async fn an_api_key_may_be_in_the_body_in_the_header_and_in_the_query_of_any_method() {
    let (app, alice, ..) = shop().await;
    let key = Some(alice.as_str());
    for shown in [
        Shown {
            in_body: key,
            ..Shown::default()
        },
        Shown {
            in_header: key,
            ..Shown::default()
        },
        Shown {
            in_query: key,
            ..Shown::default()
        },
        Shown {
            in_body: key,
            in_header: key,
            in_query: key,
            ..Shown::default()
        },
    ] {
        assert_eq!(listed(&shown.post(&app).await), [OWNER]);
    }
    let by_query = app.stranger().get(&format!("/listProducts?apiKey={alice}")).await;
    assert_eq!(listed(&by_query), [OWNER]);
    for path in ["/listProducts".to_owned(), format!("/listProducts?apiKey={alice}")] {
        let headers = [("x-api-key", alice.as_str())];
        assert_eq!(
            listed(&app.stranger().send(&Method::GET, &path, &headers, b"").await),
            [OWNER]
        );
    }
}

#[tokio::test]
async fn of_api_keys_that_disagree_the_body_s_goes_before_the_header_s_before_the_query_s() {
    let (app, alice, bob, carol) = shop().await;
    let (alice, bob, carol) = (Some(alice.as_str()), Some(bob.as_str()), Some(carol.as_str()));
    let none = Shown::default();
    for (shown, whose) in [
        (
            Shown {
                in_body: alice,
                in_header: bob,
                in_query: carol,
                ..none
            },
            OWNER,
        ),
        (
            Shown {
                in_header: bob,
                in_query: carol,
                ..none
            },
            "bob",
        ),
        (
            Shown {
                in_body: alice,
                in_query: carol,
                ..none
            },
            OWNER,
        ),
        // A blank one is none.
        (
            Shown {
                in_body: Some(" "),
                in_header: bob,
                in_query: carol,
                ..none
            },
            "bob",
        ),
        (
            Shown {
                in_body: Some(""),
                in_header: Some(""),
                in_query: carol,
                ..none
            },
            "carol",
        ),
    ] {
        assert_eq!(listed(&shown.post(&app).await), [whose]);
    }
    // The first is the one that counts, also when it is wrong.
    let wrong = Shown {
        in_body: Some("cgls_wrong"),
        in_header: bob,
        ..none
    };
    wrong.post(&app).await.expect_refusal(401, "Unauthorized");
}

#[tokio::test]
async fn a_right_admin_secret_wins_over_an_api_key_and_a_wrong_one_does_not_stand_in_its_way() {
    let (app, alice, ..) = shop().await;
    let key = Some(alice.as_str());
    let right = Some(secrets().credentials.admin_secret.as_str());
    let none = Shown::default();
    let everyone = vec![OWNER, "bob", "carol"];
    for (shown, whose) in [
        (
            Shown {
                secret_in_body: right,
                ..none
            },
            everyone.clone(),
        ),
        (
            Shown {
                secret_in_body: right,
                in_body: key,
                ..none
            },
            everyone.clone(),
        ),
        (
            Shown {
                secret_in_body: right,
                in_body: Some("cgls_wrong"),
                ..none
            },
            everyone,
        ),
        (
            Shown {
                secret_in_body: Some("wrong"),
                in_body: key,
                ..none
            },
            vec![OWNER],
        ),
        (
            Shown {
                secret_in_body: Some("wrong"),
                in_header: key,
                ..none
            },
            vec![OWNER],
        ),
        (
            Shown {
                secret_in_body: Some("wrong"),
                in_query: key,
                ..none
            },
            vec![OWNER],
        ),
        (
            Shown {
                secret_in_body: Some(""),
                in_query: key,
                ..none
            },
            vec![OWNER],
        ),
    ] {
        assert_eq!(listed(&shown.post(&app).await), whose);
    }
}

#[tokio::test]
async fn a_missing_wrong_or_blank_credential_is_unauthorized() {
    let (app, alice, ..) = shop().await;
    let almost = format!("{}0", &alice[..alice.len() - 1]);
    let upper = alice.to_uppercase();
    let almost_secret = format!("{}x", secrets().credentials.admin_secret);
    let none = Shown::default();
    for shown in [
        none,
        Shown {
            secret_in_body: Some("wrong"),
            ..none
        },
        Shown {
            secret_in_body: Some(""),
            ..none
        },
        Shown {
            secret_in_body: Some(" "),
            ..none
        },
        Shown {
            secret_in_body: Some(&almost_secret),
            ..none
        },
        Shown {
            secret_in_body: Some("wrong"),
            in_body: Some("wrong"),
            ..none
        },
        // The one credential is not the other.
        Shown {
            secret_in_body: Some(&alice),
            ..none
        },
        Shown {
            in_body: Some(&secrets().credentials.admin_secret),
            ..none
        },
        Shown {
            in_body: Some(&almost),
            ..none
        },
        Shown {
            in_body: Some(&upper),
            ..none
        },
        Shown {
            in_body: Some(""),
            in_header: Some(" "),
            in_query: Some(""),
            ..none
        },
        Shown {
            in_header: Some("wrong"),
            ..none
        },
        Shown {
            in_query: Some("wrong"),
            ..none
        },
    ] {
        shown.post(&app).await.expect_refusal(401, "Unauthorized");
    }
    for path in [
        "/listProducts",
        "/listProducts?apiKey=",
        "/listProducts?adminSecret=",
        "/listProducts?adminSecret=no",
    ] {
        app.stranger().get(path).await.expect_refusal(401, "Unauthorized");
    }
}

#[tokio::test]
async fn what_is_not_text_is_no_credential() {
    let (app, alice, ..) = shop().await;
    for odd in [
        json!(null),
        json!(true),
        json!(0),
        json!([alice]),
        json!({ "apiKey": alice }),
    ] {
        let body = json!({ "apiKey": odd, "adminSecret": odd });
        app.stranger()
            .post("/listProducts", body.clone())
            .await
            .expect_refusal(401, "Unauthorized");
        let headers = [("x-api-key", alice.as_str())];
        let answer = app
            .stranger()
            .send(&Method::POST, "/listProducts", &headers, body.to_string().as_bytes())
            .await;
        assert_eq!(listed(&answer), [OWNER]);
    }
}

#[tokio::test]
async fn the_admin_secret_may_be_in_the_query_of_a_get_and_nowhere_else_but_the_body() {
    let app = TestApp::start().await;
    let secret = secrets().credentials.admin_secret.as_str();
    let query = format!("/listProducts?adminSecret={secret}");
    app.stranger().get(&query).await.expect(200);
    app.stranger()
        .post(&query, json!({}))
        .await
        .expect_refusal(401, "Unauthorized");
    for header in ["x-admin-secret", "adminSecret", "authorization", "x-api-key"] {
        let headers = [(header, secret)];
        let answer = app
            .stranger()
            .send(&Method::POST, "/listProducts", &headers, b"{}")
            .await;
        answer.expect_refusal(401, "Unauthorized");
    }
    // The body of a GET is not looked at.
    let body = json!({ "adminSecret": secret }).to_string();
    let answer = app
        .stranger()
        .send(&Method::GET, "/listProducts", &[], body.as_bytes())
        .await;
    answer.expect_refusal(401, "Unauthorized");
}

#[tokio::test]
async fn a_revoked_key_lets_nobody_in() {
    let (app, alice, bob, _) = shop().await;
    let hash = RawApiKey::parse(&alice).expect("a key").hash();
    app.set_attribute(
        &schema::API_KEYS,
        hash.as_str(),
        None,
        "active",
        json!({ "BOOL": false }),
    );
    for shown in [
        Shown {
            in_body: Some(&alice),
            ..Shown::default()
        },
        Shown {
            in_header: Some(&alice),
            ..Shown::default()
        },
        Shown {
            in_query: Some(&alice),
            ..Shown::default()
        },
        Shown {
            in_body: Some(&alice),
            in_header: Some(&bob),
            ..Shown::default()
        },
    ] {
        shown.post(&app).await.expect_refusal(401, "Unauthorized");
    }
    let with_secret = Shown {
        in_body: Some(&alice),
        secret_in_body: Some(&secrets().credentials.admin_secret),
        ..Shown::default()
    };
    with_secret.post(&app).await.expect(200);
}

#[tokio::test]
async fn who_may_not_ask_does_not_learn_what_is_wrong_with_the_question() {
    let app = TestApp::start().await;
    for body in [
        json!({}),
        json!({ "email": 7 }),
        json!({ "email": "c@example.com", "productId": "unknown" }),
    ] {
        let mut with_wrong_secret = body.clone();
        with_wrong_secret["adminSecret"] = json!("wrong");
        for body in [body, with_wrong_secret] {
            app.stranger()
                .post("/createLicense", body)
                .await
                .expect_refusal(401, "Unauthorized");
        }
    }
}

#[tokio::test]
async fn client_endpoints_ask_for_no_credential_and_ignore_one() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    for extra in [
        json!({}),
        json!({ "adminSecret": "wrong", "apiKey": "wrong" }),
        json!({ "adminSecret": 1 }),
    ] {
        app.machine("a").activate_with(&license, extra).await.0.expect(200);
    }
}

#[tokio::test]
async fn neither_a_credential_nor_a_license_key_is_in_the_log() {
    let (app, alice, ..) = shop().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    app.stranger()
        .get(&format!("/getLicense?apiKey={alice}&licenseKey={}", license.key))
        .await
        .expect(200);
    let log = app.cx.log.written();
    let (token, secret): (Value, _) = (json!(machine.token()), &secrets().credentials.admin_secret);
    for secret in [&alice, &license.key, secret, token.as_str().expect("a text")] {
        assert!(!log.contains(secret), "{log}");
    }
}
