//! Purchases: a store's notices (webhooks), and what came of them.
//!
//! A store delivers a notice at least once. So a notice is deduplicated: it is recorded in the transaction that acts
//! on it, under a key that the same notice always has. One purchase makes one license, and a refund that is delivered
//! again does not undo a reinstatement.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::{
        License,
        key::{LicenseId, LicenseKey},
        seats::{LicenseType, SeatLimit},
        subscription::Subscription,
    },
    owner::OwnerId,
    product::{ProductId, variant::VariantId},
    sale::code::Code,
    value::{
        days::Days,
        email::Email,
        reference::Reference,
        text::{choice, is_plain, text_value},
    },
};

choice!(
    /// The kind of a notice.
    NoticeType {
        /// Someone has bought a license.
        Completed = "purchase.completed",
        /// They got their money back.
        Refunded = "purchase.refunded",
        /// They asked their bank for it.
        Disputed = "purchase.disputed",
        /// They paid for another period.
        Renewed = "subscription.renewed",
        /// They will not pay for another period.
        Cancelled = "subscription.cancelled",
    }
);

/// A notice of a store.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What it is about.
    pub r#type: NoticeType,
    /// Who bought.
    pub email: Email,
    /// What was bought.
    pub product_id: ProductId,
    /// The edition.
    pub variant: Option<VariantId>,
    /// The store's own id of the purchase, or of the payment for another period.
    pub purchase_id: Option<Reference>,
    /// How the license counts seats, when not as its variant says.
    pub license_type: Option<LicenseType>,
    /// How many machines it allows, when not as many as its variant says.
    pub max_machines: Option<SeatLimit>,
    /// The code that the customer typed in.
    pub discount_code: Option<Reference>,
    /// How long it is good as a trial.
    pub trial_days: Option<Days>,
    /// How long it is good, or good for longer.
    pub duration_days: Option<Days>,
    /// The subscription that was begun, where the store says that it is one.
    pub subscription: Option<Subscription>,
}

impl Notice {
    /// When a license that is made at `now` ends: after the duration, or else the trial, or else the trial of the code
    /// that was redeemed, even if that is used up by now: the store has taken it.
    pub fn expiry(&self, code: Option<&Code>, now: Timestamp) -> Option<Timestamp> {
        let days = self.duration_days.or(self.trial_days);
        let days = days.or(code.and_then(|code| code.trial_days));
        days.map(|days| now + days.duration())
    }
}

text_value!(
    /// The deduplication key of a notice.
    PurchaseKey,
    "a string of 1 to 512 characters",
    |text| is_plain(text, 512).then(|| text.to_owned())
);

impl PurchaseKey {
    /// A notice of a purchase of a product. The ids of one product's purchases are not those of another's, which may
    /// be another owner's; a purchase of two products at once is a purchase of each.
    pub fn of_product(r#type: NoticeType, product: &ProductId, id: &Reference) -> Self {
        Self(format!("{type}#{product}#{id}"))
    }

    /// An id of Stripe's: of a payment, a subscription, an invoice; as the deployment's own store tells it, or that of one
    /// `seller`. No owner's id has a `#` or is empty. So who tells what they like of ids leads to no sale of another's.
    pub fn of_stripe(seller: Option<&OwnerId>, id: &Reference) -> Self {
        Self(format!("stripe#{}#{id}", seller.map_or("", OwnerId::as_str)))
    }

    /// The sale whose first license this is.
    pub fn of_sale(first: &LicenseId) -> Self {
        Self(format!("sale##{first}"))
    }
}

/// A notice that was acted on, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// Its deduplication key.
    #[serde(rename = "purchaseId")]
    pub key: PurchaseKey,
    /// The license that came of it, or that it changed.
    pub license_key: LicenseKey,
    /// The same license, should its key be re-issued.
    pub license_id: LicenseId,
    /// When it was acted on.
    pub at: Timestamp,
}

impl Purchase {
    /// That `license` is what the notice with this key came to.
    pub fn new(key: PurchaseKey, license: &License, now: Timestamp) -> Self {
        Self {
            key,
            license_key: license.license_key.clone(),
            license_id: license.license_id.clone(),
            at: now,
        }
    }
}

/// How long after a renewal by so many days another one without an id is a duplicate delivery: half of the period
/// that was paid for. The next renewal is due after all of it.
pub(crate) fn told_again_within(days: Days) -> Duration {
    days.duration() / 2
}
