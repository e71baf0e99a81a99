//! Bindings: what the license-keys API lets a license do, the machine that it is bound to, and its keys.

use crate::{
    Error, Result, Timestamp,
    error::Denial,
    license::{
        License,
        activation::VALIDATED_INTERVAL,
        key::LicenseKey,
        lock::Lock,
        machine::Fingerprint,
        seats::{Admissions, Seats},
    },
    product::key_rules::KeyRules,
};

/// What the lock decides about a request that shows a license's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockVerdict {
    /// It is good.
    Good,
    /// It is good once it is bound to the machine that asks: the license as it then is.
    Binds(Box<License>),
    /// Its product wants the machine to be named, and none is.
    MachineMissing,
    /// It is not good.
    Refused(LockRefusal),
}

/// Why the lock refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// It was blocked: revoked, or suspended and its grace is over.
    Blocked,
    /// Its `expiresAt` has passed.
    Expired,
    /// The subscription that it is linked to has ended.
    SubscriptionEnded,
    /// It is bound to another machine.
    OtherMachine,
    /// It was bound as often as it may be.
    BindingsUsedUp,
}

impl License {
    /// Whether the license is good at `now` on the machine that asks, if it says which it is. In the contract's order of
    /// precedence: blocked, expired, subscription, machine.
    ///
    /// The machine that it is bound to is established: what the detectors hold against the license is not for it.
    pub fn check(&self, hwid: Option<&Fingerprint>, rules: &KeyRules, now: Timestamp) -> LockVerdict {
        let is_bound = hwid.is_some() && hwid == self.lock.hwid.as_ref();
        let is_blocked = if is_bound {
            self.standing.for_established().is_blocked(now)
        } else {
            self.standing.is_blocked(now)
        };
        if is_blocked {
            return LockVerdict::Refused(LockRefusal::Blocked);
        }
        if self.has_expired(now) {
            return LockVerdict::Refused(LockRefusal::Expired);
        }
        if self
            .subscription
            .is_some_and(|subscription| !subscription.is_active(now))
        {
            return LockVerdict::Refused(LockRefusal::SubscriptionEnded);
        }
        match (hwid, &self.lock.hwid) {
            (None, _) if rules.require_hwid == Some(true) => LockVerdict::MachineMissing,
            (None, _) => LockVerdict::Good,
            (Some(asks), Some(bound)) if asks == bound => LockVerdict::Good,
            (Some(_), Some(_)) => LockVerdict::Refused(LockRefusal::OtherMachine),
            (Some(_), None)
                if rules
                    .max_activations
                    .is_some_and(|limit| !limit.admits(self.lock.bindings)) =>
            {
                LockVerdict::Refused(LockRefusal::BindingsUsedUp)
            }
            (Some(asks), None) => LockVerdict::Binds(Box::new(Self {
                lock: self.lock.bound(asks),
                validated_at: Some(now),
                ..self.used(now)
            })),
        }
    }

    /// Whether that it was found good at `now` is an event: it is some time since one told so.
    pub fn validation_is_due(&self, now: Timestamp) -> bool {
        self.validated_at
            .is_none_or(|told| now.since(told) >= VALIDATED_INTERVAL)
    }

    /// That the license is good, its subscription and machine aside: a buyer may change nothing of another.
    ///
    /// # Errors
    /// [`Denial::NotActive`].
    pub fn active(&self, now: Timestamp) -> Result<()> {
        if self.standing.is_blocked(now) || self.has_expired(now) {
            return Err(Error::Denied(Denial::NotActive));
        }
        Ok(())
    }

    /// The license that the next machine can be bound to. Counted even if it was bound to none, as the contract has it.
    #[must_use]
    pub fn unbind(&self) -> Self {
        Self {
            lock: self.lock.released(),
            ..self.clone()
        }
    }

    /// The license under a new key, with no machine on it. The counter of newcomers starts anew: all machines have to
    /// come again, and holders of the old key may have used it up.
    #[must_use]
    pub fn reissue(&self, key: LicenseKey) -> Self {
        Self {
            license_key: key,
            lock: Lock::default(),
            seats: Seats {
                machines_used: 0,
                sessions_open: 0,
                addresses_bound: 0,
                admissions: Admissions::default(),
                ..self.seats.clone()
            },
            revision: self.revision + 1,
            ..self.clone()
        }
    }
}
