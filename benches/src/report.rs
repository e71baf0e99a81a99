//! What came of a run: a table for people, JSON for programs.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use crate::{
    cpu::MICROSECONDS_PER_TICK,
    run::{EarlyEnd, Measurement, Trouble},
    scenario::Scenario,
};

/// A run and what was asked of it.
#[derive(Debug)]
pub struct Report {
    /// The scenario.
    pub scenario: Scenario,
    /// Callers, each on its own connection.
    pub connections: usize,
    /// Licenses of the set-up.
    pub licenses: usize,
    /// What was seen.
    pub measured: Measurement,
}

impl Report {
    /// Whether every answer was 2xx, in and outside the window.
    pub fn is_clean(&self) -> bool {
        self.errors() == 0 && self.measured.tally.errors_outside == 0
    }

    /// Requests that came to an end within the window: answers, and failures to get one.
    fn requests(&self) -> u64 {
        let unanswered = |(trouble, count): (&Trouble, &u64)| match trouble {
            Trouble::NoAnswer { .. } => *count,
            Trouble::Answer { .. } => 0,
        };
        self.measured.tally.latencies.len() + self.measured.tally.errors.iter().map(unanswered).sum::<u64>()
    }

    fn errors(&self) -> u64 {
        self.measured.tally.errors.values().sum()
    }

    fn requests_per_second(&self) -> f64 {
        self.requests() as f64 / self.measured.window.as_secs_f64()
    }

    /// `None` while no answer came.
    fn latency_ms(&self, quantile: f64) -> Option<f64> {
        let latencies = &self.measured.tally.latencies;
        (!latencies.is_empty()).then(|| latencies.value_at_quantile(quantile) as f64 / 1000.0)
    }

    fn cpu_us_per_request(&self, ticks: Option<u64>) -> Option<f64> {
        let requests = self.requests();
        (requests > 0).then_some((ticks? * MICROSECONDS_PER_TICK) as f64 / requests as f64)
    }

    /// Why the window was cut short, as a sentence.
    fn ended_early(&self) -> Option<String> {
        let seconds = self.measured.window.as_secs_f64();
        self.measured.ended_early.as_ref().map(|reason| match reason {
            EarlyEnd::SupplyUsedUp => format!(
                "The activations of {} licenses were used up {seconds:.1} s into the measurement; a longer one needs \
                 more --licenses.",
                self.licenses
            ),
            EarlyEnd::ServerGone { problem } => {
                format!("The server went away {seconds:.1} s into the measurement: {problem}.")
            }
        })
    }

    /// The report for programs. Numbers that are not known are null.
    pub fn to_json(&self) -> Value {
        let group = |(trouble, count): (&Trouble, &u64)| match trouble {
            Trouble::Answer { status, error } => json!({"status": status, "error": error, "count": count}),
            Trouble::NoAnswer { problem } => json!({"status": null, "error": problem, "count": count}),
        };
        let Measurement {
            window,
            tally,
            generator_ticks,
            server_ticks,
            ..
        } = &self.measured;
        json!({
            "scenario": self.scenario.name(),
            "connections": self.connections,
            "licenses": self.licenses,
            "seconds": round(Some(window.as_secs_f64())),
            "endedEarly": self.ended_early(),
            "requests": self.requests(),
            "errors": self.errors(),
            "errorGroups": tally.errors.iter().map(group).collect::<Vec<_>>(),
            "errorsOutsideWindow": tally.errors_outside,
            "requestsPerSecond": round(Some(self.requests_per_second())),
            "p50Ms": self.latency_ms(0.50),
            "p90Ms": self.latency_ms(0.90),
            "p99Ms": self.latency_ms(0.99),
            "maxMs": self.latency_ms(1.0),
            "generatorCpuUsPerRequest": round(self.cpu_us_per_request(*generator_ticks)),
            "serverCpuUsPerRequest": round(self.cpu_us_per_request(*server_ticks)),
        })
    }
}

/// To a thousandth: further digits of these figures say nothing.
fn round(number: Option<f64>) -> Option<f64> {
    number.map(|number| (number * 1000.0).round() / 1000.0)
}

