//! Terms: which policy a license goes by, which flat terms say the same, and how often it may be reset.

use crate::{
    Error, Result, Timestamp,
    error::Denial,
    license::{
        License,
        activation::Api,
        policy::Policy,
        reset::{ResetKind, ResetRecord, ResetRule},
    },
    product::Product,
    value::timestamp::HOUR,
};

impl License {
    /// The policy that the license goes by in `/v1`: its own; else, of one that another API made, what its flat terms say;
    /// else that of its product.
    pub fn effective_policy(&self, product: &Product) -> Policy {
        match (&self.policy, self.made_by) {
            (Some(own), _) => **own,
            (None, Api::Flat | Api::LicenseKeys) => Policy::of_seats(&self.seats),
            (None, Api::V1) => product.default_policy.unwrap_or(Policy::UNLIMITED),
        }
    }

    /// The license with a policy of its own, or with its product's; and with the flat terms that translate it. One that
    /// another API made, and that loses its policy, keeps the terms that it has.
    #[must_use]
    pub fn with_policy(&self, policy: Option<Policy>, product: &Product) -> Self {
        let mut license = Self {
            policy: policy.map(Box::new),
            ..self.clone()
        };
        let translated = license.effective_policy(product);
        if license.policy.is_some() || license.made_by == Api::V1 {
            let (license_type, max_machines, max_concurrent) = translated.terms();
            license.seats.license_type = license_type;
            license.seats.max_machines = max_machines;
            license.seats.max_concurrent = max_concurrent;
        }
        license
    }

    /// The license once it was reset at `now`.
    ///
    /// # Errors
    /// [`Denial::ResetLimitReached`], [`Denial::ResetCooldown`], if the budget holds.
    pub fn reset(&self, kind: ResetKind, policy: &Policy, rule: ResetRule, now: Timestamp) -> Result<Self> {
        let (record, budget) = (self.resets.of(kind), policy.reset_budget(kind));
        match rule {
            ResetRule::Free => {}
            ResetRule::Budgeted => {
                if budget.max.is_some_and(|max| record.count >= max) {
                    return Err(Error::Denied(Denial::ResetLimitReached));
                }
                let cooled = record
                    .last
                    .zip(budget.cooldown_hours)
                    .map(|(last, hours)| last + HOUR * hours);
                if let Some(until) = cooled.filter(|until| now < *until) {
                    return Err(Error::Denied(Denial::ResetCooldown { until }));
                }
            }
        }
        let counted = ResetRecord {
            count: record.count.saturating_add(1),
            last: Some(now),
        };
        let mut license = self.clone();
        match kind {
            ResetKind::Hwid => license.resets.hwid = counted,
            ResetKind::Ip => license.resets.ip = counted,
        }
        Ok(license)
    }

    /// How often it may be reset after this; as often as one likes, when `None`.
    pub fn resets_left(&self, kind: ResetKind, policy: &Policy) -> Option<u32> {
        let max = policy.reset_budget(kind).max?;
        Some(max.saturating_sub(self.resets.of(kind).count))
    }
}
