//! `keystead license import`: a license for every line of a file, once, however often the import is interrupted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map},
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::ProgressBar;
use keystead_core::{
    Timestamp,
    license::{key::LicenseKey, standing::LicenseStatus},
    product::{ProductId, variant::VariantId},
    value::{email::Email, reference::Reference},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    client::{Client, ServerArgs, given},
    failure::{Failure, Refusal},
    journal::{Entry, Journal, LineKeys, Outcome, Subject},
    license_file::{Defaults, Format, LicenseFile, Line, Row},
    output::{self, Style},
    private_file::{Draft, beside},
};

/// Which file is imported, and how.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file: CSV or NDJSON, as `license export` writes it.
    file: PathBuf,
    /// How the file is written [default: what its name ends with, or csv].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What licenses are for whose line names no product.
    #[arg(long, value_name = "ID", value_parser = product)]
    product: Option<ProductId>,
    /// The variant of licenses whose line names none.
    #[arg(long, value_name = "ID", value_parser = variant)]
    variant: Option<VariantId>,
    /// Check the file, the credential and the products, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many requests are under way at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Where to write what became of each line [default: FILE.import-report.csv, if there is something to tell].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Forget what an earlier run has done with this file, and send every line again. A line without a key of its own
    /// makes another license then.
    #[arg(long)]
    restart: bool,
    /// Pass over columns that are not a license's.
    #[arg(long)]
    ignore_unknown_columns: bool,
}

/// What the server says of a key that another license has.
const TAKEN: &str = "A license with this key already exists";

/// With this many lines that the server has failed at, the others are not tried.
const MAX_FAILED: usize = 16;

/// How many wrong lines are told one by one; the report has all of them.
const MAX_TOLD: usize = 20;

fn product(text: &str) -> Result<ProductId, String> {
    ProductId::parse(text).ok_or_else(|| "must be a text of at most 128 characters".to_owned())
}

