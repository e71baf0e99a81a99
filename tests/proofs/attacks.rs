//! Attacks on tokens: whatever was not signed by a key of ours, for this machine on this license, is refused.

use std::{collections::BTreeSet, time::Duration};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use keystead_core::{
    license::{License, key::LicenseId},
    signing::{
        keys::{Algorithm, StoredKey},
        secrets::Secrets,
    },
};
use keystead_functions::{
    frame::{callers::CallerKind, route::Route},
    routes,
};
use keystead_tests::{Answer, Options, TestApp, TestLicense, epoch, fields, secrets};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use serde_json::{Value, json};

fn encoded(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

/// The three parts of a token, decoded; the header letter for letter.
fn parts(token: &str) -> (String, Value, Vec<u8>) {
    let decoded: Vec<Vec<u8>> = token
        .split('.')
        .map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url"))
        .collect();
    let [header, claims, signature] = decoded.try_into().expect("three parts");
    let header = String::from_utf8(header).expect("text");
    (header, serde_json::from_slice(&claims).expect("JSON"), signature)
}

/// A token with this header, letter for letter, and these claims, signed by `sign`.
fn forged(header: &str, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims.to_string()));
    let signature = encoded(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn private_key(key: &StoredKey) -> Vec<u8> {
    BASE64_STANDARD.decode(&key.private_key).expect("base64")
}

fn rsa_signature(key: &StoredKey, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&private_key(key)).expect("an RSA key");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .expect("a signature");
    signature
}

fn rs256(key: &StoredKey) -> impl Fn(&[u8]) -> Vec<u8> {
    |message| rsa_signature(key, &RSA_PKCS1_SHA256, message)
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    move |message| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, message).as_ref().to_vec()
    }
}

/// A header that differs in one member, or has one more, and is the same otherwise.
fn header_with(header: &str, name: &str, value: &Value) -> String {
    let members: Value = serde_json::from_str(header).expect("JSON");
    let member = |value: &Value| format!("{}:{value}", json!(name));
    match members.get(name) {
        Some(old) => header.replace(&member(old), &member(value)),
        None => header.replace('}', &format!(",{}}}", member(value))),
    }
}

/// Shows a token to each endpoint that takes one.
async fn shown(app: &TestApp, license: &TestLicense, fingerprint: &str, token: &str) -> [Answer; 4] {
    let body = json!({ "licenseKey": license.key, "machineFingerprint": fingerprint, "token": token });
    let stranger = app.stranger();
    [
        stranger.post("/validate", body.clone()).await,
        stranger.post("/heartbeat", body.clone()).await,
        stranger.post("/listMachines", body.clone()).await,
        stranger.post("/deactivate", body).await,
    ]
}

/// A new endpoint that takes a token has to be shown the same ones.
#[test]
fn every_route_that_takes_a_token_is_attacked() {
    let takes = |route: &Route| {
        route.caller == CallerKind::LicenseKeyHolder && fields(route).iter().any(|field| field.name == "token")
    };
    let all = routes::all();
    let taking: BTreeSet<&str> = all.iter().filter(|route| takes(route)).map(Route::path).collect();
    assert_eq!(
        taking,
        BTreeSet::from(["/deactivate", "/heartbeat", "/listMachines", "/validate"])
    );
}

async fn assert_refused(app: &TestApp, license: &TestLicense, fingerprint: &str, attack: &str, token: &str) {
    for answer in shown(app, license, fingerprint, token).await {
        assert_eq!(answer.status, 401, "{attack}: {answer:?}");
        answer.expect_error(401, "Invalid or expired token");
    }
}

/// A service, a license, and the token of a machine on it.
async fn scene() -> (TestApp, TestLicense, String, String) {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    let license = app.license().max_machines(9).create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    (app.clone(), license, machine.fingerprint.clone(), machine.token())
}

