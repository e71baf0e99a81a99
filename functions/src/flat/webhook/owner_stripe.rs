//! `POST /stripeWebhook/{endpointId}`: an event of a Stripe account of one owner's.

use keystead_core::{Result, error::ErrorCode};

use super::stripe::{Reply, Request, told};
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::OwnerStripe, context::Context, endpoint::Endpoint},
};

/// `POST /stripeWebhook/{endpointId}`.
pub struct OwnerStripeWebhook;

impl Endpoint for OwnerStripeWebhook {
    const NAME: &'static str = "owner-stripe-webhook";
    const ROUTE: &'static str = "POST /stripeWebhook/{endpointId}";
    const SUMMARY: &'static str =
        "Take an event of a Stripe account of one owner's, which tells of their products only.";
    const REQUIRED: &'static [&'static str] = &["id", "type", "data"];
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] =
        &[&["customer_details.email"], &["metadata.durationDays"]];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::ProductNotFound, ErrorCode::MissingFields];

    type Face = FlatAdmin;
    type Caller = OwnerStripe;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: OwnerStripe, request: Request, (): ()) -> Result<Reply> {
        told(cx, Some(&caller.owner), &caller.origin, &request).await
    }
}
