//! What an operator can set: the only caller of the environment.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    account::{AccountPolicy, Registration},
    license::{
        moves::MovePolicy,
        watch::{Count, DetectionLimits},
    },
    owner::names::NamePolicy,
    request::{client_address::AddressBlock, trusted_proxy::TrustedProxy},
    signing::{secrets::SecretHash, token::TokenPolicy},
    value::timestamp::{DAY, HOUR, MINUTE},
};

/// The settings of a process. `Default` is what the documentation promises.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every table's name starts with (`KEYSTEAD_TABLE_PREFIX`, default `keystead-`); it may be empty.
    pub table_prefix: String,
    /// Who may tell a client's address and country; nobody by default.
    pub proxy: TrustedProxy,
    /// The issuer of tokens: their claim `iss` (`KEYSTEAD_ISSUER`, default `keystead`).
    pub issuer: String,
    /// How long tokens live.
    pub tokens: TokenPolicy,
    /// The limits of the detectors, unless a product has its own.
    pub enforcement: DetectionLimits,
    /// How many machines a license has at most, whatever its type (`KEYSTEAD_MAX_ACTIVATIONS`, default 10000).
    pub most_machines: u32,
    /// How long events are kept (`KEYSTEAD_EVENT_RETENTION_DAYS`, default 365; 0: for good).
    pub event_retention: Option<Duration>,
    /// How often licenses may be moved.
    pub moves: MovePolicy,
    /// Whether `/api/license-keys/validate` answers 403, and not 200, on a machine that the key is not bound to
    /// (`KEYSTEAD_HWID_MISMATCH_STATUS`, 200 or 403, default 200).
    pub hwid_mismatch_is_forbidden: bool,
    /// Who may give which names to products and codes (`KEYSTEAD_NAMES`, `shared` or `by-owner`, default `shared`).
    pub names: NamePolicy,
    /// Whether a request with a product's API key is refused that is not signed (`KEYSTEAD_REQUIRE_SIGNATURES`, `on` or `off`,
    /// default `off`). A signature that is there is checked in any case.
    pub signatures_are_required: bool,
    /// Settings of accounts.
    pub accounts: AccountPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            table_prefix: "keystead-".to_owned(),
            proxy: TrustedProxy::default(),
            issuer: "keystead".to_owned(),
            tokens: TokenPolicy {
                life: 30 * DAY,
                short_life: DAY,
                renewal_window: 7 * DAY,
                grace: 7 * DAY,
            },
            enforcement: DetectionLimits::default(),
            most_machines: 10_000,
            event_retention: Some(365 * DAY),
            moves: MovePolicy {
                limit: 3,
                window: 30 * DAY,
            },
            hwid_mismatch_is_forbidden: false,
            names: NamePolicy::Shared,
            signatures_are_required: false,
            accounts: AccountPolicy::default(),
        }
    }
}