fn variant(text: &str) -> Result<VariantId, String> {
    VariantId::parse(text).ok_or_else(|| "must be a text of at most 128 characters".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the file can't be imported, the server refuses, fails, or isn't there, and when lines were rejected.
pub(crate) fn run(server: &ServerArgs, args: &ImportArgs) -> Result<(), Failure> {
    let client = server.client(usize::from(args.concurrency))?;
    let survey = Survey::of(args)?;
    if args.dry_run {
        return try_out(&client, args, &survey);
    }
    let subject = Subject {
        sha256: survey.sha256.clone(),
        server: client.server.clone(),
        product: args.product.as_ref().map(ToString::to_string),
        variant: args.variant.as_ref().map(ToString::to_string),
    };
    if args.restart {
        Journal::put_aside(&args.file)?;
    }
    // A credential that is refused or a server that isn't there should leave no traces.
    client.read("listProducts", json!({ "status": "live" }))?;
    let stop = StopFlag::raised_by_signals()?;
    let mut journal = Journal::open(&args.file, subject)?;
    if journal.is_finished {
        return output::print(format!(
            "The import of {} is finished: {} licenses. --restart begins it anew.",
            args.file.display(),
            journal.entries.len()
        ));
    }
    let before = journal.count(Outcome::Created) + journal.count(Outcome::Present);
    if before > 0 {
        output::note(format!("going on after {before} lines that are done"));
    }
    let started = Instant::now();
    let run = pipeline(&client, args, &survey, &mut journal, &stop)?;
    conclude(&client, args, &survey, journal, before, &run, started.elapsed())
}

/// The result of a first pass over the input, before anything is sent.
struct Survey {
    sha256: String,
    /// How many lines are not blank.
    lines: u64,
    /// What is wrong with which line.
    wrong: BTreeMap<u64, String>,
    /// Whether there are lines whose license gets a new key.
    makes_keys: bool,
}

impl Survey {
    fn of(args: &ImportArgs) -> Result<Self, Failure> {
        let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
        let mut hashing = HashingReader {
            input: file,
            hash: Sha256::new(),
        };
        let mut survey = Self {
            sha256: String::new(),
            lines: 0,
            wrong: BTreeMap::new(),
            makes_keys: false,
        };
        // Hashes take less memory than the keys.
        let mut keys: HashMap<[u8; 32], u64> = HashMap::new();
        let mut input = open(args, &mut hashing)?;
        while let Some(line) = next(args, &mut input)? {
            survey.lines += 1;
            survey.note(line, &mut keys);
        }
        survey.sha256 = hex::encode(hashing.hash.finalize());
        Ok(survey)
    }

    fn note(&mut self, line: Line, keys: &mut HashMap<[u8; 32], u64>) {
        let number = line.number;
        let row = match line.row {
            Ok(row) => row,
            Err(error) => {
                self.wrong.insert(number, error);
                return;
            }
        };
        match &row.license_key {
            Some(key) => match keys.entry(Sha256::digest(key.as_str()).into()) {
                hash_map::Entry::Occupied(first) => {
                    let error = format!("line {} has the same license key", first.get());
                    self.wrong.insert(number, error);
                }
                hash_map::Entry::Vacant(free) => {
                    free.insert(number);
                }
            },
            None => self.makes_keys = true,
        }
    }

    /// A line that is read again: its license, or that it is rejected without asking the server.
    fn judge(&self, args: &ImportArgs, line: Line) -> Result<Result<Row, Entry>, Failure> {
        match (self.wrong.get(&line.number), line.row) {
            (Some(error), row) => {
                let key = row.ok().and_then(|row| row.license_key);
                let entry = rejected(line.number, key.map(|key| key.to_string()), None, error);
                Ok(Err(entry))
            }
            (None, Ok(row)) => Ok(Ok(row)),
            (None, Err(_)) => {
                let text = format!("{} has changed while it was read", args.file.display());
                Err(Failure::Local(text))
            }
        }
    }
}

/// Hashes what is read.
struct HashingReader {
    input: File,
    hash: Sha256,
}

impl Read for &mut HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn open<R: Read>(args: &ImportArgs, input: R) -> Result<LicenseFile<BufReader<R>>, Failure> {
    let format = args.format.unwrap_or_else(|| Format::of(&args.file));
    let defaults = Defaults {
        product: args.product.clone(),
        variant: args.variant.clone(),
    };
    LicenseFile::open(BufReader::new(input), format, defaults, args.ignore_unknown_columns)
        .map_err(|failure| Failure::Local(format!("{}: {failure}", args.file.display())))
}

fn next<R: Read>(args: &ImportArgs, input: &mut LicenseFile<BufReader<R>>) -> Result<Option<Line>, Failure> {
    input.next().map_err(|error| Failure::file(&args.file, &error))
}

/// Says what an import would do.
fn try_out(client: &Client, args: &ImportArgs, survey: &Survey) -> Result<(), Failure> {
    let catalog = Catalog::of(client)?;
    let mut rejections: Vec<Entry> = Vec::new();
    let mut missing: BTreeMap<String, u64> = BTreeMap::new();
    let file = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let mut input = open(args, file)?;
    while let Some(line) = next(args, &mut input)? {
        let number = line.number;
        let row = match survey.judge(args, line)? {
            Ok(row) => row,
            Err(entry) => {
                rejections.push(entry);
                continue;
            }
        };
        let lacks = catalog.lacks(&row);
        if !lacks.is_empty() {
            let key = row.license_key.map(|key| key.to_string());
            rejections.push(rejected(number, key, None, &lacks.join("; ")));
        }
        for lack in lacks {
            *missing.entry(lack).or_default() += 1;
        }
    }
    tell_wrong(&rejections);
    for (lack, lines) in &missing {
        output::note(format!(
            "{}: {}",
            output::printable(lack),
            output::count(*lines, "line")
        ));
    }
    let wrong = rejections.len() as u64;
    if let Some(path) = &args.report {
        report(path, rejections.into_iter())?;
    }
    if client.style == Style::Json {
        output::print(json!({ "lines": survey.lines, "rejected": wrong, "missingProducts": missing.len() }))?;
    } else {
        output::print(format!(
            "{} of {} lines could be imported; nothing was changed",
            survey.lines - wrong,
            survey.lines
        ))?;
    }
    if wrong > 0 {
        return Err(Failure::LinesRejected(format!(
            "{} would be rejected",
            output::count(wrong, "line")
        )));
    }
    Ok(())
}

/// The products that there are for this credential, and whether they are archived.
struct Catalog(HashMap<ProductId, bool>);

impl Catalog {
    fn of(client: &Client) -> Result<Self, Failure> {
        let found = client.read("listProducts", json!({ "includeAll": true }))?;
        let products = found.body["products"].as_array().into_iter().flatten();
        let known = products.filter_map(|product| {
            let id = ProductId::parse(product["productId"].as_str()?)?;
            Some((id, product["status"] == "archived"))
        });
        Ok(Self(known.collect()))
    }

    /// Why the server would not make this license, as far as products go: one sentence for each that it lacks.
    fn lacks(&self, row: &Row) -> Vec<String> {
        let named: BTreeSet<&ProductId> = row.unlocked_products.iter().chain([&row.product_id]).collect();
        let lack = |product: &ProductId| match self.0.get(product) {
            None => Some(format!("the product {product} is not there")),
            // A license can go on to open an archived product, but not be one of it.
            Some(true) if *product == row.product_id => {
                Some(format!("the product {product} is archived, and takes no new licenses"))
            }
            Some(_) => None,
        };
        named.into_iter().filter_map(lack).collect()
    }
}

/// Tells of the first rejected lines.
fn tell_wrong<'a>(rejections: impl IntoIterator<Item = &'a Entry>) {
    let mut rejections = rejections.into_iter();
    for entry in rejections.by_ref().take(MAX_TOLD) {
        let error = output::printable(entry.error.as_deref().unwrap_or_default());
        let status = entry.status.map(|status| format!(" (HTTP {status})"));
        output::note(format!("line {}: {error}{}", entry.line, status.unwrap_or_default()));
    }
    let more = rejections.count();
    if more > 0 {
        output::note(format!("and {more} more"));
    }
}

fn rejected(line: u64, license_key: Option<String>, status: Option<u16>, error: &str) -> Entry {
    Entry {
        line,
        outcome: Outcome::Rejected,
        license_key,
        status,
        error: Some(error.to_owned()),
    }
}

/// A line that is to be sent.
struct Job {
    line: u64,
    row: Row,
}

/// What became of a line in this run.
enum LineOutcome {
    Recorded(Entry),
    /// Whether there is a license now is not known: it is sent again by the next run.
    Failed {
        line: u64,
        failure: Failure,
    },
}

/// How a run went.
#[derive(Default)]
struct RunOutcome {
    /// How many lines the server has failed at.
    failed: usize,
    /// What ended the run before the end of the file.
    ended_by: Option<Failure>,
}

/// A pipeline of threads: one reads, many send, and this one writes the journal.
fn pipeline(
    client: &Client,
    args: &ImportArgs,
    survey: &Survey,
    journal: &mut Journal,
    stop: &StopFlag,
) -> Result<RunOutcome, Failure> {
    let input = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let keys = journal.keys();
    let done_before: Vec<u64> = journal
        .entries
        .keys()
        .copied()
        .filter(|line| journal.is_done(*line))
        .collect();
    let senders = usize::from(args.concurrency);
    let progress = output::progress(Some(survey.lines - done_before.len() as u64));

    thread::scope(|scope| {
        let (jobs, to_send) = mpsc::sync_channel(senders);
        let (tell, told) = mpsc::channel();
        let to_send = Arc::new(Mutex::new(to_send));
        for _ in 0..senders {
            let (to_send, tell, stop, keys) = (Arc::clone(&to_send), tell.clone(), stop, &keys);
            scope.spawn(move || send(client, keys, &to_send, &tell, stop));
        }
        drop(to_send);
        let reader = scope.spawn(move || read(args, survey, &done_before, input, &jobs, &tell, stop));

        let mut run = RunOutcome::default();
        for done in told {
            match done {
                LineOutcome::Recorded(entry) => {
                    if let Err(failure) = journal.append(entry) {
                        stop.raise();
                        run.ended_by.get_or_insert(failure);
                    }
                    progress.inc(1);
                }
                LineOutcome::Failed { line, failure } => run.note(line, failure, stop, &progress),
            }
        }
        match reader.join() {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                run.ended_by.get_or_insert(failure);
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
        progress.finish_and_clear();
        if run.ended_by.is_none() && stop.is_raised() {
            run.ended_by = Some(Failure::Stopped("stopped".to_owned()));
        }
        Ok(run)
    })
}

impl RunOutcome {
    fn note(&mut self, line: u64, failure: Failure, stop: &StopFlag, progress: &ProgressBar) {
        let of_this_line = match &failure {
            Failure::Refused(refusal) => refusal.status >= 500 || matches!(refusal.status, 408 | 409 | 429),
            Failure::Unreachable(_)
            | Failure::Usage(_)
            | Failure::Local(_)
            | Failure::LinesRejected(_)
            | Failure::Stopped(_) => false,
        };
        if of_this_line {
            self.failed += 1;
            progress.suspend(|| output::note(format!("line {line}: {failure}")));
        }
        // When the first of many was merely the first to find out, the others say the same.
        if !of_this_line || self.failed >= MAX_FAILED {
            stop.raise();
            self.ended_by.get_or_insert(failure);
        }
    }
}

fn read(
    args: &ImportArgs,
    survey: &Survey,
    done_before: &[u64],
    input: File,
    jobs: &SyncSender<Job>,
    tell: &Sender<LineOutcome>,
    stop: &StopFlag,
) -> Result<(), Failure> {
    let mut input = open(args, input)?;
    while let Some(line) = next(args, &mut input)? {
        if stop.is_raised() {
            break;
        }
        let number = line.number;
        if done_before.binary_search(&number).is_ok() {
            continue;
        }
        // The one that receives is gone only when this run has failed elsewhere, and says so there.
        let sent = match survey.judge(args, line)? {
            Ok(row) => jobs.send(Job { line: number, row }).is_ok(),
            Err(entry) => tell.send(LineOutcome::Recorded(entry)).is_ok(),
        };
        if !sent {
            break;
        }
    }
    Ok(())
}

fn send(client: &Client, keys: &LineKeys, to_send: &Mutex<Receiver<Job>>, tell: &Sender<LineOutcome>, stop: &StopFlag) {
    loop {
        let received = to_send.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { line, row }) = received else {
            return;
        };
        // What waits is taken, so that the reader doesn't wait for ever to have it taken.
        if stop.is_raised() {
            continue;
        }
        let done = match import_line(client, keys, line, &row) {
            Ok(entry) => LineOutcome::Recorded(entry),
            Err(failure) => LineOutcome::Failed { line, failure },
        };
        if tell.send(done).is_err() {
            return;
        }
    }
}

/// Makes a line's license, if it is not there. One that is there stays as it is.
fn import_line(client: &Client, keys: &LineKeys, line: u64, row: &Row) -> Result<Entry, Failure> {
    let key = row
        .license_key
        .clone()
        .or_else(|| keys.license_key(line))
        .ok_or_else(|| Failure::Local("a new license key is malformed".to_owned()))?;
    let through = |outcome: Outcome| Entry {
        line,
        outcome,
        license_key: Some(key.to_string()),
        status: None,
        error: None,
    };
    let reject = |refusal: &Refusal| {
        // A key of its own is what its customer has; one that was to be new is nobody's.
        let shown = row.license_key.as_ref().map(ToString::to_string);
        rejected(line, shown, Some(refusal.status), &refusal.error)
    };
    // It has its key, by which it is known again: to name the request as well would cost the server two writes more.
    let refusal = match client.make("createLicense", creation(row, &key)) {
        Ok(answer) if answer.body["licenseKey"] == key.as_str() => return Ok(through(Outcome::Created)),
        Ok(_) => {
            let text = "the server gives licenses other keys than they have; it is too old to import to";
            return Err(Failure::Local(text.to_owned()));
        }
        Err(Failure::Refused(refusal)) if refusal.status == 409 => refusal,
        Err(Failure::Refused(refusal)) if is_of_the_line(&refusal) => return Ok(reject(&refusal)),
        Err(failure) => return Err(failure),
    };
    let found = match client.read("getLicense", json!({ "licenseKey": key })) {
        Ok(found) => found,
        // The key is another creator's.
        Err(Failure::Refused(unseen)) if unseen.status == 404 => return Ok(reject(&refusal)),
        Err(failure) => return Err(failure),
    };
    let differences = differences(row, &found.body["license"]);
    if differences.is_empty() {
        return Ok(through(Outcome::Present));
    }
    let error = format!("{TAKEN}, and differs in {}", differences.join(", "));
    // A key that derives from this import is that of a license which an earlier run made, and is told nowhere else.
    Ok(rejected(line, Some(key.to_string()), Some(refusal.status), &error))
}

/// Whether the server refuses this line, rather than the credential, the speed, or any line at all.
fn is_of_the_line(refusal: &Refusal) -> bool {
    // A hint is there when it isn't Keystead that answers.
    refusal.hint.is_none() && matches!(refusal.status, 400 | 403 | 404 | 413 | 422)
}

/// The whole license in one request, so that it is never there in another status than its line's.
fn creation(row: &Row, key: &LicenseKey) -> Value {
    given(json!({
        "licenseKey": key,
        "email": row.email,
        "productId": row.product_id,
        "variant": row.variant,
        "licenseType": row.license_type,
        "maxMachines": row.max_machines,
        "maxConcurrent": row.max_concurrent,
        "purchasedAt": row.purchased_at,
        "expiresAt": row.expires_at,
        "discountCode": row.discount_code,
        "purchaseId": row.purchase_id,
        "bundleId": row.bundle_id,
        "unlockedProducts": (!row.unlocked_products.is_empty()).then_some(&row.unlocked_products),
        "status": (row.status != LicenseStatus::Active).then_some(row.status),
        "disputeReason": dispute_reason(row),
    }))
}

/// Why the line's license is revoked, if it is: the reason says nothing of another.
fn dispute_reason(row: &Row) -> Option<&Reference> {
    row.dispute_reason
        .as_ref()
        .filter(|_| row.status == LicenseStatus::Revoked)
}

/// In what a license differs from the one that a line would have made. What the line leaves to the server differs in
/// nothing.
fn differences(row: &Row, license: &Value) -> Vec<&'static str> {
    let text = |field: &str| license[field].as_str();
    let time = |field: &str| text(field).and_then(Timestamp::parse);
    let same_or_left = |wanted: Value, field: &str| wanted.is_null() || license[field] == wanted;
    let variant = row.variant.clone().map(|variant| variant.within(&row.product_id));
    let unlocked = license.get("unlockedProducts").cloned().unwrap_or(json!([]));
    let checks = [
        (
            "email",
            text("email").and_then(Email::parse).map(|email| email.folded()) == Some(row.email.folded()),
        ),
        ("productId", text("productId") == Some(row.product_id.as_str())),
        ("variant", same_or_left(json!(variant), "variant")),
        ("licenseType", same_or_left(json!(row.license_type), "licenseType")),
        ("maxMachines", same_or_left(json!(row.max_machines), "maxMachines")),
        (
            "maxConcurrent",
            same_or_left(json!(row.max_concurrent), "maxConcurrent"),
        ),
        (
            "purchasedAt",
            row.purchased_at.is_none() || time("purchasedAt") == row.purchased_at,
        ),
        ("expiresAt", time("expiresAt") == row.expires_at),
        ("discountCode", license["discountCode"] == json!(row.discount_code)),
        ("purchaseId", license["purchaseId"] == json!(row.purchase_id)),
        ("bundleId", license["bundleId"] == json!(row.bundle_id)),
        ("unlockedProducts", unlocked == json!(row.unlocked_products)),
        ("status", license["status"] == json!(row.status)),
        (
            "disputeReason",
            // Where the status differs already, that is all there is to say.
            license["status"] != "revoked"
                || row.status != LicenseStatus::Revoked
                || license["disputeReason"] == json!(row.dispute_reason),
        ),
    ];
    checks
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(field, _)| field)
        .collect()
}

