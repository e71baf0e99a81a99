//! The history of a sale: what a store has told of it so far, in whatever order, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    license::{
        key::{LicenseId, LicenseKey},
        standing::{Dispute, StandingState},
        subscription::Subscription,
        violation::ViolationId,
    },
    owner::OwnerId,
    product::{ProductId, quantity::QuantityMeans},
    sale::{
        entitlement::{Entitlement, SoldSeats},
        fact::{DisputeCase, Fact, Invoice, InvoiceReason, Payment, Quantity, Refund},
        purchase::PurchaseKey,
    },
    value::reference::Reference,
};

/// How many licenses one sale may make.
pub const MOST_LICENSES: u32 = 100;

/// How many invoices a sale remembers each by itself: of a subscription by the week, those of four years. Of earlier ones it
/// knows what came of them, and no refund takes them back.
const MOST_INVOICES: usize = 208;

/// A sale, as stored.
///
/// **Invariant**: it is only ever changed together with `revision`. What it gives is computed from what was told, so it does
/// not depend on the order in which it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    /// Its own key, beside those of the ids that lead to it.
    #[serde(rename = "purchaseId")]
    pub key: PurchaseKey,
    /// What was sold.
    pub product_id: ProductId,
    /// Whose own store sold it; the deployment's, when `None`. The ids that lead to it are those of that store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<OwnerId>,
    /// When the first period ends; never, when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether a subscription pays for it.
    pub is_subscription: bool,
    /// How many were bought at the checkout.
    pub quantity: Quantity,
    /// What that meant for the product when it was sold.
    pub quantity_means: QuantityMeans,
    /// The seats of one, where the quantity decides about seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<SoldSeats>,
    /// The ids of the first payment, and of the invoice that it paid.
    #[serde(default)]
    pub first: BTreeSet<Reference>,
    /// The invoices that were paid.
    #[serde(default)]
    pub invoices: BTreeMap<Reference, Invoice>,
    /// What came of the invoices that are no longer remembered each by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// By what invoices were paid.
    #[serde(default)]
    pub payments: BTreeMap<Reference, Payment>,
    /// The charges that were refunded.
    #[serde(default)]
    pub refunds: BTreeMap<Reference, Refund>,
    /// The disputes.
    #[serde(default)]
    pub disputes: BTreeMap<Reference, DisputeCase>,
    /// When the subscription ended, should it have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Ids that lead to this sale, and under which something is kept that was told before that was known.
    #[serde(default)]
    pub unread: BTreeSet<Reference>,
    /// The licenses that it made.
    pub licenses: Vec<SoldLicense>,
    /// How often it has changed.
    pub revision: u64,
}

/// A license of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoldLicense {
    /// Its key when it was made.
    pub license_key: LicenseKey,
    /// Its id.
    pub license_id: LicenseId,
    /// What the sale has given it so far.
    pub granted: Entitlement,
    /// The revocation by the sale, should there be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
}

/// That a sale has revoked a license: what it takes to take back that, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// How the license stood before.
    pub before: StandingState,
    /// The violation that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<ViolationId>,
}

/// What came of invoices that are no longer remembered each by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Up to which period: an invoice for an earlier one is among them.
    pub until: Timestamp,
    /// What they came to.
    pub paid: Paid,
}

/// Up to when periods are paid, and how many were bought with the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paid {
    /// When the license ends; never, when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Until when the subscription is paid for, as far as renewals told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Timestamp>,
    /// The quantity of the last period.
    pub quantity: Quantity,
    /// The largest quantity of any period.
    pub largest: Quantity,
}

impl Paid {
    /// With what an invoice buys that is not the first.
    fn with(mut self, invoice: &Invoice) -> Self {
        match invoice.reason {
            InvoiceReason::First => {}
            InvoiceReason::Renewal => {
                if let Some(days) = invoice.renewal_days() {
                    let later = |until: Timestamp| until.max(invoice.paid_at) + days.duration();
                    self.ends_at = self.ends_at.map(later);
                    self.paid_until = Some(later(self.paid_until.unwrap_or(invoice.paid_at)));
                }
            }
            InvoiceReason::Other => {
                if let Some(period) = invoice.period {
                    self.ends_at = self.ends_at.map(|_| period.ends_at);
                    self.paid_until = Some(period.ends_at);
                }
            }
        }
        self.with_quantity(invoice.quantity)
    }

    fn with_quantity(mut self, quantity: Option<Quantity>) -> Self {
        if let Some(quantity) = quantity {
            self.quantity = quantity;
            self.largest = self.largest.max(quantity);
        }
        self
    }
}

