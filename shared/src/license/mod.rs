//! Licenses: what a customer bought, and what it allows.

pub mod activation;
pub mod admission;
pub mod changes;
pub mod key;
pub mod lock;
pub mod machine;
pub mod moves;
pub mod seats;
pub mod standing;
pub mod subscription;
pub mod violation;
pub mod watch;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Error, Result, Timestamp,
    error::{Denial, Noun},
    license::{
        changes::Changes,
        key::{KeyMark, LicenseId, LicenseKey},
        machine::{Country, Fingerprint, MachineMark},
        seats::{LicenseType, SeatLimit},
        standing::{Dispute, LicenseStatus, Standing, SuspendedBy, Suspension, ThreatLevel},
        subscription::Subscription,
    },
    owner::{OwnerId, Scope},
    product::{
        Product, ProductId,
        variant::{Variant, VariantId},
    },
    sale::purchase::told_again_within,
    signing::token::TokenPolicy,
    value::{days::Days, email::Email, reference::Reference},
};

/// A license, as stored.
///
/// The counters (`machines_used`, `sessions_open`, `unresolved_violations`) change only together with what they count;
/// everything else changes only together with `revision`, by which a write can tell that its decision still stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct License {
    /// The key that the customer types in.
    pub license_key: LicenseKey,
    /// The id that stays when the key is re-issued.
    pub license_id: LicenseId,
    /// Whose license it is to manage: the product's owner.
    pub owner_id: OwnerId,
    /// Who bought it.
    pub email: Email,
    /// The product that it opens.
    pub product_id: ProductId,
    /// The edition that was bought.
    pub variant: VariantId,
    /// How it counts seats.
    pub license_type: LicenseType,
    /// Whether it works.
    pub status: LicenseStatus,
    /// How grave its unresolved violations are.
    pub threat_level: ThreatLevel,
    /// How many machines may be activated.
    pub max_machines: SeatLimit,
    /// How many floating sessions may be open at once, when that is not `max_machines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<SeatLimit>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was bought, if not when it was made: it came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchased_at: Option<Timestamp>,
    /// When it was last renewed by a notice without an id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<Timestamp>,
    /// When it stops to work; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The discount code it was bought with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_code: Option<Reference>,
    /// The purchase it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<Reference>,
    /// The bundle it was bought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<Reference>,
    /// Every further product that it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlocked_products: Vec<ProductId>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute_reason: Option<Reference>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed_at: Option<Timestamp>,
    /// Its suspension, while its status is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// The subscription that it is linked to, should it be to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Subscription>,
    /// The one machine that the license-keys API has bound it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hwid: Option<Fingerprint>,
    /// How often it was bound to a machine since its key was issued.
    #[serde(default)]
    pub bindings: u32,
    /// How often its binding was taken back since its key was issued.
    #[serde(default)]
    pub binding_resets: u32,
    /// What is left of the keys that it had before, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_keys: Vec<KeyMark>,
    /// When it was moved from one machine to another, oldest first: as far as it counts against the next move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Timestamp>,
    /// Counter: its activations.
    pub machines_used: u32,
    /// Counter: its activations that hold a session, live or lapsed.
    pub sessions_open: u32,
    /// Counter: its violations that nobody has resolved.
    pub unresolved_violations: u32,
    /// When it was last seen in each country, of those that it was seen in lately.
    #[serde(default)]
    pub seen_in: BTreeMap<Country, Timestamp>,
    /// Counter: the machines that ever came.
    #[serde(default)]
    pub arrived: u64,
    /// When each machine came, in seconds since 1970, of those that came lately.
    #[serde(default)]
    pub arrivals: BTreeMap<MachineMark, i64>,
    /// How often anything but the counters, and what is seen of its machines, has changed.
    pub revision: u64,
}

/// What a license allows when nobody says.
mod default {
    pub(super) const MAX_MACHINES: super::SeatLimit = super::SeatLimit::Limited(2);
    pub(super) const LICENSE_TYPE: super::LicenseType = super::LicenseType::PerMachine;
}

