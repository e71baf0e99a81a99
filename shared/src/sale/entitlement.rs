//! Entitlement: what a sale gives its licenses, as far as it is known.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::{License, expiry::Expiry, seats::SeatLimit, standing::Dispute, subscription::Subscription},
    sale::fact::Quantity,
};

/// The seats that a license of a sale has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoldSeats {
    /// How many machines.
    pub max_machines: SeatLimit,
    /// How many sessions at once, when that is not `max_machines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<SeatLimit>,
}

impl SoldSeats {
    /// At least as many as were bought.
    #[must_use]
    pub fn at_least(self, bought: Quantity) -> Self {
        let at_least = |limit: SeatLimit| match limit {
            SeatLimit::Unlimited => SeatLimit::Unlimited,
            SeatLimit::Limited(limit) => SeatLimit::Limited(limit.max(bought.number())),
        };
        Self {
            max_machines: at_least(self.max_machines),
            max_concurrent: self.max_concurrent.map(at_least),
        }
    }
}

/// What a sale gives a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entitlement {
    /// When it ends; never, when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The subscription that pays for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// Its seats, where the quantity decides about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<SoldSeats>,
    /// How the money was taken back that it was paid with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
}

impl Entitlement {
    /// `license`, which had the entitlement `before`, with this one; but for its standing. What the vendor has changed by
    /// hand meanwhile stays changed: of the end, the difference is added, or taken off.
    #[must_use]
    pub fn apply(&self, before: &Self, license: &License, now: Timestamp) -> License {
        let mut changed = license.clone();
        if let (Some(from), Some(to), Some(own)) = (before.ends_at, self.ends_at, license.expires_at())
            && from != to
        {
            changed.expiry = Expiry::from(Some(if own == from {
                to
            } else if to > from {
                own.max(now) + to.since(from)
            } else {
                own - from.since(to)
            }));
        }
        if before.subscription != self.subscription {
            changed.subscription = self.subscription;
        }
        if let (Some(from), Some(to)) = (before.seats, self.seats) {
            if license.seats.max_machines == from.max_machines {
                changed.seats.max_machines = to.max_machines;
            }
            if license.seats.max_concurrent == from.max_concurrent {
                changed.seats.max_concurrent = to.max_concurrent;
            }
        }
        changed
    }
}
