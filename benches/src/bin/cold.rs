//! `cold`: what a function's start costs, its first request and those after it, beside an empty function and one in Node.
//!
//! Each function is the process that Lambda would start, in the environment that Lambda would give it. Lambda and Secrets
//! Manager are in this process, DynamoDB is `keystead serve`, all over loopback and without TLS.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use keystead_benches::{
    connection::{Connection, Target},
    function::{Cost, Function, Program, event},
    lambda::Lambda,
    scenario::{ATTEMPTS_PER_LICENSE, Scenario},
    setup::Plan,
    supply::{License, Machine, activate, fingerprint},
};
use keystead_functions::routes;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

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

    /// Count instructions too, with valgrind
    #[arg(long)]
    instructions: bool,

    /// Print JSON instead of the tables
    #[arg(long)]
    json: bool,

    /// The folder of the functions' binaries
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
        for subject in &mut subjects {
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
        print!("{}", tables(&subjects, args)?);
    }
    Ok(())
}

fn subjects(args: &Args, dynamodb: &str) -> Result<Vec<Subject>, String> {
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
                dynamodb: dynamodb.to_owned(),
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
        subject(EMPTY, vec![args.empty.clone()], Some(Request::Empty))?,
        subject(NODE, vec!["node".into(), args.node.clone()], Some(Request::GetItem))?,
    ];
    let asked = BTreeMap::from(ASKED);
    for route in routes::all() {
        let request = asked.get(route.name).copied();
        if request.is_some() || !args.few {
            subjects.push(subject(route.name, vec![args.functions.join(route.name)], request)?);
        }
    }
    Ok(subjects)
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
        let log = output
            .lines()
            .rev()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        subject.calls = log.into_iter().find_map(|line| line["dynamodbCalls"].as_u64());
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

/// The licenses that are asked for.
struct Supply {
    target: Target,
    /// With a machine on each.
    known: Vec<License>,
    /// Floating, with a session on each.
    floating: Vec<License>,
    /// For any number of machines: those of `activate`, and those that `deactivate` takes off.
    growing: Vec<License>,
    shrinking: Vec<License>,
}

impl Supply {
    fn create(server: &Server, licenses: usize) -> Result<Self, String> {
        let target = Target::find(&server.url)?;
        let create = |scenario| {
            Plan {
                target: &target,
                admin_secret: &server.admin_secret,
                product: PRODUCT,
                scenario,
                licenses,
                connections: 2,
            }
            .carry_out()
        };
        Ok(Self {
            known: create(Scenario::Validate)?,
            floating: create(Scenario::Heartbeat)?,
            growing: create(Scenario::Activate)?,
            shrinking: create(Scenario::Activate)?,
            target,
        })
    }

    /// A machine that is active, on the license of this turn.
    fn activated(&self, turn: usize, number: usize) -> Result<Value, String> {
        let license = self.shrinking.get(turn).ok_or("There are too few licenses.")?;
        let (key, fingerprint) = (license.key.clone(), fingerprint(turn, number));
        let answer = self.ask("activate", &activate(&self.target, PRODUCT, &key, &fingerprint))?;
        match answer["token"].as_str() {
            Some(token) => Ok(json!({ "licenseKey": key, "machineFingerprint": fingerprint, "token": token })),
            None => Err("POST /activate answered no token.".to_owned()),
        }
    }

    /// A machine that the key of this turn's license is bound to.
    fn bound(&self, turn: usize) -> Result<Value, String> {
        let license = self.known.get(turn).ok_or("There are too few licenses.")?;
        let validate = json!({ "key": license.key, "hwid": fingerprint(turn, 0) });
        let answer = self.ask(VALIDATE_KEY, &self.target.post(VALIDATE_KEY, &validate))?;
        match answer["valid"].as_bool() {
            Some(true) => Ok(validate),
            _ => Err(format!("POST /{VALIDATE_KEY} found no key good.")),
        }
    }

