//! Requests: whatever is sent to whatever route, it is answered as docs/openapi/ says, and never with a 5xx.
//!
//! An input is who asks (a letter), a method, a blank, a path with its query, a line break, and the body. `TOKEN` in it
//! stands for the token of a machine.
#![no_main]

use std::cell::RefCell;

use http::{Method, Uri};
use keystead_tests::{MINUTE, OWNER, PRODUCT, Person, TestApp, request, secrets, shop::Shop};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::json;
use tokio::runtime::Runtime;

/// After so many, a minute goes by: an address may ask `/v1` no more often.
const A_MINUTE: u32 = 50;

/// A service with something in it, for so many requests: what they leave behind is not to fill the memory, and access tokens
/// are good for a quarter of an hour.
const REQUESTS: u32 = 14 * A_MINUTE;

struct World {
    runtime: Runtime,
    app: TestApp,
    api_key: String,
    person: Person,
    shop: Shop,
    token: String,
    left: u32,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (app, api_key, person, shop, token) = runtime.block_on(async {
            let app = TestApp::start().await;
            app.faults.without_rate_limit();
            let license = app.license().max_machines(1000).create().await;
            let machine = app.machine("a");
            machine.activate(&license).await.expect(200);
            for path in ["/createTrialCode", "/createDiscountCode"] {
                let code = json!({ "code": "Welcome", "productId": PRODUCT, "trialDays": 14 });
                app.admin().post(path, code).await;
            }
            let api_key = app.creator(OWNER).await.api_key;
            let person = app.person("customer@example.com").await;
            let shop = app.shop().await;
            shop.license(json!({ "key": "CUSTOM-KEY" })).await;
            (app, api_key, person, shop, machine.token())
        });
        Self {
            runtime,
            app,
            api_key,
            person,
            shop,
            token,
            left: REQUESTS,
        }
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    thread_local!(static WORLD: RefCell<World> = RefCell::new(World::new()));

    let Some((who, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return Corpus::Reject;
    };
    let (line, body) = (String::from_utf8_lossy(&rest[..end]), &rest[end + 1..]);
    let Some((method, target)) = line.split_once(' ') else {
        return Corpus::Reject;
    };
    // Others get no further than the router.
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Corpus::Reject,
    };
    // What is no URI does not come through the server.
    if !target.starts_with('/') || target.parse::<Uri>().is_err() {
        return Corpus::Reject;
    }
    WORLD.with_borrow_mut(|world| {
        if world.left == 0 {
            *world = World::new();
        }
        world.left -= 1;
        if world.left % A_MINUTE == 0 {
            world.app.advance(MINUTE);
        }
        let mut body = body.to_vec();
        if let Ok(text) = std::str::from_utf8(&body)
            && text.contains("TOKEN")
        {
            body = text.replace("TOKEN", &world.token).into_bytes();
        }
        let secrets = secrets();
        let bearer = match who {
            b't' => world.runtime.block_on(world.shop.owner.authorization(target)),
            b'g' => format!("Bearer {}", world.shop.key),
            _ => format!("Bearer {}", world.person.token),
        };
        let signature;
        let header = match who {
            b'a' => {
                // The admin secret is a field of the body.
                if body.trim_ascii_start().starts_with(b"{") {
                    let start = body.iter().position(|byte| *byte == b'{').unwrap_or_default();
                    let rest = body.split_off(start + 1);
                    let comma = if rest.trim_ascii_start().starts_with(b"}") {
                        ""
                    } else {
                        ","
                    };
                    body.extend(format!(r#""adminSecret":"{}"{comma}"#, secrets.credentials.admin_secret).bytes());
                    body.extend(rest);
                }
                None
            }
            b'k' => Some(("x-api-key", world.api_key.as_str())),
            b'w' => Some(("x-webhook-secret", secrets.credentials.webhook_secret.as_str())),
            b'l' | b't' | b'g' => Some(("authorization", bearer.as_str())),
            b'i' => Some(("idempotency-key", "once")),
            b's' => {
                let text = String::from_utf8_lossy(&body).into_owned();
                signature = world.app.stripe().sign(&text);
                body = text.into_bytes();
                Some(("stripe-signature", signature.as_str()))
            }
            _ => None,
        };
        let headers: Vec<(&str, &str)> = header.into_iter().collect();
        let asked = request(&method, target, &headers, &body);
        // The harness holds what is answered against the document.
        let (answer, _) = world.runtime.block_on(world.app.send(asked));
        assert!(answer.status < 500 || answer.status == 503, "{answer:?}");
        Corpus::Keep
    })
});
