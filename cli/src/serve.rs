//! `keystead serve`: the whole API in one process.

use std::{
    io::IsTerminal as _,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::{Args, Parser};
use keystead_core::{
    Timestamp,
    clock::Clock,
    config::{Config, SHORTEST_SECRET, variable},
    ids::Ids,
    request::{client_address::AddressBlock, trusted_proxy::TrustedProxy},
    sale::stripe::EndpointSecret,
    signing::{
        keys::{Algorithm, KeyError, KeyRing},
        secrets::{AccountKeys, CredentialName, Credentials, RootKey, SecretName, SigningKeys},
    },
    store::{Connection, Store},
};
use keystead_functions::{
    aws::transport,
    frame::{
        context::Context,
        log::Log,
        mail::{Kept, Mailer},
        router::Router,
        secrets::KnownSecrets,
    },
    routes::{self},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    connections::ConnectionLimits,
    data_dir::DataDir,
    demo,
    door::DoorKey,
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
    /// Let other programs use the embedded DynamoDB at this address, such as functions in containers. They sign with the
    /// access key id that the start prints. The address must be one of this machine or of a private network.
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
    /// Let `POST /_clock?key=KEY {"advanceSeconds": n}` move the service's time forward. For tests. The start prints the
    /// address with its key.
    #[arg(long)]
    test_clock: bool,
    /// Show at `GET /_mail?key=KEY` what would have been mailed, which lets its reader into accounts. The start prints the
    /// address with its key. Only with a loopback address as --host.
    #[arg(long)]
    show_mail: bool,
    /// For how many seconds a connection is kept open between two requests.
    #[arg(long, value_name = "SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=3600))]
    keep_alive: u64,
    /// How many connections may be open at once; as many fewer as the system allows this process fewer open files.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// How many of them one address may have. Behind a proxy all are the proxy's.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections_per_address: u32,
    /// A proxy that may tell its clients' addresses and countries: an address, or a CIDR block. Can be given more than once.
    /// KEYSTEAD_TRUSTED_PROXIES stands in for it.
    #[arg(long, value_name = "CIDR", value_parser = address_block)]
    trusted_proxy: Vec<AddressBlock>,
    /// The header in which the trusted proxy tells a client's address, such as x-forwarded-for. Its last value counts.
    /// KEYSTEAD_ADDRESS_HEADER stands in for it.
    #[arg(long, value_name = "NAME")]
    client_address_header: Option<String>,
    /// The header in which the trusted proxy tells a client's country. KEYSTEAD_COUNTRY_HEADER stands in for it.
    #[arg(long, value_name = "NAME")]
    client_country_header: Option<String>,
    /// Write no line for each request.
    #[arg(long)]
    quiet: bool,
}

impl Default for ServeArgs {
    fn default() -> Self {
        #[derive(Parser)]
        struct ServeCommand {
            #[command(flatten)]
            args: ServeArgs,
        }

        ServeCommand::parse_from(["keystead"]).args
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

fn address_block(text: &str) -> Result<AddressBlock, String> {
    AddressBlock::parse(text).ok_or_else(|| "must be an address or a CIDR block, such as 10.0.0.0/8".to_owned())
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
    // Whatever this process makes is for its user only: SQLite makes files of its own beside the database.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let listener = listen(args).await?;
    // For events outside of requests, whose lines `--quiet` turns off.
    Log::stderr().install();
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
    let (secrets, shown) = secrets(args, folder.as_ref(), &clock)?;
    let keys = KeyRing::signing_with(&secrets.signing.signing_keys, signer::signer)?;
    let known = KnownSecrets::with_keys(keys, &secrets.credentials, &secrets.accounts)?;
    let mut config = Config::from_env()?;
    trust(args, &mut config.proxy);
    config.check()?;
    let (store, engine) = open_store(args, folder.as_ref(), &mut config)?;
    store.table_create_all().await.map_err(|error| explain(&error))?;

    let mails = Kept::default();
    let context = Context {
        log: if args.quiet { Log::nowhere() } else { Log::stdout() },
        clock,
        mailer: if args.show_mail {
            Mailer::Kept(mails.clone())
        } else {
            Mailer::Unread
        },
        ..Context::knowing(store, known, config)
    };
    let api_key = if args.no_demo || !demo::wanted(&context).await? {
        None
    } else {
        Some(demo::make(&context).await?)
    };

    let stop = told_to_stop()?;
    let test_clock = args.test_clock.then(|| DoorKey::new(&Ids::random())).transpose();
    let test_clock = test_clock.map_err(|error| explain(&error))?;
    let show_mail = args.show_mail.then(|| DoorKey::new(&Ids::random())).transpose();
    let show_mail = show_mail.map_err(|error| explain(&error))?;
    let url = format!("http://{}", listener.local_addr()?);
    let welcome = Welcome {
        args,
        folder: folder.as_ref(),
        url: &url,
        secrets: &secrets.credentials,
        shown,
        api_key: api_key.as_deref(),
        test_clock: test_clock.as_ref(),
        show_mail: show_mail.as_ref(),
    };
    welcome.print(&context).await?;

    if let (Some(address), Some(engine)) = (args.dynamodb_listen, &engine) {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("{address} can't be listened on: {error}"))?;
        let key = DoorKey::new(&Ids::random()).map_err(|error| explain(&error))?;
        eprintln!(
            "The embedded DynamoDB is at http://{}.\nIts access key id is {}, with any secret access key.\n",
            listener.local_addr()?,
            key.reveal()
        );
        tokio::spawn(embedded_server::serve(listener, engine.clone(), key));
    }
    if let Some(engine) = engine {
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                interval.tick().await;
                if let Err(error) = engine.sweep() {
                    tracing::warn!(cause = %error, "expired items could not be deleted");
                }
            }
        });
    }
    let app = App {
        router: Router::new(&routes::all())?,
        context,
        mails: show_mail.map(|key| (mails, key)),
        test_clock,
        limits: ConnectionLimits::new(args.max_connections as usize, args.max_connections_per_address as usize),
        keep_alive: Duration::from_secs(args.keep_alive),
    };
    server::serve(listener, Arc::new(app), stop).await;
    Ok(())
}

