//! `keystead api-key`: the credentials of creators. All of it needs the admin secret.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    client::{Client, ServerArgs, given, secret_in},
    failure::{EXIT_CODES, Failure},
    output::{self, Style},
};

/// Make, list and revoke creators' API keys. Needs the admin secret.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct ApiKeyArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make an API key, and show it this once.
    #[command(after_help = EXIT_CODES)]
    Create(Create),
    /// List API keys by their hashes.
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Have another secret sign what Stripe sends to a creator's address.
    #[command(after_help = EXIT_CODES)]
    ReplaceStripeSecret(ReplaceStripeSecret),
    /// Let an API key in no longer.
    #[command(after_help = EXIT_CODES)]
    Revoke(Revoke),
}

#[derive(Args, Debug)]
struct Create {
    /// Whose products and licenses it manages.
    #[arg(long, value_name = "ID")]
    creator: String,
    /// What it is for, to tell it from others.
    #[arg(long)]
    name: String,
    /// For the webhook of a store of the creator's, and nothing else.
    #[arg(long, conflicts_with = "stripe_secret_file")]
    for_store: bool,
    /// For the webhook of a Stripe account of the creator's: a file that holds its signing secret; `-` is the standard input.
    /// What is made is the end of the webhook's address.
    #[arg(long, value_name = "PATH")]
    stripe_secret_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct List {
    /// Those of one creator.
    #[arg(long, value_name = "ID")]
    creator: Option<String>,
}

#[derive(Args, Debug)]
struct ReplaceStripeSecret {
    /// The key's hash, as `api-key list` shows it.
    hash: String,
    /// A file that holds the secret that Stripe has now; `-` is the standard input.
    #[arg(long, value_name = "PATH")]
    stripe_secret_file: PathBuf,
}

#[derive(Args, Debug)]
struct Revoke {
    /// The key's hash, as `api-key list` shows it.
    #[arg(required_unless_present = "key_file", conflicts_with = "key_file")]
    hash: Option<String>,
    /// A file that holds the key itself; `-` is the standard input.
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there.
pub fn run(args: &ApiKeyArgs) -> Result<(), Failure> {
    let client = args.server.client(1)?;
    match &args.command {
        Command::Create(wanted) => create(&client, wanted),
        Command::List(wanted) => list(&client, wanted),
        Command::ReplaceStripeSecret(new) => replace_stripe_secret(&client, new),
        Command::Revoke(which) => revoke(&client, which),
    }
}

fn create(client: &Client, wanted: &Create) -> Result<(), Failure> {
    let stripe_secret = wanted.stripe_secret_file.as_deref().map(secret_in).transpose()?;
    let purpose = match (&stripe_secret, wanted.for_store) {
        (Some(_), _) => Some("stripe"),
        (None, true) => Some("store"),
        (None, false) => None,
    };
    let body = given(json!({
        "creatorId": wanted.creator, "name": wanted.name, "purpose": purpose, "stripeSecret": stripe_secret,
    }));
    let answer = client.write("createApiKey", body)?;
    if client.style == Style::Table {
        output::note("The key is shown this once:");
    }
    client.show(&answer, |made| output::text(&made["apiKey"]))
}

fn list(client: &Client, wanted: &List) -> Result<(), Failure> {
    let answer = client.read("listApiKeys", given(json!({ "creatorId": wanted.creator })))?;
    client.show(&answer, |found| {
        output::table(
            &found["keys"],
            &[
                ("HASH", "hash"),
                ("NAME", "name"),
                ("CREATOR", "creatorId"),
                ("ACTIVE", "active"),
                ("CREATED", "createdAt"),
            ],
        )
    })
}

fn replace_stripe_secret(client: &Client, new: &ReplaceStripeSecret) -> Result<(), Failure> {
    let body = json!({ "hash": new.hash, "stripeSecret": secret_in(&new.stripe_secret_file)? });
    let answer = client.write("replaceStripeSecret", body)?;
    client.show(&answer, |_| "Replaced the secret.".to_owned())
}

fn revoke(client: &Client, which: &Revoke) -> Result<(), Failure> {
    let key = which.key_file.as_deref().map(secret_in).transpose()?;
    let answer = client.write("revokeApiKey", given(json!({ "hash": which.hash, "apiKey": key })))?;
    client.show(&answer, |_| "Revoked the API key.".to_owned())
}
