//! Admission: whether a machine gets a seat, or keeps the one that it has, and what is then to be written.

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Resource, Throttle},
    event::EventType,
    license::{
        License,
        activation::{Activation, Admission, Arrival},
        detection::Detection,
        seats::SeatLimit,
        violation::Violation,
        watch::DetectionLimits,
    },
    product::ProductId,
    signing::token::TokenPolicy,
};

/// A machine that asks for a seat, or to keep the one that it has.
#[derive(Clone, Copy, Debug)]
pub struct SeatRequest<'a> {
    /// The product that it wants to run.
    pub product: &'a ProductId,
    /// The machine.
    pub arrival: &'a Arrival,
    /// What it asks for.
    pub purpose: Purpose<'a>,
}

/// What a machine asks for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To be let in, and to be given a token. A machine that is new takes a seat, which is an event.
    Activate {
        /// How long its token lives.
        tokens: &'a TokenPolicy,
        /// The product's detection limits.
        limits: DetectionLimits,
        /// The network that it asks from, in which the attempts of new machines are counted together.
        network: &'a str,
        /// How many machines a license has at most, whatever its type.
        most_machines: u32,
    },
    /// To stay in with the token that it shows. That is an event once an hour.
    Validate {
        /// How long a new token lives.
        tokens: &'a TokenPolicy,
        /// When the token expires that it shows.
        shown: Timestamp,
        /// The product's detection limits.
        limits: DetectionLimits,
    },
    /// To hold its session.
    Heartbeat,
}

impl Purpose<'_> {
    /// The event that a request for this may be.
    pub fn event(&self) -> Option<EventType> {
        match self {
            Self::Activate { .. } => Some(EventType::Activated),
            Self::Validate { .. } => Some(EventType::Validated),
            Self::Heartbeat => None,
        }
    }

    /// When the token expires that the machine is given, if it is given one, by the license as it is for that machine. A token
    /// that is shown is replaced if it was to be `renewed` anyway, or when the license no longer warrants so long a life.
    pub fn token_expiry(&self, license: &License, now: Timestamp, renewed: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Activate { tokens, .. } => Some(license.token_expiry(now, tokens)),
            Self::Validate { tokens, shown, .. } => {
                let fresh = license.token_expiry(now, tokens);
                (renewed.is_some() || fresh < *shown).then_some(fresh)
            }
            Self::Heartbeat => None,
        }
    }

    fn most_machines(&self) -> Option<u32> {
        match self {
            Self::Activate { most_machines, .. } => Some(*most_machines),
            Self::Validate { .. } | Self::Heartbeat => None,
        }
    }

    fn limits(&self) -> Option<&DetectionLimits> {
        match self {
            Self::Activate { limits, .. } | Self::Validate { limits, .. } => Some(limits),
            Self::Heartbeat => None,
        }
    }
}

/// What is to be done about a [`SeatRequest`].
#[derive(Debug)]
pub enum Verdict {
    /// The machine keeps its seat, and nothing is worth a write.
    Nothing,
    /// The machine gets or keeps a seat once this is written.
    Write(Box<Plan>),
    /// The detectors found something: decide again with the license's violations.
    ReadViolations,
    /// No seat is free, for this reason. It may count sessions that have lapsed and can be reaped, or be made of a license
    /// and an activation of different moments.
    Full(Error),
}

/// What is to be written for a machine.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the machine takes.
    pub admission: Admission,
    /// The license as it will be.
    pub license: License,
    /// The machine's activation as it will be.
    pub activation: Activation,
    /// What is known of the machine, with the expiry of the token that it is given.
    pub arrival: Arrival,
    /// Whether the request's event is noted.
    pub is_event: bool,
    /// Whether it counts among the machine's attempts.
    pub is_attempt: bool,
    /// Whether it is the machine's first return.
    pub returns: bool,
    /// How many machines there may be at most, whatever the license's type, for one that comes.
    pub most_machines: Option<u32>,
    /// Whether more of the license changes than its counters and what is observed.
    pub is_change: bool,
    /// What was observed, and what comes of it.
    pub detection: Detection,
}

