//! `soak`: keep a server at half of what it can do, for as long as it takes to see whether anything grows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use keystead_benches::{
    connection::{Connection, Target},
    cpu,
    run::{Run, Tally, Trouble},
    scenario::Scenario,
    setup::Plan,
    supply::{Caller, Supply},
};

/// Soak a Keystead server: the mix of calls of `load --scenario mixed`, at a steady rate.
///
/// Measures for ten seconds how many calls the server answers, then sends half as many, for as long as asked. A call has
/// its time, whether the one before was slow or not, and its latency counts from then on: callers that have to wait are
/// not taken off the figures. Prints a line a minute: the calls, their latencies, the server's memory and CPU, its files, and
/// the machine's load, for whatever else goes on.
///
/// The exit code is 0 when every answer was 2xx, and 1 when one was not or the run failed.
#[derive(Parser)]
#[command(name = "soak", version)]
struct Args {
    /// Base URL of the server, plain HTTP
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: String,

    /// Minutes to soak
    #[arg(long, value_name = "MINUTES", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,

    /// Calls a second, instead of half of what the server can do
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,

    /// Callers, each with one connection and one request on it at a time
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,

    /// The server's admin secret, for the set-up
    #[arg(long, value_name = "SECRET", env = "KEYSTEAD_ADMIN_SECRET", hide_env_values = true)]
    admin_secret: String,

    /// Process of the server
    #[arg(long, value_name = "PID")]
    server_pid: u32,