impl Sale {
    /// What is sold is known; also what was told of it before.
    #[must_use]
    pub fn with(mut self, fact: &Fact) -> Self {
        match fact {
            Fact::Invoice(invoice) => {
                let settled = self.settled.as_ref();
                if settled.is_none_or(|settled| invoice.order().0 > settled.until) {
                    let known = self.invoices.entry(invoice.id.clone());
                    known.or_insert_with(|| invoice.clone());
                    self.settle();
                }
            }
            Fact::Payment(payment) => {
                let known = self.payments.entry(payment.id.clone());
                known.or_insert_with(|| payment.clone());
            }
            Fact::Refund(refund) => {
                if let Some(id) = refund.payment.first() {
                    let known = self.refunds.entry(id.clone());
                    known.or_insert_with(|| refund.clone());
                }
            }
            Fact::Dispute(dispute) => {
                let known = self.disputes.remove(&dispute.id);
                let merged = known.map_or_else(|| dispute.clone(), |known| known.merged(dispute));
                self.disputes.insert(dispute.id.clone(), merged);
            }
            Fact::End(end) => {
                let known = self.ended_at.unwrap_or(end.at);
                self.ended_at = Some(known.min(end.at));
            }
        }
        self
    }

    /// What the sale gives each of its licenses.
    pub fn entitlement(&self) -> Entitlement {
        let paid = self.paid();
        let chargeback = self.disputes.values().any(|dispute| dispute.status.is_chargeback());
        Entitlement {
            ends_at: paid.ends_at,
            subscription: self.is_subscription.then_some(Subscription {
                paid_until: paid.paid_until,
                ends_at: self.ended_at,
                is_over: self.ended_at.is_some(),
            }),
            seats: self.seats.map(|seats| seats.at_least(paid.quantity)),
            dispute: if chargeback {
                Some(Dispute::Chargeback)
            } else {
                self.is_first_refunded().then_some(Dispute::Refund)
            },
        }
    }

    /// How many licenses it makes. What was made stays, so it never falls below those that there are.
    pub fn license_count(&self) -> usize {
        match self.quantity_means {
            QuantityMeans::Licenses => self.paid().largest.at_most(MOST_LICENSES).number() as usize,
            QuantityMeans::Seats | QuantityMeans::Ignored => 1,
        }
    }

    /// The first license, which the sale made with itself.
    pub fn first_license(&self) -> Option<&SoldLicense> {
        self.licenses.first()
    }

    fn paid(&self) -> Paid {
        let mut invoices: Vec<&Invoice> = self.invoices.values().collect();
        invoices.sort_by(|a, b| a.order().cmp(&b.order()));
        let mut paid = self.unsettled();
        for invoice in invoices {
            paid = self.paid_with(paid, invoice);
        }
        paid
    }

    /// What was paid before the first invoice that is remembered.
    fn unsettled(&self) -> Paid {
        self.settled.as_ref().map_or(
            Paid {
                ends_at: self.ends_at,
                paid_until: None,
                quantity: self.quantity,
                largest: self.quantity,
            },
            |settled| settled.paid,
        )
    }

    fn paid_with(&self, paid: Paid, invoice: &Invoice) -> Paid {
        if self.is_first(invoice) {
            // The checkout sold this period; the line only tells how many.
            paid.with_quantity(invoice.quantity)
        } else if self.is_refunded(&invoice.id) {
            // Licenses that were made stay.
            Paid {
                largest: paid.with_quantity(invoice.quantity).largest,
                ..paid
            }
        } else {
            paid.with(invoice)
        }
    }

    fn is_first(&self, invoice: &Invoice) -> bool {
        invoice.reason == InvoiceReason::First || self.first.contains(&invoice.id)
    }

    fn is_first_refunded(&self) -> bool {
        let firsts = self.invoices.values().filter(|invoice| self.is_first(invoice));
        let mut ids = self.first.iter().chain(firsts.map(|invoice| &invoice.id));
        ids.any(|id| self.is_refunded(id))
    }

    /// Whether all the money for an invoice was given back; or for a payment that no invoice is known of.
    fn is_refunded(&self, id: &Reference) -> bool {
        let told = self.payments.values().filter(|payment| payment.invoice == *id);
        let told = told.map(|payment| payment.payment.as_slice());
        let own = self.invoices.get(id).map(|invoice| invoice.payment.as_slice());
        let payments: Vec<&[Reference]> = told.chain(own).filter(|payment| !payment.is_empty()).collect();
        let refunded = |ids: &[Reference]| {
            let mut refunds = self.refunds.values();
            refunds.any(|refund| refund.payment.iter().any(|paid| ids.contains(paid)))
        };
        let named = self.refunds.values().any(|refund| refund.invoice.as_ref() == Some(id));
        named || refunded(std::slice::from_ref(id)) || (!payments.is_empty() && payments.into_iter().all(refunded))
    }

    /// Sums up the invoices beyond those that are remembered each by itself.
    fn settle(&mut self) {
        while self.invoices.len() > MOST_INVOICES {
            let earliest = self.invoices.values().min_by(|a, b| a.order().cmp(&b.order()));
            let Some(earliest) = earliest.cloned() else { return };
            self.settled = Some(Settled {
                until: earliest.order().0,
                paid: self.paid_with(self.unsettled(), &earliest),
            });
            if self.is_first(&earliest) {
                // The first payment is never forgotten: a refund of it takes back everything.
                let (id, payment) = (earliest.id.clone(), earliest.payment.clone());
                self.first.insert(id.clone());
                self.payments.entry(id.clone()).or_insert(Payment {
                    id: id.clone(),
                    invoice: id,
                    payment,
                });
            } else {
                self.payments.retain(|_, payment| payment.invoice != earliest.id);
            }
            self.invoices.remove(&earliest.id);
        }
    }
}
