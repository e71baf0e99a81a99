//! Licenses: what a customer bought, and what it allows.

pub mod activation;
pub mod address;
pub mod admission;
pub mod authorization;
pub mod binding;
pub mod changes;
pub mod detection;
pub mod expiry;
pub mod key;
pub mod key_exchange;
pub mod lock;
pub mod machine;
pub mod moves;
pub mod policy;
pub mod reset;
pub mod seats;
pub mod session;
pub mod standing;
pub mod subscription;
pub mod terms;
pub mod violation;
pub mod watch;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Error, Result, Timestamp,
    account::AccountId,
    error::Denial,
    license::{
        activation::Api,
        expiry::Expiry,
        key::{LicenseId, LicenseKey},
        lock::Lock,
        policy::Policy,
        reset::Resets,
        seats::{LicenseType, SeatLimit, Seats},
        standing::{Standing, StandingState},
        subscription::Subscription,
        watch::Watch,
    },
    owner::OwnerId,
    product::{
        Product, ProductId,
        variant::{Variant, VariantId},
    },
    value::{email::Email, reference::Reference},
};

/// A license, as stored: what it is, and its parts, each a map of the item.
///
/// **Invariant**: the counters in [`Seats`] and [`Watch`] change only together with what they count; everything else
/// changes only together with `revision`, by which a write can tell that its decision still stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct License {
    /// The key that the customer types in.
    pub license_key: LicenseKey,
    /// The id that stays when the key is re-issued.
    pub license_id: LicenseId,
    /// Whose license it is to manage: the product's owner.
    pub owner_id: OwnerId,
    /// The API through which it was made. Not stored if it is [`Api::Flat`].
    #[serde(default, skip_serializing_if = "Api::is_default")]
    pub made_by: Api,
    /// Who bought it.
    pub email: Email,
    /// The product that it opens.
    pub product_id: ProductId,
    /// The edition that was bought.
    pub variant: VariantId,
    /// Every further product that it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlocked_products: Vec<ProductId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was bought, if not when it was made: it came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchased_at: Option<Timestamp>,
    /// When it was last renewed by a notice without an id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<Timestamp>,
    /// The discount code it was bought with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_code: Option<Reference>,
    /// The purchase it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<Reference>,
    /// The bundle it was bought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<Reference>,
    /// The subscription that it is linked to, should it be to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// Whether it works, and what is held against it.
    pub standing: StandingState,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Expiry::is_never")]
    pub expiry: Expiry,
    /// When it was first used: where its end depends on that, and of every license that `/v1` has authorized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_used_at: Option<Timestamp>,
    /// How many machines it is for, and has.
    pub seats: Seats,
    /// What it allows by `/v1`, when that is not what its product or its flat terms say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<Policy>>,
    /// How often what it is bound to was reset by `/v1`.
    #[serde(default, skip_serializing_if = "Resets::is_unused")]
    pub resets: Resets,
    /// The member of a team who claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The end user who claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_user_id: Option<Reference>,
    /// The machine that the license-keys API has bound it to.
    #[serde(default, skip_serializing_if = "Lock::is_unused")]
    pub lock: Lock,
    /// What is seen of its machines.
    pub watch: Watch,
    /// When an event last told that its key was found good by the license-keys API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated_at: Option<Timestamp>,
    /// When it was last changed, of one that `/v1` made: counters and what is seen of it aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When an event last told that `/v1` denied its use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_at: Option<Timestamp>,
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
            made_by: Api::default(),
            email,
            product_id: product.product_id.clone(),
            variant: edition,
            unlocked_products: Vec::new(),
            created_at: now,
            purchased_at: None,
            renewed_at: None,
            discount_code: None,
            purchase_id: None,
            bundle_id: None,
            subscription: None,
            standing: StandingState::GOOD,
            expiry: Expiry::Never,
            first_used_at: None,
            seats: Seats::new(
                variant.map_or(default::LICENSE_TYPE, |v| v.license_type),
                variant.and_then(|v| v.max_machines).unwrap_or(default::MAX_MACHINES),
                variant.and_then(|v| v.max_concurrent),
            ),
            policy: None,
            resets: Resets::default(),
            account_id: None,
            end_user_id: None,
            lock: Lock::default(),
            watch: Watch::default(),
            validated_at: None,
            updated_at: None,
            denied_at: None,
            revision: 0,
        }
    }

    /// What an event tells of a change to `changed`: each field's value before and after, counters aside. A part's fields
    /// are told by their own names.
    pub fn changes_to(&self, changed: &Self) -> Result<Map<String, Value>> {
        let (mut before, after) = (self.told()?, changed.told()?);
        let mut changes = Map::new();
        for (name, to) in after {
            let from = before.remove(&name).unwrap_or_default();
            if from != to {
                changes.insert(name, json!({ "from": from, "to": to }));
            }
        }
        for (name, from) in before {
            changes.insert(name, json!({ "from": from, "to": null }));
        }
        Ok(changes)
    }

    /// The fields that events tell of, those of the parts among the others.
    fn told(&self) -> Result<Map<String, Value>> {
        let mut fields = object(self)?;
        for part in [object(&self.standing)?, object(&self.seats)?, object(&self.lock)?] {
            fields.extend(part);
        }
        for part in [
            "standing",
            "expiry",
            "seats",
            "lock",
            "watch",
            "validatedAt",
            "updatedAt",
            "deniedAt",
            "revision",
        ] {
            fields.remove(part);
        }
        if let Some(expiry) = self.expires_at() {
            fields.insert("expiresAt".to_owned(), json!(expiry));
        }
        Ok(fields)
    }

    /// When it stops to work, as far as is known now; never, when `None`.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expiry.effective_at(self.first_used_at)
    }

    /// The license once it is used at `now`. If its end is counted from its first use, and this is it, that begins.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Self {
        Self {
            first_used_at: if self.starts_by_use() {
                Some(now)
            } else {
                self.first_used_at
            },
            ..self.clone()
        }
    }

    /// The license with the mark of a change at `now`: another revision and, of one that `/v1` made, the time.
    #[must_use]
    pub(crate) fn revised(self, now: Timestamp) -> Self {
        Self {
            revision: self.revision + 1,
            updated_at: match self.made_by {
                Api::V1 => Some(now),
                Api::Flat | Api::LicenseKeys => self.updated_at,
            },
            ..self
        }
    }

    /// Whether its end begins to be counted with its next use, which is its first.
    pub fn starts_by_use(&self) -> bool {
        self.first_used_at.is_none() && self.expiry.counts_from_first_use()
    }

    /// The license as it is for a machine that was let in at `first_seen`, if it was: [`StandingState::for_machine`].
    pub fn for_machine(&self, first_seen: Option<Timestamp>) -> Cow<'_, Self> {
        match self.standing.detected {
            Some(_) => Cow::Owned(Self {
                standing: self.standing.for_machine(first_seen),
                ..self.clone()
            }),
            None => Cow::Borrowed(self),
        }
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
    /// As for [`StandingState::of`].
    pub fn standing(&self, now: Timestamp) -> Result<Standing> {
        self.standing.of(self.has_expired(now), now)
    }

    /// Whether the license has come to its end.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|expiry| expiry <= now)
    }
}

fn object(value: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value).map_err(Error::internal)? {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::internal("a part of a license is not an object"))
        }
    }
}
