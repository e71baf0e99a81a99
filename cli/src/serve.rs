//! `keystead serve`: the whole API in one process.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::{Args, Parser};
use keystead_core::{
    clock::Clock,
    config::{Config, variable},
    signing::{
        keys::{Algorithm, KeyRing},
        secrets::Secrets,
    },
    store::{Connection, Store},
};
use keystead_functions::{
    aws::transport,
    frame::{
        context::Context,
        log::Log,
        mail::{Kept, Mailer},
    },
    routes::{self, Router},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    data_dir::DataDir,
    demo,
    embedded::{Durability, Engine},
    embedded_server,
    server::{self, App},
    signer,
};

/// Anything that keeps the server from starting, in words for the person who starts it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How to serve.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The address to listen on. Anything but a loopback address should have a proxy with TLS before it.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Where the data and the secrets are kept.
    #[arg(long, value_name = "DIR", default_value = ".keystead")]
    data_dir: PathBuf,
    /// Keep nothing: data and secrets end with the process.
    #[arg(long, conflicts_with = "data_dir")]
    in_memory: bool,
    /// Use another DynamoDB than the embedded one. The tables are created when they are missing; credentials and region
    /// are taken from the environment, as AWS's own tools do.
    #[arg(long, value_name = "URL", conflicts_with = "in_memory")]
    dynamodb_endpoint: Option<String>,
    /// Let other programs use the embedded DynamoDB at this address, such as functions in containers. It asks for no
    /// credentials, so the address must be one of this machine or of a private network.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "dynamodb_endpoint", value_parser = private_address)]
    dynamodb_listen: Option<SocketAddr>,
    /// What a write survives once it was answered.
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,
    /// How tokens are signed: RS256, which every client knows, or EdDSA, which is faster. A change rotates the key.
    /// KEYSTEAD_SIGNING_ALGORITHM stands in for it.
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm)]
    signing_algorithm: Option<Algorithm>,
    /// Make no demo product, license and API key.
    #[arg(long)]
    no_demo: bool,
    /// Let `POST /_clock {"advanceSeconds": n}` move the service's time forward. For tests.
    #[arg(long)]
    test_clock: bool,
    /// Show nobody at `GET /_mail` what would have been mailed. For a server behind a proxy.
    #[arg(long)]
    hide_mail: bool,
    /// Write no line for each request.
    #[arg(long)]
    quiet: bool,
}

impl Default for ServeArgs {
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: ServeArgs,
        }

        Alone::parse_from(["keystead"]).args
    }
}

pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    let names = Algorithm::ALL
        .iter()
        .map(|algorithm| algorithm.as_str())
        .collect::<Vec<_>>()
        .join(" or ");
    Algorithm::parse(name).ok_or(format!("must be {names}"))
}

fn private_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "must be an IP address and a port".to_owned())?;
    let is_private = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    };
    is_private
        .then_some(address)
        .ok_or_else(|| "must be an address of this machine or of a private network".to_owned())
}

/// How often items whose time to live has passed are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Serves until the process is told to stop.
///
/// # Errors
/// When the server can't start.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(args))
}

async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let clock = if args.test_clock {
        Clock::shiftable()
    } else {
        Clock::system()
    };
    let folder = if args.in_memory {
        None
    } else {
        Some(DataDir::open(&args.data_dir)?)
    };
    let (secrets, generated) = secrets(args, folder.as_ref(), &clock)?;
    let mut config = Config::from_env()?;
    let (store, engine) = open_store(args, folder.as_ref(), &mut config)?;
    store.create_tables().await.map_err(|error| explain(&error))?;

    let mails = Kept::default();
    let context = Context {
        keys: Arc::new(KeyRing::signing_with(&secrets.signing_keys, signer::signer)?),
        log: if args.quiet { Log::nowhere() } else { Log::stdout() },
        clock,
        mailer: Mailer::Kept(mails.clone()),
        ..Context::new(store, &secrets, config)?
    };
    let api_key = if args.no_demo || !demo::wanted(&context).await? {
        None
    } else {
        Some(demo::make(&context).await?)
    };

    let stop = told_to_stop()?;
    let listener = TcpListener::bind((args.host.as_str(), args.port))
        .await
        .map_err(|error| format!("{}:{} can't be listened on: {error}", args.host, args.port))?;
    let address = listener.local_addr()?;
    welcome(args, folder.as_ref(), &context, &secrets, generated, address, api_key).await?;

    if let (Some(address), Some(engine)) = (args.dynamodb_listen, &engine) {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("{address} can't be listened on: {error}"))?;
        eprintln!("The embedded DynamoDB is at http://{}.\n", listener.local_addr()?);
        tokio::spawn(embedded_server::serve(listener, engine.clone()));
    }
    if let Some(engine) = engine {
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                interval.tick().await;
                if let Err(error) = engine.sweep() {
                    eprintln!("keystead: items that have expired could not be deleted: {error}");
                }
            }
        });
    }
    let app = App {
        router: Router::new(&routes::all())?,
        context,
        mails: (!args.hide_mail).then_some(mails),
        test_clock: args.test_clock,
    };
    server::serve(listener, Arc::new(app), stop).await;
    Ok(())
}

/// Which credentials were generated here: those that were given are not shown again.
#[derive(Clone, Copy)]
struct Generated {
    admin_secret: bool,
    webhook_secret: bool,
}

