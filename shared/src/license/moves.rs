//! Moves: one machine leaves a license, and another comes in its place.

use std::time::Duration;

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Noun, Throttle},
    license::{
        License,
        activation::{Activation, Admission, Arrival, Remover},
        admission::too_many,
        seats::Seats,
    },
    product::ProductId,
    signing::token::TokenPolicy,
};

/// How often a license may be moved from one machine to another.
#[derive(Clone, Copy, Debug)]
pub struct MovePolicy {
    /// How many moves a window admits (`KEYSTEAD_MOVES`, default 3; 0: none).
    pub limit: usize,
    /// How long a move counts (`KEYSTEAD_MOVES_DAYS`, default 30).
    pub window: Duration,
}

/// A machine that asks for the place of another.
#[derive(Clone, Copy, Debug)]
pub struct MoveRequest<'a> {
    /// The product that it wants to run.
    pub product: &'a ProductId,
    /// The machine that comes.
    pub arrival: &'a Arrival,
    /// How long its token lives.
    pub tokens: &'a TokenPolicy,
    /// How often a license may be moved.
    pub policy: &'a MovePolicy,
    /// How the machine that leaves was named.
    pub named: NamedBy,
    /// The network that it asks from, in which the attempts of new machines are counted together.
    pub network: &'a str,
}

/// How a machine was named that is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// By its fingerprint, which no one is told but the machine itself and the vendor.
    Fingerprint,
    /// As `/listMachines` shows it to everybody who has the key and a machine on the license. By that, a machine is taken off
    /// only once its last token has expired and it holds no session.
    Shown,
}

/// What is to be done about a [`MoveRequest`].
#[derive(Debug)]
pub enum MoveVerdict {
    /// The machine comes once this is written.
    Write(Box<MovePlan>),
    /// No session is free, for this reason, even once the other machine has left. It may count sessions that have lapsed.
    Full(Error),
}

/// What is to be written for a move.
#[derive(Clone, Debug)]
pub struct MovePlan {
    /// What the machine that comes takes.
    pub admission: Admission,
    /// The slots that the machine that comes takes; the one that leaves gives one back.
    pub came: u32,
    /// The sessions that begin.
    pub taken: u32,
    /// The sessions that end with the machine that leaves.
    pub freed: u32,
    /// The license as it will be.
    pub license: License,
    /// The activation of the machine that comes, as it will be.
    pub activation: Activation,
    /// What is known of the machine that comes, with the expiry of its token.
    pub arrival: Arrival,
}

/// Decides about a machine that comes in the place of `leaving` and has the activation `coming`, or none.
///
/// # Errors
/// In the order of precedence: [`Throttle::Activations`], of a machine that is known; the refusals of [`License::opens`];
/// [`Noun::Activation`]; [`Denial::MayStillRun`]; [`Throttle::Moves`]; [`Throttle::Activations`], when too many other machines
/// came.
pub fn admit_in_place(
    license: &License,
    leaving: Option<&Activation>,
    coming: Option<&Activation>,
    request: &MoveRequest<'_>,
) -> Result<MoveVerdict> {
    let now = request.arrival.now;
    if let Some(coming) = coming {
        coming.attempts.admit(now)?;
    }
    let first_seen = coming.map(|coming| coming.first_seen);
    license.for_machine(first_seen).opens(request.product, now)?;
    let mover = Remover::Customer(request.arrival.via);
    let leaving = leaving.filter(|leaving| leaving.may_be_removed_by(mover));
    let leaving = leaving.ok_or(Error::NotFound(Noun::Activation))?;
    if let (NamedBy::Shown, Some(until)) = (request.named, leaving.may_run_until(&license.seats, now)) {
        return Err(Error::Denied(Denial::MayStillRun { until }));
    }
    let moves = license.may_move(now, request.policy)?;
    let admission = match license.admit_in_place_of(leaving, coming) {
        Ok(admission) => admission,
        Err(full) => return Ok(MoveVerdict::Full(full)),
    };
    let arrival = Arrival {
        token_expiry: Some(
            license
                .for_machine(first_seen.or(Some(now)))
                .token_expiry(now, request.tokens),
        ),
        ..request.arrival.clone()
    };
    let (came, taken) = admission.takes(license.seats.session_limit().is_some());
    let freed = u32::from(leaving.lease_until.is_some());
    let admissions = if came > 0 {
        license.seats.admissions.and_one(now).map_err(too_many)?
    } else {
        license.seats.admissions
    };
    Ok(MoveVerdict::Write(Box::new(MovePlan {
        admission,
        came,
        taken,
        freed,
        license: License {
            seats: Seats {
                machines_used: (license.seats.machines_used + came).saturating_sub(1),
                sessions_open: (license.seats.sessions_open + taken).saturating_sub(freed),
                moves,
                admissions,
                ..license.seats.clone()
            },
            revision: license.revision + 1,
            ..license.clone()
        },
        activation: Activation::after(coming, &license.license_key, &license.seats, &arrival),
        arrival,
    })))
}

impl License {
    /// Whether the license may be moved to another machine at `now`. Answers the moves that count then, with this one.
    ///
    /// # Errors
    /// [`Throttle::Moves`].
    pub fn may_move(&self, now: Timestamp, policy: &MovePolicy) -> Result<Vec<Timestamp>> {
        let mut moves = self.seats.moves.clone();
        moves.retain(|moved| *moved > now - policy.window);
        moves.sort_unstable();
        // There may be more than the limit, if it was lowered since: then that many have to leave the window.
        if let Some(too_many) = moves.len().checked_sub(policy.limit) {
            // Where no move is admitted at all, nobody need ask again soon.
            let leaves = moves.get(too_many).copied().unwrap_or(now);
            return Err(Error::Throttled {
                by: Throttle::Moves,
                retry_at: leaves + policy.window,
            });
        }
        moves.push(now);
        Ok(moves)
    }
}