impl License {
    /// A license of `product` in this edition, made at `now`, without an end. It allows what the edition's variant says,
    /// should the product have it.
    pub fn new(
        license_key: LicenseKey,
        license_id: LicenseId,
        product: &Product,
        edition: VariantId,
        variant: Option<&Variant>,
        email: Email,
        now: Timestamp,
    ) -> Self {
        Self {
            license_key,
            license_id,
            owner_id: product.owner_id.clone(),
            email,
            product_id: product.product_id.clone(),
            variant: edition,
            license_type: variant.map_or(default::LICENSE_TYPE, |v| v.license_type),
            status: LicenseStatus::Active,
            threat_level: ThreatLevel::CLEAN,
            max_machines: variant.and_then(|v| v.max_machines).unwrap_or(default::MAX_MACHINES),
            max_concurrent: variant.and_then(|v| v.max_concurrent),
            created_at: now,
            purchased_at: None,
            renewed_at: None,
            expires_at: None,
            discount_code: None,
            purchase_id: None,
            bundle_id: None,
            unlocked_products: Vec::new(),
            dispute_reason: None,
            disputed_at: None,
            suspension: None,
            membership: None,
            hwid: None,
            bindings: 0,
            binding_resets: 0,
            former_keys: Vec::new(),
            moves: Vec::new(),
            machines_used: 0,
            sessions_open: 0,
            unresolved_violations: 0,
            seen_in: BTreeMap::new(),
            arrived: 0,
            arrivals: BTreeMap::new(),
            revision: 0,
        }
    }

    /// The license that was found, should `scope` cover it.
    ///
    /// # Errors
    /// [`Noun::License`], also when there is one that belongs to another owner.
    pub fn seen_by(scope: &Scope, found: Option<Self>) -> Result<Self> {
        found
            .filter(|license| scope.covers(&license.owner_id))
            .ok_or(Error::NotFound(Noun::License))
    }

