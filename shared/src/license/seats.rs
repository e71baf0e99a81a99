//! Seats: how many machines, or sessions at once, a license allows.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{json_schema::schema, number::whole_number, text::choice};

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

/// How many machines, or sessions at once, a license allows. On the wire and in the tables, -1 means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatLimit {
    /// Any number.
    Unlimited,
    /// This many.
    Limited(u32),
}

impl SeatLimit {
    /// The largest limit that can be set.
    pub const MAX: u32 = 1_000_000;

    /// The limit that `number` stands for on the wire.
    pub fn parse(number: i64) -> Option<Self> {
        if number == -1 {
            return Some(Self::Unlimited);
        }
        u32::try_from(number)
            .ok()
            .filter(|limit| *limit <= Self::MAX)
            .map(Self::Limited)
    }

    /// The limit as the wire has it.
    pub fn number(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::Limited(limit) => i64::from(limit),
        }
    }

    /// Whether one more fits beside `used`.
    pub fn admits(self, used: u32) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Limited(limit) => used < limit,
        }
    }
}

impl std::fmt::Display for SeatLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl Serialize for SeatLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.number())
    }
}

impl<'de> Deserialize<'de> for SeatLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = format!("a whole number from 0 to {}, or -1 for unlimited", Self::MAX);
        whole_number(deserializer, &expected, Self::parse)
    }
}

schema!(SeatLimit, {
    "type": "integer",
    "description": "How many machines, or sessions at once. -1 means unlimited.",
    "minimum": -1,
    "maximum": SeatLimit::MAX,
});