/// The report for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measurement {
            window,
            tally,
            generator_ticks,
            server_ticks,
            ..
        } = &self.measured;
        let milliseconds = |quantile| match self.latency_ms(quantile) {
            Some(latency) => format!("{latency:.3} ms"),
            None => "no answer".to_owned(),
        };
        let cpu = |ticks: Option<u64>, unknown: &str| match self.cpu_us_per_request(ticks) {
            Some(microseconds) => format!("{microseconds:.1} us per request"),
            None => unknown.to_owned(),
        };
        let rows = [
            ("scenario", self.scenario.name().to_owned()),
            ("connections", self.connections.to_string()),
            ("licenses", self.licenses.to_string()),
            ("measured", format!("{:.1} s", window.as_secs_f64())),
            ("requests", self.requests().to_string()),
            ("errors", self.errors().to_string()),
            ("requests per second", format!("{:.0}", self.requests_per_second())),
            ("latency p50", milliseconds(0.50)),
            ("latency p90", milliseconds(0.90)),
            ("latency p99", milliseconds(0.99)),
            ("latency max", milliseconds(1.0)),
            ("server CPU", cpu(*server_ticks, "unknown (see --server-pid)")),
            ("generator CPU", cpu(*generator_ticks, "unknown")),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<21}{value}")?;
        }
        if !tally.errors.is_empty() {
            writeln!(f, "\n{:>10}  {:<9}  error", "count", "status")?;
        }
        for (trouble, count) in &tally.errors {
            let (status, text) = match trouble {
                Trouble::Answer { status, error } => (status.to_string(), error),
                Trouble::NoAnswer { problem } => ("no answer".to_owned(), problem),
            };
            writeln!(f, "{count:>10}  {status:<9}  {text}")?;
        }
        let mut remarks = String::new();
        if tally.errors_outside > 0 {
            writeln!(
                remarks,
                "{} more errors came before or after the measurement.",
                tally.errors_outside
            )?;
        }
        if let Some(reason) = self.ended_early() {
            writeln!(remarks, "{reason}")?;
        }
        if !remarks.is_empty() {
            write!(f, "\n{remarks}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::Tally;

    /// 1 to 1000 microseconds, one answer each, in half a second.
    fn report() -> Report {
        let mut tally = Tally::new().expect("a tally");
        for latency in 1..=1000 {
            tally.latencies.saturating_record(latency);
        }
        let measured = Measurement {
            window: Duration::from_millis(500),
            ended_early: None,
            tally,
            generator_ticks: Some(1),
            server_ticks: None,
        };
        Report {
            scenario: Scenario::Verify,
            connections: 2,
            licenses: 7,
            measured,
        }
    }

    #[test]
    fn figures_are_those_of_the_window() {
        let report = report();
        assert!(report.is_clean());
        assert_eq!(
            report.to_json(),
            json!({
                "scenario": "verify", "connections": 2, "licenses": 7, "seconds": 0.5, "endedEarly": null,
                "requests": 1000, "errors": 0, "errorGroups": [], "errorsOutsideWindow": 0,
                "requestsPerSecond": 2000.0, "p50Ms": 0.5, "p90Ms": 0.9, "p99Ms": 0.99, "maxMs": 1.0,
                "generatorCpuUsPerRequest": 10.0, "serverCpuUsPerRequest": null,
            })
        );
    }

    #[test]
    fn a_refusal_is_an_answer_and_a_failure_is_a_request_too() {
        let mut report = report();
        let tally = &mut report.measured.tally;
        // The refusals are among the thousand answers; the lost connections are not.
        tally.errors.insert(
            Trouble::Answer {
                status: 403,
                error: "License has expired".to_owned(),
            },
            4,
        );
        tally.errors.insert(
            Trouble::NoAnswer {
                problem: "the server closed the connection".to_owned(),
            },
            1000,
        );
        report.measured.server_ticks = Some(6);
        assert!(!report.is_clean());
        assert_eq!((report.requests(), report.errors()), (2000, 1004));
        assert_eq!(report.requests_per_second(), 4000.0);
        assert_eq!(report.cpu_us_per_request(report.measured.server_ticks), Some(30.0));
        assert_eq!(
            report.to_json()["errorGroups"],
            json!([
                {"status": 403, "error": "License has expired", "count": 4},
                {"status": null, "error": "the server closed the connection", "count": 1000},
            ])
        );
    }

    #[test]
    fn an_error_in_the_warm_up_is_not_counted_and_not_forgotten() {
        let mut report = report();
        report.measured.tally.errors_outside = 3;
        assert_eq!(
            (report.requests(), report.errors(), report.is_clean()),
            (1000, 0, false)
        );
        assert!(
            report
                .to_string()
                .ends_with("\n3 more errors came before or after the measurement.\n")
        );
    }

    #[test]
    fn no_answer_has_no_latency_and_no_cpu_time() {
        let mut report = report();
        report.measured.tally = Tally::new().expect("a tally");
        let json = report.to_json();
        assert_eq!(
            (&json["requests"], &json["p50Ms"], &json["maxMs"]),
            (&json!(0), &Value::Null, &Value::Null)
        );
        assert_eq!(json["generatorCpuUsPerRequest"], Value::Null);
    }

    #[test]
    fn the_table_is_readable() {
        let mut report = report();
        report.measured.tally.errors.insert(
            Trouble::Answer {
                status: 429,
                error: "Too many activation attempts. Try again later.".into(),
            },
            12,
        );
        report.measured.ended_early = Some(EarlyEnd::SupplyUsedUp);
        assert_eq!(
            report.to_string(),
            "\
scenario             verify
connections          2
licenses             7
measured             0.5 s
requests             1000
errors               12
requests per second  2000
latency p50          0.500 ms
latency p90          0.900 ms
latency p99          0.990 ms
latency max          1.000 ms
server CPU           unknown (see --server-pid)
generator CPU        10.0 us per request

     count  status     error
        12  429        Too many activation attempts. Try again later.

The activations of 7 licenses were used up 0.5 s into the measurement; a longer one needs more --licenses.
"
        );
    }
}
