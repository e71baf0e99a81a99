//! Where a request comes from: whom a header is believed, and in which network a client is counted.

use std::net::IpAddr;

use http::{HeaderValue, Method};
use keystead_core::{
    config::Config,
    request::{client_address::AddressBlock, trusted_proxy::TrustedProxy},
    signing::secrets::SecretHash,
};
use keystead_tests::{HOUR, Options, TestApp, request};
use serde_json::json;

/// Of a sign-in with a wrong password: 401, or 429 where too many came from its network. No two are of one account.
async fn attempt(app: &TestApp, peer: &str, headers: &[(&str, &str)]) -> u16 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let who = json!({ "email": format!("guess-{number}@example.com"), "password": "wrong password" }).to_string();
    let mut asked = request(&Method::POST, "/api/auth/login", &[], who.as_bytes());
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        asked
            .headers
            .append(name, HeaderValue::from_str(value).expect("a value"));
    }
    asked.peer = peer.parse::<IpAddr>().expect("an address").into();
    app.send(asked).await.0.status
}

/// How many of `attempts` are let through to the password.
async fn admitted(app: &TestApp, attempts: impl IntoIterator<Item = (String, Vec<(&str, String)>)>) -> usize {
    let mut admitted = 0;
    for (peer, headers) in attempts {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        admitted += usize::from(attempt(app, &peer, &headers).await == 401);
    }
    admitted
}

fn trusting(addresses: &str, secret: Option<&str>, header: &str) -> Options {
    Options::default().trusting(TrustedProxy {
        addresses: AddressBlock::parse(addresses).into_iter().collect(),
        secret: secret.map(SecretHash::of),
        address_header: header.to_owned(),
        country_header: String::new(),
    })
}

#[test]
fn no_header_is_believed_that_the_operator_did_not_name() {
    let proxy = Config::default().proxy;
    assert!(proxy.address_header.is_empty() && proxy.country_header.is_empty());
    assert!(proxy.addresses.is_empty() && proxy.secret.is_none());
    let named = Config {
        proxy: TrustedProxy {
            address_header: "x-forwarded-for".to_owned(),
            ..TrustedProxy::default()
        },
        ..Config::default()
    };
    let refused = named.check().expect_err("nobody proves that they sent the header");
    assert!(refused.to_string().contains("KEYSTEAD_TRUSTED_PROXIES"), "{refused}");
}

/// Countries that are made up suspend nobody.
#[tokio::test]
async fn a_country_is_believed_of_the_trusted_proxy_only() {
    let app = Options::default().trusting(TrustedProxy::default()).start().await;
    let license = app.license().max_machines(2).create().await;
    for country in ["US", "FR", "JP", "BR", "ZA", "NZ"] {
        let machine = app.machine("a").in_country(country);
        assert_eq!(machine.activate(&license).await.expect(200)["status"], "active");
    }
    let shown = app.shown(&license).await;
    assert_eq!(shown["activations"][0]["countries"], json!([]));
}

/// Neither a header that is left out nor one that says something else each time gets more than the peer's allowance.
#[tokio::test]
async fn a_client_that_tells_its_address_itself_is_counted_by_that_of_its_connection() {
    let app = trusting("10.0.0.0/8", None, "x-forwarded-for").start().await;
    let peer = || "203.0.113.9".to_owned();
    let claims = (0..60).map(|i| (peer(), vec![("x-forwarded-for", format!("198.51.100.{i}"))]));
    assert_eq!(admitted(&app, claims).await, 60);
    let claims = (60..70).map(|i| (peer(), vec![("x-forwarded-for", format!("198.51.100.{i}"))]));
    assert_eq!(admitted(&app, claims).await, 0);
    assert_eq!(admitted(&app, (0..10).map(|_| (peer(), vec![]))).await, 0);
}

