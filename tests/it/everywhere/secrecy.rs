//! What is kept and what is logged: no credential is ever stored or written down, and the log knows no customer.

use http::Method;
use keystead_core::{license::activation::SESSION_TIMEOUT, store::schema};
use keystead_functions::{frame::route::Route, routes};
use keystead_tests::{Answer, OWNER, PRODUCT, TestApp, secrets};
use serde_json::{Value, json};

const EMAIL: &str = "Jane.Doe+licenses@customer.example";

/// A session in which every route is asked, well and badly, and what came back.
struct Session {
    app: TestApp,
    answers: Vec<Answer>,
    /// What must be neither stored nor logged.
    credentials: Vec<String>,
    /// What must not be logged.
    personal: Vec<String>,
}

impl Session {
    async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let body = body.to_string();
        let answer = self.app.stranger().send(&method, path, headers, body.as_bytes()).await;
        for field in ["token", "apiKey"] {
            self.credentials.extend(answer.body[field].as_str().map(str::to_owned));
        }
        self.answers.push(answer.clone());
        answer
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, &[], body).await
    }
}

async fn session() -> Session {
    let app = TestApp::start().await;
    let admin = &secrets().credentials.admin_secret;
    let mut session = Session {
        app,
        answers: Vec::new(),
        credentials: vec![
            admin.clone(),
            secrets().credentials.webhook_secret.clone(),
            secrets().root.root_key.clone(),
        ],
        personal: vec![EMAIL.to_owned(), EMAIL.to_lowercase(), "203.0.113.7".to_owned()],
    };
    session
        .credentials
        .extend(secrets().signing.signing_keys.iter().map(|key| key.private_key.clone()));
    let s = &mut session;

    let key = s
        .post(
            "/createApiKey",
            json!({ "adminSecret": admin, "creatorId": OWNER, "name": "script" }),
        )
        .await;
    let api_key = key.expect(200)["apiKey"].as_str().expect("a key").to_owned();
    s.credentials.push(api_key.clone());
    s.credentials.push("cgls_of-nobody".to_owned());
    s.credentials.push("wrong-admin-secret".to_owned());
    s.post(
        "/createProduct",
        json!({ "apiKey": api_key, "name": "Other", "slug": "other" }),
    )
    .await
    .expect(200);
    s.post("/listProducts?includeAll=1", json!({ "apiKey": api_key }))
        .await
        .expect(200);
    s.ask(Method::GET, &format!("/listProducts?apiKey={api_key}"), &[], json!({}))
        .await
        .expect(200);
    s.ask(
        Method::GET,
        "/listProducts",
        &[("x-api-key", api_key.as_str())],
        json!({}),
    )
    .await
    .expect(200);
    s.ask(
        Method::GET,
        &format!("/listProducts?adminSecret={admin}"),
        &[],
        json!({}),
    )
    .await
    .expect(200);

    let mut last = String::new();
    for license_type in ["per-machine", "floating"] {
        let wanted = json!({
            "apiKey": api_key, "email": EMAIL, "productId": PRODUCT, "licenseType": license_type, "maxMachines": 1,
            "purchaseId": format!("purchase-{license_type}"),
        });
        let license = s.post("/createLicense", wanted).await;
        let license = license.expect(200)["licenseKey"].as_str().expect("a key").to_owned();
        last.clone_from(&license);
        let fingerprint = format!("sha256-of-{license_type}");
        let hostname = format!("janes-laptop-{license_type}");
        s.personal
            .extend([license.clone(), fingerprint.clone(), hostname.clone()]);
        let activate = json!({
            "licenseKey": license, "machineFingerprint": fingerprint, "hostname": hostname, "productId": PRODUCT,
        });
        let country = [("cloudfront-viewer-country", "FR"), ("x-forwarded-for", "203.0.113.7")];
        let token = s
            .ask(Method::POST, "/activate", &country, activate.clone())
            .await
            .expect(200)["token"]
            .clone();
        let machine = json!({ "licenseKey": license, "machineFingerprint": fingerprint, "token": token });
        s.app.advance(SESSION_TIMEOUT);
        for path in ["/validate", "/heartbeat"] {
            s.post(path, machine.clone()).await.expect(200);
        }
        s.post("/verify", json!({ "licenseKey": license, "productId": PRODUCT }))
            .await
            .expect(200);
        let of_license = json!({ "adminSecret": admin, "licenseKey": license });
        s.post("/getLicense", of_license.clone()).await.expect(200);
        s.ask(
            Method::GET,
            &format!("/getLicense?licenseKey={license}&apiKey={api_key}"),
            &[],
            json!({}),
        )
        .await
        .expect(200);

        // To another machine, and back.
        let another = format!("sha512-of-{license_type}");
        s.personal.push(another.clone());
        for (from, to) in [(&fingerprint, &another), (&another, &fingerprint)] {
            let mut moved = activate.clone();
            moved["machineFingerprint"] = to.as_str().into();
            moved["releaseFingerprint"] = from.as_str().into();
            s.post("/moveLicense", moved).await.expect(200);
        }
        for shown in ["token", "machineFingerprint"] {
            let of_machine = json!({ "licenseKey": license, shown: machine[shown] });
            let listed = s.post("/listMachines", of_machine).await.expect(200).to_string();
            assert!(listed.contains(&hostname), "{listed}");
            for secret in [&fingerprint, &license] {
                assert!(!listed.contains(secret.as_str()), "{secret} is in the list: {listed}");
            }
        }

        // Refusals of all kinds.
        let mut second = activate.clone();
        second["machineFingerprint"] = "sha256-of-another".into();
        s.personal.push("sha256-of-another".to_owned());
        s.post("/activate", second).await.expect(403);
        let mut elsewhere = machine.clone();
        elsewhere["licenseKey"] = "UNKNOWN-LICENSE-KEY".into();
        s.personal.push("UNKNOWN-LICENSE-KEY".to_owned());
        elsewhere["token"] = Value::Null;
        s.post("/heartbeat", elsewhere).await.expect(404);
        let mut tampered = machine.clone();
        let forged = format!("{}x", token.as_str().expect("a token"));
        tampered["token"] = forged.clone().into();
        s.credentials.push(forged);
        s.post("/validate", tampered.clone()).await.expect(401);
        s.post(
            "/getLicense",
            json!({ "adminSecret": "wrong-admin-secret", "licenseKey": license }),
        )
        .await
        .expect(401);
        s.post(
            "/getLicense",
            json!({ "apiKey": "cgls_of-nobody", "licenseKey": license }),
        )
        .await
        .expect(401);
        s.post(
            "/createLicense",
            json!({ "apiKey": api_key, "email": "no address of Jane's", "productId": PRODUCT }),
        )
        .await
        .expect(400);
        s.personal.push("no address of Jane's".to_owned());

        s.post("/deactivate", machine.clone()).await.expect(200);
        s.post("/activate", activate.clone()).await.expect(200);
        s.post("/resetActivations", of_license.clone()).await.expect(200);
        s.post("/activate", activate).await.expect(200);
        s.post("/revokeLicense", of_license).await.expect(200);
        s.post("/validate", machine).await.expect(403);
        s.post(&format!("/nowhere/{license}"), json!({})).await.expect(404);
        s.ask(Method::DELETE, "/activate", &[], json!({})).await.expect(405);
        s.app
            .stranger()
            .post_raw("/activate", format!("{{\"licenseKey\":\"{license}\",").as_bytes())
            .await
            .expect(400);
        s.answers
            .push(s.app.stranger().post_raw("/activate", license.as_bytes()).await);
    }
    // And whatever route there is, with a right and a wrong credential: it may refuse, but not fail.
    for route in routes::all() {
        for method in route.methods() {
            for credential in [admin.as_str(), "wrong-admin-secret"] {
                let body = json!({
                    "adminSecret": credential, "licenseKey": last, "productId": PRODUCT, "email": EMAIL,
                    "creatorId": OWNER, "name": "Something",
                });
                let method = method.parse().expect("a method");
                let answer = s.ask(method, route.path(), &[], body).await;
                assert!(answer.status < 500, "{answer:?}");
            }
        }
    }
    session
}

