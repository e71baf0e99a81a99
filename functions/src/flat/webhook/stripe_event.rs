//! Stripe's JSON: what an event says, as facts.

use std::time::Duration;

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::Noun,
    license::seats::{LicenseType, SeatLimit},
    product::{ProductId, variant::VariantId},
    sale::{
        fact::{
            DisputeCase, DisputeStatus, Fact, Invoice, InvoiceReason, Payment, Period, Quantity, Refund,
            SubscriptionEnd,
        },
        purchase::{Notice, NoticeType},
    },
    value::{days::Days, email::Email, reference::Reference},
};
use serde_json::Value;

/// What an event is about, in Stripe's JSON.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(pub(super) &'a Value);

impl<'a> Object<'a> {
    fn text(self, pointers: &[&str]) -> Option<&'a str> {
        let texts = pointers.iter().filter_map(|pointer| self.0.pointer(pointer)?.as_str());
        texts.into_iter().find(|text| !text.trim().is_empty())
    }

    /// The ids in these fields, where there are any. A field may hold the thing itself in the place of its id.
    pub(super) fn ids(self, fields: &[&str]) -> Vec<Reference> {
        let mut ids = Vec::new();
        for field in fields {
            let text = self.0[*field].as_str().or(self.0[*field]["id"].as_str());
            if let Some(id) = text.and_then(Reference::parse)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        ids
    }

    pub(super) fn email(self, pointers: &[&str]) -> Result<Email> {
        let missing = Error::Invalid(InvalidRequest::MissingFields(&["customer_details.email"]));
        let text = self.text(pointers).ok_or(missing)?;
        Email::parse(text).ok_or_else(|| Error::field("customer_details.email", "an email address"))
    }

    /// The metadata that names one of our products, wherever the vendor's checkout puts it.
    pub(super) fn metadata(self) -> Option<Metadata<'a>> {
        let places = [
            "/metadata",
            "/subscription_details/metadata",
            "/parent/subscription_details/metadata",
            "/lines/data/0/metadata",
        ];
        let found = places.iter().filter_map(|place| self.0.pointer(place));
        found
            .map(Metadata)
            .find(|metadata| metadata.text("productId").is_some())
    }

    /// The thing in this field, or its id.
    fn part(self, pointer: &str) -> Self {
        Self(self.0.pointer(pointer).unwrap_or(&Value::Null))
    }

    fn id(self, field: &str) -> Option<Reference> {
        self.ids(&[field]).into_iter().next()
    }

    /// The first of these times that there is, in seconds since 1970; none that is yet to come.
    fn time(self, pointers: &[&str], now: Timestamp) -> Option<Timestamp> {
        let mut times = pointers.iter().filter_map(|pointer| seconds(self.0.pointer(pointer)?));
        Some(times.next()?.min(now))
    }

    /// How many were bought, where an event of a checkout has its lines: the largest quantity of any.
    pub(super) fn quantity(self) -> Option<Quantity> {
        let lines = self.0.pointer("/line_items/data")?.as_array()?;
        lines.iter().filter_map(quantity).max()
    }

    /// The line of an invoice that buys a period: of those that ends last. Parts of a period (prorations) and single items buy
    /// none.
    fn whole_line(self) -> Option<(Period, Option<Quantity>)> {
        let lines = self.0.pointer("/lines/data")?.as_array()?;
        let is =
            |line: &Value, places: &[&str], what: &Value| places.iter().any(|place| line.pointer(place) == Some(what));
        let whole = lines.iter().filter(|line| {
            let prorations = [
                "/proration",
                "/parent/subscription_item_details/proration",
                "/parent/invoice_item_details/proration",
            ];
            !is(line, &prorations, &Value::Bool(true))
                && !is(line, &["/type"], &"invoiceitem".into())
                && !is(line, &["/parent/type"], &"invoice_item_details".into())
        });
        let periods = whole.filter_map(|line| {
            let at = |end: &str| seconds(&line["period"][end]);
            let (starts_at, ends_at) = (at("start")?, at("end")?);
            (starts_at < ends_at).then(|| (Period { starts_at, ends_at }, quantity(line)))
        });
        periods.max_by_key(|(period, quantity)| (period.ends_at, *quantity))
    }

    fn invoice(self, told: Told) -> Result<Option<Fact>> {
        let subscription = self.text(&["/subscription", "/parent/subscription_details/subscription"]);
        let subscription = subscription
            .and_then(Reference::parse)
            .or_else(|| self.id("subscription"));
        // Other invoices are of no subscription: their purchase was a checkout.
        let (Some(id), Some(subscription)) = (self.id("id"), subscription) else {
            return Ok(None);
        };
        let reason = match self.0["billing_reason"].as_str() {
            Some("subscription_create") => InvoiceReason::First,
            Some("subscription_cycle") => InvoiceReason::Renewal,
            Some(_) | None => InvoiceReason::Other,
        };
        let days = match self.metadata() {
            Some(metadata) if reason == InvoiceReason::Renewal => metadata.days("durationDays")?,
            Some(_) | None => None,
        };
        let (period, quantity) = self.whole_line().unzip();
        let paid_at = self.time(&["/status_transitions/paid_at", "/created"], told.now);
        Ok(Some(Fact::Invoice(Invoice {
            id,
            subscription,
            reason,
            paid_at: paid_at.or(told.created).unwrap_or(told.now),
            period,
            days,
            quantity: quantity.flatten(),
            payment: self.ids(&["payment_intent", "charge"]),
        })))
    }

    /// By what an invoice was paid: since its version of March 2025, Stripe says so in an event of its own.
    fn payment(self) -> Option<Fact> {
        let payment = self.part("/payment").ids(&["payment_intent", "charge"]);
        let first = payment.first()?.clone();
        Some(Fact::Payment(Payment {
            id: self.id("id").unwrap_or(first),
            invoice: self.id("invoice")?,
            payment,
        }))
    }

    fn refund(self) -> Option<Fact> {
        // A part of the money back is a discount.
        let payment = self.ids(&["id", "payment_intent"]);
        (self.0["refunded"] == true && !payment.is_empty()).then(|| {
            Fact::Refund(Refund {
                payment,
                invoice: self.id("invoice"),
            })
        })
    }

    fn dispute(self, r#type: &str, told: Told) -> Option<Fact> {
        let payment = self.ids(&["payment_intent", "charge"]);
        let first = payment.first()?.clone();
        let status = match self.0["status"].as_str() {
            Some(status) => DisputeStatus::parse(status),
            None if matches!(r#type, "charge.dispute.created" | "charge.dispute.funds_withdrawn") => {
                Some(DisputeStatus::NeedsResponse)
            }
            None => None,
        };
        let Some(status) = status else {
            tracing::warn!(r#type, "a dispute has a status that is not known, and was passed over");
            return None;
        };
        Some(Fact::Dispute(DisputeCase {
            id: self.id("id").unwrap_or(first),
            payment,
            status,
            since: told.created,
        }))
    }

    fn subscription_end(self, told: Told) -> Option<Fact> {
        let at = self.time(&["/ended_at"], told.now);
        Some(Fact::End(SubscriptionEnd {
            subscription: self.id("id")?,
            at: at.or(told.created).unwrap_or(told.now),
        }))
    }

    /// What an event of this type says about a sale, if it does.
    pub(super) fn fact(self, r#type: &str, told: Told) -> Result<Option<Fact>> {
        Ok(match r#type {
            "invoice.paid" => self.invoice(told)?,
            "invoice_payment.paid" => self.payment(),
            "charge.refunded" => self.refund(),
            "charge.dispute.created"
            | "charge.dispute.updated"
            | "charge.dispute.closed"
            | "charge.dispute.funds_withdrawn"
            | "charge.dispute.funds_reinstated" => self.dispute(r#type, told),
            "customer.subscription.deleted" => self.subscription_end(told),
            // Others are no concern of ours.
            _ => None,
        })
    }
}

