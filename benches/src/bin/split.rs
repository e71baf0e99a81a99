//! Where a request's CPU time goes: face and core, signatures, and the store (the SDK and the engine together).
//!
//! The whole API runs in this process, one request at a time, without a socket. Each part is then run alone as often;
//! face and core is what is left. Figures are CPU time of the process from `/proc/self/stat`, so other work on the
//! machine does not count, except by what it does to caches and clock speed.

use std::error::Error;

use bytes::Bytes;
use clap::Parser;
use http::{HeaderMap, Method};
use keystead::{embedded::Engine, signer};
use keystead_benches::cpu::{MICROSECONDS_PER_TICK, ticks_of};
use keystead_core::{
    Timestamp,
    clock::Clock,
    config::Config,
    license::{key::LicenseKey, machine::Fingerprint},
    request::client_address::ClientAddress,
    signing::{
        keys::{Algorithm, KeyRing},
        token::Token,
    },
    store::Store,
};
use keystead_functions::{
    frame::{body::RequestBody, context::Context, log::Log, request::Incoming, router::Router, secrets::KnownSecrets},
    routes::{self},
};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Splits the CPU time of /validate and /activate into face and core, signatures, and store.
#[derive(Parser)]
struct Args {
    /// How often each part is run.
    #[arg(long, default_value_t = 20_000)]
    requests: u32,
    /// How tokens are signed: RS256 or EdDSA.
    #[arg(long, default_value = "RS256")]
    algorithm: String,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let args = Args::parse();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&args))
}

async fn run(args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let algorithm = Algorithm::parse(&args.algorithm).ok_or("--algorithm must be RS256 or EdDSA")?;
    let secrets = keystead_keygen::secrets(algorithm, Clock::system().now())?;
    let keys = KeyRing::signing_with(&secrets.signing.signing_keys, signer::signer)?;
    let known = KnownSecrets::with_keys(keys, &secrets.credentials, &secrets.accounts)?;
    let store = Store::new(Engine::in_memory()?.connection(), "");
    store.table_create_all().await?;
    let cx = Context {
        log: Log::nowhere(),
        ..Context::knowing(store, known, Config::default())
    };
    let router = Router::new(&routes::all())?;
    let api = Api {
        cx: &cx,
        router: &router,
    };

    let secret = &secrets.credentials.admin_secret;
    let product = json!({ "adminSecret": secret, "name": "App", "slug": "app", "creatorId": "bench" });
    api.post("/createProduct", &product).await?;
    let order = json!({ "adminSecret": secret, "email": "c@example.com", "productId": "app", "maxMachines": -1 });
    // Fifteen activations an hour are all that a license takes.
    let mut keys = Vec::new();
    for _ in 0..args.requests.div_ceil(14) {
        keys.push(text(&api.post("/createLicense", &order).await?, "licenseKey")?);
    }

    let mut activations = Vec::new();
    for number in 0..args.requests {
        let key = &keys[usize::try_from(number)? % keys.len()];
        activations.push(json!({
            "licenseKey": key, "machineFingerprint": format!("machine-{number}"), "hostname": "host", "productId": "app",
        }));
    }
    let mut tokens = Vec::new();
    let meter = Meter::start()?;
    for activation in &activations {
        tokens.push(text(&api.post("/activate", activation).await?, "token")?);
    }
    let activate = meter.per_run(args.requests)?;

    let validations: Vec<Value> = activations
        .iter()
        .zip(&tokens)
        .map(|(activation, token)| {
            json!({
                "licenseKey": activation["licenseKey"], "machineFingerprint": activation["machineFingerprint"],
                "token": token,
            })
        })
        .collect();
    let meter = Meter::start()?;
    for validation in &validations {
        api.post("/validate", validation).await?;
    }
    let validate = meter.per_run(args.requests)?;

    let mut held = Vec::new();
    for activation in &activations {
        let key = LicenseKey::parse(&text(activation, "licenseKey")?).ok_or("a key")?;
        let fingerprint = Fingerprint::parse(&text(activation, "machineFingerprint")?).ok_or("a fingerprint")?;
        held.push((key, fingerprint));
    }
    let meter = Meter::start()?;
    for (key, fingerprint) in &held {
        cx.store.license_get_with_activation_unscoped(key, fingerprint).await?;
    }
    let read = meter.per_run(args.requests)?;

    let parsed: Vec<Token> = tokens.iter().filter_map(|token| Token::parse(token)).collect();
    let now: Timestamp = cx.clock.now();
    let meter = Meter::start()?;
    for token in &parsed {
        cx.keys.verify(token, now).await?;
    }
    let verify = meter.per_run(args.requests)?;
    let claims = cx
        .keys
        .verify(parsed.first().ok_or("no token was issued")?, now)
        .await?;
    let meter = Meter::start()?;
    for _ in 0..args.requests {
        cx.keys.issue(&claims)?;
    }
    let sign = meter.per_run(args.requests)?;

    println!(
        "CPU microseconds per request, {algorithm}, store in memory, {} requests each",
        args.requests
    );
    println!("validate                {validate:8.1}");
    println!("  store (SDK, engine)   {read:8.1}");
    println!("  token verified        {verify:8.1}");
    println!("  face and core         {:8.1}", validate - read - verify);
    println!("activate, a new machine {activate:8.1}");
    println!("  token signed          {sign:8.1}");
    println!("  all else              {:8.1}", activate - sign);
    Ok(())
}

struct Api<'a> {
    cx: &'a Context,
    router: &'a Router,
}

impl Api<'_> {
    async fn post(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let request = Incoming {
            method: Method::POST,
            path: path.to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: RequestBody::Whole(Bytes::from(body.to_string())),
            peer: ClientAddress::UNKNOWN,
            id: None,
        };
        let response = self.router.answer(self.cx, &request).await;
        if !response.status().is_success() {
            return Err(format!("{path} answered {}", response.status()).into());
        }
        Ok(serde_json::from_slice(response.body())?)
    }
}

/// The CPU time that has passed since it was started.
struct Meter {
    ticks: u64,
}

impl Meter {
    fn start() -> Result<Self, String> {
        Ok(Self {
            ticks: ticks_of("self")?,
        })
    }

    /// Microseconds per run.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn per_run(&self, runs: u32) -> Result<f64, String> {
        let micros = (ticks_of("self")? - self.ticks) * MICROSECONDS_PER_TICK;
        Ok(micros as f64 / f64::from(runs))
    }
}

fn text(value: &Value, field: &str) -> Result<String, String> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("{field} is missing"))
}
