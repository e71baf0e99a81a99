//! Detection: the rules that find violations, by what is seen of a license's machines. They are functions of the license;
//! ADR 19 has how they hold under a race.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    Timestamp,
    license::{
        License,
        activation::Arrival,
        machine::{Country, MachineMark},
        seats::{LicenseType, SeatLimit},
        violation::{Finding, Severity, Violation, threat_level},
        watch::DetectionLimits,
    },
    value::timestamp::HOUR,
};

/// How stale it may be, at most, when a license was last seen in a country: a license that is used all day costs a write
/// an hour for it, not one a request.
const OBSERVATION_PRECISION: Duration = Duration::from_secs(60 * 60);

/// How many machines are forgotten in one write, so that no write grows with a license's past.
const FORGOTTEN_AT_ONCE: usize = 20;

/// What a request tells of where a license is used, as far as it is new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The countries that the license was seen in lately, with the one that it is seen in now.
    pub seen_in: Option<BTreeMap<Country, Timestamp>>,
    /// The machine that came and is back, and when, in seconds since 1970.
    pub arrival: Option<(MachineMark, i64)>,
    /// Machines that came so long ago that they are forgotten.
    pub forgotten: Vec<MachineMark>,
}

impl Observation {
    /// Of this license, by a machine that returns to it for the first time or not. Sites are used everywhere, and their
    /// countries are not looked at.
    pub fn of(license: &License, arrival: &Arrival, returns: bool, policy: &DetectionLimits) -> Self {
        let now = arrival.now;
        let mut observation = Self::default();
        if let Some(country) = &arrival.country
            && policy.geo_spread
            && license.seats.license_type != LicenseType::Site
        {
            let seen = license.watch.seen_in.get(country);
            let precision = OBSERVATION_PRECISION.min(policy.geo_window / 24);
            if seen.is_none_or(|seen| now.since(*seen) >= precision) {
                let mut seen_in = license.watch.seen_in.clone();
                seen_in.retain(|_, seen| now.since(*seen) < policy.geo_window);
                seen_in.insert(country.clone(), now);
                observation.seen_in = Some(seen_in);
            }
        }
        if returns && policy.machine_churn.covers(license.seats.license_type) {
            let since = (now - policy.churn_window).seconds();
            let mark = MachineMark::of(&arrival.fingerprint);
            // One that came back lately, left, and comes again, is no other machine.
            if license.watch.arrivals.get(&mark).is_none_or(|came| *came <= since) {
                let old = license
                    .watch
                    .arrivals
                    .iter()
                    .filter(|(other, came)| **came <= since && **other != mark);
                observation.forgotten = old.map(|(mark, _)| mark.clone()).take(FORGOTTEN_AT_ONCE).collect();
                // Far beyond what is grave, another one tells nothing; and the item must stay small.
                let most = usize::try_from(churn_thresholds(license, policy).1).unwrap_or(usize::MAX);
                if license.watch.arrivals.len() >= most.saturating_mul(2) && observation.forgotten.is_empty() {
                    let oldest = license.watch.arrivals.iter().min_by_key(|(_, came)| **came);
                    observation.forgotten.extend(oldest.map(|(mark, _)| mark.clone()));
                }
                observation.arrival = Some((mark, now.seconds()));
            }
        }
        observation
    }

    /// Whether it tells nothing new.
    pub fn is_empty(&self) -> bool {
        self.seen_in.is_none() && self.arrival.is_none()
    }

    /// The license, once this is noted.
    #[must_use]
    pub fn noted(&self, license: &License) -> License {
        let mut license = license.clone();
        if let Some(seen_in) = &self.seen_in {
            license.watch.seen_in.clone_from(seen_in);
        }
        for mark in &self.forgotten {
            license.watch.arrivals.remove(mark);
        }
        if let Some((mark, came)) = &self.arrival {
            license.watch.arrivals.insert(mark.clone(), *came);
        }
        license
    }
}

/// What the detectors find on a license at `now`. Of what was seen up to the time that `settled` gives for a type, the
/// vendor has put a violation aside, and it counts no more.
pub fn detect(
    license: &License,
    policy: &DetectionLimits,
    now: Timestamp,
    settled: impl Fn(&str) -> Option<Timestamp>,
) -> Vec<Finding> {
    let geo = geo_spread(license, policy, now, settled(Violation::GEO_SPREAD));
    let churn = machine_churn(license, policy, now, settled(Violation::MACHINE_CHURN));
    geo.into_iter().chain(churn).collect()
}

