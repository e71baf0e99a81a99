//! Signed answers: what a client that sends a nonce can tell of its answer, and what nobody can make it believe.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use keystead_core::signing::{
    keys::SigningKey,
    signed_answer::{AnswerClaims, Nonce, Question},
};
use keystead_functions::{frame::route::Route, routes};
use keystead_tests::{
    Answer, Fault, HOUR, Options, PRODUCT, TestApp,
    examples::{World, assert_refusal, row},
    secrets,
    token::{ed25519, jwks, part, verified},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const NONCE: &str = "made-up-for-this-request";
const BAD_NONCE: &str = "Invalid nonce: must be 16 to 128 characters";

/// The endpoints of the client API that are asked with a body.
fn client_routes() -> Vec<Route> {
    let of_clients = |route: &Route| match route.face.name {
        "FlatClient" | "FlatBare" | "FlatValidate" | "FlatVerify" | "KeysForApplications" => true,
        "FlatAdmin" | "Documentation" | "KeysForBuyers" | "KeysForSellers" | "Accounts" | "AccountsBare" | "V1"
        | "V1Keys" | "V1Operators" => false,
        // What an application is told of a license there is a story of its own: tests/it/v1/authorize.rs.
        "V1Authorizes" => false,
        other => panic!("{other} is a new face: say here whether its answers are signed"),
    };
    let routes: Vec<Route> = routes::all().into_iter().filter(of_clients).filter(has_body).collect();
    assert!(
        routes.len() >= 6,
        "the five of the flat client API are there, and that of license keys"
    );
    routes
}

fn has_body(route: &Route) -> bool {
    route.methods().any(|method| method == "POST")
}

/// SHA-256 over a text as `sha256` has it.
fn digest(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// Whether an answer is the one to what was asked of `path`, with a nonce, as an application decides it.
///
/// The canonical JSON is `serde_json`'s here, whose maps are sorted as long as no crate wants otherwise; that of other
/// languages is in tests/interop.
fn holds(path: &str, asked: &Value, status: u16, body: &Value, jwks: &Value) -> bool {
    let mut question = asked.clone();
    let nonce = question.as_object_mut().expect("an object").remove("nonce");
    let mut fields = body.clone();
    let Some(Value::String(signature)) = fields.as_object_mut().expect("an object").remove("signature") else {
        return false;
    };
    let Some(claims) = verified(&signature, jwks) else {
        return false;
    };
    part(&signature, 0)["typ"] == "keystead-answer+jws"
        && Some(&claims["nonce"]) == nonce.as_ref()
        && claims["request"] == digest(&question.to_string())
        && claims["path"] == path
        && claims["status"] == status
        && claims["sha256"] == digest(&fields.to_string())
}

#[track_caller]
fn assert_signed(route: &str, answer: &Answer, jwks: &Value) {
    let good = holds(route, &answer.fields, answer.status, &answer.body, jwks);
    assert!(good, "{route}: {} {}", answer.status, answer.text);
}

/// An activation, asked for with a nonce, and the JWK Set of its service.
async fn signed_activation() -> (TestApp, Answer, Value) {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let (answer, _) = app
        .machine("a")
        .activate_with(&license, json!({ "nonce": NONCE }))
        .await;
    let jwks = jwks(&app).await;
    (app, answer, jwks)
}

#[tokio::test]
async fn every_client_endpoint_signs_its_good_answer() {
    for route in client_routes() {
        let world = World::new().await;
        let mut body = (row(&route).good)(&world);
        body["nonce"] = json!(NONCE);
        let answer = world.send(&route, "POST", &body).await;
        answer.expect(200);
        assert_signed(route.path(), &answer, &jwks(&world.app).await);
        assert_eq!(answer.header("cache-control"), "no-store", "{}", route.name);
    }
}

#[tokio::test]
async fn every_client_endpoint_signs_its_refusals() {
    for route in client_routes() {
        let world = World::new().await;
        let mut unknown = (row(&route).good)(&world);
        unknown["nonce"] = json!(NONCE);
        unknown["licenseKey"] = json!("unknown");
        unknown["key"] = json!("unknown");
        for body in [json!({ "nonce": NONCE }), unknown] {
            let mut answer = world.send(&route, "POST", &body).await;
            if route.required.is_empty() {
                // It refuses nothing.
                continue;
            }
            assert!([400, 401, 404].contains(&answer.status), "{}", answer.text);
            assert_signed(route.path(), &answer, &jwks(&world.app).await);
            answer
                .body
                .as_object_mut()
                .expect("an object")
                .remove("signature")
                .expect("a signature");
            assert_refusal(&route, &answer);
        }
    }
}

#[tokio::test]
async fn without_a_nonce_nothing_is_signed() {
    for route in client_routes() {
        let world = World::new().await;
        let mut body = (row(&route).good)(&world);
        for nonce in [Value::Null, json!("absent")] {
            body["nonce"] = nonce;
            if body["nonce"] == "absent" {
                body.as_object_mut().expect("an object").remove("nonce");
            }
            let answer = world.send(&route, "POST", &body).await;
            assert_eq!(answer.body.get("signature"), None, "{}", route.name);
            let refusal = world.send(&route, "POST", &json!({})).await;
            assert_eq!(refusal.body.get("signature"), None, "{}", route.name);
        }
    }
}

#[tokio::test]
async fn answers_to_admins_and_stores_are_not_signed() {
    for route in routes::all().iter().filter(|route| has_body(route)) {
        if route.face.name == "FlatAdmin" {
            let world = World::new().await;
            let mut body = world.let_in(route, (row(route).good)(&world));
            body["nonce"] = json!(NONCE);
            let answer = world.send(route, "POST", &body).await;
            assert_eq!(answer.expect(200).get("signature"), None, "{}", route.name);
        }
    }
}

#[tokio::test]
async fn a_nonce_has_16_to_128_characters() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let jwks = jwks(&app).await;
    let verify = async |nonce: Value| {
        let asked = json!({ "licenseKey": license.key, "productId": PRODUCT, "nonce": nonce });
        app.stranger().post("/verify", asked).await
    };
    let spaces = format!(" {} ", "n".repeat(14));
    for nonce in ["n".repeat(16), "n".repeat(128), "\u{1f511}".repeat(128), spaces] {
        let answer = verify(json!(nonce)).await;
        answer.expect(200);
        assert_eq!(answer.fields["nonce"], nonce);
        assert!(holds("/verify", &answer.fields, 200, &answer.body, &jwks), "{nonce}");
    }
    for nonce in [
        json!("n".repeat(15)),
        json!("n".repeat(129)),
        json!(""),
        json!(format!("{}\n", "n".repeat(16))),
        json!(1_234_567_890_123_456_u64),
        json!(true),
        json!([NONCE]),
        json!({ "nonce": NONCE }),
    ] {
        verify(nonce).await.expect_invalid(400, BAD_NONCE);
    }
}

#[tokio::test]
async fn a_bad_nonce_is_refused_in_the_words_of_each_endpoint_before_anything_else() {
    let app = TestApp::start().await;
    for route in client_routes() {
        let answer = app.stranger().post(route.path(), json!({ "nonce": "short" })).await;
        assert_eq!(answer.expect(400)["error"], BAD_NONCE, "{}", route.name);
        assert_refusal(&route, &answer);
    }
}

#[tokio::test]
async fn what_can_t_be_read_holds_no_nonce_and_is_not_signed() {
    let app = TestApp::start().await;
    let body = format!("{{\"nonce\":\"{NONCE}\",");
    let answer = app.stranger().post_raw("/activate", body.as_bytes()).await;
    answer.expect_refusal(400, "Invalid JSON body");
    // A nonce in a query is none.
    let answer = app.stranger().get(&format!("/getSigningKey?nonce={NONCE}")).await;
    assert_eq!(answer.expect(200).get("signature"), None);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
}

#[tokio::test]
async fn a_signature_says_what_was_asked_and_answered_and_by_which_key() {
    let (app, answer, jwks) = signed_activation().await;
    let signature = answer.expect(200)["signature"].as_str().expect("a signature");
    let certificate = app.stranger().get("/getSigningKey").await;
    assert_eq!(
        part(signature, 0),
        json!({ "alg": "RS256", "typ": "keystead-answer+jws", "kid": certificate.expect(200)["kid"] })
    );
    let mut fields = answer.body.clone();
    fields.as_object_mut().expect("an object").remove("signature");
    let mut question = answer.fields.clone();
    question.as_object_mut().expect("an object").remove("nonce");
    let said = json!({
        "nonce": NONCE,
        "path": "/activate",
        "status": 200,
        "request": digest(&question.to_string()),
        "sha256": digest(&fields.to_string()),
        "iat": app.now().seconds(),
    });
    assert_eq!(verified(signature, &jwks), Some(said));
}

#[tokio::test]
async fn a_signature_stands_last_and_leaves_the_rest_as_it_is() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let mut asked = json!({ "licenseKey": license.key, "productId": PRODUCT });
    let plain = app.stranger().post("/verify", asked.clone()).await;
    asked["nonce"] = json!(NONCE);
    let signed = app.stranger().post("/verify", asked).await;
    let signature = signed.expect(200)["signature"].as_str().expect("a signature");
    let rest = plain.text.strip_suffix('}').expect("an object");
    assert_eq!(signed.text, format!(r#"{rest},"signature":"{signature}"}}"#));
}

#[tokio::test]
async fn an_answer_that_was_touched_is_not_believed() {
    let (_, answer, jwks) = signed_activation().await;
    let body = answer.expect(200);
    assert!(holds("/activate", &answer.fields, 200, body, &jwks));
    for field in body.as_object().expect("an object").keys() {
        let mut without = body.clone();
        without.as_object_mut().expect("an object").remove(field);
        assert!(
            !holds("/activate", &answer.fields, 200, &without, &jwks),
            "without {field}"
        );
        let mut changed = body.clone();
        changed[field] = json!("changed");
        assert!(
            !holds("/activate", &answer.fields, 200, &changed, &jwks),
            "another {field}"
        );
    }
    let mut more = body.clone();
    more["more"] = json!(true);
    assert!(!holds("/activate", &answer.fields, 200, &more, &jwks), "one more field");
}

#[tokio::test]
async fn an_answer_is_not_believed_as_that_to_another_request() {
    let (_, answer, jwks) = signed_activation().await;
    let body = answer.expect(200);
    let mut next = answer.fields.clone();
    next["nonce"] = json!("made-up-for-the-next-request");
    assert!(!holds("/activate", &next, 200, body, &jwks));
    for field in answer.fields.as_object().expect("an object").keys() {
        let mut other = answer.fields.clone();
        other[field] = json!("changed");
        assert!(!holds("/activate", &other, 200, body, &jwks), "another {field}");
    }
    assert!(!holds("/validate", &answer.fields, 200, body, &jwks));
    assert!(!holds("/activate", &answer.fields, 403, body, &jwks));
}

#[tokio::test]
async fn the_claims_of_a_signature_can_t_be_changed() {
    let (_, answer, jwks) = signed_activation().await;
    let mut body = answer.expect(200).clone();
    let signature = body["signature"].as_str().expect("a signature").to_owned();
    let [header, _, last] = signature.split('.').collect::<Vec<_>>()[..] else {
        panic!("a JWS has three parts");
    };
    let mut claims = part(&signature, 1);
    claims["nonce"] = json!("made-up-for-the-next-request");
    let forged = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    body["signature"] = json!(format!("{header}.{forged}.{last}"));
    let mut next = answer.fields.clone();
    next["nonce"] = claims["nonce"].clone();
    assert!(!holds("/activate", &next, 200, &body, &jwks));
}

#[tokio::test]
async fn the_signature_of_another_service_is_not_believed() {
    let (_, answer, _) = signed_activation().await;
    let another = Options::default().secrets(ed25519()).start().await;
    assert!(!holds(
        "/activate",
        &answer.fields,
        200,
        answer.expect(200),
        &jwks(&another).await
    ));
}

#[tokio::test]
async fn a_token_is_no_signature() {
    let (_, answer, jwks) = signed_activation().await;
    let mut body = answer.expect(200).clone();
    assert!(verified(body["token"].as_str().expect("a token"), &jwks).is_some());
    body["signature"] = body["token"].clone();
    assert!(!holds("/activate", &answer.fields, 200, &body, &jwks));
}

#[tokio::test]
async fn a_signature_is_no_token() {
    let (app, answer, _) = signed_activation().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let signature = answer.expect(200)["signature"].clone();
    for (path, shape) in [
        ("/validate", "valid"),
        ("/heartbeat", "success"),
        ("/deactivate", "success"),
    ] {
        let asked = json!({
            "licenseKey": license.key, "machineFingerprint": machine.fingerprint, "token": signature,
        });
        let answer = app.stranger().post(path, asked).await;
        answer.expect_body(401, &json!({ shape: false, "error": "Invalid or expired token" }));
    }
}

#[tokio::test]
async fn neither_the_header_nor_the_claims_of_a_token_alone_make_one() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let (answer, _) = machine.activate_with(&license, json!({ "nonce": NONCE })).await;
    let signature = answer.expect(200)["signature"]
        .as_str()
        .expect("a signature")
        .to_owned();
    let token = machine.token();
    let stored = &secrets().signing.signing_keys[0];
    let pkcs8 = BASE64_STANDARD.decode(&stored.private_key).expect("base64");
    let key = SigningKey::from_pkcs8(stored.jwk.alg, &pkcs8).expect("a key");
    // What the key's holder could sign, and does not.
    let sign = |header: &str, payload: &str| {
        let message = format!("{header}.{payload}");
        let bits = key.sign(message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(bits))
    };
    let (of_token, of_answer): (Vec<&str>, Vec<&str>) = (token.split('.').collect(), signature.split('.').collect());
    for (header, payload, status) in [
        (of_token[0], of_token[1], 200),
        (of_token[0], of_answer[1], 401),
        (of_answer[0], of_token[1], 401),
        (of_answer[0], of_answer[1], 401),
    ] {
        let shown = json!({ "token": sign(header, payload) });
        machine.validate_with(&license, shown).await.0.expect(status);
    }
}

#[tokio::test]
async fn a_vendor_who_chose_ed25519_signs_answers_with_it() {
    let app = Options::default().secrets(ed25519()).start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    let (answer, _) = machine.activate_with(&license, json!({ "nonce": NONCE })).await;
    let signature = answer.expect(200)["signature"].as_str().expect("a signature");
    assert_eq!(part(signature, 0)["alg"], "EdDSA");
    assert_signed("/activate", &answer, &jwks(&app).await);
    let (answer, _) = machine.validate_with(&license, json!({ "token": signature })).await;
    answer.expect_invalid(401, "Invalid or expired token");
}

#[tokio::test]
async fn a_license_that_is_refused_is_refused_with_a_signature() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let revoke = json!({ "licenseKey": license.key });
    app.admin().post("/revokeLicense", revoke).await.expect(200);
    let (answer, _) = machine.validate_with(&license, json!({ "nonce": NONCE })).await;
    answer.expect_error(403, "License has been revoked");
    assert_signed("/validate", &answer, &jwks(&app).await);
}

