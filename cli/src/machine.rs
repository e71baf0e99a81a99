//! `keystead machine`: the machines on a license.

use clap::{Args, Subcommand};
use keystead_core::license::machine::{Fingerprint, MachineId};
use serde_json::{Value, json};

use crate::{
    client::{Client, Reply, ServerArgs},
    failure::{EXIT_CODES, Failure},
    output,
};

/// Look at the machines on a license, and take one off.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct MachineArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the machines on a license.
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Take one machine off a license. `license reset` takes all off.
    #[command(after_help = EXIT_CODES)]
    Remove(Remove),
}

#[derive(Args, Debug)]
struct List {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
}

#[derive(Args, Debug)]
struct Remove {
    /// The license's key; `-` reads it from the standard input, which no other user can see.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    license: String,
    /// The machine: the 8 characters that its application shows, its fingerprint, or its host's name.
    #[arg(value_name = "MACHINE", allow_hyphen_values = true)]
    machine: String,
}

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there; when the license has no such machine, or several.
pub fn run(args: &MachineArgs) -> Result<(), Failure> {
    let server = &args.server;
    match &args.command {
        Command::List(which) => {
            let key = server.license_key(&which.license)?;
            list(&server.client(1)?, &key)
        }
        Command::Remove(which) => {
            let key = server.license_key(&which.license)?;
            remove(&server.client(1)?, &key, &which.machine)
        }
    }
}

fn list(client: &Client, key: &str) -> Result<(), Failure> {
    let answer = license_with_all(client, key)?;
    client.show(&answer, |found| {
        output::table(
            &with_ids(&found["activations"]),
            &[
                ("ID", "id"),
                ("HOST", "hostname"),
                ("FINGERPRINT", "fingerprint"),
                ("FIRST SEEN", "firstSeen"),
                ("LAST SEEN", "lastSeen"),
                ("IN SESSION", "sessionActive"),
            ],
        )
    })
}

fn remove(client: &Client, key: &str, machine: &str) -> Result<(), Failure> {
    let found = license_with_all(client, key)?;
    let machines = with_ids(&found.body["activations"]);
    let fingerprint = meant(&machines, machine)?;
    // The key in the answer is the license's own, however it was typed.
    let leaving = json!({ "licenseKey": found.body["license"]["key"], "machineFingerprint": fingerprint });
    let answer = client.write("resetActivations", leaving)?;
    client.show(&answer, |_| "Took the machine off the license.".to_owned())
}

/// A license with all of its machines, of which a page has a thousand.
fn license_with_all(client: &Client, key: &str) -> Result<Reply, Failure> {
    let mut found = client.read("getLicense", json!({ "licenseKey": key }))?;
    while let Some(cursor) = found.body["activationsCursor"].take().as_str() {
        let asked = json!({ "licenseKey": key, "cursor": cursor });
        let mut page = client.read("getLicense", asked)?;
        let more = page.body["activations"].take();
        if let (Value::Array(all), Value::Array(more)) = (&mut found.body["activations"], more) {
            all.extend(more);
        }
        found.body["activationsCursor"] = page.body["activationsCursor"].take();
        found.text = found.body.to_string();
    }
    Ok(found)
}

/// The fingerprint of the machine that is meant.
fn meant<'a>(machines: &'a Value, name: &str) -> Result<&'a Value, Failure> {
    let machines = machines.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(own) = machines.iter().find(|machine| machine["fingerprint"] == name) {
        return Ok(&own["fingerprint"]);
    }
    let name = name.trim();
    let is_called_so = |machine: &&Value| {
        ["id", "hostname"].iter().any(|field| {
            machine[field]
                .as_str()
                .is_some_and(|text| text.eq_ignore_ascii_case(name))
        })
    };
    let called: Vec<&Value> = machines.iter().filter(is_called_so).collect();
    match called.as_slice() {
        [machine] => Ok(&machine["fingerprint"]),
        [] => Err(Failure::Local(
            "the license has no such machine; `machine list` shows those it has".to_owned(),
        )),
        _ => Err(Failure::Local(
            "several machines are called so; name one by its fingerprint, which `machine list` shows".to_owned(),
        )),
    }
}

/// Activations, each with the id by which its application shows it.
pub(crate) fn with_ids(activations: &Value) -> Value {
    let activations = activations.as_array().into_iter().flatten();
    let with_id = |activation: &Value| {
        let mut activation = activation.clone();
        let fingerprint = activation["fingerprint"].as_str().and_then(Fingerprint::parse);
        if let Some(fingerprint) = fingerprint {
            activation["id"] = json!(MachineId::of(&fingerprint).shown());
        }
        activation
    };
    activations.map(with_id).collect()
}
