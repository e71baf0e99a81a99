//! `keystead code`: trial and discount codes.

use clap::{ArgGroup, Args, Subcommand};
use keystead_core::sale::code::Percent;
use serde_json::json;

use crate::{
    client::{Client, ServerArgs, given},
    failure::{EXIT_CODES, Failure},
    license::{Expiry, expiry, limit},
    output,
};

/// Make, list, change, delete and redeem trial and discount codes.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct CodeArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a trial code, or with --discount-percent a discount code.
    #[command(after_help = EXIT_CODES)]
    Create(Create),
    /// List trial and discount codes, newest first.
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Change what a code allows.
    #[command(after_help = EXIT_CODES)]
    Update(Update),
    /// Delete a code. Licenses that were made with it stay.
    #[command(after_help = EXIT_CODES)]
    Delete(Delete),
    /// Make a trial license for a customer who has a trial code.
    #[command(after_help = EXIT_CODES)]
    Redeem(Redeem),
}

#[derive(Args, Debug)]
struct Create {
    /// What customers type. Unique on the server, whatever the case of its letters.
    code: String,
    /// The product it is for [default: all products of its creator].
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// Whose it is, if it is for no single product. An API key says that by itself.
    #[arg(long, value_name = "ID", conflicts_with = "product")]
    creator: Option<String>,
    /// How long a trial lasts.
    #[arg(long, value_name = "DAYS", required_unless_present = "discount_percent")]
    trial_days: Option<u32>,
    /// Make it a discount code, of this many percent: a number from 0.01 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    discount_percent: Option<Percent>,
    /// How often it can be used: a number, or `unlimited` (the default).
    #[arg(long, value_name = "NUMBER", value_parser = limit, allow_negative_numbers = true)]
    max_uses: Option<i64>,
    /// From when on it can't be used any more, such as 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires_at: Option<Expiry>,
}

#[derive(Args, Debug)]
struct List {
    /// Those that are good for one product.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["active", "trial_days", "discount_percent", "max_uses", "expires_at"]))]
struct Update {
    /// The code.
    code: String,
    /// Whether it can be used.
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    active: Option<bool>,
    /// How long a trial lasts.
    #[arg(long, value_name = "DAYS")]
    trial_days: Option<u32>,
    /// How many percent it takes off: a number from 0.01 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    discount_percent: Option<Percent>,
    /// How often it can be used: a number, or `unlimited`.
    #[arg(long, value_name = "NUMBER", value_parser = limit, allow_negative_numbers = true)]
    max_uses: Option<i64>,
    /// From when on it can't be used any more: a time, or `never`.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires_at: Option<Expiry>,
}

#[derive(Args, Debug)]
struct Delete {
    /// The code.
    code: String,
}

#[derive(Args, Debug)]
struct Redeem {
    /// The code.
    code: String,
    /// The customer's address.
    #[arg(long)]
    email: String,
    /// The product, should the code be good for several.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// The license's variant, if it is not to be `trial`.
    #[arg(long, value_name = "ID")]
    variant: Option<String>,
}

fn percent(text: &str) -> Result<Percent, String> {
    // Read as the server reads it, and so sent as it was written: 20 stays a whole number.
    serde_json::from_str(text).map_err(|_| "must be a number from 0.01 to 100, such as 12.5".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there.
pub fn run(args: &CodeArgs) -> Result<(), Failure> {
    let client = args.server.client(1)?;
    match &args.command {
        Command::Create(wanted) => create(&client, wanted),
        Command::List(wanted) => list(&client, wanted),
        Command::Update(changes) => update(&client, changes),
        Command::Delete(which) => delete(&client, which),
        Command::Redeem(wanted) => redeem(&client, wanted),
    }
}

fn create(client: &Client, wanted: &Create) -> Result<(), Failure> {
    let body = given(json!({
        "code": wanted.code,
        "productId": wanted.product,
        "creatorId": wanted.creator,
        "trialDays": wanted.trial_days,
        "discountPercent": wanted.discount_percent,
        "maxUses": wanted.max_uses,
        "expiresAt": wanted.expires_at.as_ref().map(Expiry::as_json),
    }));
    let endpoint = match &wanted.discount_percent {
        Some(_) => "createDiscountCode",
        None => "createTrialCode",
    };
    let answer = client.write(endpoint, body)?;
    client.show(&answer, |_| {
        format!("Made the code {}.", output::printable(&wanted.code))
    })
}

fn list(client: &Client, wanted: &List) -> Result<(), Failure> {
    // Discount codes are among them: there is one store of codes.
    let answer = client.read("listTrialCodes", given(json!({ "productId": wanted.product })))?;
    client.show(&answer, |found| {
        output::table(
            &found["codes"],
            &[
                ("CODE", "code"),
                ("PRODUCT", "productId"),
                ("DAYS", "trialDays"),
                ("PERCENT", "discountPercent"),
                ("USED", "usedCount"),
                ("OF", "maxUses"),
                ("ACTIVE", "active"),
                ("EXPIRES", "expiresAt"),
                ("CREATED", "createdAt"),
            ],
        )
    })
}

fn update(client: &Client, changes: &Update) -> Result<(), Failure> {
    let mut body = given(json!({
        "code": changes.code,
        "active": changes.active,
        "trialDays": changes.trial_days,
        "discountPercent": changes.discount_percent,
        "maxUses": changes.max_uses,
    }));
    if let Some(expiry) = &changes.expires_at {
        body["expiresAt"] = expiry.as_json();
    }
    let answer = client.write("updateTrialCode", body)?;
    client.show(&answer, |_| {
        format!("Changed the code {}.", output::printable(&changes.code))
    })
}

fn delete(client: &Client, which: &Delete) -> Result<(), Failure> {
    let answer = client.write("deleteTrialCode", json!({ "code": which.code }))?;
    client.show(&answer, |_| {
        format!("Deleted the code {}.", output::printable(&which.code))
    })
}

fn redeem(client: &Client, wanted: &Redeem) -> Result<(), Failure> {
    let body = given(json!({
        "code": wanted.code,
        "email": wanted.email,
        "productId": wanted.product,
        "variant": wanted.variant,
    }));
    let answer = client.write("redeemTrialCode", body)?;
    client.show(&answer, |made| {
        output::fields(
            made,
            &[
                ("License", "licenseKey"),
                ("Expires", "expiresAt"),
                ("Trial days", "trialDays"),
            ],
        )
    })
}
