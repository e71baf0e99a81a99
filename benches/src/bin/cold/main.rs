//! `cold`: what a function's start costs, its first request and those after it, beside an empty function and one in Node.
//!
//! Each function is the process that Lambda would start, in the environment that Lambda would give it. Lambda and Secrets
//! Manager are in this process, DynamoDB is `keystead serve`, all over loopback and without TLS.

mod report;
mod server;
mod supply;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use keystead_benches::{
    function::{Cost, Dynamodb, Function, Program, event},
    lambda::Lambda,
    scenario::ATTEMPTS_PER_LICENSE,
    supply::{License, Machine, fingerprint},
};
use keystead_functions::routes;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::{
    server::{Folder, Server},
    supply::Supply,
};

/// Measure the functions as Lambda runs them. `benches/cold` builds what this needs, and runs it.
#[derive(Parser)]
#[command(name = "cold", version)]
struct Args {
    /// How often each function is started, and again for its requests
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u16).range(1..=1000))]
    starts: u16,

    /// Requests after the first one of a start
    #[arg(long, value_name = "COUNT", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=12))]
    warm: u16,

    /// Start those alone whose requests are measured as well
    #[arg(long)]
    few: bool,

    /// Measure nothing but the starts of the functions that are there, and fail if one takes more CPU time than so many times
    /// what the empty one takes
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["few", "instructions"])]
    most: Option<f64>,

    /// Count instructions too, with valgrind
    #[arg(long)]
    instructions: bool,

    /// Print JSON instead of the tables
    #[arg(long)]
    json: bool,

    /// The folder of the functions' binaries, by their names or as cargo-lambda leaves them
    #[arg(long, value_name = "DIR", default_value = "target/lambda")]
    functions: PathBuf,

    /// The function that does nothing
    #[arg(long, value_name = "FILE", default_value = "target/lambda/keystead-empty")]
    empty: PathBuf,

    /// The function in Node
    #[arg(long, value_name = "FILE", default_value = "benches/node/function.mjs")]
    node: PathBuf,

    /// The server whose DynamoDB the functions use
    #[arg(long, value_name = "FILE", default_value = "target/release/keystead")]
    server: PathBuf,
}

fn main() -> ExitCode {
    match cold(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Where a key is validated.
const VALIDATE_KEY: &str = "api/license-keys/validate";

/// What everything else is compared with.
const EMPTY: &str = "empty";
const NODE: &str = "Node, one GetItem";

/// A function that is measured.
struct Subject {
    name: &'static str,
    program: Program,
    bytes: Option<u64>,
    request: Option<Request>,
    starts: Vec<Cost>,
    first: Vec<Cost>,
    warm: Vec<Cost>,
    /// Of every start that was asked something: what was printed after the first question, for each request.
    log_bytes: Vec<u64>,
    /// How often the last request called DynamoDB.
    calls: Option<u64>,
    answer_bytes: Vec<u64>,
    instructions: Option<Instructions>,
}

/// What a function is asked.
#[derive(Clone, Copy)]
enum Request {
    Empty,
    GetItem,
    Activate,
    Validate,
    Verify,
    Deactivate,
    Heartbeat,
    ListMachines,
    GetLicense,
    CreateLicense,
    LicenseKeysValidate,
}

/// Those functions whose requests are measured.
const ASKED: [(&str, Request); 9] = [
    ("activate", Request::Activate),
    ("validate", Request::Validate),
    ("verify", Request::Verify),
    ("deactivate", Request::Deactivate),
    ("heartbeat", Request::Heartbeat),
    ("list-machines", Request::ListMachines),
    ("get-license", Request::GetLicense),
    ("create-license", Request::CreateLicense),
    ("license-keys-validate", Request::LicenseKeysValidate),
];

#[derive(Clone, Copy)]
struct Instructions {
    start: u64,
    first: u64,
    warm: u64,
}

const PRODUCT: &str = "cold";

fn cold(args: &Args) -> Result<(), String> {
    let folder = Folder::make()?;
    let server = Server::start(&args.server, &folder.0)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("Cannot run Lambda: {error}."))?;
    let starts = usize::from(args.starts);
    let mut bench = Bench {
        runtime,
        output: folder.0.join("output"),
        unpacked: folder.0.join("bootstrap"),
        // One license a start, and some for counting instructions.
        supply: Supply::create(&server, starts + 4)?,
        server,
        warm: usize::from(args.warm),
        turns: 0,
    };

    let mut subjects = subjects(args, &bench.server.dynamodb)?;
    let asked = args.most.is_none();
    let other = subjects.last().ok_or("There are no functions.")?.program.clone();
    // One of each, then the next of each: what the machine does meanwhile, it does to all. No request comes between
    // starts, because the server would leave the processor's caches full of itself to some and not to others.
    for _ in 0..starts {
        for subject in &mut subjects {
            let started = bench.start(&subject.program);
            subject
                .starts
                .push(started.map_err(|error| bench.explain(subject.name, error))?);
            if subject.name == NODE {
                // Node leaves the caches full of itself as well. The next comes after one of its kind, as all do.
                bench.start(&other)?;
            }
        }
    }
    for _ in 0..starts {
        for subject in subjects.iter_mut().filter(|_| asked) {
            if let Some(request) = subject.request {
                bench.ask(subject, request)?;
            }
        }
        bench.turns += 1;
    }
    if args.instructions {
        for subject in subjects.iter_mut().filter(|subject| subject.name != NODE) {
            if subject.request.is_some() {
                subject.instructions = Some(bench.count_instructions(subject)?);
            }
        }
    }
    if args.json {
        let lines: Vec<String> = subjects
            .iter()
            .map(|subject| format!("  {}", subject.to_json()))
            .collect();
        println!("[\n{}\n]", lines.join(",\n"));
    } else {
        print!("{}", report::tables(&subjects, args.starts)?);
    }
    args.most.map_or(Ok(()), |most| report::check_starts(&subjects, most))
}

fn subjects(args: &Args, dynamodb: &Dynamodb) -> Result<Vec<Subject>, String> {
    let subject = |name, command: Vec<PathBuf>, request| {
        // Node's program is not what is deployed.
        let bytes = match command.as_slice() {
            [binary] => Some(fs::metadata(binary).map_err(|error| unreadable(binary, &error))?.len()),
            _ => None,
        };
        Ok::<_, String>(Subject {
            name,
            program: Program {
                command,
                dynamodb: dynamodb.clone(),
            },
            bytes,
            request,
            starts: Vec::new(),
            first: Vec::new(),
            warm: Vec::new(),
            log_bytes: Vec::new(),
            calls: None,
            answer_bytes: Vec::new(),
            instructions: None,
        })
    };
    let mut subjects = vec![
        subject(EMPTY, vec![binary(&args.empty)], Some(Request::Empty))?,
        subject(NODE, vec!["node".into(), args.node.clone()], Some(Request::GetItem))?,
    ];
    if args.most.is_some() {
        subjects.retain(|subject| subject.name != NODE);
    }
    let asked = BTreeMap::from(ASKED);
    for route in routes::all() {
        let request = asked.get(route.name).copied();
        let binary = binary(&args.functions.join(route.name));
        let wanted = match args.most {
            Some(_) => binary.exists(),
            None => request.is_some() || !args.few,
        };
        if wanted {
            subjects.push(subject(route.name, vec![binary], request)?);
        }
    }
    Ok(subjects)
}

/// A function's binary: cargo-lambda makes a folder of each.
fn binary(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("bootstrap")
    } else {
        path.to_owned()
    }
}