/// What the arguments say of the proxy goes before what the environment does.
fn trust(args: &ServeArgs, proxy: &mut TrustedProxy) {
    if !args.trusted_proxy.is_empty() {
        proxy.addresses.clone_from(&args.trusted_proxy);
    }
    if let Some(header) = &args.client_address_header {
        proxy.address_header = header.trim().to_lowercase();
    }
    if let Some(header) = &args.client_country_header {
        proxy.country_header = header.trim().to_lowercase();
    }
}

/// The socket to serve on.
async fn listen(args: &ServeArgs) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind((args.host.as_str(), args.port))
        .await
        .map_err(|error| format!("{}:{} can't be listened on: {error}", args.host, args.port))?;
    if args.show_mail && !listener.local_addr()?.ip().is_loopback() {
        return Err(
            "--show-mail lets who reads it into accounts: give --host a loopback address, or leave it out".into(),
        );
    }
    Ok(listener)
}

/// Which credentials are shown at this start: those that were generated for it. Later ones would only put them into logs.
#[derive(Clone, Copy)]
struct Shown {
    admin_secret: bool,
    webhook_secret: bool,
}

/// The secrets to serve with. The root key is none of them.
struct ServedSecrets {
    signing: SigningKeys,
    credentials: Credentials,
    accounts: AccountKeys,
}

/// The secrets to serve with, and which credentials were generated rather than given. They are kept in the data folder, a
/// file each; those that the environment gives stand in for the kept ones.
fn secrets(args: &ServeArgs, folder: Option<&DataDir>, clock: &Clock) -> Result<(ServedSecrets, Shown), Failure> {
    let signing = signing_keys(args, folder, clock.now())?;
    let (accounts, _) = kept_or_made(folder, SecretName::Accounts, keystead_keygen::accounts)?;
    let (mut credentials, is_new) = kept_or_made(folder, SecretName::Credentials, keystead_keygen::credentials)?;
    let admin_secret = variable("KEYSTEAD_ADMIN_SECRET");
    let webhook_secret = variable("KEYSTEAD_WEBHOOK_SECRET");
    for (name, given) in [
        ("KEYSTEAD_ADMIN_SECRET", &admin_secret),
        ("KEYSTEAD_WEBHOOK_SECRET", &webhook_secret),
    ] {
        if given.as_ref().is_some_and(|secret| secret.len() < SHORTEST_SECRET) {
            return Err(format!(
                "{name} must be at least {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32"
            )
            .into());
        }
    }
    let shown = Shown {
        admin_secret: is_new && admin_secret.is_none(),
        webhook_secret: is_new && webhook_secret.is_none(),
    };
    for (name, given) in [
        (CredentialName::Admin, admin_secret),
        (CredentialName::Webhook, webhook_secret),
    ] {
        if let Some(given) = given {
            credentials.rotate(name, given, clock.now(), None);
        }
    }
    if let Some(secret) = variable("KEYSTEAD_STRIPE_WEBHOOK_SECRET") {
        let secret = EndpointSecret::parse(&secret)
            .ok_or_else(|| format!("KEYSTEAD_STRIPE_WEBHOOK_SECRET must be {}", EndpointSecret::EXPECTED))?;
        credentials.stripe_webhook_secret = Some(secret.reveal().to_owned());
    }
    let secrets = ServedSecrets {
        signing,
        credentials,
        accounts,
    };
    Ok((secrets, shown))
}

