//! What was measured, as people and programs read it.

use std::{fmt::Write as _, time::Duration};

use keystead_benches::function::Cost;
use serde_json::{Value, json};

use crate::{EMPTY, NODE, Subject};

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
    /// A line for programs.
    pub(crate) fn to_json(&self) -> Value {
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

/// Refuses functions whose starts take more CPU time than so many times the empty one's, in the median.
pub(crate) fn check_starts(subjects: &[Subject], most: f64) -> Result<(), String> {
    let start = |subject: &Subject| median(&subject.starts, |cost| cost.cpu).unwrap_or_default();
    let empty = subjects.first().map(start).filter(|time| *time > 0.0);
    let empty = empty.ok_or("Nothing was measured.")?;
    let over: Vec<String> = subjects
        .iter()
        .map(|subject| (subject.name, start(subject) / empty))
        .filter(|(_, times)| *times > most)
        .map(|(name, times)| format!("{name} {times:.2}"))
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Starts take more than {most} times what an empty function's takes: {}.",
        over.join(", ")
    ))
}

/// Tables for people.
pub(crate) fn tables(subjects: &[Subject], starts: u16) -> Result<String, String> {
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
        starts,
        range(&cpu),
        range(&wall),
        largest.name,
        largest.bytes.unwrap_or(0),
    )
    .map_err(|error| error.to_string())?;
    Ok(text)
}
