//! What other people's bytes may be: anything. Whatever they are, they are understood or refused by name.
//!
//! `PROPTEST_CASES=10000` looks further; `tests/fuzz/` looks where the code branches.

use std::cell::RefCell;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use keystead_core::{
    Timestamp,
    license::{
        key::{LicenseId, LicenseKey},
        machine::{Fingerprint, Hostname},
        standing::LicenseStatus,
    },
    owner::{OwnerId, Scope},
    product::{ProductId, variant::VariantId},
    sale::{code::CodeName, stripe::SigningSecret},
    signing::{
        account_token::{AccountKeyRing, AccountToken, Purpose},
        keys::{Algorithm, KeyRing},
        sealing::{Seal, SealingRoot},
        token::{Claims, Token},
    },
    store::license::list::{Cursor, LicenseFilter, LicenseState},
    value::{email::Email, name::Name, reference::Reference},
};
use keystead_functions::routes;
use keystead_tests::{
    OWNER, PRODUCT, TestApp, epoch,
    examples::{World, row},
    secrets,
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use ring::hmac;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::properties::cases;

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any_text(), inner), 0..4).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

/// Any text, often one that looks like what is meant.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[ -~]{0,40}",
        "\\PC{0,600}",
        select(vec![
            "",
            " ",
            "-1",
            "true",
            "active",
            PRODUCT,
            OWNER,
            "a@b.c",
            "2030-01-01T00:00:00Z",
            "https://x"
        ])
        .prop_map(str::to_owned),
    ]
}

/// What is sent.
#[derive(Clone, Debug)]
struct Sent {
    /// The fields of a good body that are changed, and into what; `None` for another body.
    changes: Option<Vec<(Index, Value)>>,
    /// The other body.
    bytes: Vec<u8>,
    /// The byte that is lost on the way, and what comes in its place.
    lost: Option<(Index, u8)>,
}

prop_compose! {
    /// Any bytes, any JSON, or a good body with a few fields changed, and maybe a byte of it.
    fn sent()(
        changes in option::weighted(0.7, vec((any::<Index>(), any_json()), 0..3)),
        bytes in prop_oneof![
            vec(any::<u8>(), 0..200),
            any_json().prop_map(|json| json.to_string().into_bytes()),
        ],
        lost in option::weighted(0.3, (any::<Index>(), any::<u8>())),
    ) -> Sent {
        Sent { changes, bytes, lost }
    }
}

#[test]
fn whatever_is_sent_is_answered_as_the_document_says_and_never_with_a_failure() {
    let runtime = runtime();
    let world = RefCell::new(runtime.block_on(World::new()));
    let asked = (0..routes::all().len(), any::<Index>(), any::<bool>(), sent());
    let tried = TestRunner::new(cases(500)).run(&asked, |(route, method, is_let_in, sent)| {
        let (world, route) = (world.borrow(), routes::all()[route]);
        let mut body = match sent.changes {
            None => sent.bytes,
            Some(changes) => {
                let mut good = (row(&route).good)(&world);
                if is_let_in {
                    good = world.let_in(&route, good);
                }
                let names: Vec<String> = good.as_object().expect("fields").keys().cloned().collect();
                for (name, value) in changes {
                    if !names.is_empty() {
                        good[name.get(&names)] = value;
                    }
                }
                good.to_string().into_bytes()
            }
        };
        if let Some((place, value)) = sent.lost
            && !body.is_empty()
        {
            let place = place.index(body.len());
            body[place] = value;
        }
        let methods: Vec<&str> = route.methods().collect();
        let method = Method::from_bytes(method.get(&methods).as_bytes()).expect("a method");
        let path = route.path().replace(['{', '}'], "");
        // The harness holds the answer against the document.
        let answer = runtime.block_on(world.app.stranger().send(&method, &path, &[], &body));
        prop_assert!(answer.status < 500, "{method} {path}: {answer:?}");
        Ok(())
    });
    tried.expect("every answer is right");
}