impl Config {
    /// The settings that the environment gives, and the defaults of the others.
    ///
    /// # Errors
    /// The first variable whose value is invalid.
    pub fn from_env() -> Result<Self, InvalidSetting> {
        let default = Self::default();
        Ok(Self {
            table_prefix: set("KEYSTEAD_TABLE_PREFIX").unwrap_or(default.table_prefix),
            proxy: proxy()?,
            issuer: variable("KEYSTEAD_ISSUER").unwrap_or(default.issuer),
            tokens: TokenPolicy {
                grace: number("KEYSTEAD_GRACE_DAYS", 0..=365)?.map_or(default.tokens.grace, |days| days * DAY),
                ..default.tokens
            },
            enforcement: enforcement(default.enforcement)?,
            most_machines: number("KEYSTEAD_MAX_ACTIVATIONS", 1..=1_000_000)?.unwrap_or(default.most_machines),
            event_retention: match number("KEYSTEAD_EVENT_RETENTION_DAYS", 0..=36_500)? {
                None => default.event_retention,
                Some(0) => None,
                Some(days) => Some(days * DAY),
            },
            moves: MovePolicy {
                // Each that counts is kept on the license's item.
                limit: number("KEYSTEAD_MOVES", 0..=100)?.map_or(default.moves.limit, |moves| moves as usize),
                window: number("KEYSTEAD_MOVES_DAYS", 1..=3650)?.map_or(default.moves.window, |days| days * DAY),
            },
            hwid_mismatch_is_forbidden: match variable("KEYSTEAD_HWID_MISMATCH_STATUS").as_deref().map(str::trim) {
                None | Some("200") => false,
                Some("403") => true,
                Some(_) => {
                    return Err(InvalidSetting {
                        name: "KEYSTEAD_HWID_MISMATCH_STATUS",
                        expected: "200 or 403".to_owned(),
                    });
                }
            },
            names: match variable("KEYSTEAD_NAMES").as_deref().map(str::trim) {
                None => default.names,
                Some(text) => NamePolicy::parse(text).ok_or_else(|| InvalidSetting {
                    name: "KEYSTEAD_NAMES",
                    expected: "shared or by-owner".to_owned(),
                })?,
            },
            signatures_are_required: match variable("KEYSTEAD_REQUIRE_SIGNATURES").as_deref().map(str::trim) {
                None | Some("off") => false,
                Some("on") => true,
                Some(_) => {
                    return Err(InvalidSetting {
                        name: "KEYSTEAD_REQUIRE_SIGNATURES",
                        expected: "on or off".to_owned(),
                    });
                }
            },
            accounts: AccountPolicy {
                login_life: number("KEYSTEAD_LOGIN_DAYS", 1..=30)?
                    .map_or(default.accounts.login_life, |days| days * DAY),
                // A key that signs them is kept for thirty days once it is retired.
                access_life: number("KEYSTEAD_ACCESS_MINUTES", 1..=24 * 60)?
                    .map_or(default.accounts.access_life, |minutes| minutes * MINUTE),
                refresh_life: number("KEYSTEAD_REFRESH_DAYS", 1..=365)?
                    .map_or(default.accounts.refresh_life, |days| days * DAY),
                registration: match variable("KEYSTEAD_REGISTRATION").as_deref().map(str::trim) {
                    None => default.accounts.registration,
                    Some(text) => Registration::parse(text).ok_or_else(|| InvalidSetting {
                        name: "KEYSTEAD_REGISTRATION",
                        expected: "invited or open".to_owned(),
                    })?,
                },
                page: variable("KEYSTEAD_ACCOUNT_URL"),
                origins: origins("KEYSTEAD_PAGE_ORIGINS")?,
                mail_from: variable("KEYSTEAD_MAIL_FROM"),
                mails_a_day: number("KEYSTEAD_MAILS_A_DAY", 1..=10_000_000)?.unwrap_or(default.accounts.mails_a_day),
                ..default.accounts
            },
        })
    }
}

fn proxy() -> Result<TrustedProxy, InvalidSetting> {
    let addresses = variable("KEYSTEAD_TRUSTED_PROXIES").unwrap_or_default();
    let addresses = addresses.split(',').filter(|block| !block.trim().is_empty());
    let addresses: Option<_> = addresses.map(AddressBlock::parse).collect();
    let header = |name| variable(name).unwrap_or_default().trim().to_lowercase();
    Ok(TrustedProxy {
        addresses: addresses.ok_or_else(|| InvalidSetting {
            name: "KEYSTEAD_TRUSTED_PROXIES",
            expected: "addresses or CIDR blocks, such as 10.0.0.0/8, with commas between".to_owned(),
        })?,
        secret: edge_secret(variable("KEYSTEAD_EDGE_SECRET").as_deref())?,
        address_header: header("KEYSTEAD_ADDRESS_HEADER"),
        country_header: header("KEYSTEAD_COUNTRY_HEADER"),
    })
}

/// The shortest secret that the environment may give, in bytes: one that nobody guesses over a network.
pub const SHORTEST_SECRET: usize = 32;

/// What a proxy shows that is to be believed, if any does.
fn edge_secret(given: Option<&str>) -> Result<Option<SecretHash>, InvalidSetting> {
    let Some(secret) = given.map(str::trim).filter(|secret| !secret.is_empty()) else {
        return Ok(None);
    };
    if secret.len() < SHORTEST_SECRET {
        return Err(InvalidSetting {
            name: "KEYSTEAD_EDGE_SECRET",
            expected: format!("at least {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32"),
        });
    }
    Ok(Some(SecretHash::of(secret)))
}

/// The numbers of the detectors.
fn enforcement(default: DetectionLimits) -> Result<DetectionLimits, InvalidSetting> {
    let count = |name, usual| Ok(number(name, 1..=Count::MAX)?.unwrap_or(usual));
    let policy = DetectionLimits {
        geo_window: number("KEYSTEAD_GEO_HOURS", 1..=Count::MAX)?.map_or(default.geo_window, |hours| hours * HOUR),
        geo_medium: count("KEYSTEAD_GEO_MEDIUM", default.geo_medium)?,
        geo_high: count("KEYSTEAD_GEO_HIGH", default.geo_high)?,
        churn_window: number("KEYSTEAD_CHURN_DAYS", 1..=Count::MAX)?.map_or(default.churn_window, |days| days * DAY),
        churn_medium: count("KEYSTEAD_CHURN_MEDIUM", default.churn_medium)?,
        churn_high: count("KEYSTEAD_CHURN_HIGH", default.churn_high)?,
        churn_machines: count("KEYSTEAD_CHURN_MACHINES", default.churn_machines)?,
        churn_unlimited_medium: count("KEYSTEAD_CHURN_UNLIMITED_MEDIUM", default.churn_unlimited_medium)?,
        churn_unlimited_high: count("KEYSTEAD_CHURN_UNLIMITED_HIGH", default.churn_unlimited_high)?,
        suspension_grace: number("KEYSTEAD_SUSPENSION_GRACE_HOURS", 1..=Count::MAX)?
            .map_or(default.suspension_grace, |hours| hours * HOUR),
        ..default
    };
    match policy.sound() {
        Ok(()) => Ok(policy),
        Err(_) => Err(InvalidSetting {
            name: "KEYSTEAD_GEO_HIGH, KEYSTEAD_CHURN_HIGH or KEYSTEAD_CHURN_UNLIMITED_HIGH",
            expected: "at least as much as its number for medium severity".to_owned(),
        }),
    }
}

