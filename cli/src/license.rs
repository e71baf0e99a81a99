//! `keystead license`: what customers bought.

use clap::{ArgGroup, Args, Subcommand};
use keystead_core::{
    Timestamp,
    license::{
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
};
use serde_json::{Value, json};

use crate::{
    client::{Client, ServerArgs, given},
    export::{self, ExportArgs},
    failure::{EXIT_CODES, Failure},
    import::{self, ImportArgs},
    machine,
    output::{self, Style},
};

/// Make, look at, change, import and export licenses.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct LicenseArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a license, and print its key.
    #[command(after_help = EXIT_CODES)]
    Create(Create),
    /// Show a license, its machines and its violations.
    #[command(after_help = EXIT_CODES)]
    Get(Which),
    /// List licenses, newest first.
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Change what a license allows, or its customer's address.
    #[command(after_help = EXIT_CODES)]
    Update(Update),
    /// Block a license for good.
    #[command(after_help = EXIT_CODES)]
    Revoke(Revoke),
    /// Let a suspended or revoked license work again.
    #[command(after_help = EXIT_CODES)]
    Reinstate(Which),
    /// Take all machines off a license. `machine remove` takes one off.
    #[command(after_help = EXIT_CODES)]
    Reset(Which),
    /// Give a license a new key, and mail it to its customer. The old one is dead at once, and no machine is left on the license.
    #[command(after_help = EXIT_CODES)]
    Reissue(Reissue),
    /// Mail a license's key to its customer again.
    #[command(after_help = EXIT_CODES)]
    Resend(Which),
    /// Make a license for every line of a file. Goes on where it stopped when it is run again.
    #[command(after_help = EXIT_CODES)]
    Import(ImportArgs),
    /// Write licenses to a file that can be imported again.
    #[command(after_help = EXIT_CODES)]
    Export(ExportArgs),
}

#[derive(Args, Debug)]
struct Which {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
}

#[derive(Args, Debug)]
struct Create {
    /// The customer's address.
    #[arg(long)]
    email: String,
    /// What it is a license for.
    #[arg(long, value_name = "ID")]
    product: String,
    /// The product's variant [default: indie].
    #[arg(long, value_name = "ID")]
    variant: Option<String>,
    #[command(flatten)]
    terms: Terms,
    /// When it ends, such as 2027-01-31T00:00:00Z, or `never` (the default).
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires_at: Option<Expiry>,
    /// When it was bought, if not now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    purchased_at: Option<Timestamp>,
    /// The code that it was bought with.
    #[arg(long, value_name = "CODE")]
    discount_code: Option<String>,
    /// The purchase, as the store calls it.
    #[arg(long, value_name = "ID")]
    purchase_id: Option<String>,
    /// The bundle it belongs to.
    #[arg(long, value_name = "ID")]
    bundle_id: Option<String>,
    /// A further product that it opens. Can be given several times.
    #[arg(long, value_name = "PRODUCT")]
    unlock: Vec<String>,
    /// How a new key reads: uuid or grouped. As the product's keys do otherwise.
    #[arg(long, value_name = "FORMAT", conflicts_with = "license_key")]
    key_format: Option<String>,
    /// A key that the license has already, elsewhere; `-` reads it from the standard input. A new one is made otherwise.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    license_key: Option<String>,
}

/// What a license allows.
#[derive(Args, Debug)]
struct Terms {
    /// per-machine, floating or site.
    #[arg(long = "type", value_name = "TYPE", value_parser = license_type)]
    license_type: Option<LicenseType>,
    /// How many machines it is for: a number, or `unlimited`.
    #[arg(long, value_name = "NUMBER", value_parser = seats, allow_negative_numbers = true)]
    max_machines: Option<SeatLimit>,
    /// How many may run at once, for a floating license: a number, or `unlimited`.
    #[arg(long, value_name = "NUMBER", value_parser = seats, allow_negative_numbers = true)]
    max_concurrent: Option<SeatLimit>,
}

#[derive(Args, Debug)]
struct List {
    /// Those for one product.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// Those of one customer.
    #[arg(long)]
    email: Option<String>,
    /// active, degraded, suspended, revoked or expired.
    #[arg(long)]
    status: Option<String>,
    /// How many, from 1 to 1000.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Where to go on, as the page before has said.
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["email", "variant", "license_type", "max_machines", "max_concurrent", "expires_at", "status"]))]
struct Update {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
    /// Another address of its customer.
    #[arg(long)]
    email: Option<String>,
    /// Another variant.
    #[arg(long, value_name = "ID")]
    variant: Option<String>,
    #[command(flatten)]
    terms: Terms,
    /// When it ends: a time, or `never`.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires_at: Option<Expiry>,
    /// active, degraded, suspended or revoked.
    #[arg(long, value_parser = status)]
    status: Option<LicenseStatus>,
}

