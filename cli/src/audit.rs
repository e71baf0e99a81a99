//! `keystead audit`: what was done to what a creator has.

use clap::Args;
use serde_json::json;

use crate::{
    client::{ServerArgs, given},
    failure::{EXIT_CODES, Failure},
    output::{self, Style},
};

/// List what was done to what a creator has, newest first: by whom, from where, when.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct AuditArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Whose log; needed with the admin secret.
    #[arg(long, value_name = "ID")]
    creator: Option<String>,
    /// Only what is of this type, such as `apiKeyCreated` or `revoked`.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// How many: 1 to 1000.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// Where the page before ended.
    #[arg(long)]
    cursor: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there.
pub fn run(args: &AuditArgs) -> Result<(), Failure> {
    let client = args.server.client(1)?;
    let asked = given(json!({
        "creatorId": args.creator, "type": args.kind, "limit": args.limit, "cursor": args.cursor,
    }));
    let answer = client.read("listAuditEvents", asked)?;
    client.show(&answer, |found| {
        output::table(
            &found["events"],
            &[
                ("AT", "at"),
                ("TYPE", "type"),
                ("TARGET", "target"),
                ("ACTOR", "actor"),
                ("IP", "ip"),
            ],
        )
    })?;
    if let (Style::Table, Some(cursor)) = (client.style, answer.body["nextCursor"].as_str()) {
        output::note(format!("There are more: --cursor {cursor}"));
    }
    Ok(())
}