    /// The server's data folder, unless it keeps its data in memory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How long the peak is looked for.
const PEAK: Duration = Duration::from_secs(10);

const MINUTE: Duration = Duration::from_secs(60);

/// Calls of the mix for which a license is needed: one in a hundred activates, a license takes 13 of those in the run.
/// A tenth more, for callers do not share them evenly.
const CALLS_PER_LICENSE: f64 = 1300.0 / 1.1;

/// Licenses of the peak's measurement.
const PEAK_LICENSES: usize = 1000;

fn main() -> ExitCode {
    match soak(&Args::parse()) {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// What was seen since the last line.
struct Minute {
    tally: Tally,
    calls: u64,
}

impl Minute {
    fn new() -> Result<Self, String> {
        Ok(Self {
            tally: Tally::new()?,
            calls: 0,
        })
    }
}

/// Whether every answer was 2xx.
fn soak(args: &Args) -> Result<bool, String> {
    let target = Target::find(&args.url)?;
    let pid = args.server_pid.to_string();
    cpu::ticks_of(&pid)?;
    let connections = usize::from(args.connections);
    let plan = |licenses| Plan {
        target: &target,
        admin_secret: &args.admin_secret,
        product: "soak",
        scenario: Scenario::Mixed,
        licenses,
        connections,
    };
    let rate = match args.rate {
        Some(rate) => f64::from(rate),
        None => peak(&plan(PEAK_LICENSES))? / 2.0,
    };
    let calls = rate * f64::from(args.minutes) * 60.0;
    let licenses = (calls / CALLS_PER_LICENSE).ceil().max(100.0) as usize;
    println!(
        "{rate:.0} calls a second for {} minutes, over {licenses} licenses",
        args.minutes
    );
    let created = plan(licenses).carry_out()?;
    let supply = Supply::new(target.clone(), Scenario::Mixed, "soak", &created);
    drop(created);
    let seen = Mutex::new(Minute::new()?);
    let over = AtomicBool::new(false);
    // Each caller has every so manieth moment.
    let pace = Duration::from_secs_f64(connections as f64 / rate);
    let mut clean = true;
    println!(
        "{:>6}{:>9}{:>8}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}{:>8}",
        "minute", "calls", "errors", "p50 ms", "p99 ms", "max ms", "RSS MB", "files MB", "CPU us", "load"
    );
    thread::scope(|scope| {
        for number in 0..connections {
            let (seen, over, supply, target) = (&seen, &over, &supply, &target);
            let first = pace.mul_f64(number as f64 / connections as f64);
            scope.spawn(move || {
                call(
                    target,
                    Caller::new(supply, number, connections),
                    seen,
                    over,
                    first,
                    pace,
                );
            });
        }
        let end = || over.store(true, Ordering::Relaxed);
        let mut ticks = cpu::ticks_of(&pid).inspect_err(|_| end())?;
        for minute in 1..=args.minutes {
            thread::sleep(MINUTE);
            let fresh = Minute::new().inspect_err(|_| end())?;
            let seen = std::mem::replace(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner), fresh);
            let used = cpu::ticks_of(&pid).inspect_err(|_| end())?;
            let errors: u64 = seen.tally.errors.values().sum();
            let ms = |quantile| seen.tally.latencies.value_at_quantile(quantile) as f64 / 1000.0;
            println!(
                "{minute:>6}{:>9}{errors:>8}{:>9.2}{:>9.2}{:>9.1}{:>9.1}{:>10.1}{:>10.1}{:>8}",
                seen.calls,
                ms(0.5),
                ms(0.99),
                ms(1.0),
                resident(&pid).unwrap_or_default(),
                args.data_dir.as_deref().map_or(0.0, megabytes),
                (used - ticks) as f64 * cpu::MICROSECONDS_PER_TICK as f64 / seen.calls.max(1) as f64,
                load_average(),
            );
            for (trouble, count) in &seen.tally.errors {
                println!("  {count} x {trouble:?}");
            }
            clean &= errors == 0;
            ticks = used;
        }
        end();
        Ok(clean)
    })
}

/// Calls a second that the server answers when it has nothing else to do.
fn peak(plan: &Plan<'_>) -> Result<f64, String> {
    let created = plan.carry_out()?;
    let supply = Supply::new(plan.target.clone(), Scenario::Mixed, plan.product, &created);
    let run = Run {
        target: plan.target,
        supply: &supply,
        connections: plan.connections,
        warm_up: Duration::from_secs(1),
        duration: PEAK,
        server_pid: None,
    };
    let measured = run.measure()?;
    let answered = measured.tally.latencies.len() as f64 / measured.window.as_secs_f64();
    println!("peak: {answered:.0} calls a second");
    Ok(answered)
}

/// One caller: a call at each of its moments, until it is over.
fn call(
    target: &Target,
    mut caller: Caller<'_>,
    seen: &Mutex<Minute>,
    over: &AtomicBool,
    first: Duration,
    pace: Duration,
) {
    let mut due = Instant::now() + first;
    let mut connection = Connection::open(target).ok();
    while !over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(next) = caller.next_request() else { return };
        let outcome = match &mut connection {
            Some(connection) => match connection.exchange(&next.request) {
                Ok(reply) if reply.is_success() => Ok(reply.closes),
                Ok(reply) => Err(Trouble::Answer {
                    status: reply.status,
                    error: reply.error_text(next.license_key),
                }),
                Err(error) => Err(Trouble::NoAnswer {
                    problem: error.to_string(),
                }),
            },
            None => Err(Trouble::NoAnswer {
                problem: "the server takes no connection".to_owned(),
            }),
        };
        let latency = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        if !matches!(outcome, Ok(false)) {
            connection = Connection::open(target).ok();
        }
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.calls += 1;
        seen.tally.latencies.saturating_record(latency);
        if let Err(trouble) = outcome {
            *seen.tally.errors.entry(trouble).or_default() += 1;
        }
        drop(seen);
        due += pace;
    }
}

/// The memory that a process holds, in megabytes.
fn resident(pid: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// How large the files of a folder are. One that goes while they are looked at is not counted.
fn megabytes(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len());
    sizes.sum::<u64>() as f64 / (1024.0 * 1024.0)
}

/// How many processes wanted a core, on average over the last minute.
fn load_average() -> String {
    let average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    average.split(' ').next().unwrap_or_default().to_owned()
}