#[tokio::test]
async fn a_forged_token_opens_nothing() {
    let (app, license, fingerprint, token) = scene().await;
    let (header, claims, signature) = parts(&token);
    let [ours] = secrets().signing.signing_keys.as_slice() else {
        panic!("the tests have one signing key");
    };
    // What is signed and encoded here is right but for what each attack does.
    assert_eq!(
        encoded(rs256(ours)(token.rsplit_once('.').expect("a signature").0.as_bytes())),
        encoded(&signature)
    );

    let other = keystead_keygen::secrets(Algorithm::Rs256, epoch()).expect("secrets");
    let stranger = &other.signing.signing_keys[0];
    let ed_pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let ed = Ed25519KeyPair::from_pkcs8(ed_pkcs8.as_ref()).expect("a key");
    let pem = ours.public_key.as_bytes();
    let der = BASE64_STANDARD
        .decode(
            ours.public_key
                .lines()
                .filter(|line| !line.starts_with("---"))
                .collect::<String>(),
        )
        .expect("base64");
    let modulus = BASE64_URL_SAFE_NO_PAD
        .decode(ours.jwk.n.as_deref().expect("a modulus"))
        .expect("base64url");
    let alg = |alg: &str| header_with(&header, "alg", &json!(alg));
    let kid = |kid: &str| header_with(&header, "kid", &json!(kid));
    let with = |name: &str, value: Value| header_with(&header, name, &value);
    let none = |_: &[u8]| Vec::new();
    let (signed_part, signed) = token.rsplit_once('.').expect("a signature");
    let (first, second) = signed_part.split_once('.').expect("two parts");
    let flipped = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 1;
        encoded(bytes)
    };
    let with_claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        // Whoever tampers has no key: the signature is the old one.
        format!("{first}.{}.{signed}", encoded(claims.to_string()))
    };

    let attacks = [
        (
            "HS256 with the PEM as the secret",
            forged(&alg("HS256"), &claims, hs256(pem)),
        ),
        (
            "HS256 with the DER as the secret",
            forged(&alg("HS256"), &claims, hs256(&der)),
        ),
        (
            "HS256 with the modulus as the secret",
            forged(&alg("HS256"), &claims, hs256(&modulus)),
        ),
        ("HS256 with an empty secret", forged(&alg("HS256"), &claims, hs256(b""))),
        ("HS256 under our header", forged(&header, &claims, hs256(pem))),
        (
            "RS384 by our key",
            forged(&alg("RS384"), &claims, |m| rsa_signature(ours, &RSA_PKCS1_SHA384, m)),
        ),
        (
            "RS512 by our key",
            forged(&alg("RS512"), &claims, |m| rsa_signature(ours, &RSA_PKCS1_SHA512, m)),
        ),
        (
            "PS256 by our key",
            forged(&alg("PS256"), &claims, |m| rsa_signature(ours, &RSA_PSS_SHA256, m)),
        ),
        (
            "SHA-384 under our header",
            forged(&header, &claims, |m| rsa_signature(ours, &RSA_PKCS1_SHA384, m)),
        ),
        (
            "PSS under our header",
            forged(&header, &claims, |m| rsa_signature(ours, &RSA_PSS_SHA256, m)),
        ),
        ("RS256 called RS384", forged(&alg("RS384"), &claims, rs256(ours))),
        (
            "EdDSA by a stranger's key",
            forged(&alg("EdDSA"), &claims, |m| ed.sign(m).as_ref().to_vec()),
        ),
        (
            "EdDSA under our header",
            forged(&header, &claims, |m| ed.sign(m).as_ref().to_vec()),
        ),
        ("none", forged(&alg("none"), &claims, none)),
        ("None", forged(&alg("None"), &claims, none)),
        ("none with our signature", forged(&alg("none"), &claims, rs256(ours))),
        ("no signature under our header", forged(&header, &claims, none)),
        (
            "a stranger's key under our header",
            forged(&header, &claims, rs256(stranger)),
        ),
        (
            "a stranger's key under its own id",
            forged(&kid(&stranger.jwk.kid), &claims, rs256(stranger)),
        ),
        ("an unknown key id", forged(&kid("another"), &claims, rs256(ours))),
        (
            "no key id",
            forged(r#"{"alg":"RS256","typ":"JWT"}"#, &claims, rs256(ours)),
        ),
        (
            "a key id that leads elsewhere",
            forged(&kid("../../dev/null"), &claims, hs256(b"")),
        ),
        (
            "a key in the header",
            forged(&with("jwk", json!(stranger.jwk)), &claims, rs256(stranger)),
        ),
        (
            "a key in the header under its own id",
            forged(
                &header_with(&kid(&stranger.jwk.kid), "jwk", &json!(stranger.jwk)),
                &claims,
                rs256(stranger),
            ),
        ),
        (
            "a key at an address",
            forged(
                &with("jku", json!("http://127.0.0.1:1/jwks.json")),
                &claims,
                rs256(stranger),
            ),
        ),
        (
            "a certificate at an address",
            forged(
                &with("x5u", json!("http://127.0.0.1:1/cert.pem")),
                &claims,
                rs256(stranger),
            ),
        ),
        (
            "a certificate in the header",
            forged(
                &with("x5c", json!([BASE64_STANDARD.encode(&der)])),
                &claims,
                rs256(stranger),
            ),
        ),
        (
            "a critical extension",
            forged(&with("crit", json!(["exp"])), &claims, rs256(ours)),
        ),
        (
            "our header in other words",
            forged(&header.replace(':', ": "), &claims, rs256(ours)),
        ),
        ("a later expiry", with_claim("exp", json!(99_999_999_999_i64))),
        ("another product", with_claim("productId", json!("other"))),
        ("another variant", with_claim("variant", json!("enterprise"))),
        ("a claim more", with_claim("admin", json!(true))),
        (
            "a flipped bit in the header",
            format!("{}.{second}.{signed}", flipped(header.clone().into(), 3)),
        ),
        ("a flipped bit in the claims", {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(second).expect("base64url");
            format!("{first}.{}.{signed}", flipped(bytes, 40))
        }),
        (
            "a flipped bit in the signature",
            format!("{signed_part}.{}", flipped(signature.clone(), 7)),
        ),
        (
            "a flipped last bit of the signature",
            format!("{signed_part}.{}", flipped(signature.clone(), 255)),
        ),
        ("a signature of zeros", format!("{signed_part}.{}", encoded([0; 256]))),
        ("a signature of one byte", format!("{signed_part}.{}", encoded([1]))),
        (
            "a signature that is too long",
            format!("{signed_part}.{}", encoded([signature.as_slice(), &[0]].concat())),
        ),
        ("a signature cut short", token[..token.len() - 4].to_owned()),
        ("a signature with padding", format!("{token}==")),
        (
            "a signature in the other alphabet",
            format!("{signed_part}.{}", BASE64_STANDARD.encode(&signature)),
        ),
        ("a signature with a stray last bit", {
            // 256 bytes leave two bits of the last character unused.
            let (rest, last) = token.split_at(token.len() - 1);
            let stray = match last {
                "A" => "B",
                "Q" => "R",
                "g" => "h",
                _ => "x",
            };
            format!("{rest}{stray}")
        }),
        ("no signature part", signed_part.to_owned()),
        ("an empty signature part", format!("{signed_part}.")),
        ("the claims alone", second.to_owned()),
        ("a part more", format!("{token}.{signed}")),
        ("an empty part more", format!("{token}.")),
        ("a part less at the front", format!("{second}.{signed}")),
        ("an empty part in front", format!(".{token}")),
        ("dots", "..".to_owned()),
        ("a blank inside", token.replacen('.', ". ", 1)),
        (
            "a blank in the signature",
            format!("{} {}", &token[..token.len() - 9], &token[token.len() - 9..]),
        ),
        ("no token at all", "token".to_owned()),
        ("an encrypted token", format!("{token}.{second}.{signed}")),
        (
            "JSON",
            json!({ "protected": first, "payload": second, "signature": signed }).to_string(),
        ),
        ("a token twice", format!("{token}{token}")),
    ];
    for (attack, forged) in &attacks {
        assert_ne!(*forged, token, "{attack} is no attack");
        assert_refused(&app, &license, &fingerprint, attack, forged).await;
    }
    // The token itself is good, still: none of that gave the machine's seat back.
    for answer in shown(&app, &license, &fingerprint, &token).await {
        answer.expect(200);
    }
}

