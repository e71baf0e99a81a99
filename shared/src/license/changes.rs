//! Changes: what becomes of a license by its vendor's hand, by notices of stores, and by its violations.

use std::time::Duration;

use crate::{
    Timestamp,
    license::{
        License,
        expiry::Expiry,
        seats::{LicenseType, SeatLimit},
        standing::{Dispute, LicenseStatus, StandingState, ThreatLevel},
        subscription::Subscription,
    },
    product::variant::VariantId,
    sale::purchase::told_again_within,
    value::{days::Days, email::Email, patch::Patch, reference::Reference},
};

/// What a vendor changes of a license by hand; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Another address of its customer.
    pub email: Option<Email>,
    /// Another variant.
    pub variant: Option<VariantId>,
    /// Another way to count seats.
    pub license_type: Option<LicenseType>,
    /// Another number of machines.
    pub max_machines: Option<SeatLimit>,
    /// Another number of sessions, or none of its own.
    pub max_concurrent: Patch<SeatLimit>,
    /// Another end, or none.
    pub expires_at: Patch<Timestamp>,
    /// Another status.
    pub status: Option<LicenseStatus>,
}

impl License {
    fn with(&self, standing: StandingState) -> Self {
        Self {
            standing,
            ..self.clone()
        }
    }

    /// The license with the mark of a revocation. `None` as for [`StandingState::revoke`].
    pub fn revoke(&self, reason: Option<Reference>, now: Timestamp) -> Option<Self> {
        self.standing.revoke(reason, now).map(|standing| self.with(standing))
    }

    /// The license after the money for it was given back. `None` as for [`StandingState::dispute`].
    pub fn dispute(&self, dispute: Dispute, now: Timestamp) -> Option<Self> {
        self.standing.dispute(dispute, now).map(|standing| self.with(standing))
    }

    /// The license made to work again: [`StandingState::reinstate`].
    #[must_use]
    pub fn reinstate(&self, unresolved: ThreatLevel) -> Self {
        self.with(self.standing.reinstate(unresolved))
    }

    /// The license once violations of this level are unresolved: [`StandingState::resolve`].
    #[must_use]
    pub fn resolve(&self, unresolved: ThreatLevel, now: Timestamp, grace: Duration) -> Self {
        self.with(self.standing.resolve(unresolved, now, grace))
    }

    /// The license after it was paid for another period, which begins when the last one ends, or now. A perpetual license
    /// stays perpetual, and a revoked one revoked. Its subscription is paid for as long.
    #[must_use]
    pub fn renew(&self, days: Days, now: Timestamp) -> Self {
        Self {
            expiry: self.expiry.extended(self.first_used_at, days, now),
            subscription: Some(self.subscription.unwrap_or_default().paid(days, now)),
            ..self.clone()
        }
    }

    /// As [`License::renew`], by a notice that has no id by which it could be told from the last one. `None` when the last one was so short a time ago that this is the same.
    pub fn renew_unnamed(&self, days: Days, now: Timestamp) -> Option<Self> {
        let told_twice = |renewed| now.since(renewed) < told_again_within(days);
        if self.renewed_at.is_some_and(told_twice) {
            return None;
        }
        Some(Self {
            renewed_at: Some(now),
            ..self.renew(days, now)
        })
    }

    /// The license with `changes`, which the vendor asks for by hand.
    ///
    /// A suspension by hand blocks at once, and a license that is made active again has no marks of a dispute.
    #[must_use]
    pub fn change(&self, changes: &Changes, now: Timestamp) -> Self {
        let suspend = Changes {
            status: Some(LicenseStatus::Suspended),
            ..Changes::default()
        };
        let standing = match changes.status {
            // Asked for and nothing else, it ends a grace as well. Beside other changes it may be the status as shown.
            Some(_) if *changes == suspend => self.standing.suspend(now),
            Some(status) => self.standing.set_status(status, self.watch.unresolved_violations, now),
            None => self.standing.clone(),
        };
        let mut license = self.with(standing);
        if let Some(email) = &changes.email {
            license.email = email.clone();
        }
        if let Some(variant) = &changes.variant {
            license.variant = variant.clone().within(&license.product_id);
        }
        if let Some(license_type) = changes.license_type {
            license.seats.license_type = license_type;
        }
        if let Some(max) = changes.max_machines {
            license.seats.max_machines = max;
        }
        changes.max_concurrent.apply(&mut license.seats.max_concurrent);
        match changes.expires_at {
            Patch::Keep => {}
            Patch::Clear => license.expiry = Expiry::from(None),
            Patch::Set(end) => license.expiry = Expiry::from(Some(end)),
        }
        license
    }

    /// The license after its customer cancelled the subscription: what is paid for is used up first. `None` when an end
    /// that comes no later is known.
    pub fn cancel(&self, now: Timestamp) -> Option<Self> {
        let subscription = self.subscription.unwrap_or_default();
        let paid_until = self
            .expires_at()
            .max(subscription.paid_until)
            .map_or(now, |until| until.max(now));
        self.ending(Subscription {
            ends_at: Some(paid_until),
            ..subscription
        })
    }

    /// The license after its subscription has ended for good. `None` as for [`License::cancel`].
    pub fn leave(&self, now: Timestamp) -> Option<Self> {
        self.ending(Subscription {
            ends_at: Some(now),
            is_over: true,
            ..self.subscription.unwrap_or_default()
        })
    }

    fn ending(&self, ending: Subscription) -> Option<Self> {
        let known = self.subscription.and_then(|subscription| subscription.ends_at);
        known.is_none_or(|known| ending.ends_at < Some(known)).then(|| Self {
            subscription: Some(ending),
            ..self.clone()
        })
    }
}