prop_compose! {
    /// Fields of `/createLicense`, all of them right.
    fn license_fields()(
        name in "[a-z0-9._+'-]{1,40}",
        license_type in select(vec!["per-machine", "floating", "site"]),
        machines in -1..100_i64,
        sessions in option::of(-1..100_i64),
        millis in option::of(1_893_456_000_001..4_000_000_000_000_i64),
        [key, code, purchase, bundle] in ["[!-~ä-ü€😀]{1,30}", "[!-~]([ -~ä-ü€😀]{0,40}[!-~])?", "[!-~]{1,40}", "[!-~]{1,40}"],
    ) -> Value {
        json!({
            "email": format!("{name}@example.com"), "productId": PRODUCT, "licenseType": license_type,
            "maxMachines": machines, "maxConcurrent": sessions, "licenseKey": key, "discountCode": code,
            "purchaseId": purchase, "bundleId": bundle,
            "expiresAt": millis.map(|millis| Timestamp::from_millis(millis).to_string()),
        })
    }
}

/// The same JSON, as someone else writes it: with blanks, in another order, and with every letter of a text escaped.
fn otherwise(fields: &Value) -> String {
    let mut fields: Vec<String> = fields
        .as_object()
        .expect("fields")
        .iter()
        .map(|(name, value)| {
            let value = match value.as_str() {
                Some(text) => text
                    .encode_utf16()
                    .map(|unit| format!("\\u{unit:04X}"))
                    .collect::<String>(),
                None => return format!("\t\"{name}\" :\r\n{value} "),
            };
            format!("\"{name}\":\"{value}\"")
        })
        .collect();
    fields.reverse();
    format!(" {{\n{}\n}} ", fields.join("\n,"))
}

#[test]
fn what_is_right_is_understood_however_it_is_written() {
    let runtime = runtime();
    let app = runtime.block_on(TestApp::start());
    let creator = runtime.block_on(app.creator(OWNER));
    let tried = TestRunner::new(cases(100)).run(&(license_fields(), any::<bool>()), |(fields, is_plain)| {
        let body = if is_plain {
            fields.to_string()
        } else {
            otherwise(&fields)
        };
        let headers = [("x-api-key", creator.api_key.as_str())];
        let key = json!({ "licenseKey": fields["licenseKey"] });
        let (made, shown) = runtime.block_on(async {
            let stranger = app.stranger();
            let made = stranger
                .send(&Method::POST, "/createLicense", &headers, body.as_bytes())
                .await;
            (made, creator.post("/getLicense", key).await)
        });
        // A key that was drawn before is taken.
        if made.status == 409 {
            return Ok(());
        }
        prop_assert_eq!(made.status, 200, "{:?}", made);
        let shown = &shown.expect(200)["license"];
        for (name, value) in fields.as_object().expect("fields") {
            let shown = if name == "licenseKey" {
                &shown["key"]
            } else {
                &shown[name]
            };
            prop_assert_eq!(shown, value, "{}", name);
        }
        Ok(())
    });
    tried.expect("every license is as it was asked for");
}

/// What a field of `/createLicense` can't hold.
fn wrong_field() -> impl Strategy<Value = (&'static str, Value)> {
    const TEXTS: [&str; 8] = [
        "email",
        "productId",
        "licenseType",
        "status",
        "expiresAt",
        "discountCode",
        "purchaseId",
        "licenseKey",
    ];
    let no_text = any_json().prop_filter("it is a text, or nothing", |json| !json.is_string() && !json.is_null());
    let no_seats = any_json().prop_filter("it is a number of seats, or nothing", |json| {
        let number = json
            .as_f64()
            .is_some_and(|n| n.fract() == 0.0 && (-1.0..=1_000_000.0).contains(&n));
        !number && !json.is_null()
    });
    let no_list = any_json().prop_filter("it is a list, or nothing", |json| !json.is_array() && !json.is_null());
    let control = "[a-z]{1,9}[\u{0}-\u{8}\u{e}-\u{1f}\u{7f}-\u{9f}][a-z]{1,9}".prop_map(Value::from);
    prop_oneof![
        3 => (select(TEXTS.to_vec()), no_text),
        2 => (select(vec!["maxMachines", "maxConcurrent"]), no_seats),
        1 => (Just("unlockedProducts"), no_list),
        1 => (select(TEXTS.to_vec()), control),
    ]
}

