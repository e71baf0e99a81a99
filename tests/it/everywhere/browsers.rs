//! What browsers send without their user's doing opens nothing: over every route, by every way that a page has.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keystead_core::{account::AccountPolicy, config::Config};
use keystead_functions::{
    frame::{callers::CallerKind, face::Readers, route::Route},
    routes,
};
use keystead_tests::{
    Answer, Options, TestApp,
    examples::{World, assert_refusal, row},
    request,
};
use serde_json::json;

/// The page of a vendor, on a sibling of the service's domain.
const LISTED: &str = "https://account.vendor.example";

fn listing() -> Options {
    Options::default().config(Config {
        accounts: AccountPolicy {
            origins: vec![LISTED.to_owned()],
            page: Some("https://www.vendor.example/account?x=1".to_owned()),
            ..AccountPolicy::default()
        },
        ..Config::default()
    })
}

/// Sends a route's good request, with its sender's session in a browser's cookie, and these headers of the browser's own.
async fn send(world: &World, route: &Route, method: &str, headers: &[(&str, &str)]) -> Answer {
    let good = (row(route).good)(world);
    let mut path = route.path().to_owned();
    for (name, value) in good.as_object().expect("an object") {
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"));
    }
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let body = if method == Method::GET {
        String::new()
    } else {
        good.to_string()
    };
    let session = format!("__Host-session={}", world.person.token);
    let mut asked = request(&method, &path, &[("cookie", &session)], body.as_bytes());
    let own: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        })
        .collect();
    asked.headers.extend(own);
    world.app.send(asked).await.0
}

/// The routes that a cookie speaks for, or that set one.
fn by_cookie() -> impl Iterator<Item = Route> {
    routes::all().into_iter().filter(|route| route.by_cookie)
}

const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: (&str, &str) = ("content-type", "text/plain;charset=UTF-8");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn no_page_of_another_origin_changes_anything_by_its_visitor_s_cookie() {
    let sibling = ("origin", "https://forum.vendor.example");
    let same_site = ("sec-fetch-site", "same-site");
    let cross_site = ("sec-fetch-site", "cross-site");
    let no_cors = ("sec-fetch-mode", "no-cors");
    let navigate = ("sec-fetch-mode", "navigate");
    let null = ("origin", "null");
    let foreign: [(&[(&str, &str)], u16); 13] = [
        // Without a question to the service, a browser sends these for any page.
        (&[TEXT, sibling, same_site, no_cors], 415),
        (&[FORM, sibling, same_site, navigate], 415),
        (&[TEXT, null, cross_site, no_cors], 415),
        (
            &[("content-type", "text/plain; application/json"), sibling, same_site],
            415,
        ),
        (&[("content-type", "")], 415),
        // JSON takes the service's leave, which it does not give.
        (&[JSON, sibling, same_site], 403),
        (&[JSON, ("origin", "https://evil.example"), cross_site], 403),
        (&[JSON, null, cross_site], 403),
        (&[JSON, null, ("sec-fetch-site", "same-origin")], 403),
        (&[JSON, same_site], 403),
        (&[JSON, ("sec-fetch-site", "none")], 403),
        (&[JSON, ("origin", "https://account.vendor.example.evil.example")], 403),
        // A browser's cookie, from what is none.
        (&[JSON], 403),
    ];
    for route in by_cookie() {
        for method in route.methods().filter(|method| *method != "GET") {
            let world = World::of(listing().start().await).await;
            for (headers, status) in foreign {
                let answer = send(&world, &route, method, headers).await;
                assert_eq!(answer.status, status, "{} {headers:?}: {answer:?}", route.name);
                assert_eq!(answer.header("set-cookie"), "", "{}", route.name);
                assert_refusal(&route, &answer);
            }
            let mut twice = request(
                &Method::POST,
                route.path(),
                &[JSON, ("cookie", "__Host-session=x")],
                b"{}",
            );
            for origin in [LISTED, "https://evil.example"] {
                twice.headers.append("origin", origin.parse().expect("a value"));
            }
            assert_eq!(world.app.send(twice).await.0.status, 403, "{}", route.name);
            // Nothing of all that was done: the service's own page is served as ever.
            let own = [
                JSON,
                ("origin", "https://keystead.example"),
                ("sec-fetch-site", "same-origin"),
            ];
            send(&world, &route, method, &own).await.expect(200);
        }
    }
}

#[tokio::test]
async fn pages_that_the_operator_lists_are_served_with_their_visitor_s_cookie() {
    for route in by_cookie() {
        for method in route.methods() {
            for origin in [LISTED, "https://www.vendor.example"] {
                let world = World::of(listing().start().await).await;
                let headers = [JSON, ("origin", origin), ("sec-fetch-site", "same-site")];
                let answer = send(&world, &route, method, &headers).await;
                answer.expect(200);
                assert_eq!(answer.header("access-control-allow-origin"), origin, "{}", route.name);
                assert_eq!(
                    answer.header("access-control-allow-credentials"),
                    "true",
                    "{}",
                    route.name
                );
            }
        }
    }
}

/// So no cookie need be looked at where a browser goes by a link.
#[tokio::test]
async fn no_get_that_a_cookie_speaks_for_changes_anything() {
    for route in by_cookie() {
        if route.methods().any(|method| method == "GET") {
            assert!(!route.writes, "{}", route.name);
            assert_eq!(route.methods().count(), 1, "{}", route.name);
        }
    }
}

