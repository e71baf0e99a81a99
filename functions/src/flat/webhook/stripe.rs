//! `POST /stripeWebhook`: an event of Stripe's.
//!
//! What was bought is in the metadata that the vendor put on the checkout session: `productId`, and if need be `variant`,
//! `licenseType`, `maxMachines`, `durationDays`, `trialDays`, `discountCode`, `quantity`. A session without `productId` is of
//! another product of the same Stripe account. Every other event is a fact about a sale, which it finds by ids; while they
//! lead nowhere it is kept, since Stripe promises no order.

use std::collections::{BTreeMap, BTreeSet};

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    audit::Origin,
    error::ErrorCode,
    license::{
        License,
        key::LicenseKey,
        seats::{LicenseType, Seats},
        subscription::Subscription,
    },
    owner::{OwnerId, Scope},
    product::quantity::QuantityMeans,
    sale::{
        entitlement::SoldSeats,
        fact::{Fact, InvoiceReason, Quantity},
        history::{MOST_LICENSES, Sale, SoldLicense},
        purchase::{Notice, NoticeType, PurchaseKey},
    },
    store::sale::history::SaleOutcome,
    value::reference::Reference,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Offer, sold,
    stripe_event::{Object, Told},
};
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Stripe, context::Context, endpoint::Endpoint, reply::True},
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
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    created: Value,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(expecting = "an object")]
struct Data {
    object: Value,
}

/// What Stripe is answered.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SaleReply"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The license that was sold, or the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key: Option<LicenseKey>,
    /// The licenses, when several were sold at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    license_keys: Vec<LicenseKey>,
    /// There when this was told and acted on before.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<True>,
    /// There when this names nothing known: until then it is kept, at least, and acted on as soon as what it names is.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<Timestamp>,
}

impl Endpoint for StripeWebhook {
    const NAME: &'static str = "stripe-webhook";
    const ROUTE: &'static str = "POST /stripeWebhook";
    const SUMMARY: &'static str = "Take an event of Stripe's.";
    const REQUIRED: &'static [&'static str] = &["id", "type", "data"];
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] =
        &[&["customer_details.email"], &["metadata.durationDays"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::MissingFields];

    type Face = FlatAdmin;
    type Caller = Stripe;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Stripe, request: Request, (): ()) -> Result<Reply> {
        told(cx, None, &caller.origin, &request).await
    }
}

/// What an event comes to that the deployment's Stripe account has told, or that of one `seller`, who sells their own products
/// and whose events lead to their own sales.
pub(super) async fn told(cx: &Context, seller: Option<&OwnerId>, origin: &Origin, request: &Request) -> Result<Reply> {
    let object = Object(&request.data.object);
    let told = Told::of(&request.created, cx.clock.now());
    match request.r#type.as_str() {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            checked_out(cx, seller, origin, object, told).await
        }
        r#type => match object.fact(r#type, told)? {
            Some(fact) => recorded(cx, seller, origin, object, &request.id, &fact).await,
            None => Ok(Reply::default()),
        },
    }
}

/// Someone has bought something.
async fn checked_out(
    cx: &Context,
    seller: Option<&OwnerId>,
    origin: &Origin,
    session: Object<'_>,
    told: Told,
) -> Result<Reply> {
    // Some ways to pay take days; Stripe tells when they are through. And nothing is sold by noting how to pay later.
    if session.0["payment_status"] == "unpaid" || session.0["mode"] == "setup" {
        return Ok(Reply::default());
    }
    let Some(metadata) = session.metadata() else {
        return Ok(Reply::default());
    };
    let email = ["/customer_details/email", "/customer_email"];
    let is_subscription = session.0["mode"] == "subscription";
    let notice = Notice {
        purchase_id: session
            .ids(&["payment_intent", "subscription", "id"])
            .into_iter()
            .next(),
        subscription: is_subscription.then_some(Subscription::ACTIVE),
        ..metadata.notice(NoticeType::Completed, session.email(&email)?)?
    };
    if is_subscription && notice.duration_days.or(notice.trial_days).is_none() {
        // Without, the license of a subscription would never end.
        return Err(Error::Invalid(InvalidRequest::MissingFields(&[
            "metadata.durationDays",
        ])));
    }
    let quantity = metadata.quantity()?.or(session.quantity()).unwrap_or(Quantity::ONE);
    let scope = seller.cloned().map_or(Scope::Everything, Scope::Owner);
    let offer = Offer::of(cx, &scope, &notice).await?;
    let license = sold(cx, &notice, &offer, told.sold_at())?;
    let means = offer.product.as_ref().and_then(|product| product.quantity_means);
    let (sale, license) = new_sale(license, &notice, quantity, means.unwrap_or(QuantityMeans::USUAL))?;
    let sale = Sale {
        seller: seller.cloned(),
        first: session.ids(&["payment_intent", "invoice"]).into_iter().collect(),
        ..sale
    };
    let ids = session.ids(&["payment_intent", "subscription", "invoice", "id"]);
    let (limits, audit) = (&cx.config.enforcement, cx.audit(origin));
    let outcome = cx.store.sale_create(sale, &ids, &license, offer.code, limits, &audit);
    reply(cx, outcome.await?).await
}