#[test]
fn a_wrong_field_is_named_whatever_else_is_said() {
    let runtime = runtime();
    let app = runtime.block_on(TestApp::start());
    let tried = TestRunner::new(cases(300)).run(&(license_fields(), wrong_field()), |(mut fields, (name, value))| {
        fields[name] = value;
        let answer = runtime.block_on(app.admin().post("/createLicense", fields.clone()));
        let text = answer.expect(400)["error"].as_str().unwrap_or_default();
        let rest = text.strip_prefix("Invalid ").and_then(|text| text.strip_prefix(name));
        let is_named = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": must be "));
        prop_assert!(is_named, "{}: {}", fields, text);
        Ok(())
    });
    tried.expect("every wrong field is named");
}

proptest! {
    #![proptest_config(cases(500))]

    /// So what is stored and read again is what was checked.
    #[test]
    fn a_text_that_was_read_once_is_read_again_as_it_is(text in any_text()) {
        macro_rules! assert_stable {
            ($($value:ident),*) => {$(
                if let Some(value) = $value::parse(&text) {
                    prop_assert_eq!($value::parse(value.as_str()), Some(value));
                }
            )*};
        }
        assert_stable!(
            CodeName, Email, Fingerprint, Hostname, LicenseId, LicenseKey, Name, OwnerId, ProductId, Reference, Token, VariantId
        );
        if let Some(time) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }
}

/// Rings of one key each, of either algorithm, and that of accounts.
fn rings() -> [(KeyRing, AccountKeyRing); 2] {
    [Algorithm::Rs256, Algorithm::EdDsa].map(|algorithm| {
        let secrets = keystead_keygen::secrets(algorithm, epoch()).expect("secrets");
        let keys = KeyRing::new(&secrets.signing.signing_keys).expect("keys");
        (keys, AccountKeyRing::new(&secrets.accounts).expect("keys"))
    })
}

/// Any claims, good for some seconds from [`epoch`] on.
fn claims() -> impl Strategy<Value = Claims> {
    let texts = prop::array::uniform6("[!-~]([ -~ä-ü€😀]{0,20}[!-~])?");
    let rest = (
        select(LicenseStatus::ALL.to_vec()),
        1..10_000_000_i64,
        option::of(any::<i64>()),
        option::of(any::<u32>()),
    );
    (texts, rest).prop_map(
        |([iss, id, key, fingerprint, product, variant], (status, life, grace_until, offline_days))| {
            let now = epoch().seconds();
            Claims {
                iss,
                sub: LicenseId::parse(&id).expect("an id"),
                license_key: LicenseKey::parse(&key).expect("a key"),
                machine_fingerprint: Fingerprint::parse(&fingerprint).expect("a fingerprint"),
                product_id: ProductId::parse(&product).expect("an id"),
                variant: VariantId::parse(&variant).expect("an id"),
                status,
                iat: now,
                exp: now + life,
                grace_until,
                offline_days,
            }
        },
    )
}

#[track_caller]
fn assert_no_token((keys, account_keys): &(KeyRing, AccountKeyRing), text: &str) {
    if let Some(token) = Token::parse(text) {
        assert!(keys.verify(&token, epoch()).is_err(), "{text}");
    }
    if let Some(token) = AccountToken::parse(text) {
        assert!(
            account_keys
                .verify_account_token(&token, Purpose::Login, epoch())
                .is_none(),
            "{text}"
        );
    }
}

