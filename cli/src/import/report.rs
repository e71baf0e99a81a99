//! What became of a file's rows: what is printed, the report, and the file of those that were refused.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use keystead_core::value::formula::defused;
use serde_json::{Map, Value, json};

use super::{ImportArgs, next, open, pipeline::RunOutcome, survey::Survey};
use crate::{
    client::Client,
    failure::{Failure, Refusal},
    journal::{Entry, Journal, Outcome},
    license_file::{REFUSED_BECAUSE, Written},
    output::{self, Style},
    private_file::{Draft, beside},
};

/// How many wrong rows are told one by one; the report has all of them.
const MAX_TOLD: usize = 20;

/// Says how it went, and writes the report.
pub(super) fn conclude(
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
    write_refused(args, journal.entries.values().filter(is_rejected))?;
    // Every row is one of these.
    let left = survey.rows - (created + present + rejected) as u64;
    let done_now = created + present - before;
    let seconds = took.as_secs_f64();
    if client.style == Style::Json {
        output::print(json!({
            "rows": survey.rows,
            "created": created,
            "present": present,
            "rejected": rejected,
            "left": left,
            "failed": run.failed,
            "doneBefore": before,
            "finished": is_through && rejected == 0,
            "seconds": (seconds * 10.0).round() / 10.0,
            "report": reports_to.as_ref().map(|path| path.display().to_string()),
            "refused": args.refused.as_ref().map(|path| path.display().to_string()),
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
        let to_do = if left > 0 {
            format!(", {left} still to do")
        } else {
            String::new()
        };
        output::print(format!(
            "{}: {created} imported, {present} present already, {rejected} rejected{to_do}",
            output::count(survey.rows, "row")
        ))?;
        if let Some(path) = &reports_to {
            output::print(format!("report: {}", path.display()))?;
        }
        if let Some(path) = &args.refused {
            output::print(format!("rejected rows: {}", path.display()))?;
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

/// Tells of the first rejected lines.
pub(super) fn tell_wrong<'a>(rejections: impl IntoIterator<Item = &'a Entry>) {
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

/// Warns of keys that are in use, and which somebody could find by trying.
pub(super) fn tell_weak(survey: &Survey) {
    if let Some((first, count)) = survey.weak {
        output::note(format!(
            "warning: {} can be guessed, by length and letters: less than 64 bits of chance. Line {first} has the first.",
            output::count(count, "license key")
        ));
    }
}

pub(super) fn rejected(line: u64, license_key: Option<String>, status: Option<u16>, error: &str) -> Entry {
    Entry {
        line,
        outcome: Outcome::Rejected,
        license_key,
        status,
        error: Some(error.to_owned()),
    }
}

/// Writes what became of each line.
pub(super) fn report(path: &Path, entries: impl Iterator<Item = Entry>) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let draft = Draft::new(path)?;
        let mut writer = csv::Writer::from_writer(&draft);
        writer.write_record(["line", "licenseKey", "outcome", "httpStatus", "error"])?;
        for entry in entries {
            writer.write_record([
                entry.line.to_string(),
                entry.license_key.map(defused).unwrap_or_default(),
                entry.outcome.as_str().to_owned(),
                entry.status.map(|status| status.to_string()).unwrap_or_default(),
                entry.error.map(defused).unwrap_or_default(),
            ])?;
        }
        writer.flush()?;
        drop(writer);
        draft.keep()
    };
    write().map_err(|error| Failure::file(path, &error))
}

/// Writes the rows that were refused as they stand in the file, each with the reason before its cells.
pub(super) fn write_refused<'a>(args: &ImportArgs, rejections: impl Iterator<Item = &'a Entry>) -> Result<(), Failure> {
    let Some(path) = &args.refused else { return Ok(()) };
    let reasons: BTreeMap<u64, &str> = rejections
        .map(|entry| (entry.line, entry.error.as_deref().unwrap_or_default()))
        .collect();
    let file = |error: io::Error| Failure::file(path, &error);
    let input = File::open(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let mut input = open(args, input)?;
    let draft = Draft::new(path).map_err(file)?;
    let mut out = BufWriter::new(&draft);
    let separator = input.separator();
    // What was refused before has another reason now.
    let before = input.names().iter().position(|name| name == REFUSED_BECAUSE);
    if let Some(separator) = separator {
        let names = input.names().iter().map(String::as_bytes);
        record(&mut out, separator, REFUSED_BECAUSE.as_bytes(), without(before, names)).map_err(file)?;
    }
    while let Some(line) = next(args, &mut input)? {
        let Some(reason) = reasons.get(&line.number) else {
            continue;
        };
        match line.written {
            Written::Csv(cells) => {
                let cells = without(before, cells.iter());
                record(&mut out, separator.unwrap_or(b','), reason.as_bytes(), cells)
            }
            Written::Ndjson(line) => object(&mut out, reason, &line),
        }
        .map_err(file)?;
    }
    out.flush().map_err(file)?;
    drop(out);
    draft.keep().map_err(file)
}

/// The cells without the one in this place.
fn without<'a>(place: Option<usize>, cells: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    let others = cells.enumerate().filter(move |(other, _)| Some(*other) != place);
    others.map(|(_, cell)| cell)
}

fn record<'a>(
    out: impl io::Write,
    separator: u8,
    reason: &[u8],
    cells: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(out);
    writer.write_field(reason)?;
    for cell in cells {
        writer.write_field(cell)?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.flush()
}

fn object(mut out: impl io::Write, reason: &str, line: &[u8]) -> io::Result<()> {
    let fields = serde_json::from_slice(line).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(line).into_owned();
        Map::from_iter([("written".to_owned(), Value::from(text))])
    });
    let mut row = Map::from_iter([(REFUSED_BECAUSE.to_owned(), Value::from(reason))]);
    row.extend(fields.into_iter().filter(|(name, _)| name != REFUSED_BECAUSE));
    serde_json::to_writer(&mut out, &row)?;
    out.write_all(b"\n")
}
