//! The run: callers that each send a request, wait for its answer and send the next, and the window that counts.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU8, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{
    connection::{Connection, Target},
    cpu,
    supply::{Caller, Supply},
};

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The server.
    pub target: &'a Target,
    /// What the callers send.
    pub supply: &'a Supply,
    /// Callers, each on a connection and a thread of its own.
    pub connections: usize,
    /// Time before the window, in which answers do not count.
    pub warm_up: Duration,
    /// The window.
    pub duration: Duration,
    /// Process of the server, if its CPU time is wanted.
    pub server_pid: Option<u32>,
}

/// What was seen in the window.
#[derive(Debug)]
pub struct Measurement {
    /// Length of the window.
    pub window: Duration,
    /// Why the window was shorter than asked for.
    pub ended_early: Option<EarlyEnd>,
    /// Answers and failures of all callers.
    pub tally: Tally,
    /// CPU ticks of this process in the window, where the system tells.
    pub generator_ticks: Option<u64>,
    /// CPU ticks of the server in the window, where they were asked for.
    pub server_ticks: Option<u64>,
}

/// Why a run ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EarlyEnd {
    /// Every license has had all the activations the service allows.
    SupplyUsedUp,
    /// The server takes no connections any more.
    ServerGone {
        /// What the attempt to connect said.
        problem: String,
    },
}

/// Answers and failures of the window.
#[derive(Debug)]
pub struct Tally {
    /// Microseconds from sending a request to having its whole answer, whatever the answer.
    pub latencies: Histogram<u64>,
    /// Everything but 2xx: how often which.
    pub errors: BTreeMap<Trouble, u64>,
    /// Errors before and after the window. They count nowhere else.
    pub errors_outside: u64,
}

/// Anything but a 2xx answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Another status.
    Answer {
        /// The status.
        status: u16,
        /// The answer's `error` text.
        error: String,
    },
    /// No answer at all, or none that can be read.
    NoAnswer {
        /// Why not.
        problem: String,
    },
}

/// Longer latencies count as this one. It is above the time a caller waits.
const LONGEST_LATENCY_MICROSECONDS: u64 = 60_000_000;

/// Below 2.048 ms a latency is exact to the microsecond, above to a thousandth.
const SIGNIFICANT_DIGITS: u8 = 3;

// The phases of a run, in an `AtomicU8`.
const WARM_UP: u8 = 0;
const WINDOW: u8 = 1;
const OVER: u8 = 2;

impl Tally {
    /// Nothing seen yet.
    ///
    /// # Errors
    ///
    /// A sentence, should the histogram's bounds be impossible.
    pub fn new() -> Result<Self, String> {
        let latencies = Histogram::new_with_bounds(1, LONGEST_LATENCY_MICROSECONDS, SIGNIFICANT_DIGITS)
            .map_err(|error| format!("Cannot count latencies: {error}."))?;
        Ok(Self {
            latencies,
            errors: BTreeMap::new(),
            errors_outside: 0,
        })
    }

    fn add(&mut self, other: Self) -> Result<(), String> {
        self.latencies
            .add(&other.latencies)
            .map_err(|error| format!("Cannot add up latencies: {error}."))?;
        for (trouble, count) in other.errors {
            *self.errors.entry(trouble).or_default() += count;
        }
        self.errors_outside += other.errors_outside;
        Ok(())
    }
}