#[tokio::test]
async fn a_token_with_line_breaks_inside_is_no_token() {
    let (app, license, fingerprint, token) = scene().await;
    let broken = token.replacen('.', ".\n", 1);
    for answer in shown(&app, &license, &fingerprint, &broken).await {
        answer.expect(400);
    }
    // One that was copied with the blanks around it is what it was.
    for answer in shown(&app, &license, &fingerprint, &format!(" {token}\n")).await {
        answer.expect(200);
    }
}

#[tokio::test]
async fn a_token_is_good_on_its_own_machine_and_license_only() {
    let (app, license, fingerprint, token) = scene().await;
    let other = app.machine("b");
    other.activate(&license).await.expect(200);
    assert_refused(&app, &license, &fingerprint, "another machine's token", &other.token()).await;
    assert_refused(&app, &license, &other.fingerprint, "this machine's token", &token).await;

    let elsewhere = app.license().create().await;
    let same_machine = app.machine("a");
    same_machine.activate(&elsewhere).await.expect(200);
    assert_refused(&app, &elsewhere, &fingerprint, "another license's token", &token).await;
    assert_refused(
        &app,
        &license,
        &fingerprint,
        "another license's token",
        &same_machine.token(),
    )
    .await;
}

#[tokio::test]
async fn an_expired_token_is_refused_to_the_second() {
    let (app, license, fingerprint, token) = scene().await;
    let life = Duration::from_secs(30 * 24 * 60 * 60);
    app.advance(life - Duration::from_millis(1));
    app.stranger()
        .post(
            "/validate",
            json!({ "licenseKey": license.key, "machineFingerprint": fingerprint, "token": token }),
        )
        .await
        .expect(200);
    app.advance(Duration::from_millis(1));
    assert_refused(&app, &license, &fingerprint, "an expired token", &token).await;
}

