//! What a page of `/listLicenses` costs when there are few licenses and when there are many.
//!
//! The whole API runs in this process over an engine in memory. For each number of licenses, pages are asked for from the
//! beginning, from the middle of a walk and for each filter; the calls of DynamoDB and the capacity they take are exact,
//! the times are of one request at a time without a socket.

use std::{error::Error, time::Instant};

use bytes::Bytes;
use clap::Parser;
use http::{HeaderMap, Method};
use keystead::embedded::Engine;
use keystead_core::{
    clock::Clock,
    config::Config,
    request::client_address::ClientAddress,
    signing::keys::Algorithm,
    store::{Connection, Store, meter::Usage},
};
use keystead_functions::{
    frame::{body::RequestBody, context::Context, log::Log, request::Incoming, router::Router},
    routes::{self},
};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares what a page of licenses costs, whatever the number of licenses.
#[derive(Parser)]
struct Args {
    /// How many licenses there are: a comparison for each.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    licenses: Vec<u32>,
    /// How many licenses a page has: what the admin tools ask for.
    #[arg(long, default_value_t = 500)]
    limit: u32,
    /// How many pages of each list are asked for.
    #[arg(long, default_value_t = 20)]
    pages: u32,
}

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!(
        "{:>9}  {:<28} {:>6} {:>9} {:>9} {:>9}",
        "licenses", "list", "calls", "read/page", "p50 ms", "seeding"
    );
    for licenses in &args.licenses {
        runtime.block_on(compare(&args, *licenses))?;
    }
    Ok(())
}

async fn compare(args: &Args, licenses: u32) -> Result<(), Failure> {
    let secrets = keystead_keygen::secrets(Algorithm::Rs256, Clock::system().now())?;
    let connection = Connection {
        measure_capacity: true,
        ..Engine::in_memory()?.connection()
    };
    let store = Store::new(connection, "");
    store.table_create_all().await?;
    let cx = Context {
        log: Log::nowhere(),
        ..Context::new(store, &secrets, Config::default())?
    };
    let api = Api {
        cx,
        router: Router::new(&routes::all())?,
        admin_secret: secrets.credentials.admin_secret,
    };
    let began = Instant::now();
    api.post(
        "/createProduct",
        json!({ "name": "App", "slug": "app", "creatorId": "bench" }),
    )
    .await?;
    let key = api
        .post("/createApiKey", json!({ "creatorId": "bench", "name": "script" }))
        .await?
        .0["apiKey"]
        .clone();
    for number in 0..licenses {
        // Every license has its customer, and each hundredth is one's of many.
        let customer = if number % 100 == 0 { 0 } else { number };
        let order = json!({ "email": format!("c{customer}@example.com"), "productId": "app" });
        api.post("/createLicense", order).await?;
    }
    let seeded = began.elapsed();
    for (name, list) in [
        ("all, admin secret", json!({})),
        ("all, API key", json!({ "apiKey": key })),
        ("product", json!({ "productId": "app" })),
        ("product, active", json!({ "productId": "app", "status": "active" })),
        ("product, expired", json!({ "productId": "app", "status": "expired" })),
        ("customer of many", json!({ "email": "c0@example.com" })),
    ] {
        let mut seen = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..args.pages {
            let mut asked = list.clone();
            asked["limit"] = args.limit.into();
            asked["cursor"] = cursor;
            let began = Instant::now();
            let (page, usage) = api.post("/listLicenses", asked).await?;
            seen.push((began.elapsed(), usage));
            // Few licenses have few pages: then from the beginning again.
            cursor = page["nextCursor"].clone();
        }
        seen.sort_by_key(|(took, _)| *took);
        let most = |of: fn(&Usage) -> f64| seen.iter().map(|(_, usage)| of(usage)).fold(0.0, f64::max);
        println!(
            "{licenses:>9}  {name:<28} {:>6} {:>9.1} {:>9.2} {:>7.0} s",
            most(|usage| f64::from(usage.calls)),
            most(|usage| usage.read_units),
            seen[seen.len() / 2].0.as_secs_f64() * 1000.0,
            seeded.as_secs_f64(),
        );
    }
    Ok(())
}

struct Api {
    cx: Context,
    router: Router,
    admin_secret: String,
}

impl Api {
    /// Posts a body, with the admin secret unless it holds an API key.
    async fn post(&self, path: &str, mut body: Value) -> Result<(Value, Usage), Failure> {
        if body.get("apiKey").is_none() {
            body["adminSecret"] = self.admin_secret.as_str().into();
        }
        let request = Incoming {
            method: Method::POST,
            path: path.to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: RequestBody::Whole(Bytes::from(body.to_string())),
            peer: ClientAddress::UNKNOWN,
            id: None,
        };
        let response = self.router.answer(&self.cx, &request).await;
        if !response.status().is_success() {
            let body = String::from_utf8_lossy(response.body());
            return Err(format!("{path} answered {}: {body}", response.status()).into());
        }
        let usage = response.extensions().get().cloned().unwrap_or_default();
        Ok((serde_json::from_slice(response.body())?, usage))
    }
}