/// Says how it went, and writes the report.
fn conclude(
    client: &Client,
    args: &ImportArgs,
    survey: &Survey,
    mut journal: Journal,
    before: usize,
    run: &RunOutcome,
    took: Duration,
) -> Result<(), Failure> {
    let (created, present) = (journal.count(Outcome::Created), journal.count(Outcome::Present));
    let rejected = journal.count(Outcome::Rejected);
    let is_through = run.ended_by.is_none() && run.failed == 0;
    if is_through && rejected == 0 {
        journal.finish()?;
    }
    let reports_to = match &args.report {
        Some(path) => Some(path.clone()),
        // New keys are told nowhere else.
        None if rejected > 0 || (is_through && survey.makes_keys) => Some(beside(&args.file, ".import-report.csv")),
        None => None,
    };
    if let Some(path) = &reports_to {
        report(path, journal.entries.values().cloned())?;
    }
    let is_rejected = |entry: &&Entry| entry.outcome == Outcome::Rejected;
    tell_wrong(journal.entries.values().filter(is_rejected));
    let done_now = created + present - before;
    let seconds = took.as_secs_f64();
    if client.style == Style::Json {
        output::print(json!({
            "created": created,
            "present": present,
            "rejected": rejected,
            "failed": run.failed,
            "doneBefore": before,
            "finished": is_through && rejected == 0,
            "seconds": (seconds * 10.0).round() / 10.0,
            "report": reports_to.as_ref().map(|path| path.display().to_string()),
        }))?;
    } else {
        let earlier = if before > 0 {
            format!("; {before} lines were done before")
        } else {
            String::new()
        };
        output::print(format!(
            "imported {created} licenses ({present} present already, {rejected} rejected) in {seconds:.1} s: {:.0} a second{earlier}",
            done_now as f64 / seconds.max(0.001)
        ))?;
        if let Some(path) = &reports_to {
            output::print(format!("report: {}", path.display()))?;
        }
    }
    end(args, run, rejected)
}

