//! Seats: how many machines, or sessions at once, a license allows.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    value::{number::number_value, text::choice, timestamp::HOUR},
};

choice!(
    /// How a license counts its seats.
    LicenseType {
        /// A machine takes a slot when it first activates, and keeps it.
        PerMachine = "per-machine",
        /// Any machine may activate; a limited number may run at once.
        Floating = "floating",
        /// Any number of machines.
        Site = "site",
    }
);

number_value!(
    /// How many machines, or sessions at once. -1 means unlimited.
    SeatLimit, "a whole number", 0 to 1_000_000, or -1 for unlimited
);

impl std::fmt::Display for SeatLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// The seats of a license.
///
/// **Invariant**: `machines_used` is the number of its activations, `sessions_open` that of its leases, and
/// `addresses_bound` that of its addresses. Each changes only in the transaction that changes what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seats {
    /// How the license counts them.
    pub license_type: LicenseType,
    /// How many machines may be activated.
    pub max_machines: SeatLimit,
    /// How many floating sessions may be open at once, when that is not `max_machines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<SeatLimit>,
    /// Counter: the activations.
    pub machines_used: u32,
    /// Counter: the activations that hold a session, live or lapsed, and the sessions of `/v1`.
    pub sessions_open: u32,
    /// Counter: the addresses, or countries, that `/v1` has seen it used from. Absent until there is one.
    #[serde(default, skip_serializing_if = "is_none")]
    pub addresses_bound: u32,
    /// When the license was moved from one machine to another, oldest first: as far as it counts against the next move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Timestamp>,
    /// Counter: the machines that were let in of late.
    #[serde(default)]
    pub admissions: Admissions,
}

/// How many new machines were let in within the hour in which the last one was.
///
/// **Invariant**: it changes only in the transaction that lets a machine in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admissions {
    /// When that hour began, in seconds since 1970.
    pub hour: i64,
    /// How many.
    pub number: u32,
}

impl Admissions {
    /// How many new machines a license lets in within an hour, from however many networks they come.
    pub const MOST: u32 = 150;

    /// These, and one more at `now`.
    ///
    /// # Errors
    /// When one more may come, if there have been too many.
    pub fn and_one(self, now: Timestamp) -> Result<Self, Timestamp> {
        let hour = now.hour();
        let before = if self.hour == hour.seconds() { self.number } else { 0 };
        if before >= Self::MOST {
            return Err(hour + HOUR);
        }
        Ok(Self {
            hour: hour.seconds(),
            number: before + 1,
        })
    }
}

impl Seats {
    /// Seats of which none is taken.
    pub fn new(license_type: LicenseType, max_machines: SeatLimit, max_concurrent: Option<SeatLimit>) -> Self {
        Self {
            license_type,
            max_machines,
            max_concurrent,
            machines_used: 0,
            sessions_open: 0,
            addresses_bound: 0,
            moves: Vec::new(),
            admissions: Admissions::default(),
        }
    }

    /// How many machines may be activated: of a site or floating license, any number.
    pub fn machine_limit(&self) -> SeatLimit {
        match self.license_type {
            LicenseType::PerMachine => self.max_machines,
            LicenseType::Floating | LicenseType::Site => SeatLimit::Unlimited,
        }
    }

    /// How many sessions may be open at once; `None` when the license has no sessions.
    pub fn session_limit(&self) -> Option<SeatLimit> {
        (self.license_type == LicenseType::Floating).then(|| self.max_concurrent.unwrap_or(self.max_machines))
    }
}

fn is_none(number: &u32) -> bool {
    *number == 0
}