#[tokio::test]
async fn too_many_attempts_are_refused_with_a_signature_and_when_to_come_again() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    for _ in 0..15 {
        machine.activate(&license).await.expect(200);
    }
    let (answer, _) = machine.activate_with(&license, json!({ "nonce": NONCE })).await;
    answer.expect_error(429, "Too many activation attempts. Try again later.");
    assert!(!answer.header("retry-after").is_empty());
    assert_signed("/activate", &answer, &jwks(&app).await);
}

#[tokio::test]
async fn a_fault_of_the_service_is_told_with_a_signature() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    app.faults.inject([Fault::ServerError; 20]);
    let asked = json!({ "licenseKey": license.key, "productId": PRODUCT, "nonce": NONCE });
    let answer = app.stranger().post("/verify", asked).await;
    answer.expect_error(500, "Internal error");
    app.faults.inject([]);
    assert_signed("/verify", &answer, &jwks(&app).await);
}

#[tokio::test]
async fn a_named_request_gets_the_answer_that_it_got_before_signed_for_its_own_nonce() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let headers = [("idempotency-key", "leave-1")];
    let jwks = jwks(&app).await;
    let mut texts = Vec::new();
    for (nonce, replayed) in [
        (Some("the-nonce-of-the-first"), ""),
        (Some("the-nonce-of-the-second"), "true"),
        (None, "true"),
    ] {
        let asked = json!({ "licenseKey": license.key, "machineFingerprint": machine.fingerprint, "nonce": nonce });
        let body = asked.to_string();
        let method = http::Method::POST;
        let mut answer = app
            .stranger()
            .send(&method, "/deactivate", &headers, body.as_bytes())
            .await;
        answer.expect(200);
        assert_eq!(answer.header("idempotency-replayed"), replayed);
        if let Some(nonce) = nonce {
            assert!(
                holds("/deactivate", &asked, 200, &answer.body, &jwks),
                "{}",
                answer.text
            );
            let [first, second] = ["the-nonce-of-the-first", "the-nonce-of-the-second"];
            let mut other = asked.clone();
            other["nonce"] = json!(if nonce == first { second } else { first });
            assert!(
                !holds("/deactivate", &other, 200, &answer.body, &jwks),
                "{}",
                answer.text
            );
        }
        answer.body.as_object_mut().expect("an object").remove("signature");
        texts.push(answer.body);
        app.advance(HOUR);
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}