/// What the folder has of this name or, where it has nothing, what `make` makes; and whether that was so.
fn kept_or_made<T: Serialize + DeserializeOwned>(
    folder: Option<&DataDir>,
    name: SecretName,
    make: impl FnOnce() -> Result<T, KeyError>,
) -> Result<(T, bool), Failure> {
    if let Some(kept) = folder.map(|folder| folder.secret(name)).transpose()?.flatten() {
        return Ok((kept, false));
    }
    let made = make()?;
    if let Some(folder) = folder {
        folder.keep_secret(name, &made)?;
    }
    Ok((made, true))
}

/// The keys that sign for applications, of the algorithm that is wanted. The root key is read only to certify one.
fn signing_keys(args: &ServeArgs, folder: Option<&DataDir>, now: Timestamp) -> Result<SigningKeys, Failure> {
    let wanted = match (args.signing_algorithm, variable("KEYSTEAD_SIGNING_ALGORITHM")) {
        (Some(flag), _) => Some(flag),
        (None, Some(name)) => Some(algorithm(&name).map_err(|error| format!("KEYSTEAD_SIGNING_ALGORITHM {error}"))?),
        (None, None) => None,
    };
    let kept: Option<SigningKeys> = folder.map(|f| f.secret(SecretName::Signing)).transpose()?.flatten();
    let Some(mut keys) = kept else {
        let (root, _) = kept_or_made(folder, SecretName::Root, keystead_keygen::root)?;
        let make = || keystead_keygen::signing(&root, wanted.unwrap_or(Algorithm::Rs256), now);
        return Ok(kept_or_made(folder, SecretName::Signing, make)?.0);
    };
    let root: Option<RootKey> = folder.map(|f| f.secret(SecretName::Root)).transpose()?.flatten();
    let other = wanted.filter(|wanted| keys.current().is_none_or(|key| key.jwk.alg != *wanted));
    let changed = match (other, &root) {
        (Some(algorithm), Some(root)) => {
            keystead_keygen::rotate(&mut keys, root, algorithm, now)?;
            true
        }
        (Some(algorithm), None) => {
            return Err(format!("a key for {algorithm} needs the root key: put root.json back for this start").into());
        }
        (None, Some(root)) => keystead_keygen::certify(&mut keys, root, now, false)?,
        (None, None) => false,
    };
    if let Some(folder) = folder
        && changed
    {
        folder.keep_secret(SecretName::Signing, &keys)?;
    }
    Ok(keys)
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
            product_ttl: Connection::PRODUCT_TTL,
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

/// What a start prints.
struct Welcome<'a> {
    args: &'a ServeArgs,
    folder: Option<&'a DataDir>,
    url: &'a str,
    secrets: &'a Credentials,
    shown: Shown,
    api_key: Option<&'a str>,
    test_clock: Option<&'a DoorKey>,
    show_mail: Option<&'a DoorKey>,
}

impl Welcome<'_> {
    async fn print(&self, context: &Context) -> Result<(), Failure> {
        let url = self.url;
        let place = match (&self.args.dynamodb_endpoint, self.folder) {
            (Some(endpoint), _) => format!("data at {endpoint}"),
            (None, Some(_)) => format!("data in {}", self.args.data_dir.display()),
            (None, None) => "data in memory".to_owned(),
        };
        eprintln!(
            "Keystead {} serves on {url} ({place}). Ctrl-C stops it.\n",
            env!("CARGO_PKG_VERSION")
        );
        self.print_secrets();
        if let Some(key) = self.show_mail {
            eprintln!("Mail that would be sent: {url}/_mail?key={}\n", key.reveal());
        }
        if let Some(key) = self.test_clock {
            eprintln!("The test clock: POST {url}/_clock?key={}\n", key.reveal());
        }
        if let Some(key) = self.api_key {
            eprintln!("The demo owner's API key, shown this once:\n  {key}\n");
        }
        if let Some(requests) = demo::requests(context, url, self.api_key).await? {
            eprintln!("{requests}");
        }
        Ok(())
    }

    /// Those that were generated for this start, to who sits before it: elsewhere, what is printed is kept, by more than one
    /// hand. Of those that are in a file, how to see them.
    fn print_secrets(&self) {
        let is_new = self.shown.admin_secret || self.shown.webhook_secret;
        if is_new && (self.folder.is_none() || std::io::stderr().is_terminal()) {
            let kept = self
                .folder
                .map(|f| format!(", kept in {}", f.secret_file(SecretName::Credentials).display()))
                .unwrap_or_default();
            eprintln!(
                "Secrets (generated{kept}, shown this once; KEYSTEAD_ADMIN_SECRET and KEYSTEAD_WEBHOOK_SECRET set your own):"
            );
            if self.shown.admin_secret {
                eprintln!("  admin secret    {}", self.secrets.admin_secret);
            }
            if self.shown.webhook_secret {
                eprintln!("  webhook secret  {}", self.secrets.webhook_secret);
            }
            eprintln!();
        } else if self.folder.is_some() {
            eprintln!(
                "Secrets are shown by: keystead secrets show --data-dir {}\n",
                self.args.data_dir.display()
            );
        }
    }
}

/// Completes at a signal to stop: Ctrl-C or SIGTERM.
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
