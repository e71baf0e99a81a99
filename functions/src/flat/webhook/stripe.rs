//! `POST /stripeWebhook`: an event of Stripe's.
//!
//! What was bought is in the metadata that the vendor put on the checkout session (and, for refunds and renewals, on the
//! payment and the subscription): `productId`, and if need be `variant`, `licenseType`, `maxMachines`, `durationDays`,
//! `trialDays`, `discountCode`. Events without `productId` that lead to no license of ours are of other products of the
//! same Stripe account, and are passed over.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    audit::Origin,
    error::{ErrorCode, Noun},
    license::{
        License,
        seats::{LicenseType, SeatLimit},
        standing::Dispute,
        subscription::Subscription,
    },
    owner::Scope,
    product::{ProductId, variant::VariantId},
    sale::purchase::{Notice, NoticeType, PurchaseKey},
    store::sale::notice::NoticeKeys,
    value::{days::Days, email::Email, reference::Reference},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Offer, Reply, complete, days_between, dispute, end_subscription, license_of, renew};
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Stripe, context::Context, endpoint::Endpoint},
};

/// `POST /stripeWebhook`.
pub struct StripeWebhook;

/// An event of Stripe's, as much as is needed of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    id: Reference,
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(expecting = "an object")]
struct Data {
    object: Value,
}

impl Endpoint for StripeWebhook {
    const NAME: &'static str = "stripe-webhook";
    const ROUTE: &'static str = "POST /stripeWebhook";
    const SUMMARY: &'static str = "Take an event of Stripe's.";
    const REQUIRED: &'static [&'static str] = &["id", "type", "data"];
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] =
        &[&["customer_details.email"], &["metadata.durationDays"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::LicenseNotFound,
        ErrorCode::MissingFields,
    ];

    type Face = FlatAdmin;
    type Caller = Stripe;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Stripe, request: Request, (): ()) -> Result<Reply> {
        let object = Object(&request.data.object);
        let event = PurchaseKey::of_stripe_event(&request.id);
        match request.r#type.as_str() {
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
                checked_out(cx, &caller.origin, object, event).await
            }
            // A part of the money back is a discount.
            "charge.refunded" if object.0["refunded"] == true => {
                let paid = object.ids(&["payment_intent", "invoice", "id"]);
                paid_back(cx, &caller.origin, object, Dispute::Refund, &paid, event).await
            }
            "charge.dispute.created" => {
                let paid = object.ids(&["payment_intent", "charge"]);
                paid_back(cx, &caller.origin, object, Dispute::Chargeback, &paid, event).await
            }
            "invoice.paid" => invoice_paid(cx, &caller.origin, object, event).await,
            // Since Stripe's version of March 2025, an invoice does not tell by what it was paid; this does.
            "invoice_payment.paid" => {
                let paid = object.id_at(&["/payment/payment_intent", "/payment/charge"]);
                noted(cx, &caller.origin, &object.ids(&["invoice"]), &paid, event).await
            }
            "customer.subscription.deleted" => {
                if let Some(license) = found(cx, &object.ids(&["id"])).await? {
                    let now = cx.clock.now();
                    end_subscription(cx, &caller.origin, license, |license| license.leave(now)).await?;
                }
                Ok(Reply::default())
            }
            // Others are no concern of ours.
            _ => Ok(Reply::default()),
        }
    }
}

/// Someone has bought something.
async fn checked_out(cx: &Context, origin: &Origin, session: Object<'_>, event: PurchaseKey) -> Result<Reply> {
    // Some ways to pay take days; Stripe tells when they are through. And nothing is sold by noting how to pay later.
    if session.0["payment_status"] == "unpaid" || session.0["mode"] == "setup" {
        return Ok(Reply::default());
    }
    let Some(metadata) = session.metadata() else {
        return Ok(Reply::default());
    };
    let email = ["/customer_details/email", "/customer_email"];
    let notice = Notice {
        purchase_id: session
            .ids(&["payment_intent", "subscription", "id"])
            .into_iter()
            .next(),
        subscription: (session.0["mode"] == "subscription").then_some(Subscription::ACTIVE),
        ..metadata.notice(NoticeType::Completed, session.email(&email)?)?
    };
    if session.0["mode"] == "subscription" && notice.duration_days.or(notice.trial_days).is_none() {
        // Without, the license of a subscription would never end.
        return Err(Error::Invalid(InvalidRequest::MissingFields(&[
            "metadata.durationDays",
        ])));
    }
    let mut keys = completed(&session.ids(&["payment_intent", "subscription", "invoice", "id"]));
    keys.push(event);
    let offer = Offer::of(cx, &Scope::Everything, &notice).await?;
    complete(cx, origin, &notice, offer, keys).await
}

/// Someone has got their money back.
async fn paid_back(
    cx: &Context,
    origin: &Origin,
    object: Object<'_>,
    way: Dispute,
    paid: &[Reference],
    event: PurchaseKey,
) -> Result<Reply> {
    match found(cx, paid).await? {
        Some(license) => dispute(cx, origin, license, way, &[event]).await,
        None if object.metadata().is_some() => Err(Error::NotFound(Noun::License)),
        None => Ok(Reply::default()),
    }
}