/// How the process ends.
fn end(args: &ImportArgs, run: &RunOutcome, rejected: usize) -> Result<(), Failure> {
    const GOES_ON: &str = "The same command goes on where this one ended.";

    match &run.ended_by {
        Some(Failure::Stopped(text)) => Err(Failure::Stopped(format!("{text}. {GOES_ON}"))),
        Some(Failure::Unreachable(text)) => Err(Failure::Unreachable(format!("{text}\n{GOES_ON}"))),
        Some(Failure::Refused(refusal)) => Err(Failure::Refused(Refusal {
            status: refusal.status,
            error: refusal.error.clone(),
            hint: Some(refusal.hint.iter().map(|hint| format!("{hint}\n")).collect::<String>() + GOES_ON),
        })),
        Some(Failure::Local(text) | Failure::Usage(text) | Failure::LinesRejected(text)) => {
            Err(Failure::Local(format!("{text}\n{GOES_ON}")))
        }
        None if run.failed > 0 => Err(Failure::Local(format!(
            "the server failed at {} lines of {}. The same command tries them again.",
            run.failed,
            args.file.display()
        ))),
        None if rejected > 0 => Err(Failure::LinesRejected(format!(
            "{rejected} lines were rejected. The same command tries them again."
        ))),
        None => Ok(()),
    }
}

