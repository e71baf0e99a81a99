//! Subscriptions: what licenses are paid by. The license-keys API calls one a membership.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, value::days::Days};

/// The subscription behind a license, as far as stores told of it.
///
/// A license is linked by the first notice that tells of a subscription. The license-keys API lets it run only while the
/// subscription is active; the flat API goes by `expiresAt` alone, as its contract has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Until when it was paid for, as far as renewals told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Timestamp>,
    /// When it ends, should that be known: the customer will not pay again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether the subscription itself is no more, so that no payment that is told late brings it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
}

impl Subscription {
    /// One that goes on until a store says otherwise.
    pub const ACTIVE: Self = Self {
        paid_until: None,
        ends_at: None,
        is_over: false,
    };

    /// Whether it is active.
    pub fn is_active(self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// This one, paid for so much longer: whoever had cancelled goes on.
    pub(crate) fn paid(self, days: Days, now: Timestamp) -> Self {
        if self.is_over {
            return self;
        }
        let from = self.paid_until.map_or(now, |until| until.max(now));
        Self {
            paid_until: Some(from + days.duration()),
            ends_at: None,
            is_over: false,
        }
    }
}