/// The sale of `license` in this quantity, and its first license with the seats that follow.
fn new_sale(license: License, notice: &Notice, quantity: Quantity, means: QuantityMeans) -> Result<(Sale, License)> {
    if means == QuantityMeans::Licenses && quantity.number() > MOST_LICENSES {
        let expected = format!("a whole number from 1 to {MOST_LICENSES} where it is that many licenses");
        return Err(Error::field("quantity", &expected));
    }
    // Whoever says how many machines it is for has said so.
    let by_quantity = means == QuantityMeans::Seats
        && notice.max_machines.is_none()
        && license.seats.license_type != LicenseType::Site;
    let mut sale = Sale {
        key: PurchaseKey::of_sale(&license.license_id),
        product_id: license.product_id.clone(),
        seller: None,
        ends_at: license.expires_at(),
        is_subscription: license.subscription.is_some(),
        quantity,
        quantity_means: means,
        seats: by_quantity.then_some(SoldSeats {
            max_machines: license.seats.max_machines,
            max_concurrent: license.seats.max_concurrent,
        }),
        first: BTreeSet::new(),
        invoices: BTreeMap::new(),
        settled: None,
        payments: BTreeMap::new(),
        refunds: BTreeMap::new(),
        disputes: BTreeMap::new(),
        ended_at: None,
        unread: BTreeSet::new(),
        licenses: Vec::new(),
        revision: 1,
    };
    let granted = sale.entitlement();
    let seats = granted
        .seats
        .map(|seats| Seats::new(license.seats.license_type, seats.max_machines, seats.max_concurrent));
    let license = License {
        seats: seats.unwrap_or_else(|| license.seats.clone()),
        ..license
    };
    sale.licenses.push(SoldLicense {
        license_key: license.license_key.clone(),
        license_id: license.license_id.clone(),
        granted,
        revocation: None,
    });
    Ok((sale, license))
}

/// Something else has become of a sale.
async fn recorded(
    cx: &Context,
    seller: Option<&OwnerId>,
    origin: &Origin,
    object: Object<'_>,
    event: &Reference,
    fact: &Fact,
) -> Result<Reply> {
    let is_ours = object.metadata().is_some();
    if let Fact::Invoice(invoice) = fact
        && invoice.reason == InvoiceReason::Renewal
        && invoice.renewal_days().is_none()
        && (is_ours || cx.store.sale_find(seller, &fact.ids()).await?.is_some())
    {
        return Err(Error::Invalid(InvalidRequest::MissingFields(&["durationDays"])));
    }
    let (limits, audit) = (&cx.config.enforcement, cx.audit(origin));
    let outcome = cx.store.sale_record(seller, fact, limits, &audit).await?;
    if let SaleOutcome::Kept { until, given_up } = &outcome {
        // Nothing tells when it is forgotten: this line is where to look for it. It may be another product's.
        let until = until.to_string();
        if is_ours {
            tracing::warn!(%event, fact = fact.key(), until, "an event of one of our products names no known sale, and is kept");
        } else {
            tracing::info!(%event, fact = fact.key(), until, "an event names no known sale, and is kept");
        }
        if *given_up > 0 {
            tracing::warn!(%event, givenUp = given_up, "events were given up that never led to a sale");
        }
    }
    match (fact, outcome) {
        (Fact::End(_), SaleOutcome::Recorded(_) | SaleOutcome::Known(_)) => Ok(Reply::default()),
        (_, outcome) => reply(cx, outcome).await,
    }
}

async fn reply(cx: &Context, outcome: SaleOutcome) -> Result<Reply> {
    let (sale, duplicate) = match outcome {
        SaleOutcome::Recorded(sale) => (sale, None),
        SaleOutcome::Known(sale) => (sale, Some(True)),
        SaleOutcome::Kept { until, .. } => {
            return Ok(Reply {
                kept_until: Some(until),
                ..Reply::default()
            });
        }
    };
    // The keys may have been exchanged since: old ones lead nowhere.
    let mut keys = Vec::with_capacity(sale.licenses.len());
    for sold in &sale.licenses {
        keys.push(cx.store.sale_license_key(sold).await?);
    }
    Ok(Reply {
        license_key: keys.first().cloned(),
        license_keys: if keys.len() > 1 { keys } else { Vec::new() },
        duplicate,
        kept_until: None,
    })
}