/// One key in several countries within a short time.
fn geo_spread(
    license: &License,
    policy: &DetectionLimits,
    now: Timestamp,
    settled: Option<Timestamp>,
) -> Option<Finding> {
    if !policy.geo_spread || license.seats.license_type == LicenseType::Site {
        return None;
    }
    let counts =
        |seen: &Timestamp| now.since(*seen) < policy.geo_window && settled.is_none_or(|settled| *seen > settled);
    let countries: Vec<&str> = license
        .watch
        .seen_in
        .iter()
        .filter(|(_, seen)| counts(seen))
        .map(|(country, _)| country.as_str())
        .collect();
    let number = u32::try_from(countries.len()).unwrap_or(u32::MAX);
    let severity = severity(number, policy.geo_medium, policy.geo_high)?;
    let hours = policy.geo_window.as_secs() / HOUR.as_secs();
    Some(Finding {
        r#type: Violation::GEO_SPREAD,
        severity,
        details: details(json!({ "countries": countries, "withinHours": hours })),
    })
}

/// Many new machines within some time.
fn machine_churn(
    license: &License,
    policy: &DetectionLimits,
    now: Timestamp,
    settled: Option<Timestamp>,
) -> Option<Finding> {
    if !policy.machine_churn.covers(license.seats.license_type) {
        return None;
    }
    let number = arrivals_since(license, (now - policy.churn_window).seconds(), settled);
    let (medium, high) = churn_thresholds(license, policy);
    let severity = severity(number, medium, high)?;
    let days = policy.churn_window.as_secs() / (24 * HOUR.as_secs());
    Some(Finding {
        r#type: Violation::MACHINE_CHURN,
        severity,
        details: details(json!({ "newMachines": number, "withinDays": days })),
    })
}