/// Decides about a machine that has the activation `known`, or none. `violations` are those of the license, if they were
/// read.
///
/// # Errors
/// In the order of precedence: [`Throttle::Activations`], of a machine that is known; the refusals of [`License::opens`];
/// [`Denial::MachineNotActivated`]; [`Throttle::Activations`], when too many other machines came.
pub fn admit(
    license: &License,
    known: Option<&Activation>,
    request: &SeatRequest<'_>,
    violations: Option<&[Violation]>,
) -> Result<Verdict> {
    let (purpose, now) = (request.purpose, request.arrival.now);
    let is_attempt = matches!(purpose, Purpose::Activate { .. });
    if let Some(known) = known.filter(|_| is_attempt) {
        known.attempts.admit(now)?;
    }
    let first_seen = known.map(|known| known.first_seen);
    let own = license.for_machine(first_seen);
    own.opens(request.product, now)?;
    let is_validation = match (purpose, known) {
        (Purpose::Validate { .. } | Purpose::Heartbeat, None) => {
            return Err(Error::Denied(Denial::MachineNotActivated));
        }
        (Purpose::Validate { .. }, Some(known)) => known.validation_is_due(now),
        (Purpose::Activate { .. } | Purpose::Heartbeat, _) => false,
    };
    let admission = match license
        .admit(known)
        .and_then(|admission| within(license, admission, purpose))
    {
        Ok(admission) => admission,
        Err(full) => return Ok(Verdict::Full(full)),
    };
    let admissions = match admission {
        Admission::NewMachine => license.seats.admissions.and_one(now).map_err(too_many)?,
        Admission::OpenSession | Admission::Refresh => license.seats.admissions,
    };
    let returns = purpose
        .limits()
        .zip(known)
        .is_some_and(|(limits, known)| limits.machine_churn.covers(license.seats.license_type) && known.returns(now));
    let renewed = request.arrival.token_expiry;
    let mut arrival = Arrival {
        token_expiry: purpose.token_expiry(&own, now, renewed),
        ..request.arrival.clone()
    };
    if let (Purpose::Validate { .. } | Purpose::Heartbeat, Some(known)) = (purpose, known)
        && !is_validation
        && !returns
        && !known.needs_write(&license.seats, &arrival)
    {
        return Ok(Verdict::Nothing);
    }
    let is_new = admission == Admission::NewMachine;
    let used = if is_new && license.starts_by_use() {
        License {
            revision: license.revision + 1,
            ..license.used(now)
        }
    } else {
        license.clone()
    };
    let (read, license) = (license, &used);
    let detection = match purpose.limits() {
        Some(limits) => Detection::of(license, &arrival, returns, limits, violations),
        None => Some(Detection::none(license)),
    };
    let Some(detection) = detection else {
        return Ok(Verdict::ReadViolations);
    };
    // By what the license is now: this very request may have degraded it.
    let own = detection.license.for_machine(first_seen.or(Some(now)));
    arrival.token_expiry = purpose.token_expiry(&own, now, renewed);
    let mut activation = Activation::after(known, &license.license_key, &license.seats, &arrival);
    let is_event = is_validation || (is_new && purpose.event() == Some(EventType::Activated));
    if is_event {
        activation.validated_at = Some(now);
    }
    if returns {
        activation.returned_at = Some(now);
    }
    let mut after = detection.license.counted(admission);
    after.seats.admissions = admissions;
    Ok(Verdict::Write(Box::new(Plan {
        admission,
        license: after,
        activation,
        arrival,
        is_event,
        is_attempt,
        returns,
        most_machines: purpose.most_machines(),
        is_change: detection.license.revision != read.revision,
        detection,
    })))
}

/// `admission`, if it leaves the license with no more machines than any has.
fn within(license: &License, admission: Admission, purpose: Purpose<'_>) -> Result<Admission> {
    let most = purpose.most_machines().filter(|_| admission == Admission::NewMachine);
    let Some(most) = most else { return Ok(admission) };
    let limit = SeatLimit::Limited(most);
    if limit.admits(license.seats.machines_used) {
        return Ok(admission);
    }
    Err(Error::Full {
        of: Resource::Machine,
        limit,
    })
}

/// That too many new machines came within an hour.
pub(crate) fn too_many(retry_at: Timestamp) -> Error {
    Error::Throttled {
        by: Throttle::Activations,
        retry_at,
    }
}

impl License {
    /// What a machine with this activation needs before it may run: nothing new, a slot, or a session.
    ///
    /// # Errors
    /// [`Resource::Machine`] or, for floating licenses, [`Resource::Session`]. The latter may count
    /// sessions that have lapsed and can be reaped.
    pub fn admit(&self, activation: Option<&Activation>) -> Result<Admission> {
        match (self.seats.session_limit(), activation) {
            (Some(_), Some(activation)) if activation.lease_until.is_some() => Ok(Admission::Refresh),
            (Some(limit), activation) => {
                if !limit.admits(self.seats.sessions_open) {
                    return Err(Error::Full {
                        of: Resource::Session,
                        limit,
                    });
                }
                Ok(if activation.is_some() {
                    Admission::OpenSession
                } else {
                    Admission::NewMachine
                })
            }
            (None, Some(_)) => Ok(Admission::Refresh),
            (None, None) => {
                let limit = self.seats.machine_limit();
                if !limit.admits(self.seats.machines_used) {
                    return Err(Error::Full {
                        of: Resource::Machine,
                        limit,
                    });
                }
                Ok(Admission::NewMachine)
            }
        }
    }

    /// What a machine with this activation needs before it may run in the place of `leaving`: nothing new, the slot of
    /// that one, or a session.
    ///
    /// A slot is there for it even if the license has fewer by now than it has machines: one goes and one comes.
    ///
    /// # Errors
    /// For floating licenses [`Resource::Session`], as for [`License::admit`]: `leaving` may hold no session,
    /// and others may hold more than there are.
    pub fn admit_in_place_of(&self, leaving: &Activation, activation: Option<&Activation>) -> Result<Admission> {
        match (self.seats.session_limit(), activation) {
            (Some(_), activation) => {
                let freed = u32::from(leaving.lease_until.is_some());
                let mut without = self.clone();
                without.seats.sessions_open = without.seats.sessions_open.saturating_sub(freed);
                without.admit(activation)
            }
            (None, Some(_)) => Ok(Admission::Refresh),
            (None, None) => Ok(Admission::NewMachine),
        }
    }

    /// The license with its counters as `admission` leaves them.
    fn counted(&self, admission: Admission) -> Self {
        let (machines, sessions) = admission.takes(self.seats.session_limit().is_some());
        let mut license = self.clone();
        license.seats.machines_used += machines;
        license.seats.sessions_open += sessions;
        license
    }
}