/// When an event was made and when it came.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// When Stripe made it, as far as it says so.
    pub(super) created: Option<Timestamp>,
    /// When it came.
    pub(super) now: Timestamp,
}

impl Told {
    /// Of an event that came `now`, and says when it was made.
    pub(super) fn of(created: &Value, now: Timestamp) -> Self {
        Self {
            created: seconds(created).map(|created| created.min(now)),
            now,
        }
    }

    /// When a purchase was made: when the event was, or now. Stripe tells of one for a month, so an event that claims to be
    /// older was made up by hand.
    pub(super) fn sold_at(self) -> Timestamp {
        const TOLD_FOR: Duration = Duration::from_secs(35 * 24 * 60 * 60);

        let created = self.created.filter(|created| self.now.since(*created) < TOLD_FOR);
        created.unwrap_or(self.now)
    }
}

/// A time in seconds since 1970.
fn seconds(value: &Value) -> Option<Timestamp> {
    // The end of the year 9999, after which no time can be written.
    const LAST: i64 = 253_402_300_799;

    let seconds = value.as_i64().filter(|seconds| (0..=LAST).contains(seconds))?;
    Some(Timestamp::from_millis(seconds * 1000))
}

/// The quantity of a line.
fn quantity(line: &Value) -> Option<Quantity> {
    Quantity::parse(line["quantity"].as_i64()?)
}

/// What the vendor wrote on a thing of Stripe's: texts, always.
#[derive(Clone, Copy)]
pub(super) struct Metadata<'a>(&'a Value);

impl<'a> Metadata<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0[name].as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    fn parsed<T>(self, name: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::field(&format!("metadata.{name}"), expected)),
        }
    }

    fn days(self, name: &str) -> Result<Option<Days>> {
        let expected = "a whole number of days from 1 to 3650";
        self.parsed(name, expected, |text| Days::parse(text.parse().ok()?))
    }

    /// How many were bought, as the vendor says.
    pub(super) fn quantity(self) -> Result<Option<Quantity>> {
        let expected = "a whole number from 1 to 1000000";
        self.parsed("quantity", expected, |text| Quantity::parse(text.parse().ok()?))
    }

    pub(super) fn notice(self, r#type: NoticeType, email: Email) -> Result<Notice> {
        let product = self.parsed("productId", "a string of 1 to 128 characters", ProductId::parse)?;
        let seats = |text: &str| SeatLimit::parse(text.parse().ok()?);
        Ok(Notice {
            r#type,
            email,
            product_id: product.ok_or(Error::NotFound(Noun::Product))?,
            variant: self.parsed("variant", "a string of 1 to 128 characters", VariantId::parse)?,
            purchase_id: None,
            license_type: self.parsed("licenseType", "per-machine, floating or site", LicenseType::parse)?,
            max_machines: self.parsed("maxMachines", "a whole number, or -1 for unlimited", seats)?,
            discount_code: self.parsed("discountCode", "a string of 1 to 256 characters", Reference::parse)?,
            trial_days: self.days("trialDays")?,
            duration_days: self.days("durationDays")?,
            subscription: None,
        })
    }
}
