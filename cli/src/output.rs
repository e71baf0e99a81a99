//! What commands print: tables for people, the server's JSON for scripts.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use keystead_core::value::turns_text;
use serde_json::Value;

use crate::failure::Failure;

/// How a command shows what the server replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Tables and sentences, for people.
    Table,
    /// The server's own JSON, for scripts.
    Json,
}

/// Writes `text` and the end of a line to the standard output.
///
/// # Errors
/// When it can't be written to. That its reader has left, such as `head`, is no error.
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Local(format!("the standard output: {error}"))),
    }
}

/// Writes a line for the person at the terminal, which is no part of the result.
pub(crate) fn note(text: impl Display) {
    // With nobody to tell there is nothing to be done.
    let _: io::Result<()> = writeln!(io::stderr().lock(), "{text}");
}

/// A table whose rows are the objects in `list`, each with the fields that `columns` names.
pub(crate) fn table(list: &Value, columns: &[(&str, &str)]) -> String {
    let mut table = plain();
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in list.as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|(_, field)| text(&item[field])));
    }
    lines(&table)
}

/// One object, a field on each line. Fields that it doesn't have are left out.
pub(crate) fn fields(object: &Value, fields: &[(&str, &str)]) -> String {
    let mut table = plain();
    for (title, field) in fields {
        if let Some(value) = object.get(field) {
            table.add_row([(*title).to_owned(), text(value)]);
        }
    }
    lines(&table)
}

/// A value as people read it: without quotes, `-` when there is none, and harmless to a terminal.
pub(crate) fn text(value: &Value) -> String {
    let plain = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    printable(&plain)
}

/// `text` without what would move a terminal's cursor, colour it or turn its direction: it may come from a customer.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || turns_text(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// How far something is, of `length` or of nobody knows how many licenses.
pub(crate) fn progress(length: Option<u64>) -> ProgressBar {
    // A file that the standard error is sent to has no use for it.
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{bar:30} {human_pos} of {human_len} licenses, {rate} a second, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {human_pos} licenses, {rate} a second",
        ),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(
            style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Where it is drawn, there is nothing to be done about it.
                let _: std::fmt::Result = write!(out, "{:.0}", state.per_sec());
            }),
        );
    }
    bar
}

/// A number of things: `1 license`, `2 licenses`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// The table without what its padding leaves at both ends of a line.
fn lines(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect();
    lines.join("\n")
}