fn arrivals_since(license: &License, since: i64, settled: Option<Timestamp>) -> u32 {
    let since = settled.map_or(since, |settled| since.max(settled.seconds()));
    let number = license.watch.arrivals.values().filter(|came| **came > since).count();
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How many new machines are a violation, of medium and of high severity.
fn churn_thresholds(license: &License, policy: &DetectionLimits) -> (u32, u32) {
    match (license.seats.license_type, license.seats.max_machines) {
        (LicenseType::Site, _) | (_, SeatLimit::Unlimited) => {
            (policy.churn_unlimited_medium, policy.churn_unlimited_high)
        }
        (LicenseType::PerMachine | LicenseType::Floating, SeatLimit::Limited(machines)) => {
            // On a floating license as many machines may come as may run.
            let machines = match license.seats.session_limit() {
                Some(SeatLimit::Unlimited) => return (policy.churn_unlimited_medium, policy.churn_unlimited_high),
                Some(SeatLimit::Limited(sessions)) => machines.max(sessions),
                None => machines,
            };
            let machines = machines.max(policy.churn_machines);
            let more_than = |times: u32| machines.saturating_mul(times).saturating_add(1);
            (more_than(policy.churn_medium), more_than(policy.churn_high))
        }
    }
}

/// How many more new machines may come at the same time, unseen by this request, before there is something to be found.
/// `None` when nothing more would be.
fn room_for_arrivals(
    license: &License,
    policy: &DetectionLimits,
    now: Timestamp,
    settled: Option<Timestamp>,
) -> Option<u32> {
    let number = arrivals_since(license, (now - policy.churn_window).seconds(), settled);
    let (medium, high) = churn_thresholds(license, policy);
    let next = [medium, high].into_iter().find(|threshold| number < *threshold)?;
    Some(next - number - 1)
}

fn severity(number: u32, medium: u32, high: u32) -> Option<Severity> {
    if number >= high {
        Some(Severity::High)
    } else if number >= medium {
        Some(Severity::Medium)
    } else {
        None
    }
}

fn details(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(details) => details,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// What comes of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Consequence {
    /// A new violation.
    New(Finding),
    /// The violation that is open is graver than it was, or there is more to tell of it.
    More {
        /// The violation as it now is.
        violation: Violation,
        /// Whether it is graver.
        is_graver: bool,
    },
}

impl Consequence {
    /// What comes of `finding`, beside the violations that are `known` of the license: at most one violation of a type is
    /// open at a time. `None` when nothing new is told.
    fn of(finding: Finding, known: &[Violation]) -> Option<Self> {
        let open = known
            .iter()
            .find(|known| !known.resolved && known.r#type == finding.r#type);
        let Some(open) = open else {
            return Some(Self::New(finding));
        };
        let is_graver = finding.severity > open.severity;
        if !is_graver && finding.details == open.details {
            return None;
        }
        Some(Self::More {
            violation: Violation {
                severity: open.severity.max(finding.severity),
                details: finding.details,
                ..open.clone()
            },
            is_graver,
        })
    }

    /// Whether it changes the license, and is an event: a violation that merely has more to tell does and is not.
    pub fn is_event(&self) -> bool {
        match self {
            Self::New(_) => true,
            Self::More { is_graver, .. } => *is_graver,
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::New(finding) => finding.severity,
            Self::More { violation, .. } => violation.severity,
        }
    }
}

/// What detection makes of a request.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The license with what was observed, and on the level and in the status that its violations warrant.
    pub license: License,
    /// What was observed.
    pub observation: Observation,
    /// How many more machines may come back at the same time before there is something to find; any number, when `None`.
    pub room: Option<u32>,
    /// What comes of the findings.
    pub consequences: Vec<Consequence>,
}

impl Detection {
    /// Of a request that is not observed.
    pub fn none(license: &License) -> Self {
        Self {
            license: license.clone(),
            observation: Observation::default(),
            room: None,
            consequences: Vec::new(),
        }
    }

    /// Of a machine that shows itself on `license`, and returns to it for the first time or not. `None` when the detectors find
    /// something and `violations`, those that are known of the license, are not given: they decide what comes of it.
    pub fn of(
        license: &License,
        arrival: &Arrival,
        returns: bool,
        limits: &DetectionLimits,
        violations: Option<&[Violation]>,
    ) -> Option<Self> {
        let now = arrival.now;
        let observation = Observation::of(license, arrival, returns, limits);
        let observed = observation.noted(license);
        let room = |settled| {
            let arrives = observation.arrival.is_some();
            arrives
                .then(|| room_for_arrivals(&observed, limits, now, settled))
                .flatten()
        };
        if observation.is_empty() || detect(&observed, limits, now, |_| None).is_empty() {
            return Some(Self {
                room: room(None),
                license: observed,
                observation,
                consequences: Vec::new(),
            });
        }
        let violations = violations?;
        // What was seen before a violation was put aside counts no more.
        let settled = |r#type: &str| {
            let same = violations.iter().filter(|violation| violation.r#type == r#type);
            same.filter_map(|violation| violation.resolved_at).max()
        };
        let findings = detect(&observed, limits, now, settled).into_iter();
        let consequences: Vec<Consequence> = findings
            .filter_map(|finding| Consequence::of(finding, violations))
            .collect();
        let license = if consequences.iter().any(Consequence::is_event) {
            License {
                revision: license.revision + 1,
                ..enforced(&observed, &open(violations, &consequences), limits, now)
            }
        } else {
            observed.clone()
        };
        Some(Self {
            license,
            room: room(settled(Violation::MACHINE_CHURN)),
            observation,
            consequences,
        })
    }

    /// Whether it changes the license otherwise than by what was observed.
    pub fn is_event(&self) -> bool {
        self.consequences.iter().any(Consequence::is_event)
    }
}

/// The severities of the violations that are open after these consequences.
fn open(violations: &[Violation], consequences: &[Consequence]) -> Vec<Severity> {
    let replaced = |known: &Violation| {
        consequences.iter().any(|consequence| match consequence {
            Consequence::New(_) => false,
            Consequence::More { violation, .. } => violation.violation_id == known.violation_id,
        })
    };
    let others = violations.iter().filter(|known| !known.resolved && !replaced(known));
    let others = others.map(|violation| violation.severity);
    others.chain(consequences.iter().map(Consequence::severity)).collect()
}

/// The license with violations of these severities open, as the detectors leave it: they never bring one to the highest
/// level, which a chargeback does, nor let one be blocked at once.
#[must_use]
pub fn enforced(license: &License, open: &[Severity], limits: &DetectionLimits, now: Timestamp) -> License {
    let detected = open.iter().copied().filter(|severity| *severity != Severity::Critical);
    let mut changed = license.resolve(threat_level(detected), now, limits.suspension_grace);
    let level = threat_level(open.iter().copied());
    changed.standing.threat_level = changed.standing.threat_level.max(level);
    changed
}