#[test]
fn a_token_says_what_was_signed_and_any_other_text_is_none() {
    let rings = rings();
    let tried = TestRunner::new(cases(40)).run(&(claims(), any_text(), any::<Index>()), |(claims, text, cut)| {
        for (ring, (other, _)) in [(&rings[0], &rings[1]), (&rings[1], &rings[0])] {
            let (keys, _) = ring;
            let token = keys.issue(&claims).expect("a token");
            prop_assert_eq!(&keys.verify(&token, epoch()).expect("it is ours"), &claims);
            prop_assert!(keys.verify(&token, claims.expiry()).is_err());
            prop_assert!(other.verify(&token, epoch()).is_err());
            let (header, _) = token.as_str().split_once('.').expect("a header");
            let cut = cut.index(token.as_str().len());
            let (before, after) = token.as_str().split_at(cut);
            for text in [
                text.clone(),
                format!("{header}.{text}"),
                format!("{token}.{text}"),
                format!("{before}.{after}"),
                before.to_owned(),
            ] {
                assert_no_token(ring, &text);
            }
        }
        Ok(())
    });
    tried.expect("every token is what it says");
}

#[test]
fn every_bit_of_a_token_counts() {
    let mut runner = TestRunner::deterministic();
    let claims = claims().new_tree(&mut runner).expect("claims").current();
    for ring in rings() {
        let token = ring.0.issue(&claims).expect("a token");
        let bytes = token.as_str().as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(flipped) = std::str::from_utf8(&flipped) {
                assert_no_token(&ring, flipped);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_text_is_a_cursor_of_ours_but_what_was_sealed(
        text in any_text(),
        json in any_json(),
        positions in vec(position(), 0..5),
    ) {
        let seal = seal();
        let (scope, filter) = (Scope::Everything, LicenseFilter::default());
        for text in [text, BASE64_URL_SAFE_NO_PAD.encode(json.to_string())] {
            prop_assert_eq!(Cursor::open(&text, &seal, &scope, &filter), None);
        }
        let made_up = json!({ "positions": positions }).to_string();
        if let Some(cursor) = Cursor::from_bytes(made_up.as_bytes()) {
            let sealed = cursor.seal(&seal, &scope, &filter).expect("sealed");
            prop_assert_eq!(Cursor::open(&sealed, &seal, &scope, &filter), Some(cursor));
        }
    }
}

/// What the tests' service seals cursors with.
fn seal() -> Seal {
    let root = SealingRoot::new(&secrets().credentials.sealing_key).expect("a root");
    root.seal_for("cursor").expect("a key")
}

/// A position in a list, as someone makes it up who has the key.
fn position() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        4 => any_text(),
        2 => (1_800_000_000_000..2_000_000_000_000_i64).prop_map(|millis| Timestamp::from_millis(millis).to_string()),
        1 => (0..3000_usize).prop_map(|length| "x".repeat(length)),
        1 => (0..1100_usize).prop_map(|length| "€".repeat(length)),
    ];
    prop_oneof![
        1 => select(vec![json!("Start"), json!("End")]),
        6 => (text.clone(), text).prop_map(|(sort, key)| json!({ "After": [sort, key] })),
    ]
}