/// Programs have no pages, and send neither `Origin` nor `Sec-Fetch-Site`.
#[tokio::test]
async fn what_is_no_browser_shows_its_token_as_the_contract_has_it() {
    for route in by_cookie().filter(|route| route.caller == CallerKind::SignedIn) {
        for method in route.methods() {
            let world = World::new().await;
            let good = (row(&route).good)(&world);
            let path = good
                .as_object()
                .expect("an object")
                .iter()
                .fold(route.path().to_owned(), |path, (name, value)| {
                    path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or("none"))
                });
            let cookie = format!("session={}", world.person.token);
            let body = if method == "GET" {
                String::new()
            } else {
                good.to_string()
            };
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = world
                .app
                .stranger()
                .send(&method, &path, &[("cookie", &cookie)], body.as_bytes())
                .await;
            answer.expect(200);
        }
    }
}

#[tokio::test]
async fn each_api_says_whose_pages_read_its_answers() {
    let app = listing().start().await;
    for route in routes::all() {
        let of_people = route.path().starts_with("/api/") || route.path().starts_with("/v1/");
        let public = !of_people || ["license-keys-validate", "v1-authorize"].contains(&route.name);
        let readers = if public { Readers::Everyone } else { Readers::Listed };
        assert_eq!(route.face.readers, readers, "{}", route.name);
        for (origin, is_listed) in [(LISTED, true), ("https://evil.example", false), ("null", false)] {
            let headers = [("origin", origin), ("access-control-request-method", "POST")];
            let asked = app.stranger().send(&Method::OPTIONS, route.path(), &headers, b"").await;
            asked.expect(204);
            let refused = app.stranger().send(&Method::DELETE, route.path(), &headers, b"").await;
            for answer in [asked, refused] {
                let (allowed, with_cookies) = match (public, is_listed) {
                    (true, _) => ("*", ""),
                    (false, true) => (LISTED, "true"),
                    (false, false) => ("", ""),
                };
                let told = answer.header("access-control-allow-origin");
                assert_eq!(told, allowed, "{} {origin}", route.name);
                assert_eq!(
                    answer.header("access-control-allow-credentials"),
                    with_cookies,
                    "{}",
                    route.name
                );
                assert_eq!(
                    answer.header("vary"),
                    if public { "" } else { "Origin" },
                    "{}",
                    route.name
                );
            }
        }
    }
}

/// Whoever answers, and whatever.
#[tokio::test]
async fn every_reply_tells_browsers_to_frame_nothing_and_to_tell_nobody_where_they_were() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::GET, "/health"),
        (Method::GET, "/docs"),
        (Method::GET, "/nowhere"),
        (Method::POST, "/activate"),
        (Method::DELETE, "/activate"),
        (Method::OPTIONS, "/activate"),
        (Method::POST, "/api/auth/login"),
    ] {
        let answer = app.stranger().send(&method, path, &[], b"{}").await;
        for (name, value) in [
            ("strict-transport-security", "max-age=31536000"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path}: {name}");
        }
    }
}

#[test]
fn an_origin_is_listed_as_a_browser_writes_it() {
    use keystead_core::config::origin_of;
    for (url, origin) in [
        ("https://example.com/account?x=1", Some("https://example.com")),
        ("HTTPS://Example.com", Some("https://example.com")),
        ("http://localhost:8787/#x", Some("http://localhost:8787")),
        ("https://[2001:db8::1]:8443/", Some("https://[2001:db8::1]:8443")),
        ("https://user@example.com/", None),
        ("example.com", None),
        ("javascript://example.com", None),
        ("https://", None),
        ("null", None),
    ] {
        assert_eq!(origin_of(url).as_deref(), origin, "{url}");
    }
}

/// Whoever guesses at the secrets that programs hold gets nowhere, and costs nobody else anything.
#[tokio::test]
async fn a_network_that_shows_many_wrong_secrets_is_refused() {
    let app = TestApp::start().await;
    let guess = async |address: &str, path: &str, guessed: usize| {
        let headers = [("x-forwarded-for", address)];
        let body = json!({ "adminSecret": format!("guess number {guessed}"), "apiKey": format!("cgls_{guessed}") });
        let mut asked = request(&Method::POST, path, &headers, body.to_string().as_bytes());
        asked
            .headers
            .insert("x-webhook-secret", HeaderValue::from_static("a wrong secret"));
        app.send(asked).await.0
    };
    let paths = ["/listProducts", "/listApiKeys", "/cgloungeWebhook"];
    for i in 0..100 {
        guess("203.0.113.9", paths[i % 3], i).await.expect(401);
    }
    for path in paths {
        let answer = guess("203.0.113.9", path, 0).await;
        answer.expect_refusal(429, "Too many attempts. Try again later.");
        assert_eq!(answer.header("retry-after"), "901");
    }
    // A right one too: who guesses does not learn that it was right.
    let secret = json!({ "adminSecret": keystead_tests::secrets().credentials.admin_secret }).to_string();
    let from = async |address: &str| {
        let headers = [("x-forwarded-for", address)];
        app.send(request(&Method::POST, "/listProducts", &headers, secret.as_bytes()))
            .await
            .0
    };
    from("203.0.113.9").await.expect(429);
    from("203.0.113.10").await.expect(200);
    // Where right ones come from, wrong ones have to be many to do harm.
    for i in 0..200 {
        guess("203.0.113.10", paths[i % 3], i).await.expect(401);
    }
    from("203.0.113.10").await.expect(200);
    app.advance(keystead_functions::frame::failures::WINDOW);
    from("203.0.113.9").await.expect(200);
    // Who has very many networks is counted by the one that they are of.
    for i in 0..1600 {
        let host = format!("2001:db8:1:{:x}::1", i / 50);
        guess(&host, paths[i % 3], i).await.expect(401);
    }
    guess("2001:db8:1:ffff::1", paths[0], 0).await.expect(429);
    guess("2001:db8:2:ffff::1", paths[0], 0).await.expect(401);
}
