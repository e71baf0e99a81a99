//! Admission: whether a machine gets a seat, or keeps the one that it has, and what is then to be written.

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Resource},
    event::EventType,
    license::{
        License,
        activation::{Activation, Admission, Arrival},
        detection::Detection,
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

    /// When the token expires that the machine is given, if it is given one. A token that is shown is replaced if it was
    /// to be `renewed` anyway, or when the license no longer warrants so long a life.
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
    /// Whether more of the license changes than its counters and what is observed.
    pub is_change: bool,
    /// What was observed, and what comes of it.
    pub detection: Detection,
}

/// Decides about a machine that has the activation `known`, or none. `violations` are those of the license, if they were
/// read.
///
/// # Errors
/// In the order of precedence: the refusals of [`License::opens`]; [`Error::MachineNotActivated`].
pub fn admit(
    license: &License,
    known: Option<&Activation>,
    request: &SeatRequest<'_>,
    violations: Option<&[Violation]>,
) -> Result<Verdict> {
    let (purpose, now) = (request.purpose, request.arrival.now);
    license.opens(request.product, now)?;
    let is_validation = match (purpose, known) {
        (Purpose::Validate { .. } | Purpose::Heartbeat, None) => {
            return Err(Error::Denied(Denial::MachineNotActivated));
        }
        (Purpose::Validate { .. }, Some(known)) => known.validation_is_due(now),
        (Purpose::Activate { .. } | Purpose::Heartbeat, _) => false,
    };
    let admission = match license.admit(known) {
        Ok(admission) => admission,
        Err(full) => return Ok(Verdict::Full(full)),
    };
    let renewed = request.arrival.token_expiry;
    let mut arrival = Arrival {
        token_expiry: purpose.token_expiry(license, now, renewed),
        ..request.arrival.clone()
    };
    if let (Purpose::Validate { .. } | Purpose::Heartbeat, Some(known)) = (purpose, known)
        && !is_validation
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
        Some(limits) => Detection::of(license, &arrival, is_new, limits, violations),
        None => Some(Detection::none(license)),
    };
    let Some(detection) = detection else {
        return Ok(Verdict::ReadViolations);
    };
    // By what the license is now: this very request may have degraded it.
    arrival.token_expiry = purpose.token_expiry(&detection.license, now, renewed);
    let mut activation = Activation::after(known, &license.license_key, &license.seats, &arrival);
    let is_event = is_validation || (is_new && purpose.event() == Some(EventType::Activated));
    if is_event {
        activation.validated_at = Some(now);
    }
    Ok(Verdict::Write(Box::new(Plan {
        admission,
        license: detection.license.counted(admission),
        activation,
        arrival,
        is_event,
        is_change: detection.license.revision != read.revision,
        detection,
    })))
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