impl Run<'_> {
    /// Send requests for the warm-up and the window.
    ///
    /// # Errors
    ///
    /// A sentence, when there is nothing to report: no connection, or an end before the window began.
    pub fn measure(&self) -> Result<Measurement, String> {
        // All callers are connected before the first one calls.
        let mut connected = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let connection = Connection::open(self.target).map_err(|error| format!("Cannot connect: {error}."))?;
            connected.push((connection, Tally::new()?));
        }
        let phase = AtomicU8::new(WARM_UP);
        let (early, ended_early) = mpsc::channel();
        thread::scope(|scope| {
            let mut callers = Vec::with_capacity(self.connections);
            for (number, (connection, tally)) in connected.into_iter().enumerate() {
                let caller = Caller::new(self.supply, number, self.connections);
                let (phase, early) = (&phase, early.clone());
                let body = move || self.call(caller, connection, tally, phase, &early);
                match thread::Builder::new().spawn_scoped(scope, body) {
                    Ok(handle) => callers.push(handle),
                    Err(error) => {
                        // Or the scope would wait for the callers that did start, for ever.
                        phase.store(OVER, Ordering::Relaxed);
                        return Err(format!("Cannot start a thread for caller {number}: {error}."));
                    }
                }
            }
            let observed = self.observe(&phase, &ended_early);
            phase.store(OVER, Ordering::Relaxed);
            let mut measured = observed?;
            for caller in callers {
                measured
                    .tally
                    .add(caller.join().map_err(|_| "A caller's thread ended unexpectedly.")?)?;
            }
            Ok(measured)
        })
    }

    /// Wait through the warm-up, open the window, close it in time, and take the CPU times at both ends of it.
    fn observe(&self, phase: &AtomicU8, ended_early: &mpsc::Receiver<EarlyEnd>) -> Result<Measurement, String> {
        match ended_early.recv_timeout(self.warm_up) {
            Ok(EarlyEnd::SupplyUsedUp) => {
                return Err("All activations were used up in the warm-up: more --licenses are needed.".to_owned());
            }
            Ok(EarlyEnd::ServerGone { problem }) => {
                return Err(format!("The server went away in the warm-up: {problem}."));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        let server = self.server_pid.map(|pid| pid.to_string());
        let server_before = server.as_deref().map(cpu::ticks_of).transpose()?;
        let generator_before = cpu::ticks_of("self").ok();
        let begun = Instant::now();
        phase.store(WINDOW, Ordering::Relaxed);
        let ended_early = ended_early.recv_timeout(self.duration).ok();
        phase.store(OVER, Ordering::Relaxed);
        let window = begun.elapsed();
        let since = |before: Option<u64>, pid: &str| Some(cpu::ticks_of(pid).ok()?.saturating_sub(before?));
        Ok(Measurement {
            window,
            ended_early,
            tally: Tally::new()?,
            generator_ticks: since(generator_before, "self"),
            server_ticks: server.and_then(|pid| since(server_before, &pid)),
        })
    }

    /// One caller, from its first request to the end of the run.
    fn call(
        &self,
        mut caller: Caller<'_>,
        mut connection: Connection,
        mut tally: Tally,
        phase: &AtomicU8,
        early: &mpsc::Sender<EarlyEnd>,
    ) -> Tally {
        // The end of one request is the beginning of the next: one look at the clock each. What a caller does in
        // between takes less than a microsecond.
        let mut sent = Instant::now();
        while phase.load(Ordering::Relaxed) != OVER {
            let Some(next) = caller.next_request() else {
                // Nobody listens any more when another caller came first.
                let _ = early.send(EarlyEnd::SupplyUsedUp);
                break;
            };
            let (trouble, answered, closes) = match connection.exchange(&next.request) {
                Ok(reply) if reply.is_success() => (None, true, reply.closes),
                Ok(reply) => {
                    let error = reply.error_text(next.license_key);
                    (
                        Some(Trouble::Answer {
                            status: reply.status,
                            error,
                        }),
                        true,
                        reply.closes,
                    )
                }
                Err(error) => (
                    Some(Trouble::NoAnswer {
                        problem: error.to_string(),
                    }),
                    false,
                    true,
                ),
            };
            let done = Instant::now();
            if phase.load(Ordering::Relaxed) == WINDOW {
                if answered {
                    let latency = u64::try_from((done - sent).as_micros()).unwrap_or(u64::MAX);
                    tally.latencies.saturating_record(latency);
                }
                if let Some(trouble) = trouble {
                    *tally.errors.entry(trouble).or_default() += 1;
                }
            } else if trouble.is_some() {
                tally.errors_outside += 1;
            }
            sent = done;
            if closes {
                match Connection::open(self.target) {
                    Ok(fresh) => connection = fresh,
                    Err(error) => {
                        let _ = early.send(EarlyEnd::ServerGone {
                            problem: error.to_string(),
                        });
                        break;
                    }
                }
                // Connecting is not part of the next request.
                sent = Instant::now();
            }
        }
        tally
    }
}