/// What is signed of an answer with these fields.
fn claims(fields: &Value) -> Option<Value> {
    let fields: &Map<String, Value> = fields.as_object().expect("an object");
    let question = Question::new(Nonce::parse(NONCE).expect("a nonce"), &Map::new()).expect("a question");
    let claims = AnswerClaims::new(question, "/path", 200, fields, keystead_tests::epoch()).ok()?;
    Some(serde_json::to_value(claims).expect("claims"))
}

#[test]
fn fields_are_signed_in_canonical_json() {
    let fields = json!({
        "b": [null, true, { "d": -1, "c": "" }],
        "a": "\u{1f511} \u{e9} \u{2028} \u{7f} \u{1f} \u{8}\u{c}\n\r\t \" \\ / < & '",
        "A": 1_700_000_000_000_i64,
        "\u{20ac}": {},
        "\u{1f600}": [],
        "\u{fb33}": false,
    });
    let canonical = concat!(
        r#"{"A":1700000000000,"a":""#,
        "\u{1f511} \u{e9} \u{2028} \u{7f} ",
        r#"\u001f \b\f\n\r\t \" \\ / < & '","b":[null,true,{"c":"","d":-1}],"#,
        "\"\u{20ac}\":{},\"\u{1f600}\":[],\"\u{fb33}\":false}",
    );
    assert_eq!(claims(&fields).expect("claims")["sha256"], digest(canonical));
}