    /// What the server answers. Each time over a connection of its own: an idle one is closed by then.
    fn ask(&self, endpoint: &str, request: &[u8]) -> Result<Value, String> {
        let mut connection = Connection::open(&self.target).map_err(|error| format!("Cannot connect: {error}."))?;
        let reply = connection
            .exchange(request)
            .map_err(|error| format!("POST /{endpoint} had no answer: {error}."))?;
        if !reply.is_success() {
            return Err(format!("POST /{endpoint} answered {}.", reply.status));
        }
        serde_json::from_slice(reply.body).map_err(|error| format!("POST /{endpoint} answered no JSON: {error}."))
    }
}

/// A folder that ends with this process.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("keystead-cold-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("Cannot make {}: {error}.", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `keystead serve` over tables that have names as in AWS, in the DynamoDB of another one.
struct Server {
    _database: Ended,
    _child: Ended,
    url: String,
    dynamodb: String,
    secrets: String,
    admin_secret: String,
}

impl Server {
    fn start(program: &Path, folder: &Path) -> Result<Self, String> {
        // The tables of an embedded DynamoDB have no prefix, which functions can't do without.
        let lends = ["--in-memory", "--dynamodb-listen", "127.0.0.1:0"].map(PathBuf::from);
        let (database, dynamodb) = serve(program, &lends, &folder.join("database"), "DynamoDB is at ")?;
        let data = folder.join("data");
        let borrows = [
            "--dynamodb-endpoint".into(),
            dynamodb.clone().into(),
            "--data-dir".into(),
            data.clone(),
        ];
        let (child, url) = serve(program, &borrows, &folder.join("server"), "serves on ")?;
        let secrets = fs::read_to_string(data.join("secrets.json"))
            .map_err(|error| format!("Cannot read the server's secrets: {error}."))?;
        let parsed: Value = serde_json::from_str(&secrets).unwrap_or_default();
        Ok(Self {
            _database: database,
            _child: child,
            url,
            dynamodb,
            admin_secret: parsed["adminSecret"].as_str().unwrap_or_default().to_owned(),
            secrets,
        })
    }
}

/// Starts a server, and waits until it says where something is, after `words`.
fn serve(program: &Path, flags: &[PathBuf], log: &Path, words: &str) -> Result<(Ended, String), String> {
    let failed = |error: std::io::Error| format!("Cannot start {}: {error}. Run benches/cold.", program.display());
    let child = Command::new(program)
        .args(["serve", "--port", "0", "--no-demo", "--quiet"])
        .args(flags)
        // Its secrets are those of its folder, and its tables have the usual prefix.
        .env_remove("KEYSTEAD_ADMIN_SECRET")
        .env_remove("KEYSTEAD_WEBHOOK_SECRET")
        .env_remove("KEYSTEAD_TABLE_PREFIX")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log).map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let child = Ended(child);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let said = fs::read_to_string(log).unwrap_or_default();
        if let Some(address) = after(&said, words) {
            return Ok((child, address));
        }
        if Instant::now() > until {
            return Err(format!("{} does not serve:\n{said}", program.display()));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process that ends with this one.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The address after these words, of whose line the rest is in.
fn after(text: &str, words: &str) -> Option<String> {
    let (_, rest) = text.split_once(words)?;
    let (line, _) = rest.split_once('\n')?;
    let address = line.split(' ').next()?;
    Some(address.trim_end_matches('.').to_owned())
}

/// The middle one of these, in milliseconds.
fn median(costs: &[Cost], which: impl Fn(&Cost) -> Duration) -> Option<f64> {
    let mut times: Vec<Duration> = costs.iter().map(which).collect();
    times.sort_unstable();
    times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1000.0)
}

fn middle(numbers: &[u64]) -> Option<u64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

