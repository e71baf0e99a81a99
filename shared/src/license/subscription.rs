//! Memberships: the subscriptions that licenses are linked to.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, license::License, value::days::Days};

/// The subscription behind a license, as far as stores told of it.
///
/// A license is linked by the first notice that tells of a subscription. The license-keys API lets it run only while the
/// membership is active; the flat API goes by `expiresAt` alone, as its contract has it.
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

impl License {
    /// The license after its customer cancelled the subscription: what is paid for is used up first. `None` when an end
    /// that comes no later is known.
    pub fn cancel(&self, now: Timestamp) -> Option<Self> {
        let membership = self.membership.unwrap_or_default();
        let paid_until = self
            .expires_at
            .max(membership.paid_until)
            .map_or(now, |until| until.max(now));
        self.ending(Subscription {
            ends_at: Some(paid_until),
            ..membership
        })
    }

    /// The license after its subscription has ended for good. `None` as for [`License::cancel`].
    pub fn leave(&self, now: Timestamp) -> Option<Self> {
        self.ending(Subscription {
            ends_at: Some(now),
            is_over: true,
            ..self.membership.unwrap_or_default()
        })
    }

    fn ending(&self, ending: Subscription) -> Option<Self> {
        let known = self.membership.and_then(|membership| membership.ends_at);
        known.is_none_or(|known| ending.ends_at < Some(known)).then(|| Self {
            membership: Some(ending),
            ..self.clone()
        })
    }
}