#[tokio::test]
async fn no_credential_is_stored() {
    let session = session().await;
    let mut items = 0;
    for table in schema::ALL {
        let scan = json!({ "TableName": table.name }).to_string();
        let (status, reply) = session.app.database.answer("Scan", scan.as_bytes());
        assert_eq!(status, 200, "{}", table.name);
        let reply: Value = serde_json::from_slice(&reply).expect("a reply");
        assert!(
            reply.get("LastEvaluatedKey").is_none(),
            "{} is more than a page",
            table.name
        );
        for item in reply["Items"].as_array().expect("items") {
            items += 1;
            let item = item.to_string();
            for credential in &session.credentials {
                assert!(!item.contains(credential), "{} holds a credential: {item}", table.name);
            }
        }
    }
    // Two products, two licenses, an activation each, two counters of attempts, an API key, at least.
    assert!(items >= 8, "{items} items");
}

#[tokio::test]
async fn the_log_holds_no_credential_and_nothing_of_a_customer() {
    let session = session().await;
    let log = session.app.cx.log.written();
    for line in log.lines() {
        for secret in session.credentials.iter().chain(&session.personal) {
            assert!(!line.contains(secret), "{secret} is in the log: {line}");
        }
    }
}

#[tokio::test]
async fn every_request_leaves_one_line() {
    let session = session().await;
    let log = session.app.cx.log.written();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let mut routes: Vec<&str> = routes::all().iter().map(Route::path).collect();
    for line in &lines {
        let route = line["route"].as_str().expect("a route");
        assert!(
            route == "-" || routes::all().iter().any(|known| known.path() == route),
            "{line}"
        );
        assert!(
            line["status"].is_u64() && line["millis"].is_f64() && line["dynamodbCalls"].is_u64(),
            "{line}"
        );
        assert!(
            ["info", "error"].contains(&line["level"].as_str().expect("a level")),
            "{line}"
        );
        routes.retain(|unseen| *unseen != route);
    }
    assert!(routes.is_empty(), "the session does not ask {routes:?}: let it");
    for answer in &session.answers {
        let id = answer.header("x-request-id");
        let of_this: Vec<&Value> = lines.iter().filter(|line| line["requestId"] == id).collect();
        let [line] = of_this.as_slice() else {
            panic!("{} lines of {answer:?}", of_this.len());
        };
        assert_eq!(line["status"], answer.status, "{line}");
        assert_eq!(
            line["code"].is_null(),
            answer.status < 400 || line["route"] == "-" || answer.status == 405,
            "{line}"
        );
    }
}