/// The secrets to serve with, and which were generated rather than given. They are kept in the data folder; those
/// that the environment gives stand in for the kept ones.
fn secrets(args: &ServeArgs, folder: Option<&DataDir>, clock: &Clock) -> Result<(Secrets, Generated), Failure> {
    let kept = folder.map(DataDir::secrets).transpose()?.flatten();
    let is_new = kept.is_none();
    let wanted = match (args.signing_algorithm, variable("KEYSTEAD_SIGNING_ALGORITHM")) {
        (Some(flag), _) => Some(flag),
        (None, Some(name)) => Some(algorithm(&name).map_err(|error| format!("KEYSTEAD_SIGNING_ALGORITHM {error}"))?),
        (None, None) => None,
    };
    let mut secrets = match kept {
        Some(secrets) => secrets,
        None => keystead_keygen::secrets(wanted.unwrap_or(Algorithm::Rs256), clock.now())?,
    };
    let current = secrets
        .signing_keys
        .iter()
        .find(|key| key.retired_at.is_none() && !key.prepared)
        .map(|key| key.jwk.alg);
    let rotate = wanted.filter(|wanted| Some(*wanted) != current);
    if let Some(algorithm) = rotate {
        keystead_keygen::rotate(&mut secrets, algorithm, clock.now())?;
    }
    if let Some(folder) = folder
        && (is_new || rotate.is_some())
    {
        folder.keep_secrets(&secrets)?;
    }
    let admin_secret = variable("KEYSTEAD_ADMIN_SECRET");
    let webhook_secret = variable("KEYSTEAD_WEBHOOK_SECRET");
    let generated = Generated {
        admin_secret: admin_secret.is_none(),
        webhook_secret: webhook_secret.is_none(),
    };
    secrets.admin_secret = admin_secret.unwrap_or(secrets.admin_secret);
    secrets.webhook_secret = webhook_secret.unwrap_or(secrets.webhook_secret);
    if let Some(secret) = variable("KEYSTEAD_STRIPE_WEBHOOK_SECRET") {
        secrets.stripe_webhook_secret = Some(secret);
    }
    Ok((secrets, generated))
}

fn open_store(
    args: &ServeArgs,
    folder: Option<&DataDir>,
    config: &mut Config,
) -> Result<(Store, Option<Engine>), Failure> {
    if let Some(endpoint) = &args.dynamodb_endpoint {
        let value = |name| variable(name).unwrap_or_else(|| "local".to_owned());
        let connection = Connection {
            http: transport::aws_client()?,
            region: variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            credentials: Some(Connection::credentials(
                &value("AWS_ACCESS_KEY_ID"),
                &value("AWS_SECRET_ACCESS_KEY"),
                variable("AWS_SESSION_TOKEN"),
            )),
            endpoint: Some(endpoint.clone()),
            attempt_timeout: Some(Connection::ATTEMPT_TIMEOUT),
            retries: true,
            catalog_kept: Connection::CATALOG_KEPT,
            measure_capacity: false,
        };
        return Ok((Store::new(connection, &config.table_prefix), None));
    }
    let engine = match folder {
        Some(folder) => Engine::open(&folder.database(), args.durability)
            .map_err(|error| format!("{}: {error}", folder.database().display()))?,
        None => Engine::in_memory()?,
    };
    // The tables are all alone in there.
    config.table_prefix.clear();
    Ok((Store::new(engine.connection(), &config.table_prefix), Some(engine)))
}

async fn welcome(
    args: &ServeArgs,
    folder: Option<&DataDir>,
    context: &Context,
    secrets: &Secrets,
    generated: Generated,
    address: SocketAddr,
    api_key: Option<String>,
) -> Result<(), Failure> {
    let url = format!("http://{address}");
    let place = match (&args.dynamodb_endpoint, folder) {
        (Some(endpoint), _) => format!("data at {endpoint}"),
        (None, Some(_)) => format!("data in {}", args.data_dir.display()),
        (None, None) => "data in memory".to_owned(),
    };
    eprintln!(
        "Keystead {} serves on {url} ({place}). Ctrl-C stops it.\n",
        env!("CARGO_PKG_VERSION")
    );
    if generated.admin_secret || generated.webhook_secret {
        let kept = folder
            .map(|f| format!(", kept in {}", f.secrets_file().display()))
            .unwrap_or_default();
        eprintln!("Secrets (generated{kept}; KEYSTEAD_ADMIN_SECRET and KEYSTEAD_WEBHOOK_SECRET set your own):");
        if generated.admin_secret {
            eprintln!("  admin secret    {}", secrets.admin_secret);
        }
        if generated.webhook_secret {
            eprintln!("  webhook secret  {}", secrets.webhook_secret);
        }
        eprintln!();
    }
    if let Some(key) = api_key {
        eprintln!("The demo owner's API key, shown this once:\n  {key}\n");
    }
    // Within the single quotes of a shell.
    let in_shell = if generated.admin_secret {
        secrets.admin_secret.clone()
    } else {
        "'\"$KEYSTEAD_ADMIN_SECRET\"'".to_owned()
    };
    if let Some(requests) = demo::requests(context, &url, &in_shell).await? {
        eprintln!("{requests}");
    }
    Ok(())
}

/// Comes about when the process is told to stop: Ctrl-C or SIGTERM.
fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    // From here on, and not from when the future is first asked: a signal until then would end the process at once.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

/// An error of the store in words: what is inside is for this person.
fn explain(error: &keystead_core::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
