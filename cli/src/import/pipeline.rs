//! The way of a file's rows to the server: one thread reads, many send, and one writes the journal.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
};

use indicatif::ProgressBar;

use super::{ImportArgs, next, open, row::import_line, stop::StopFlag, survey::Survey};
use crate::{
    client::Client,
    failure::Failure,
    journal::{Entry, Journal, LineKeys},
    license_file::Row,
    output,
};

/// With this many lines that the server has failed at, the others are not tried.
const MAX_FAILED: usize = 16;

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
pub(super) struct RunOutcome {
    /// How many lines the server has failed at.
    pub(super) failed: usize,
    /// What ended the run before the end of the file.
    pub(super) ended_by: Option<Failure>,
}

/// A pipeline of threads: one reads, many send, and this one writes the journal.
pub(super) fn pipeline(
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
    let progress = output::progress(Some(survey.rows - done_before.len() as u64));

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
