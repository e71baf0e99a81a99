//! `keystead license import`: a license for every row of a file, once, however often the import is interrupted.

mod dry_run;
mod pipeline;
mod report;
mod row;
mod stop;
mod strength;
mod survey;

use std::{
    io::{BufReader, Read},
    path::PathBuf,
    time::Instant,
};

use clap::Args;
use keystead_core::product::{ProductId, variant::VariantId};
use serde_json::json;

use self::{stop::StopFlag, survey::Survey};
use crate::{
    client::ServerArgs,
    failure::Failure,
    journal::{Journal, Outcome, Subject},
    license_file::{Column, Format, Given, LicenseFile, Line, Mapping, Preset, Reading},
    output,
};

/// Which file is imported, and how.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file: CSV or NDJSON, as `license export` writes it.
    file: PathBuf,
    /// How the file is written [default: what its name ends with, or csv].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What all licenses are for, whatever the file says.
    #[arg(long, value_name = "ID", value_parser = product)]
    product: Option<ProductId>,
    /// The variant of all licenses, whatever the file says.
    #[arg(long, value_name = "ID", value_parser = variant)]
    variant: Option<VariantId>,
    /// Whose export the file is: its columns are known then, and those that say nothing of a license are passed over.
    #[arg(long, value_enum, value_name = "STORE")]
    preset: Option<Preset>,
    /// What a column is, such as `--map email="Buyer Email"`. Can be given several times.
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = map)]
    map: Vec<(Column, String)>,
    /// A column to pass over. Can be given several times.
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// What separates the cells of a CSV file: one character, or `tab` [default: the comma, semicolon or tab that the first
    /// line has most of].
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    separator: Option<u8>,
    /// Check the file, the credential and the products, show how the first rows are understood, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many requests are under way at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Where to write what became of each line [default: FILE.import-report.csv, if there is something to tell].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to write the rows that were refused, each with the reason before its cells: mended, the file can be imported
    /// with the same options.
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Forget what an earlier run has done with this file, and send every line again. A line without a key of its own
    /// makes another license then.
    #[arg(long)]
    restart: bool,
    /// Pass over columns that are not a license's.
    #[arg(long)]
    ignore_unknown_columns: bool,
}

fn product(text: &str) -> Result<ProductId, String> {
    ProductId::parse(text).ok_or_else(|| "must be a text of at most 128 characters".to_owned())
}

fn variant(text: &str) -> Result<VariantId, String> {
    VariantId::parse(text).ok_or_else(|| "must be a text of at most 128 characters".to_owned())
}

/// `FIELD=COLUMN`.
fn map(text: &str) -> Result<(Column, String), String> {
    let known = || Column::ALL.map(Column::name).join(", ");
    let (field, column) = text
        .split_once('=')
        .ok_or_else(|| "must be FIELD=COLUMN, such as email=\"Buyer Email\"".to_owned())?;
    let field = Column::named(field.trim()).ok_or_else(|| format!("the field must be one of {}", known()))?;
    Ok((field, column.trim().to_owned()))
}

/// A separator, or its name.
fn separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Ok(*one),
        _ => Err("must be one character such as `;`, or `tab`".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// When the file can't be imported, the server refuses, fails, or isn't there, and when lines were rejected.
pub(crate) fn run(server: &ServerArgs, args: &ImportArgs) -> Result<(), Failure> {
    args.check()?;
    let client = server.client(usize::from(args.concurrency))?;
    let survey = Survey::of(args)?;
    if args.dry_run {
        return dry_run::try_out(&client, args, &survey);
    }
    let subject = Subject {
        sha256: survey.sha256.clone(),
        server: client.server.clone(),
        product: args.product.as_ref().map(ToString::to_string),
        variant: args.variant.as_ref().map(ToString::to_string),
        mapping: args.mapping().told(),
    };
    if args.restart {
        Journal::put_aside(&args.file)?;
    }
    // A credential that is refused or a server that isn't there should leave no traces.
    client.read("listProducts", json!({ "status": "live" }))?;
    report::tell_weak(&survey);
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
    let run = pipeline::pipeline(&client, args, &survey, &mut journal, &stop)?;
    report::conclude(&client, args, &survey, journal, before, &run, started.elapsed())
}

/// The file, read from its beginning.
fn open<R: Read>(args: &ImportArgs, input: R) -> Result<LicenseFile<BufReader<R>>, Failure> {
    LicenseFile::open(BufReader::new(input), args.reading()).map_err(|failure| in_file(args, &failure))
}

/// Its next row.
fn next<R: Read>(args: &ImportArgs, input: &mut LicenseFile<BufReader<R>>) -> Result<Option<Line>, Failure> {
    input.next().map_err(|failure| in_file(args, &failure))
}

fn in_file(args: &ImportArgs, failure: &Failure) -> Failure {
    Failure::Local(format!("{}: {failure}", args.file.display()))
}

impl ImportArgs {
    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| Format::of(&self.file))
    }

    fn mapping(&self) -> Mapping {
        Mapping {
            map: self.map.clone(),
            ignore: self.ignore.clone(),
            ignore_unknown: self.ignore_unknown_columns,
            preset: self.preset,
        }
    }

    fn reading(&self) -> Reading {
        Reading {
            format: self.format(),
            separator: self.separator,
            mapping: self.mapping(),
            given: Given {
                product: self.product.clone(),
                variant: self.variant.clone(),
            },
        }
    }

    /// That the options go together.
    fn check(&self) -> Result<(), Failure> {
        if self.format() == Format::Ndjson && (self.preset.is_some() || self.separator.is_some()) {
            return Err(Failure::Usage("--preset and --separator are for CSV".to_owned()));
        }
        if self.refused.as_ref() == Some(&self.file) {
            return Err(Failure::Usage(
                "--refused would replace the file that is imported".to_owned(),
            ));
        }
        let columns = self.map.iter().enumerate();
        for (place, (column, from)) in columns {
            if self.map[..place]
                .iter()
                .any(|(known, other)| known == column || other == from)
            {
                return Err(Failure::Usage(format!(
                    "--map names {} or {from:?} twice",
                    column.name()
                )));
            }
        }
        Ok(())
    }
}