fn unreadable(binary: &Path, error: &std::io::Error) -> String {
    format!("Cannot measure {}: {error}. Run benches/cold.", binary.display())
}

/// Everything that a measurement needs.
struct Bench {
    runtime: Runtime,
    /// Where a function's output goes.
    output: PathBuf,
    /// Where the function is that is measured.
    unpacked: PathBuf,
    supply: Supply,
    server: Server,
    warm: usize,
    /// Rounds that are over. Each has a license of its own.
    turns: usize,
}

impl Bench {
    /// What a program's start costs. Ends it then.
    fn start(&self, program: &Program) -> Result<Cost, String> {
        let lambda = self.listen()?;
        Function::start(&self.unpacked(program)?, &lambda, &self.output).map(|function| function.start)
    }

    /// Starts a function, and measures what it is asked then.
    fn ask(&mut self, subject: &mut Subject, request: Request) -> Result<(), String> {
        let events = self.events(request, 1 + self.warm)?;
        let lambda = self.listen()?;
        let program = self.unpacked(&subject.program)?;
        let explain = |error| self.explain(subject.name, error);
        let mut function = Function::start(&program, &lambda, &self.output).map_err(explain)?;
        let quiet = self.printed();
        for (number, event) in events.iter().enumerate() {
            let (cost, answer) = function.answer(event).map_err(explain)?;
            let costs = if number == 0 {
                &mut subject.first
            } else {
                &mut subject.warm
            };
            costs.push(cost);
            subject
                .answer_bytes
                .push(answer["body"].as_str().map_or(0, str::len) as u64);
        }
        if let Some(printed) = (self.printed() - quiet).checked_div(events.len() as u64) {
            subject.log_bytes.push(printed);
        }
        let output = fs::read_to_string(&self.output).unwrap_or_default();
        let mut log = output
            .lines()
            .rev()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        subject.calls = log.find_map(|line| line["dynamodbCalls"].as_u64());
        Ok(())
    }

    /// The program as Lambda unpacks it before each start: in one go, and where the system has room at that time. Where
    /// the pages of a file are in memory shows in a start by a tenth and more, so each start has others.
    fn unpacked(&self, program: &Program) -> Result<Program, String> {
        let mut program = program.clone();
        if let [binary] = program.command.as_mut_slice() {
            // Another file, not the same one anew; there is none before the first start.
            let _: Result<(), _> = fs::remove_file(&self.unpacked);
            fs::copy(&*binary, &self.unpacked).map_err(|error| unreadable(binary, &error))?;
            binary.clone_from(&self.unpacked);
        }
        Ok(program)
    }