#[derive(Args, Debug)]
struct Revoke {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
    /// Why: refund, chargeback, fraud, manual, cancelled, or another word.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args, Debug)]
struct Reissue {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
    /// Mail nothing: the key is told to the customer in another way.
    #[arg(long)]
    no_mail: bool,
}

/// When something ends, if it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    /// It does not.
    Never,
    /// Then.
    At(Timestamp),
}

impl Expiry {
    /// As the API writes it: null is never.
    pub(crate) fn as_json(&self) -> Value {
        match self {
            Self::Never => Value::Null,
            Self::At(time) => json!(time),
        }
    }
}

pub(crate) fn expiry(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    time(text)
        .map(Expiry::At)
        .map_err(|error| format!("{error}, or `never`"))
}

pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time with a zone, such as 2027-01-31T00:00:00Z".to_owned())
}

/// A number from 0 up, or -1 for `unlimited`.
pub(crate) fn limit(text: &str) -> Result<i64, String> {
    if text == "unlimited" {
        return Ok(-1);
    }
    let number = text.parse().ok().filter(|number| *number >= -1);
    number.ok_or_else(|| "must be a whole number, or `unlimited`".to_owned())
}

pub(crate) fn seats(text: &str) -> Result<SeatLimit, String> {
    SeatLimit::parse(limit(text)?).ok_or_else(|| format!("must be at most {}, or `unlimited`", SeatLimit::MAX))
}

pub(crate) fn license_type(text: &str) -> Result<LicenseType, String> {
    LicenseType::parse(text).ok_or_else(|| "must be per-machine, floating or site".to_owned())
}