/// Writes what became of each line.
fn report(path: &Path, entries: impl Iterator<Item = Entry>) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let draft = Draft::new(path)?;
        let mut writer = csv::Writer::from_writer(&draft);
        writer.write_record(["line", "licenseKey", "outcome", "httpStatus", "error"])?;
        for entry in entries {
            writer.write_record([
                entry.line.to_string(),
                entry.license_key.unwrap_or_default(),
                entry.outcome.as_str().to_owned(),
                entry.status.map(|status| status.to_string()).unwrap_or_default(),
                entry.error.unwrap_or_default(),
            ])?;
        }
        writer.flush()?;
        drop(writer);
        draft.keep()
    };
    write().map_err(|error| Failure::file(path, &error))
}

/// Raised when nothing more is to be sent.
struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that Ctrl-C and SIGTERM raise, from now on. A second one ends the process at once.
    fn raised_by_signals() -> Result<Self, Failure> {
        let explain = |error: io::Error| Failure::Local(format!("signals can't be waited for: {error}"));
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(explain)?;
        let (mut interrupts, mut terminations) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(explain)?,
                signal(SignalKind::terminate()).map_err(explain)?,
            )
        };
        thread::spawn(move || {
            runtime.block_on(async {
                let mut next = async || {
                    tokio::select! {
                        _ = interrupts.recv() => {}
                        _ = terminations.recv() => {}
                    }
                };
                next().await;
                raised.store(true, Ordering::SeqCst);
                output::note("stopping; requests that are under way are waited for");
                next().await;
                std::process::exit(130);
            });
        });
        Ok(Self(flag))
    }

    fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