#[test]
fn a_cursor_that_was_made_up_with_our_key_leads_to_no_failure_and_to_no_license_of_others() {
    let runtime = runtime();
    let app = runtime.block_on(TestApp::start());
    let creator = runtime.block_on(app.creator(OWNER));
    runtime.block_on(async {
        app.make_product("foreign", "bob", "live").await;
        for _ in 0..3 {
            app.license().create().await;
            app.license().with("expiresAt", "2029-01-01T00:00:00Z").create().await;
            app.license().with("productId", "foreign").create().await;
        }
    });
    let product = ProductId::parse(PRODUCT);
    let filter = |product: &Option<ProductId>, email: Option<&str>, state| LicenseFilter {
        owners: None,
        product: product.clone(),
        email: email.and_then(Email::parse),
        state,
    };
    let active = Some(LicenseState::Status(LicenseStatus::Active));
    let lists = [
        (json!({}), filter(&None, None, None)),
        (json!({ "productId": PRODUCT }), filter(&product, None, None)),
        (json!({ "status": "active" }), filter(&None, None, active)),
        (
            json!({ "status": "expired" }),
            filter(&None, None, Some(LicenseState::Expired)),
        ),
        (
            json!({ "email": "customer@example.com" }),
            filter(&None, Some("customer@example.com"), None),
        ),
    ];
    let (seal, scope) = (seal(), Scope::Owner(OwnerId::parse(OWNER).expect("an id")));
    let ask = |list: &Value, more: Value| {
        let mut asked = list.clone();
        asked
            .as_object_mut()
            .expect("fields")
            .extend(more.as_object().expect("fields").clone());
        runtime.block_on(creator.post("/listLicenses", asked))
    };
    let asked = (select(lists.to_vec()), vec(position(), 4));
    let tried = TestRunner::new(cases(200)).run(&asked, |((list, filter), positions)| {
        let first = ask(&list, json!({ "limit": 1 }));
        let genuine = first.expect(200)["nextCursor"].as_str().expect("there are more");
        let genuine = Cursor::open(genuine, &seal, &scope, &filter).expect("it is ours");
        let mut told: Value = serde_json::from_slice(&genuine.to_bytes()).expect("JSON");
        let count = told["positions"].as_array().expect("positions").len();
        told["positions"] = json!(positions[..count]);
        let Some(forged) = Cursor::from_bytes(told.to_string().as_bytes()) else {
            return Ok(());
        };
        let forged = forged.seal(&seal, &scope, &filter).expect("sealed");
        let answer = ask(&list, json!({ "cursor": forged }));
        if answer.status == 400 {
            answer.expect_refusal(400, "Invalid cursor: must be the nextCursor of a page of the same list");
            return Ok(());
        }
        for license in answer.expect(200)["licenses"].as_array().expect("a list") {
            prop_assert_eq!(&license["productId"], PRODUCT);
        }
        Ok(())
    });
    tried.expect("every cursor is refused, or leads on");
}

const SECRET: &str = "whsec_of-the-properties";

fn signature(at: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, &[at.to_string().as_bytes(), b".", body].concat());
    hex::encode(tag)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_header_is_a_signature_of_stripe_s_but_the_one_that_was_made_of_this_body_lately(
        header in prop_oneof![any_text(), "(t=-?[0-9]{0,20}|v1=[0-9a-f]{0,70}|v0=[0-9a-f]{64}|[a-z]=|,| ){0,6}"],
        body in vec(any::<u8>(), 0..100),
        age in -300..=300_i64,
        bit in 0..256_usize,
        beyond in 301..1_000_000_000_i64,
    ) {
        let (secret, now) = (SigningSecret::new(SECRET), epoch());
        let is_right = |header: &str, body: &[u8]| secret.verify(header, body, now).is_ok();
        prop_assert!(!is_right(&header, &body));
        // Beside the right signature there is room for so much.
        let header = &header[..header.floor_char_boundary(900)];

        let at = now.seconds() - age;
        let digits = signature(at, &body);
        let right = format!("t={at},v1={digits},{header}");
        prop_assert!(is_right(&right, &body));
        prop_assert!(!is_right(&right, &[&body[..], b" "].concat()));
        prop_assert!(SigningSecret::new("whsec_other").verify(&right, &body, now).is_err());

        let place = bit / 4;
        let digit = u32::from_str_radix(&digits[place..=place], 16).expect("a digit") ^ (1 << (bit % 4));
        let flipped = format!("{}{digit:x}{}", &digits[..place], &digits[place + 1..]);
        let flipped = format!("t={at},v1={flipped}");
        prop_assert!(!is_right(&flipped, &body));

        for at in [now.seconds() - beyond, now.seconds() + beyond] {
            let header = format!("t={at},v1={}", signature(at, &body));
            prop_assert!(!is_right(&header, &body));
        }
    }
}
