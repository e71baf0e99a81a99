//! Memberships: the subscriptions that licenses are linked to.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, license::License};

/// The subscription behind a license, as far as stores told of it.
///
/// A license is linked by the first notice that tells of a subscription. The license-keys API lets it run only while the
/// membership is active; the flat API goes by `expiresAt` alone, as its contract has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// When it ends, should that be known: the customer will not pay again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

impl Membership {
    /// One that goes on until a store says otherwise.
    pub const ACTIVE: Self = Self { ends_at: None };

    /// Whether it is active.
    pub fn is_active(self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}

impl License {
    /// The license linked to a subscription that goes on. `None` when it is so already.
    pub fn join(&self) -> Option<Self> {
        (self.membership != Some(Membership::ACTIVE)).then(|| Self {
            membership: Some(Membership::ACTIVE),
            ..self.clone()
        })
    }

    /// The license after its customer cancelled the subscription: what is paid for is used up first. `None` when an end
    /// that comes no later is known.
    pub fn cancel(&self, now: Timestamp) -> Option<Self> {
        let paid_until = self.expires_at.map_or(now, |expiry| expiry.max(now));
        self.ending(paid_until)
    }

    /// The license after its subscription has ended. `None` as for [`License::cancel`].
    pub fn leave(&self, now: Timestamp) -> Option<Self> {
        self.ending(now)
    }

    fn ending(&self, end: Timestamp) -> Option<Self> {
        let known = self.membership.and_then(|membership| membership.ends_at);
        known.is_none_or(|known| end < known).then(|| Self {
            membership: Some(Membership { ends_at: Some(end) }),
            ..self.clone()
        })
    }
}
