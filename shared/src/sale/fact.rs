//! Facts: what one event of a store says about a sale.
//!
//! A store promises no order, and tells what it told before. So a fact says what is so, not what to do; two facts about the
//! same thing merge into one, whichever came first; and what follows from all of them is computed anew
//! ([`crate::sale::history::Sale::entitlement`]).

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    value::{days::Days, number::number_value, reference::Reference, text::choice},
};

number_value!(
    /// How many were bought.
    Quantity, "a whole number", 1 to 1_000_000
);

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1);

    /// The number, or the most that there may be of `most`.
    #[must_use]
    pub fn at_most(self, most: u32) -> Self {
        Self(self.0.min(most))
    }
}

choice!(
    /// Why an invoice was made.
    InvoiceReason {
        /// The subscription began: it is for the first period, which the checkout sold.
        First = "first",
        /// Another period began.
        Renewal = "renewal",
        /// Anything else, such as another plan. What it buys is in its lines.
        Other = "other",
    }
);

/// The period that a line of an invoice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// An invoice of a subscription that was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its id.
    pub id: Reference,
    /// The subscription.
    pub subscription: Reference,
    /// Why it was made.
    pub reason: InvoiceReason,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// The whole period that it buys: that of its line which ends last, parts of a period (prorations) aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// How long the vendor says that a renewal lasts, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Days>,
    /// The quantity of that line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The payment, by each of its ids, where the invoice tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment: Vec<Reference>,
}

impl Invoice {
    /// How long a renewal lasts: as the vendor says, or as its period does, a begun day counted as one.
    pub fn renewal_days(&self) -> Option<Days> {
        let whole = |period: Period| {
            let days = period.ends_at.since(period.starts_at).as_secs().div_ceil(24 * 60 * 60);
            Days::parse(i64::try_from(days).ok()?)
        };
        self.days.or_else(|| whole(self.period?))
    }

    /// By what invoices are put in order: by the periods that they buy. The id decides where all else is the same.
    pub(crate) fn order(&self) -> (Timestamp, Timestamp, &Reference) {
        let starts_at = self.period.map_or(self.paid_at, |period| period.starts_at);
        (starts_at, self.paid_at, &self.id)
    }
}

/// A payment of an invoice, which may have several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The id of the record of it.
    pub id: Reference,
    /// What was paid.
    pub invoice: Reference,
    /// The payment itself, by each of its ids.
    pub payment: Vec<Reference>,
}

/// A charge of which all the money was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The charge, by each of its ids.
    pub payment: Vec<Reference>,
    /// The invoice that it paid, where the charge tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Reference>,
}

choice!(
    /// How a dispute stands.
    DisputeStatus {
        /// An inquiry: the bank asks, and no money has moved.
        WarningNeedsResponse = "warning_needs_response",
        /// An inquiry that was answered.
        WarningUnderReview = "warning_under_review",
        /// An inquiry that is over.
        WarningClosed = "warning_closed",
        /// The bank took the money.
        NeedsResponse = "needs_response",
        /// The vendor has objected.
        UnderReview = "under_review",
        /// The vendor has the money again.
        Won = "won",
        /// The customer keeps it.
        Lost = "lost",
        /// It was refunded before it came to a chargeback. The refund is told by itself.
        ChargeRefunded = "charge_refunded",
        /// As above, by the card network.
        Prevented = "prevented",
    }
);

impl DisputeStatus {
    /// Whether it is a chargeback, and not one that came to nothing.
    pub fn is_chargeback(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview | Self::Lost)
    }

    /// How far a dispute has come. It goes forward only; an inquiry may become a chargeback.
    fn stage(self) -> u8 {
        match self {
            Self::WarningNeedsResponse => 0,
            Self::WarningUnderReview => 1,
            Self::WarningClosed => 2,
            Self::NeedsResponse => 3,
            Self::UnderReview => 4,
            Self::Won | Self::Lost | Self::ChargeRefunded | Self::Prevented => 5,
        }
    }
}

/// A dispute about a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisputeCase {
    /// Its id.
    pub id: Reference,
    /// The payment, by each of its ids.
    pub payment: Vec<Reference>,
    /// How it stands.
    pub status: DisputeStatus,
    /// Since when, as far as the store says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A subscription is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionEnd {
    /// Which.
    pub subscription: Reference,
    /// Since when.
    pub at: Timestamp,
}

/// What one event of a store says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact {
    /// An invoice was paid.
    Invoice(Invoice),
    /// By what an invoice was paid.
    Payment(Payment),
    /// Money was given back.
    Refund(Refund),
    /// A dispute, as it stands.
    Dispute(DisputeCase),
    /// A subscription is over.
    End(SubscriptionEnd),
}

impl Fact {
    /// What it is about: of two facts with one key, the sale has one.
    pub fn key(&self) -> String {
        let first = |ids: &[Reference]| ids.first().map(ToString::to_string).unwrap_or_default();
        match self {
            Self::Invoice(invoice) => format!("invoice#{}", invoice.id),
            Self::Payment(payment) => format!("payment#{}", payment.id),
            Self::Refund(refund) => format!("refund#{}", first(&refund.payment)),
            Self::Dispute(dispute) => format!("dispute#{}", dispute.id),
            Self::End(end) => format!("end#{}", end.subscription),
        }
    }

    /// The ids that it names. Each leads to the sale that any of them leads to.
    pub fn ids(&self) -> Vec<Reference> {
        let ids: Vec<&Reference> = match self {
            Self::Invoice(invoice) => {
                let own = [&invoice.subscription, &invoice.id];
                own.into_iter().chain(&invoice.payment).collect()
            }
            Self::Payment(payment) => [&payment.invoice].into_iter().chain(&payment.payment).collect(),
            Self::Refund(refund) => refund.payment.iter().chain(&refund.invoice).collect(),
            Self::Dispute(dispute) => dispute.payment.iter().collect(),
            Self::End(end) => vec![&end.subscription],
        };
        let mut distinct: Vec<Reference> = Vec::with_capacity(ids.len());
        for id in ids {
            if !distinct.contains(id) {
                distinct.push(id.clone());
            }
        }
        distinct
    }

    /// This fact once `other` is known, which is about the same. Whichever of them comes first, it is the same.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Dispute(known), Self::Dispute(other)) => Self::Dispute(known.merged(other)),
            (Self::End(known), Self::End(other)) => Self::End(known.merged(other)),
            (known, _) => known,
        }
    }
}

impl DisputeCase {
    /// As it stands by the later of the two. A store's clock decides between two ends only: it counts in seconds.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        let order = |dispute: &Self| (dispute.status.stage(), dispute.since, dispute.status);
        if order(other) > order(&self) {
            other.clone()
        } else {
            self
        }
    }
}

impl SubscriptionEnd {
    /// The earlier one.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        if other.at < self.at { other.clone() } else { self }
    }
}