    fn listen(&self) -> Result<Lambda, String> {
        Lambda::listen(&self.runtime, &self.server.secrets).map_err(|error| format!("Cannot be Lambda: {error}."))
    }

    fn printed(&self) -> u64 {
        fs::metadata(&self.output).map_or(0, |file| file.len())
    }

    fn explain(&self, name: &str, error: String) -> String {
        let output = fs::read_to_string(&self.output).unwrap_or_default();
        format!("{name}: {error}\n{output}")
    }

    /// Instructions up to the first question, of the first request and of one after it, as differences of whole runs.
    fn count_instructions(&mut self, subject: &Subject) -> Result<Instructions, String> {
        let Some(request) = subject.request else {
            return Err("Nothing is asked of it.".to_owned());
        };
        let mut counted = [0; 3];
        let requests = [0, 1, 1 + self.warm];
        for (count, requests) in counted.iter_mut().zip(requests) {
            let events = self.events(request, requests)?;
            self.turns += 1;
            let mut program = subject.program.clone();
            let valgrind = [
                "valgrind",
                "--tool=cachegrind",
                "--cache-sim=no",
                "--cachegrind-out-file=/dev/null",
            ];
            program.command = valgrind.iter().map(PathBuf::from).chain(program.command).collect();
            let lambda = self.listen()?;
            let explain = |error| self.explain(subject.name, error);
            let mut function = Function::start(&program, &lambda, &self.output).map_err(explain)?;
            for event in &events {
                function.answer(event).map_err(explain)?;
            }
            function.terminate()?;
            let output = fs::read_to_string(&self.output).unwrap_or_default();
            *count = refs(&output).ok_or_else(|| self.explain(subject.name, "valgrind counted nothing.".to_owned()))?;
        }
        // Each kind of function has the licenses that the others had.
        self.turns -= requests.len();
        let [start, with_first, with_all] = counted;
        Ok(Instructions {
            start,
            first: with_first.saturating_sub(start),
            warm: with_all.saturating_sub(with_first) / self.warm as u64,
        })
    }

    /// So many requests as this round's start gets.
    fn events(&mut self, request: Request, count: usize) -> Result<Vec<Vec<u8>>, String> {
        (0..count).map(|number| self.event(request, number)).collect()
    }

    fn event(&mut self, request: Request, number: usize) -> Result<Vec<u8>, String> {
        let turn = self.turns;
        let secret = self.server.admin_secret.clone();
        let supply = &self.supply;
        let session = |license: &License| match license.machines.first() {
            Some(Machine { fingerprint, token }) => {
                json!({ "licenseKey": license.key, "machineFingerprint": fingerprint, "token": token })
            }
            None => Value::Null,
        };
        let known = supply.known.get(turn).ok_or("There are too few licenses.")?;
        Ok(match request {
            Request::Empty => event("/", &json!({})),
            Request::GetItem => event("/validate", &json!({ "licenseKey": known.key })),
            Request::Activate => {
                let license = supply.growing.get(turn).ok_or("There are too few licenses.")?;
                event(
                    "/activate",
                    &json!({
                        "licenseKey": license.key,
                        "machineFingerprint": fingerprint(turn, number),
                        "hostname": "cold",
                        "productId": PRODUCT,
                    }),
                )
            }
            Request::Validate => event("/validate", &session(known)),
            Request::Verify => event("/verify", &json!({ "licenseKey": known.key, "productId": PRODUCT })),
            Request::Deactivate => event("/deactivate", &supply.activated(turn, number)?),
            Request::Heartbeat => {
                let license = supply.floating.get(turn).ok_or("There are too few licenses.")?;
                event("/heartbeat", &session(license))
            }
            Request::LicenseKeysValidate => event(&format!("/{VALIDATE_KEY}"), &supply.bound(turn)?),
            Request::ListMachines => event("/listMachines", &session(known)),
            Request::GetLicense => event(
                "/getLicense",
                &json!({ "adminSecret": secret, "licenseKey": known.key }),
            ),
            Request::CreateLicense => {
                let email = format!("cold-{turn}-{number}@example.com");
                event(
                    "/createLicense",
                    &json!({ "adminSecret": secret, "email": email, "productId": PRODUCT }),
                )
            }
        })
    }
}

/// What valgrind's cachegrind says at its end: `I   refs:      1,234`.
fn refs(output: &str) -> Option<u64> {
    let line = output.lines().rev().find(|line| line.contains("refs:"))?;
    line.rsplit(' ').next()?.replace(',', "").parse().ok()
}

// A start takes so many activations of its license as it has requests.
const _: () = assert!(ATTEMPTS_PER_LICENSE > 13);