#[tokio::test]
async fn who_tells_no_address_through_the_proxy_is_counted_with_the_proxy_s() {
    let app = trusting("10.0.0.0/8", None, "x-forwarded-for").start().await;
    let through = |value: Option<&str>| {
        let header = value.map(|value| ("x-forwarded-for", value.to_owned()));
        ("10.0.0.1".to_owned(), header.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(admitted(&app, (0..75).map(|_| through(None))).await, 60);
    assert_eq!(
        admitted(&app, [through(Some("not an address")), through(Some(""))]).await,
        0
    );
    assert_eq!(admitted(&app, [through(Some("203.0.113.9"))]).await, 1);
}

/// As HAProxy sends them: what the client said in one line, its address in another.
#[tokio::test]
async fn of_repeated_header_lines_the_last_counts() {
    let app = trusting("10.0.0.1", None, "x-forwarded-for").start().await;
    let lines = |said: String, known: &str| {
        let lines = vec![("x-forwarded-for", said), ("x-forwarded-for", known.to_owned())];
        ("10.0.0.1".to_owned(), lines)
    };
    let forged = |i: u32| format!("198.51.100.{i}, 192.0.2.{i}");
    assert_eq!(
        admitted(&app, (0..75).map(|i| lines(forged(i), "203.0.113.9"))).await,
        60
    );
    assert_eq!(admitted(&app, [lines(forged(1), "203.0.113.10")]).await, 1);
    let in_one_line = vec![("x-forwarded-for", "203.0.113.10, 203.0.113.9".to_owned())];
    assert_eq!(admitted(&app, [("10.0.0.1".to_owned(), in_one_line)]).await, 0);
}

#[tokio::test]
async fn an_address_is_one_however_it_is_written() {
    let app = trusting("10.0.0.1", None, "x-forwarded-for").start().await;
    let from = |address: &str| ("10.0.0.1".to_owned(), vec![("x-forwarded-for", address.to_owned())]);
    assert_eq!(admitted(&app, (0..60).map(|_| from("203.0.113.9"))).await, 60);
    for same in [
        "203.0.113.9:46532",
        "::ffff:203.0.113.9",
        "[::ffff:203.0.113.9]:443",
        "::ffff:cb00:7109",
    ] {
        assert_eq!(admitted(&app, [from(same)]).await, 0, "{same}");
    }
    // Each mapped address is a client of its own.
    assert_eq!(
        admitted(&app, (0..60).map(|i| from(&format!("::ffff:198.51.100.{i}")))).await,
        60
    );
    // The peer itself too.
    assert_eq!(
        admitted(&app, (0..60).map(|_| ("::ffff:192.0.2.1".to_owned(), vec![]))).await,
        60
    );
    assert_eq!(admitted(&app, [("192.0.2.1".to_owned(), vec![])]).await, 0);
    // Of IPv6, whoever has a network has all of its addresses.
    assert_eq!(
        admitted(&app, (0..60).map(|i| from(&format!("2001:db8:0:1::{i:x}")))).await,
        60
    );
    for same in ["2001:db8:0:1::ffff", "[2001:db8:0:1::1]:443", "[2001:db8:0:1::1]"] {
        assert_eq!(admitted(&app, [from(same)]).await, 0, "{same}");
    }
    assert_eq!(admitted(&app, [from("2001:db8:0:2::1")]).await, 1);
}

#[tokio::test]
async fn who_has_many_networks_of_one_provider_is_counted_over_all_of_them() {
    let app = trusting("10.0.0.1", None, "x-forwarded-for").start().await;
    let from = |i: u32| {
        let address = format!("2001:db8:5:{i:x}::1");
        ("10.0.0.1".to_owned(), vec![("x-forwarded-for", address)])
    };
    assert_eq!(admitted(&app, (0..610).map(from)).await, 600);
    app.advance(HOUR);
    assert_eq!(admitted(&app, [from(1)]).await, 1);
}

/// Behind API Gateway every request of CloudFront comes from another of its addresses, so it shows a secret.
#[tokio::test]
async fn a_proxy_without_fixed_addresses_shows_a_secret() {
    let app = trusting("", Some("only the edge knows"), "cloudfront-viewer-address")
        .start()
        .await;
    let edge = |i: u32, shown: &str, client: &str| {
        let headers = vec![
            ("x-keystead-edge", shown.to_owned()),
            ("cloudfront-viewer-address", client.to_owned()),
        ];
        (format!("192.0.2.{i}"), headers)
    };
    let known = |i| edge(i, "only the edge knows", "2001:db8:0:1:2:3:4:5:46532");
    assert_eq!(admitted(&app, (0..75).map(known)).await, 60);
    // Past CloudFront, at the API's own address, the same headers prove nothing.
    let forged = |i| edge(9, "a guess", &format!("198.51.100.{i}:46532"));
    assert_eq!(admitted(&app, (0..75).map(forged)).await, 60);
    let without = |i| {
        (
            "192.0.2.9".to_owned(),
            vec![("cloudfront-viewer-address", format!("198.51.100.{i}:1"))],
        )
    };
    assert_eq!(admitted(&app, (0..5).map(without)).await, 0);
}
