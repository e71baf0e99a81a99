//! How licensing is stored: the only code that names the DynamoDB SDK.
//!
//! One file a noun, one method an access pattern. Methods that write carry a condition that holds under any
//! interleaving; where a condition is refused, DynamoDB hands back the item as it is (`ALL_OLD`), and the decision is
//! made again on that, without a second read.

mod account;
pub mod cache;
mod event;
mod item;
pub mod license;
pub mod meter;
pub mod owner;
mod product;
mod read;
pub mod request;
pub mod sale;
pub mod schema;
mod tables;
mod user_agent;
mod write;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, SharedHttpClient, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::SdkError,
};

use crate::Error;

/// The tables of one deployment.
#[derive(Clone)]
pub struct Store {
    client: Arc<LazyLock<Client, MakeClient>>,
    prefix: String,
    products: Arc<cache::ProductCache>,
}

/// Makes the SDK's client at its first use: that parses the table of AWS's partitions, a fifth of a function's start, and
/// there are functions that never call DynamoDB.
type MakeClient = Box<dyn FnOnce() -> Client + Send>;

/// Where a [`Store`] finds its DynamoDB.
pub struct Connection {
    /// How requests get there: over TLS, or straight into an engine in this process.
    pub http: SharedHttpClient,
    /// The region, which is part of what is signed.
    pub region: String,
    /// The credentials that sign. `None`: requests go unsigned, which only an engine in this process accepts.
    pub credentials: Option<Credentials>,
    /// Another address than the region's own.
    pub endpoint: Option<String>,
    /// How long a call may take before it is sent again. `None`: as long as it likes, which suits an engine in this
    /// process, where nothing gets lost.
    pub attempt_timeout: Option<Duration>,
    /// Whether a call that failed is sent again. An engine in this process fails for good.
    pub retries: bool,
    /// How long a product is cached before it is read again ([`cache`]).
    pub product_ttl: Duration,
    /// Whether to ask for the capacity that each call takes, for the budgets' test.
    pub measure_capacity: bool,
}

impl Connection {
    /// [`Connection::product_ttl`]: as late as a product's rules may be.
    pub const PRODUCT_TTL: Duration = Duration::from_secs(60);

    /// [`Connection::attempt_timeout`] over a network: what DynamoDB, which answers in milliseconds, never takes.
    pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);

    /// How long a call may take with all its retries, where attempts have a timeout. Three rounds of them fit into the timeout
    /// of a function (`template.yaml`), which then still says why it failed.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(4);

    /// Credentials for [`Connection::credentials`], from their parts.
    pub fn credentials(id: &str, secret: &str, session_token: Option<String>) -> Credentials {
        Credentials::new(id, secret, session_token, None, "environment")
    }
}

/// How long the SDK waits before it tries a failed call again; then twice as long each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);

impl Store {
    /// The store whose tables' names start with `prefix`. Connects at the first call.
    pub fn new(connection: Connection, prefix: &str) -> Self {
        let mut timeouts = TimeoutConfig::builder();
        timeouts.set_operation_attempt_timeout(connection.attempt_timeout);
        timeouts.set_operation_timeout(connection.attempt_timeout.map(|_| Connection::CALL_TIMEOUT));
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(connection.http)
            .region(Region::new(connection.region))
            .retry_config(if connection.retries {
                RetryConfig::standard()
                    .with_max_attempts(4)
                    .with_initial_backoff(FIRST_BACKOFF)
            } else {
                RetryConfig::disabled()
            })
            .timeout_config(timeouts.build())
            // Replies are small and come whole.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(user_agent::UserAgent)
            .interceptor(meter::Meter {
                measure_capacity: connection.measure_capacity,
            });
        config = match connection.credentials {
            Some(credentials) => config.credentials_provider(credentials),
            None => config.allow_no_auth(),
        };
        if let Some(endpoint) = connection.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let make: MakeClient = Box::new(|| Client::from_conf(config.build()));
        Self {
            client: Arc::new(LazyLock::new(make)),
            prefix: prefix.to_owned(),
            products: Arc::new(cache::ProductCache::new(connection.product_ttl)),
        }
    }

    /// The full name of a table.
    fn table(&self, table: &schema::Table) -> String {
        format!("{}{}", self.prefix, table.name)
    }
}

/// A failure of a call that no condition foresaw, in the words of its causes.
///
/// The debug form of an SDK's error says more, and too much: it holds the whole reply, with the license keys, addresses
/// and fingerprints of the items in it, and would take them into the log.
fn unexpected<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        // Some of the SDK's errors repeat the one that they wrap.
        if !told.ends_with(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = error.source();
    }
    Error::internal(told)
}