/// Someone has paid for a period of a subscription.
async fn invoice_paid(cx: &Context, origin: &Origin, invoice: Object<'_>, event: PurchaseKey) -> Result<Reply> {
    let subscription = invoice.text(&["/subscription", "/parent/subscription_details/subscription"]);
    let Some(subscription) = subscription.and_then(Reference::parse) else {
        return Ok(Reply::default());
    };
    let Some(license) = found(cx, &[subscription]).await? else {
        return match invoice.metadata() {
            // The checkout is told of later, and then this again.
            Some(_) => Err(Error::NotFound(Noun::License)),
            None => Ok(Reply::default()),
        };
    };
    // By these, a refund of this period leads to the license.
    let paid = invoice.ids(&["payment_intent", "charge", "id"]);
    // The first period was paid for at the checkout; other invoices buy no period.
    if invoice.0["billing_reason"] != "subscription_cycle" {
        return note(cx, origin, license, &paid, event).await;
    }
    let said = invoice
        .metadata()
        .map(|metadata| metadata.days("durationDays"))
        .transpose()?;
    let notice = Notice {
        r#type: NoticeType::Renewed,
        email: license.email.clone(),
        product_id: license.product_id.clone(),
        variant: None,
        purchase_id: None,
        license_type: None,
        max_machines: None,
        discount_code: None,
        trial_days: None,
        duration_days: said.flatten().or(invoice.period()),
        subscription: None,
    };
    let mut keys = vec![event];
    let own = invoice.ids(&["id"]);
    keys.extend(own.iter().map(|id| PurchaseKey::of_stripe(NoticeType::Renewed, id)));
    renew(cx, origin, &notice, license, &keys, &completed(&paid)).await
}

/// Notes by what else the license is found that is found by any of `known`.
async fn noted(
    cx: &Context,
    origin: &Origin,
    known: &[Reference],
    paid: &[Reference],
    event: PurchaseKey,
) -> Result<Reply> {
    match found(cx, known).await? {
        Some(license) => note(cx, origin, license, paid, event).await,
        // Of another product; or the invoice itself is told of later, which notes the rest.
        None => Ok(Reply::default()),
    }
}

async fn note(cx: &Context, origin: &Origin, license: License, ids: &[Reference], event: PurchaseKey) -> Result<Reply> {
    let keys = NoticeKeys {
        keys: &[event],
        aliases: &completed(ids),
    };
    Reply::told(cx, cx.store.notice_create(license, keys, &cx.audit(origin)).await?).await
}

/// The keys under which a purchase with these ids is found.
fn completed(ids: &[Reference]) -> Vec<PurchaseKey> {
    ids.iter()
        .map(|id| PurchaseKey::of_stripe(NoticeType::Completed, id))
        .collect()
}

/// The license that came of the purchase with any of these ids.
async fn found(cx: &Context, ids: &[Reference]) -> Result<Option<License>> {
    for key in completed(ids) {
        if let Some(license) = license_of(cx, &key).await? {
            return Ok(Some(license));
        }
    }
    Ok(None)
}

/// What an event is about, in Stripe's JSON.
#[derive(Clone, Copy)]
struct Object<'a>(&'a Value);

impl<'a> Object<'a> {
    fn text(self, pointers: &[&str]) -> Option<&'a str> {
        let texts = pointers.iter().filter_map(|pointer| self.0.pointer(pointer)?.as_str());
        texts.into_iter().find(|text| !text.trim().is_empty())
    }

    /// The ids in these fields, where there are any. A field may hold the thing itself in the place of its id.
    fn ids(self, fields: &[&str]) -> Vec<Reference> {
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

    fn email(self, pointers: &[&str]) -> Result<Email> {
        let missing = Error::Invalid(InvalidRequest::MissingFields(&["customer_details.email"]));
        let text = self.text(pointers).ok_or(missing)?;
        Email::parse(text).ok_or_else(|| Error::field("customer_details.email", "an email address"))
    }

    /// The metadata that names one of our products, wherever the vendor's checkout puts it.
    fn metadata(self) -> Option<Metadata<'a>> {
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

    /// The ids at these places.
    fn id_at(self, pointers: &[&str]) -> Vec<Reference> {
        let texts = pointers.iter().filter_map(|pointer| self.0.pointer(pointer)?.as_str());
        texts.filter_map(Reference::parse).collect()
    }

    /// How long the period is that an invoice is for: that of its line which ends last. A change in the middle of a
    /// period has lines of its own, which are for a part of one.
    fn period(self) -> Option<Days> {
        let lines = self.0.pointer("/lines/data")?.as_array()?;
        let prorated = |line: &&Value| {
            let places = ["/proration", "/parent/subscription_item_details/proration"];
            places
                .iter()
                .any(|place| line.pointer(place) == Some(&Value::Bool(true)))
        };
        let second = |line: &Value, end: &str| line["period"][end].as_i64()?.checked_mul(1000);
        let whole = lines.iter().filter(|line| !prorated(line));
        let line = whole.max_by_key(|line| second(line, "end"))?;
        let at = |end: &str| second(line, end).map(Timestamp::from_millis);
        Days::parse(i64::try_from(days_between(at("start")?, at("end")?)).ok()?)
    }
}

/// What the vendor wrote on a thing of Stripe's: texts, always.
#[derive(Clone, Copy)]
struct Metadata<'a>(&'a Value);

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

    fn notice(self, r#type: NoticeType, email: Email) -> Result<Notice> {
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
