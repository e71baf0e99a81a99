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

/// How far a license's end is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// By so many days: of its end, or of now when that has passed; or of the days after its first use.
    Days(Days),
    /// To this time.
    Until(Timestamp),
}

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

    /// The license stopped by hand. `None` when it is stopped already, was revoked, or has ended: `/v1` freezes what works.
    pub fn freeze(&self, now: Timestamp) -> Option<Self> {
        let works = match self.standing.status {
            LicenseStatus::Active | LicenseStatus::Degraded => !self.has_expired(now),
            // By the enforcement rules: it may work until its grace is over.
            LicenseStatus::Suspended => true,
            LicenseStatus::Revoked => false,
        };
        let frozen = self.with(self.standing.suspend(now));
        (works && frozen != *self).then_some(frozen)
    }

    /// The license going on after it was stopped, by whomever. `None` when it is not stopped.
    pub fn unfreeze(&self, now: Timestamp) -> Option<Self> {
        match self.standing.status {
            LicenseStatus::Suspended => Some(self.activated(now)),
            LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Revoked => None,
        }
    }

    /// The license going on after it was revoked. `None` when it is not revoked.
    pub fn unrevoke(&self, now: Timestamp) -> Option<Self> {
        match self.standing.status {
            LicenseStatus::Revoked => Some(self.activated(now)),
            LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Suspended => None,
        }
    }

    fn activated(&self, now: Timestamp) -> Self {
        let unresolved = self.watch.unresolved_violations;
        self.with(self.standing.set_status(LicenseStatus::Active, unresolved, now))
    }

    /// The license with its end put off. `None` when it has none, or would end no later: who may extend may not end.
    pub fn extend(&self, by: Extension, now: Timestamp) -> Option<Self> {
        let (at, days) = self.expiry.parts();
        let latest = self.expires_at().map_or(now, |end| end.max(now));
        if let Extension::Until(until) = by
            && until <= latest
        {
            return None;
        }
        let expiry = match (by, at, days) {
            (_, None, None) => return None,
            (Extension::Days(by), Some(at), days) => Expiry::of(Some(at.max(now) + by.duration()), days),
            (Extension::Days(by), None, Some(days)) => Expiry::of(None, Some(days.saturating_add(by))),
            (Extension::Until(until), Some(_), days) => Expiry::of(Some(until), days),
            // A date is asked for, and that is when it ends: days beside it would end it earlier.
            (Extension::Until(until), None, Some(_)) => Expiry::At(until),
        };
        (expiry != self.expiry).then(|| Self { expiry, ..self.clone() })
    }

    /// When it was stopped by hand, while it is.
    pub fn frozen_at(&self) -> Option<Timestamp> {
        let stopped = self.standing.status == LicenseStatus::Suspended;
        Some(self.standing.suspension.filter(|_| stopped)?.at)
    }

    /// When it was revoked, while it is.
    pub fn revoked_at(&self) -> Option<Timestamp> {
        let revoked = self.standing.status == LicenseStatus::Revoked;
        self.standing.disputed_at.filter(|_| revoked)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{Denial, Error},
        license::{
            expiry::DaysOfUse,
            policy::Policy,
            reset::{ResetKind, ResetRule},
        },
    };

    fn day(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 24 * 60 * 60 * 1000)
    }

    fn license() -> License {
        let stored = serde_json::json!({
            "licenseKey": "KEY", "licenseId": "id", "ownerId": "acme", "email": "ann@example.com", "productId": "app",
            "variant": "app:standard", "createdAt": day(1), "revision": 0,
            "standing": { "status": "active", "threatLevel": 0 },
            "seats": { "licenseType": "per-machine", "maxMachines": 2, "machinesUsed": 0, "sessionsOpen": 0 },
            "watch": { "unresolvedViolations": 0 },
        });
        let license: License = serde_json::from_value(stored.clone()).expect("a license");
        let again = serde_json::to_value(&license).expect("a value");
        let added = [
            "policy",
            "madeBy",
            "resets",
            "accountId",
            "endUserId",
            "deniedAt",
            "updatedAt",
        ];
        assert!(added.iter().all(|name| again.get(name).is_none()), "{again}");
        assert!(again["seats"].get("addressesBound").is_none(), "{again}");
        license
    }

    #[test]
    fn a_license_is_frozen_and_revoked_once_and_goes_on() {
        let active = license();
        let frozen = active.freeze(day(2)).expect("frozen");
        assert_eq!((frozen.frozen_at(), frozen.freeze(day(3))), (Some(day(2)), None));
        assert!(frozen.standing(day(2)).is_err());
        let thawed = frozen.unfreeze(day(3)).expect("unfrozen");
        assert_eq!(thawed.standing, active.standing);
        assert_eq!((thawed.unfreeze(day(3)), thawed.unrevoke(day(3))), (None, None));
        let revoked = frozen.revoke(None, day(4)).expect("revoked");
        assert_eq!((revoked.revoked_at(), revoked.frozen_at()), (Some(day(4)), None));
        assert_eq!((revoked.freeze(day(5)), revoked.unfreeze(day(5))), (None, None));
        assert_eq!(revoked.revoke(None, day(5)), None);
        assert_eq!(revoked.unrevoke(day(5)).expect("unrevoked").standing, active.standing);
        let ended = License {
            expiry: Expiry::At(day(1)),
            ..active
        };
        assert_eq!(ended.freeze(day(2)), None);
    }

    #[test]
    fn an_end_is_put_off_as_its_mode_has_it() {
        let use_days = |number: i64| DaysOfUse::parse(number).expect("days");
        let (days, until) = (
            Extension::Days(Days::parse(5).expect("days")),
            Extension::Until(day(50)),
        );
        let after = Expiry::AfterFirstUse { days: use_days(30) };
        let both = |at: i64| Expiry::Both {
            at: day(at),
            days: use_days(30),
        };
        let cases = [
            (Expiry::Never, days, None),
            (Expiry::Never, until, None),
            (Expiry::At(day(20)), days, Some(Expiry::At(day(25)))),
            (Expiry::At(day(5)), days, Some(Expiry::At(day(15)))),
            (Expiry::At(day(20)), until, Some(Expiry::At(day(50)))),
            (Expiry::At(day(50)), until, None),
            (after, days, Some(Expiry::AfterFirstUse { days: use_days(35) })),
            (after, until, Some(Expiry::At(day(50)))),
            (both(20), days, Some(both(25))),
            (both(20), until, Some(both(50))),
        ];
        for (expiry, by, extended) in cases {
            let license = License { expiry, ..license() };
            let found = license.extend(by, day(10)).map(|license| license.expiry);
            assert_eq!(found, extended, "{expiry:?} by {by:?}");
        }
    }

    #[test]
    fn a_reset_keeps_to_its_budget_and_cooldown() {
        let policy = serde_json::json!({"v":1,"limits":{"resetBudget":{"hwid":{"max":2,"cooldownHours":24}}}});
        let policy = Policy::parse(&policy).expect("a policy");
        let reset = |license: &License, kind, rule, at| license.reset(kind, &policy, rule, at);
        let (hwid, budgeted) = (ResetKind::Hwid, ResetRule::Budgeted);
        let once = reset(&license(), hwid, budgeted, day(1)).expect("a reset");
        assert_eq!(once.resets_left(hwid, &policy), Some(1));
        let too_soon = reset(&once, hwid, budgeted, day(1)).expect_err("a cooldown");
        assert!(matches!(too_soon, Error::Denied(Denial::ResetCooldown { until }) if until == day(2)));
        let twice = reset(&once, hwid, budgeted, day(2)).expect("a reset");
        let too_often = reset(&twice, hwid, budgeted, day(9)).expect_err("a limit");
        assert!(matches!(too_often, Error::Denied(Denial::ResetLimitReached)));
        assert_eq!(
            reset(&twice, hwid, ResetRule::Free, day(9))
                .expect("a reset")
                .resets
                .hwid
                .count,
            3
        );
        let addresses = reset(&twice, ResetKind::Ip, budgeted, day(2)).expect("no budget");
        assert_eq!(addresses.resets_left(ResetKind::Ip, &policy), None);
    }
}