impl Config {
    /// Whether the settings go together.
    ///
    /// # Errors
    /// When a header is named, and no proxy can prove that it sent it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        if self.proxy.lacks_proof() {
            return Err(InvalidSetting {
                name: "KEYSTEAD_TRUSTED_PROXIES or KEYSTEAD_EDGE_SECRET",
                expected:
                    "set where KEYSTEAD_ADDRESS_HEADER or KEYSTEAD_COUNTRY_HEADER is: any client can send a header"
                        .to_owned(),
            });
        }
        Ok(())
    }
}

/// A variable with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    name: &'static str,
    expected: String,
}

impl std::fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} must be {}", self.name, self.expected)
    }
}

impl std::error::Error for InvalidSetting {}

/// The origins that a variable lists, with commas or spaces between them.
fn origins(name: &'static str) -> Result<Vec<String>, InvalidSetting> {
    let listed = variable(name).unwrap_or_default();
    let origins = listed.split([',', ' ']).filter(|origin| !origin.is_empty());
    let origins = origins.map(|origin| match origin_of(origin) {
        Some(known) if known == origin.to_ascii_lowercase() => Ok(known),
        Some(_) | None => Err(InvalidSetting {
            name,
            expected: "origins such as https://example.com, without a path".to_owned(),
        }),
    });
    origins.collect()
}

/// The origin of a URL, as a browser writes it (RFC 6454): `https://example.com`, with a port where one is named.
pub fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let sound = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (known && !host.is_empty() && host.chars().all(sound)).then(|| format!("{scheme}://{host}").to_ascii_lowercase())
}

/// The whole number that a variable holds; `None` when it is unset or empty.
fn number(name: &'static str, range: RangeInclusive<u32>) -> Result<Option<u32>, InvalidSetting> {
    let Some(text) = variable(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        Ok(_) | Err(_) => Err(InvalidSetting {
            name,
            expected: format!("a whole number from {} to {}", range.start(), range.end()),
        }),
    }
}

/// The environment that Lambda gives a function.
#[derive(Clone)]
pub struct AwsEnvironment {
    /// The region that the function and its tables are in.
    pub region: String,
    /// The function's own credentials; they live longer than the function's process.
    pub access_key_id: String,
    /// The secret half of the credentials.
    pub secret_access_key: String,
    /// The session that the credentials belong to.
    pub session_token: Option<String>,
    /// Another DynamoDB than the region's own, for tests (`KEYSTEAD_DYNAMODB_ENDPOINT`).
    pub dynamodb_endpoint: Option<String>,
    /// Another SES than the region's own, for tests (`KEYSTEAD_SES_ENDPOINT`).
    pub ses_endpoint: Option<String>,
    /// Another Secrets Manager than the region's own, for tests (`KEYSTEAD_SECRETS_MANAGER_ENDPOINT`).
    pub secrets_manager_endpoint: Option<String>,
}

impl AwsEnvironment {
    /// Reads what Lambda sets in every function's environment.
    ///
    /// # Errors
    /// The name of the variable that is missing.
    pub fn from_env() -> Result<Self, &'static str> {
        let required = |name: &'static str| variable(name).ok_or(name);
        Ok(Self {
            region: required("AWS_REGION")?,
            access_key_id: required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: required("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
            dynamodb_endpoint: variable("KEYSTEAD_DYNAMODB_ENDPOINT"),
            ses_endpoint: variable("KEYSTEAD_SES_ENDPOINT"),
            secrets_manager_endpoint: variable("KEYSTEAD_SECRETS_MANAGER_ENDPOINT"),
        })
    }
}

/// An environment variable's value; `None` when it is unset or empty.
pub fn variable(name: &str) -> Option<String> {
    set(name).filter(|value| !value.is_empty())
}

/// An environment variable's value, which may be empty; `None` when it is unset.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