pub(crate) fn status(text: &str) -> Result<LicenseStatus, String> {
    LicenseStatus::parse(text).ok_or_else(|| "must be active, degraded, suspended or revoked".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there; for an import and an export also when a file can't be used.
pub fn run(args: &LicenseArgs) -> Result<(), Failure> {
    let server = &args.server;
    match &args.command {
        Command::Create(wanted) => {
            let own = wanted.license_key.as_deref().map(|key| server.license_key(key));
            let own = own.transpose()?;
            create(&server.client(1)?, own.as_deref(), wanted)
        }
        Command::Get(which) => {
            let key = server.license_key(&which.license)?;
            get(&server.client(1)?, &key)
        }
        Command::List(wanted) => list(&server.client(1)?, wanted),
        Command::Update(changes) => {
            let key = server.license_key(&changes.license)?;
            update(&server.client(1)?, &key, changes)
        }
        Command::Revoke(which) => {
            let key = server.license_key(&which.license)?;
            revoke(&server.client(1)?, &key, which.reason.as_deref())
        }
        Command::Reinstate(which) => {
            let key = server.license_key(&which.license)?;
            reinstate(&server.client(1)?, &key)
        }
        Command::Reset(which) => {
            let key = server.license_key(&which.license)?;
            reset(&server.client(1)?, &key)
        }
        Command::Reissue(which) => {
            let key = server.license_key(&which.license)?;
            reissue(&server.client(1)?, &key, !which.no_mail)
        }
        Command::Resend(which) => {
            let key = server.license_key(&which.license)?;
            resend(&server.client(1)?, &key)
        }
        Command::Import(wanted) => import::run(server, wanted),
        Command::Export(wanted) => export::run(&server.client(1)?, wanted),
    }
}

fn create(client: &Client, own: Option<&str>, wanted: &Create) -> Result<(), Failure> {
    let body = given(json!({
        "email": wanted.email,
        "productId": wanted.product,
        "variant": wanted.variant,
        "licenseType": wanted.terms.license_type,
        "maxMachines": wanted.terms.max_machines,
        "maxConcurrent": wanted.terms.max_concurrent,
        "expiresAt": wanted.expires_at.as_ref().map(Expiry::as_json),
        "purchasedAt": wanted.purchased_at,
        "discountCode": wanted.discount_code,
        "purchaseId": wanted.purchase_id,
        "bundleId": wanted.bundle_id,
        "unlockedProducts": (!wanted.unlock.is_empty()).then_some(&wanted.unlock),
        "licenseKey": own,
        "keyFormat": wanted.key_format,
    }));
    let answer = client.write("createLicense", body)?;
    client.show(&answer, |made| output::text(&made["licenseKey"]))
}

fn get(client: &Client, key: &str) -> Result<(), Failure> {
    let answer = client.read("getLicense", json!({ "licenseKey": key }))?;
    client.show(&answer, |found| {
        let mut text = output::fields(
            &found["license"],
            &[
                ("License", "key"),
                ("Email", "email"),
                ("Product", "productId"),
                ("Variant", "variant"),
                ("Type", "licenseType"),
                ("Status", "status"),
                ("Threat level", "threatLevel"),
                ("Machines used", "machinesUsed"),
                ("Max machines", "maxMachines"),
                ("Max at once", "maxConcurrent"),
                ("Created", "createdAt"),
                ("Purchased", "purchasedAt"),
                ("Expires", "expiresAt"),
                ("Discount code", "discountCode"),
                ("Purchase", "purchaseId"),
                ("Bundle", "bundleId"),
                ("Also opens", "unlockedProducts"),
                ("Dispute", "disputeReason"),
                ("Disputed", "disputedAt"),
            ],
        );
        let mut part = |title: &str, list: &Value, columns: &[(&str, &str)]| {
            if list.as_array().is_some_and(|list| !list.is_empty()) {
                text += &format!("\n\n{title}\n{}", output::table(list, columns));
            }
        };
        part(
            "Machines",
            &machine::with_ids(&found["activations"]),
            &[
                ("ID", "id"),
                ("FINGERPRINT", "fingerprint"),
                ("HOST", "hostname"),
                ("FIRST SEEN", "firstSeen"),
                ("LAST SEEN", "lastSeen"),
                ("COUNTRIES", "countries"),
                ("IN SESSION", "sessionActive"),
            ],
        );
        part(
            "Violations",
            &found["violations"],
            &[
                ("ID", "id"),
                ("TYPE", "type"),
                ("SEVERITY", "severity"),
                ("DETECTED", "detectedAt"),
                ("RESOLVED", "resolved"),
            ],
        );
        text
    })
}

fn list(client: &Client, wanted: &List) -> Result<(), Failure> {
    let body = given(json!({
        "productId": wanted.product,
        "email": wanted.email,
        "status": wanted.status,
        "limit": wanted.limit,
        "cursor": wanted.cursor,
    }));
    let answer = client.read("listLicenses", body)?;
    client.show(&answer, |found| {
        output::table(
            &found["licenses"],
            &[
                ("LICENSE", "key"),
                ("EMAIL", "email"),
                ("PRODUCT", "productId"),
                ("VARIANT", "variant"),
                ("TYPE", "licenseType"),
                ("STATUS", "status"),
                ("USED", "machinesUsed"),
                ("OF", "maxMachines"),
                ("CREATED", "createdAt"),
                ("EXPIRES", "expiresAt"),
            ],
        )
    })?;
    if let (Style::Table, Some(cursor)) = (client.style, answer.body["nextCursor"].as_str()) {
        output::note(format!("There are more: --cursor {}", output::printable(cursor)));
    }
    Ok(())
}

fn update(client: &Client, key: &str, changes: &Update) -> Result<(), Failure> {
    let mut body = given(json!({
        "licenseKey": key,
        "email": changes.email,
        "variant": changes.variant,
        "licenseType": changes.terms.license_type,
        "maxMachines": changes.terms.max_machines,
        "maxConcurrent": changes.terms.max_concurrent,
        "status": changes.status,
    }));
    if let Some(expiry) = &changes.expires_at {
        body["expiresAt"] = expiry.as_json();
    }
    let answer = client.write("updateLicense", body)?;
    client.show(&answer, |_| "Changed the license.".to_owned())
}

fn revoke(client: &Client, key: &str, reason: Option<&str>) -> Result<(), Failure> {
    let body = given(json!({ "licenseKey": key, "reason": reason }));
    let answer = client.write("revokeLicense", body)?;
    client.show(&answer, |_| "Revoked the license.".to_owned())
}

fn reinstate(client: &Client, key: &str) -> Result<(), Failure> {
    let answer = client.write("reinstateLicense", json!({ "licenseKey": key }))?;
    client.show(&answer, |now| {
        format!("The license is {} again.", output::text(&now["status"]))
    })
}

fn reset(client: &Client, key: &str) -> Result<(), Failure> {
    let answer = client.write("resetActivations", json!({ "licenseKey": key }))?;
    client.show(&answer, |done| {
        let machines = done["deletedCount"].as_u64().unwrap_or_default();
        format!("Took {} off the license.", output::count(machines, "machine"))
    })
}

fn reissue(client: &Client, key: &str, notify: bool) -> Result<(), Failure> {
    let answer = client.write("reissueLicense", json!({ "licenseKey": key, "notify": notify }))?;
    client.show(&answer, |made| output::text(&made["licenseKey"]))?;
    if notify && answer.body["mailed"] == false {
        output::note("The new key was not mailed: tell it to the customer.".to_owned());
    }
    Ok(())
}

fn resend(client: &Client, key: &str) -> Result<(), Failure> {
    let answer = client.write("resendLicense", json!({ "licenseKey": key }))?;
    client.show(&answer, |done| {
        if done["mailed"] == true {
            "Mailed the key to the license's customer.".to_owned()
        } else {
            "The server mails nothing: tell the customer the key in another way.".to_owned()
        }
    })
}