impl Subject {
    fn to_json(&self) -> Value {
        let round = |time: Option<f64>| time.map(|time| (time * 1000.0).round() / 1000.0);
        let cost = |costs: &[Cost]| json!({ "wallMs": round(median(costs, |cost| cost.wall)), "cpuMs": round(median(costs, |cost| cost.cpu)) });
        json!({
            "function": self.name,
            "bytes": self.bytes,
            "starts": self.starts.len(),
            "start": cost(&self.starts),
            "first": cost(&self.first),
            "warm": cost(&self.warm),
            "calls": self.calls,
            "logBytes": middle(&self.log_bytes),
            "answerBytes": middle(&self.answer_bytes),
            "instructions": self.instructions.map(|counted| {
                json!({ "start": counted.start, "first": counted.first, "warm": counted.warm })
            }),
        })
    }
}

fn tables(subjects: &[Subject], args: &Args) -> Result<String, String> {
    use std::fmt::Write as _;

    let empty = subjects.first().ok_or("Nothing was measured.")?;
    let wall = |costs: &[Cost]| median(costs, |cost| cost.wall);
    let cpu = |costs: &[Cost]| median(costs, |cost| cost.cpu);
    let shown = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
    let times = |time: Option<f64>, by: Option<f64>| match (time, by) {
        (Some(time), Some(by)) if by > 0.0 => format!("{:.2}", time / by),
        _ => "-".to_owned(),
    };
    let millions = |count: Option<u64>| count.map_or("-".to_owned(), |count| format!("{:.2}", count as f64 / 1e6));

    let mut text = String::new();
    let mut line = |row: &[String]| writeln!(text, "| {} |", row.join(" | ")).map_err(|error| error.to_string());
    let texts = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    line(&texts(&[
        "function",
        "bytes",
        "start, ms",
        "of empty",
        "start, CPU ms",
        "of empty",
        "first, ms",
        "first, CPU ms",
        "warm, ms",
        "warm, CPU ms",
        "Mi start",
        "Mi first",
        "Mi warm",
    ]))?;
    line(&vec!["---".to_owned(); 13])?;
    for subject in subjects.iter().filter(|subject| subject.request.is_some()) {
        let Subject {
            starts, first, warm, ..
        } = subject;
        let counted = subject.instructions;
        line(&[
            subject.name.to_owned(),
            subject.bytes.map_or("-".to_owned(), |bytes| bytes.to_string()),
            shown(wall(starts)),
            times(wall(starts), wall(&empty.starts)),
            shown(cpu(starts)),
            times(cpu(starts), cpu(&empty.starts)),
            shown(wall(first)),
            shown(cpu(first)),
            shown(wall(warm)),
            shown(cpu(warm)),
            millions(counted.map(|counted| counted.start)),
            millions(counted.map(|counted| counted.first)),
            millions(counted.map(|counted| counted.warm)),
        ])?;
    }

    let own: Vec<&Subject> = subjects
        .iter()
        .filter(|subject| subject.name != EMPTY && subject.name != NODE)
        .collect();
    let largest = own
        .iter()
        .max_by_key(|subject| subject.bytes)
        .ok_or("No function was measured.")?;
    let range = |which: &dyn Fn(&[Cost]) -> Option<f64>| {
        let ratios = own
            .iter()
            .filter_map(|subject| Some(which(&subject.starts)? / which(&empty.starts)?));
        let (least, most) = ratios.fold((f64::INFINITY, 0.0_f64), |(least, most), ratio| {
            (least.min(ratio), most.max(ratio))
        });
        format!("{least:.2} to {most:.2}")
    };
    writeln!(
        text,
        "\n{} functions, {} starts of each: {} times the empty one's CPU time, and {} times as long. Largest: {}, {} bytes.",
        own.len(),
        args.starts,
        range(&cpu),
        range(&wall),
        largest.name,
        largest.bytes.unwrap_or(0),
    )
    .map_err(|error| error.to_string())?;
    Ok(text)
}

// A start takes so many activations of its license as it has requests.
const _: () = assert!(ATTEMPTS_PER_LICENSE > 13);
