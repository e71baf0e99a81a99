//! `keystead product`: what licenses are for.

use clap::{ArgGroup, Args, Subcommand};
use keystead_core::license::seats::SeatLimit;
use serde_json::{Value, json};

use crate::{
    client::{Client, ServerArgs, given},
    failure::{EXIT_CODES, Failure},
    license::seats,
    output,
};

/// Make, list and change products.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct ProductArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a product.
    #[command(after_help = EXIT_CODES)]
    Create(Create),
    /// List the products on sale, or others.
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Change a product.
    #[command(after_help = EXIT_CODES)]
    Update(Update),
}

#[derive(Args, Debug)]
struct Create {
    /// Its URL-safe id, unique on the server.
    slug: String,
    /// Its name for people.
    #[arg(long)]
    name: String,
    /// Whose it is. An API key says that by itself.
    #[arg(long, value_name = "ID")]
    creator: Option<String>,
    /// live (the default), unlisted or archived.
    #[arg(long)]
    status: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

/// What holds for its licenses and their keys, where they are dealt in.
#[derive(Args, Debug)]
struct Keys {
    /// What grouped keys begin with.
    #[arg(long, value_name = "LETTERS")]
    key_prefix: Option<String>,
    /// Whether buyers may have their keys exchanged.
    #[arg(long, value_name = "BOOL")]
    allow_buyer_shuffle: Option<bool>,
    /// Whether buyers may let their keys be bound to another machine.
    #[arg(long, value_name = "BOOL")]
    allow_buyer_reset: Option<bool>,
    /// Whether `/api/license-keys/validate` has to be told the machine.
    #[arg(long, value_name = "BOOL")]
    require_hwid: Option<bool>,
    /// How often a key may be bound to a machine: a number, or `unlimited`.
    #[arg(long, value_name = "NUMBER", value_parser = seats, allow_negative_numbers = true)]
    max_activations: Option<SeatLimit>,
    /// Whether an application gives its machine's seat back only with that machine's token.
    #[arg(long, value_name = "BOOL")]
    deactivate_needs_token: Option<bool>,
    /// The URL of a picture.
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// What it means when a customer of a store buys several: seats (the default), licenses or ignored.
    #[arg(long, value_name = "WHAT")]
    quantity_means: Option<String>,
}

impl Keys {
    /// `fields` of a request, with these beside them.
    fn beside(&self, mut fields: Value) -> Value {
        fields["keyPrefix"] = json!(self.key_prefix);
        fields["allowBuyerShuffle"] = json!(self.allow_buyer_shuffle);
        fields["allowBuyerReset"] = json!(self.allow_buyer_reset);
        fields["requireHwid"] = json!(self.require_hwid);
        fields["maxActivations"] = json!(self.max_activations);
        fields["deactivateNeedsToken"] = json!(self.deactivate_needs_token);
        fields["image"] = json!(self.image);
        fields["quantityMeans"] = json!(self.quantity_means);
        fields
    }
}

#[derive(Args, Debug)]
struct List {
    /// Those of these statuses, separated by commas: live (the default), unlisted, archived.
    #[arg(long, conflicts_with = "all")]
    status: Option<String>,
    /// Those of every status.
    #[arg(long)]
    all: bool,
    /// Those of one creator. For the admin secret.
    #[arg(long, value_name = "ID")]
    creator: Option<String>,
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args([
    "name", "status", "key_prefix", "allow_buyer_shuffle", "allow_buyer_reset", "require_hwid", "max_activations",
    "deactivate_needs_token", "image", "quantity_means",
])))]
struct Update {
    /// The product's id.
    product: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// live, unlisted or archived.
    #[arg(long)]
    status: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there.
pub fn run(args: &ProductArgs) -> Result<(), Failure> {
    let client = args.server.client(1)?;
    match &args.command {
        Command::Create(wanted) => create(&client, wanted),
        Command::List(wanted) => list(&client, wanted),
        Command::Update(changes) => update(&client, changes),
    }
}

fn create(client: &Client, wanted: &Create) -> Result<(), Failure> {
    let body = given(wanted.keys.beside(json!({
        "slug": wanted.slug,
        "name": wanted.name,
        "creatorId": wanted.creator,
        "status": wanted.status,
    })));
    let answer = client.write("createProduct", body)?;
    client.show(&answer, |made| {
        format!(
            "Made the product {}, {}.",
            output::text(&made["productId"]),
            output::text(&made["status"])
        )
    })
}

fn list(client: &Client, wanted: &List) -> Result<(), Failure> {
    let body = given(json!({
        "status": wanted.status,
        "includeAll": wanted.all.then_some(true),
        "creatorId": wanted.creator,
    }));
    let answer = client.read("listProducts", body)?;
    client.show(&answer, |found| {
        output::table(
            &found["products"],
            &[
                ("PRODUCT", "productId"),
                ("NAME", "name"),
                ("CREATOR", "creatorId"),
                ("STATUS", "status"),
                ("CREATED", "createdAt"),
            ],
        )
    })
}

fn update(client: &Client, changes: &Update) -> Result<(), Failure> {
    let body = given(changes.keys.beside(json!({
        "productId": changes.product,
        "name": changes.name,
        "status": changes.status,
    })));
    let answer = client.write("updateProduct", body)?;
    client.show(&answer, |changed| {
        format!(
            "Changed the product {}; it is {}.",
            output::text(&changed["productId"]),
            output::text(&changed["status"])
        )
    })
}