    /// What an event tells of a change to `changed`: each field's value before and after, counters aside.
    pub fn changes_to(&self, changed: &Self) -> Result<Map<String, Value>> {
        let fields = |license: &Self| match serde_json::to_value(license).map_err(Error::internal)? {
            Value::Object(fields) => Ok(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::internal("a license is not an object"))
            }
        };
        let (mut before, after) = (fields(self)?, fields(changed)?);
        let mut changes = Map::new();
        for (name, to) in after {
            let from = before.remove(&name).unwrap_or_default();
            if from != to && !matches!(name.as_str(), "revision" | "seenIn" | "arrived" | "arrivals") {
                changes.insert(name, json!({ "from": from, "to": to }));
            }
        }
        for (name, from) in before {
            changes.insert(name, json!({ "from": from, "to": null }));
        }
        Ok(changes)
    }

    /// Whether the license works for `product` at `now`, and how to speak of it.
    ///
    /// # Errors
    /// In the contract's order of precedence: [`Denial::WrongProduct`], then those of [`License::standing`].
    pub fn opens(&self, product: &ProductId, now: Timestamp) -> Result<Standing> {
        if self.product_id != *product && !self.unlocked_products.contains(product) {
            return Err(Error::Denied(Denial::WrongProduct));
        }
        self.standing(now)
    }

    /// Whether the license works at `now`, and how to speak of it.
    ///
    /// # Errors
    /// In the contract's order of precedence: [`Denial::Revoked`], [`Denial::Expired`],
    /// [`Denial::Suspended`].
    pub fn standing(&self, now: Timestamp) -> Result<Standing> {
        if self.status == LicenseStatus::Revoked {
            return Err(Error::Denied(Denial::Revoked));
        }
        if self.has_expired(now) {
            return Err(Error::Denied(Denial::Expired));
        }
        match self.status {
            LicenseStatus::Active => Ok(Standing::Good),
            LicenseStatus::Degraded => Ok(Standing::Flagged),
            LicenseStatus::Suspended if self.is_blocked(now) => Err(Error::Denied(Denial::Suspended)),
            LicenseStatus::Suspended => Ok(Standing::Ending),
            LicenseStatus::Revoked => Err(Error::Denied(Denial::Revoked)),
        }
    }

    /// Whether the license has come to its end.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= now)
    }

    /// Whether the license was blocked: revoked, or suspended and its grace is over.
    pub fn is_blocked(&self, now: Timestamp) -> bool {
        match self.status {
            LicenseStatus::Active | LicenseStatus::Degraded => false,
            // By hand, it blocks at once, be the clock here a little behind the one by which it was suspended.
            LicenseStatus::Suspended => self
                .suspension
                .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor || suspension.blocks_from() <= now),
            LicenseStatus::Revoked => true,
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

    /// When a token that is issued at `now` expires: after the policy's life, and never after the license itself stops
    /// to work. In whole seconds, since that is what a token can say.
    pub fn token_expiry(&self, now: Timestamp, policy: &TokenPolicy) -> Timestamp {
        let short = self.status == LicenseStatus::Degraded || self.license_type == LicenseType::Floating;
        let life = if short { policy.short_life } else { policy.life };
        let ends = [Some(now + life), self.expires_at, self.blocks_from()];
        ends.into_iter().flatten().min().unwrap_or(now).whole_seconds()
    }

    /// Until when an application may run on with a token that expires at `expiry`, when the service can't be reached:
    /// `grace` longer, and never past the time at which the license is blocked. A floating license is for its sessions
    /// only.
    pub fn grace_until(&self, expiry: Timestamp, grace: Duration) -> Timestamp {
        if self.license_type == LicenseType::Floating {
            return expiry;
        }
        let ends = [Some(expiry + grace), self.blocks_from()];
        ends.into_iter().flatten().min().unwrap_or(expiry).max(expiry)
    }

    /// The license with the mark of a revocation, or `None` when it is revoked already: then the first reason stands.
    ///
    /// A refund, a chargeback or fraud also puts it on the highest threat level.
    pub fn revoke(&self, reason: Option<Reference>, now: Timestamp) -> Option<Self> {
        if self.status == LicenseStatus::Revoked {
            return None;
        }
        let disputed = reason
            .as_ref()
            .is_some_and(|r| matches!(r.as_str(), "refund" | "chargeback" | "fraud"));
        Some(Self {
            status: LicenseStatus::Revoked,
            threat_level: if disputed {
                ThreatLevel::REVOKED
            } else {
                self.threat_level
            },
            dispute_reason: reason,
            disputed_at: Some(now),
            suspension: None,
            ..self.clone()
        })
    }

    /// The license after the money for it was given back, or `None` when that is known already. It is revoked and on the
    /// highest threat level, even if it was revoked for another reason before; a chargeback outweighs a refund.
    pub fn dispute(&self, dispute: Dispute, now: Timestamp) -> Option<Self> {
        let known = self.dispute_reason.as_ref().map(Reference::as_str);
        let disputed = self.status == LicenseStatus::Revoked && self.threat_level == ThreatLevel::REVOKED;
        let weighed = known == Some(Dispute::Chargeback.as_str()) || known == Some(dispute.as_str());
        if disputed && weighed {
            return None;
        }
        Some(Self {
            status: LicenseStatus::Revoked,
            threat_level: ThreatLevel::REVOKED,
            dispute_reason: Some(Reference::known(dispute.as_str())),
            disputed_at: Some(now),
            suspension: None,
            ..self.clone()
        })
    }

    /// The license after it was paid for another period, which begins when the last one ends, or now. A perpetual license
    /// stays perpetual, and a revoked one revoked. Its membership is paid for as long.
    #[must_use]
    pub fn renew(&self, days: Days, now: Timestamp) -> Self {
        Self {
            expires_at: self.expires_at.map(|expiry| expiry.max(now) + days.duration()),
            membership: Some(self.membership.unwrap_or_default().paid(days, now)),
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
        let mut license = match changes.status {
            // Asked for and nothing else, it ends a grace as well. Beside other changes it may be the status as shown.
            Some(_) if *changes == suspend => self.suspend(now),
            Some(status) => self.set_status(status, now),
            None => self.clone(),
        };
        if let Some(variant) = &changes.variant {
            license.variant = variant.clone().within(&license.product_id);
        }
        if let Some(license_type) = changes.license_type {
            license.license_type = license_type;
        }
        if let Some(max) = changes.max_machines {
            license.max_machines = max;
        }
        if let Some(max) = changes.max_concurrent {
            license.max_concurrent = max;
        }
        if let Some(expiry) = changes.expires_at {
            license.expires_at = expiry;
        }
        license
    }

    fn set_status(&self, status: LicenseStatus, now: Timestamp) -> Self {
        if status == self.status {
            return self.clone();
        }
        match status {
            LicenseStatus::Revoked => self.revoke(None, now).unwrap_or_else(|| self.clone()),
            LicenseStatus::Suspended => self.suspend(now),
            LicenseStatus::Active | LicenseStatus::Degraded => Self {
                status,
                // The level of a dispute goes with the dispute; what nobody has put aside still counts.
                threat_level: if self.fraud_level() == ThreatLevel::REVOKED && self.unresolved_violations == 0 {
                    ThreatLevel::CLEAN
                } else {
                    self.threat_level
                },
                suspension: None,
                ..self.without_dispute()
            },
        }
    }

    /// The license suspended by hand, should it not be already.
    fn suspend(&self, now: Timestamp) -> Self {
        let by_hand = self
            .suspension
            .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor);
        if self.status == LicenseStatus::Suspended && by_hand {
            return self.clone();
        }
        Self {
            status: LicenseStatus::Suspended,
            suspension: Some(Suspension {
                at: now,
                by: SuspendedBy::Vendor,
                blocks_from: None,
            }),
            ..self.without_dispute()
        }
    }

    /// The license made to work again, whatever blocked it. Its threat level is that of what is still unresolved.
    #[must_use]
    pub fn reinstate(&self, unresolved: ThreatLevel) -> Self {
        Self {
            status: LicenseStatus::Active,
            threat_level: unresolved,
            suspension: None,
            ..self.without_dispute()
        }
    }

    /// The license once violations of this level are unresolved. What was revoked, or suspended by hand, stays so; what is
    /// suspended by this is blocked after `grace`.
    #[must_use]
    pub fn resolve(&self, unresolved: ThreatLevel, now: Timestamp, grace: Duration) -> Self {
        let by_hand = self
            .suspension
            .is_none_or(|suspension| suspension.by == SuspendedBy::Vendor);
        if self.status == LicenseStatus::Revoked || (self.status == LicenseStatus::Suspended && by_hand) {
            return Self {
                threat_level: unresolved.max(self.fraud_level()),
                ..self.clone()
            };
        }
        // A vendor has let it work again in spite of a chargeback.
        if unresolved == ThreatLevel::REVOKED {
            return Self {
                threat_level: unresolved,
                ..self.clone()
            };
        }
        let status = unresolved.status();
        let suspension = match (status, self.suspension) {
            (LicenseStatus::Suspended, Some(running)) => Some(running),
            (LicenseStatus::Suspended, None) => Some(Suspension {
                at: now,
                by: SuspendedBy::Enforcement,
                blocks_from: (grace != Suspension::GRACE).then(|| now + grace),
            }),
            (LicenseStatus::Active | LicenseStatus::Degraded | LicenseStatus::Revoked, _) => None,
        };
        Self {
            status,
            threat_level: unresolved,
            suspension,
            ..self.clone()
        }
    }

    /// The level that a dispute keeps a revoked license on.
    fn fraud_level(&self) -> ThreatLevel {
        let disputed = self.status == LicenseStatus::Revoked && self.threat_level == ThreatLevel::REVOKED;
        if disputed {
            ThreatLevel::REVOKED
        } else {
            ThreatLevel::CLEAN
        }
    }

    fn without_dispute(&self) -> Self {
        Self {
            dispute_reason: None,
            disputed_at: None,
            ..self.clone()
        }
    }

    /// When a suspension blocks the license. A suspension without a date is one by hand.
    fn blocks_from(&self) -> Option<Timestamp> {
        (self.status == LicenseStatus::Suspended).then_some(self.suspension?.blocks_from())
    }
}
