//! `keystead member`: the accounts that look after what creators sell. All of it needs the admin secret.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    client::{Client, ServerArgs},
    failure::{EXIT_CODES, Failure},
    output,
};

/// Say whose accounts look after a creator's licenses. Needs the admin secret.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct MemberArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make an account a member, or give it another role. It need not be there yet.
    #[command(after_help = EXIT_CODES)]
    Add(Add),
    /// Make an account no member any more.
    #[command(after_help = EXIT_CODES)]
    Remove(Remove),
}

#[derive(Args, Debug)]
struct Add {
    /// The account's address.
    email: String,
    /// Whose licenses they look after.
    #[arg(long, value_name = "ID")]
    creator: String,
    /// viewer, dev, admin or owner.
    #[arg(long)]
    role: String,
}

#[derive(Args, Debug)]
struct Remove {
    /// The account's address.
    email: String,
    /// Whose licenses they looked after.
    #[arg(long, value_name = "ID")]
    creator: String,
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there.
pub fn run(args: &MemberArgs) -> Result<(), Failure> {
    let client = args.server.client(1)?;
    match &args.command {
        Command::Add(wanted) => add(&client, wanted),
        Command::Remove(which) => remove(&client, which),
    }
}

fn add(client: &Client, wanted: &Add) -> Result<(), Failure> {
    let body = json!({ "creatorId": wanted.creator, "email": wanted.email, "role": wanted.role });
    let answer = client.write("addMember", body)?;
    client.show(&answer, |added| {
        let (email, role) = (output::text(&added["email"]), output::text(&added["role"]));
        format!("{email} is a member of {}: {role}.", output::text(&added["creatorId"]))
    })
}

fn remove(client: &Client, which: &Remove) -> Result<(), Failure> {
    let body = json!({ "creatorId": which.creator, "email": which.email });
    let answer = client.write("removeMember", body)?;
    client.show(&answer, |_| {
        format!("{} is no member of {}.", which.email, which.creator)
    })
}
