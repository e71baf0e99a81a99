//! `load`: send requests to a Keystead server and say how many it answers, how fast, and for how much CPU time.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use keystead_benches::{
    connection::Target, cpu, report::Report, run::Run, scenario::Scenario, setup::Plan, supply::Supply,
};

/// Measure a Keystead server over HTTP.
///
/// A set-up creates licenses through the admin API and activates machines on each where the scenario needs some. Then
/// every connection has a caller that sends a request, waits for the answer and sends the next. The licenses stay on
/// the server, so point this at one whose data may be thrown away.
///
/// The exit code is 0 when every answer was 2xx, 1 when one was not or the run failed, and 2 for a mistake on the
/// command line.
#[derive(Parser)]
#[command(name = "load", version)]
struct Args {
    /// Base URL of the server, plain HTTP
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: String,

    /// What the callers do
    #[arg(long, value_enum, default_value = "validate")]
    scenario: Scenario,

    /// Callers, each with one connection and one request on it at a time
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,

    /// Seconds that are measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,

    /// Seconds before them that are not
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    warm_up: Duration,

    /// Licenses that the set-up creates and the callers go around
    ///
    /// The service allows 15 activations of a license in an hour and the generator sends 14, the set-up's included. So
    /// 1000 licenses are enough for 14000 requests of `activate`, 13000 of `reactivate` and some 1.2 million of
    /// `mixed`. A run that has used them up ends there and says so.
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    licenses: u32,

    /// Slug of the product that the licenses are for, created unless it exists
    #[arg(long, value_name = "SLUG", default_value = "load")]
    product: String,

    /// The server's admin secret, for the set-up
    ///
    /// Prefer the environment variable: other users of the machine can read a command line.
    #[arg(long, value_name = "SECRET", env = "KEYSTEAD_ADMIN_SECRET", hide_env_values = true)]
    admin_secret: Option<String>,

    /// Process of the server on this machine: also report the CPU time it spends on a request
    ///
    /// User and kernel time of all its threads over the measured window, from /proc/PID/stat.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match load(&Args::parse()) {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every answer was 2xx.
fn load(args: &Args) -> Result<bool, String> {
    let scenario = args.scenario;
    let licenses = args.licenses as usize;
    if licenses < scenario.fewest_licenses() {
        let fewest = scenario.fewest_licenses();
        return Err(format!(
            "The scenario {} needs --licenses {fewest} or more.",
            scenario.name()
        ));
    }
    let admin_secret = args.admin_secret.as_deref().filter(|secret| !secret.is_empty());
    let Some(admin_secret) = admin_secret else {
        return Err(
            "The set-up needs the server's admin secret in KEYSTEAD_ADMIN_SECRET or --admin-secret.".to_owned(),
        );
    };
    // Said now, not after a set-up of minutes.
    if let Some(pid) = args.server_pid {
        cpu::ticks_of(&pid.to_string())?;
    }
    let target = Target::find(&args.url)?;
    if !target.is_loopback() {
        eprintln!(
            "{} is another machine: the admin secret goes there unencrypted.",
            args.url
        );
    }
    let connections = usize::from(args.connections);
    let plan = Plan {
        target: &target,
        admin_secret,
        product: &args.product,
        scenario,
        licenses,
        connections,
    };
    let created = plan.carry_out()?;
    let asked = if scenario.shows_product_key() {
        target.clone().with_product_key(plan.product_key()?)
    } else {
        target.clone()
    };
    let supply = Supply::new(asked, scenario, &args.product, &created);
    let run = Run {
        target: &target,
        supply: &supply,
        connections,
        warm_up: args.warm_up,
        duration: args.duration,
        server_pid: args.server_pid,
    };
    let report = Report {
        scenario,
        connections,
        licenses,
        measured: run.measure()?,
    };
    let text = if args.json {
        format!("{}\n", report.to_json())
    } else {
        report.to_string()
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("Cannot print the report: {error}."))?;
    Ok(report.is_clean())
}

/// A number of seconds, fractions included.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "a number of seconds is needed, such as 10 or 0.5".to_owned())?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err("it is between 0 and 86400, a day".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}