#[test]
fn a_fraction_is_not_signed() {
    assert_eq!(claims(&json!({ "share": 0.5 })), None);
}

#[tokio::test]
async fn an_answer_about_another_license_does_not_pass_for_one_about_this() {
    let app = TestApp::start().await;
    let (revoked, good) = (app.license().create().await, app.license().create().await);
    app.admin()
        .post("/revokeLicense", json!({ "licenseKey": revoked.key }))
        .await
        .expect(200);
    let jwks = jwks(&app).await;
    // Somebody between keeps the application's nonce, and has the service say under it that another license is good.
    for (path, asked, instead) in [
        (
            "/verify",
            json!({ "licenseKey": revoked.key, "productId": PRODUCT, "nonce": NONCE }),
            json!({ "licenseKey": good.key, "productId": PRODUCT, "nonce": NONCE }),
        ),
        (
            "/api/license-keys/validate",
            json!({ "key": revoked.key, "nonce": NONCE }),
            json!({ "key": good.key, "nonce": NONCE }),
        ),
    ] {
        let answer = app.stranger().post(path, instead.clone()).await;
        assert_eq!(answer.expect(200)["valid"], true);
        assert!(holds(path, &instead, 200, &answer.body, &jwks), "{path}");
        assert!(!holds(path, &asked, 200, &answer.body, &jwks), "{path}");
    }
}

#[tokio::test]
async fn a_question_is_signed_as_it_was_sent_whatever_is_in_it() {
    let app = TestApp::start().await;
    let license = app.license().create().await;
    // Fields that nothing here reads, numbers of every kind among them, and blanks that are taken away before a key is
    // looked for.
    let asked = json!({
        "licenseKey": format!(" {} ", license.key), "productId": PRODUCT, "nonce": NONCE,
        "version": { "major": 1, "build": -3, "scale": 1.5 }, "tags": [null, true, "é\u{1f511}"],
    });
    let answer = app.stranger().post("/verify", asked).await;
    answer.expect(200);
    assert_signed("/verify", &answer, &jwks(&app).await);
}