/// A license key that was freed and given to another license does not open that one to the tokens of the first.
#[tokio::test]
async fn a_token_of_the_license_that_had_the_key_before_is_refused() {
    let (app, license, fingerprint, token) = scene().await;
    license
        .change(&app, |license| License {
            license_id: LicenseId::parse("another").expect("an id"),
            ..license.clone()
        })
        .await;
    assert_refused(&app, &license, &fingerprint, "a token of the license before", &token).await;
    app.assert_counters_true(&license).await;
}

#[tokio::test]
async fn tokens_of_previous_keys_stay_good_and_new_ones_are_by_the_new_key() {
    let (app, license, fingerprint, token) = scene().await;
    let mut rotated: Secrets = secrets().clone();
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa, Algorithm::Rs256] {
        keystead_keygen::rotate(&mut rotated.signing, &rotated.root, algorithm, app.now()).expect("a new key");
        let app = app.restarted_with(Options::default().secrets(rotated.clone())).await;
        app.faults.without_rate_limit();
        let machine = app.machine("new");
        machine.activate(&license).await.expect(200);
        let (header, claims, _) = parts(&machine.token());
        let current = rotated.signing.signing_keys.last().expect("a key");
        let expected = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{}"}}"#, current.jwk.kid);
        assert_eq!(header, expected);
        // The algorithm is the key's own: another can't be asked for under its id.
        let confused = header_with(&header, "alg", &json!("HS256"));
        let forged = forged(&confused, &claims, hs256(current.public_key.as_bytes()));
        assert_refused(
            &app,
            &license,
            &machine.fingerprint,
            "HS256 after the rotation",
            &forged,
        )
        .await;
        for (fingerprint, token) in [(&machine.fingerprint, machine.token()), (&fingerprint, token.clone())] {
            for answer in shown(&app, &license, fingerprint, &token).await {
                answer.expect(200);
            }
        }
        // For the next round: deactivated by its own token.
        app.machine("a").activate(&license).await.expect(200);
    }
    // A key that is gone for good takes its tokens with it.
    rotated.signing.signing_keys.remove(0);
    let app = app.restarted_with(Options::default().secrets(rotated)).await;
    assert_refused(&app, &license, &fingerprint, "a token of a key that is gone", &token).await;
}
