//! `POST /cgloungeWebhook`: a purchase at cglounge, or what became of one.

use keystead_core::{
    Error, Result,
    email::Email,
    license::{Dispute, License, LicenseType, Reference, SeatLimit},
    product::{Product, ProductId},
    purchase::{Currency, Notice, NoticeType},
    variant::{Days, Price, VariantId},
};
use serde::Deserialize;

use super::{Offer, Reply, complete, dispute, license_of, owner_key, renew};
use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::{blank_is_absent, zero_is_absent},
};

/// `POST /cgloungeWebhook`.
pub struct CgloungeWebhook;

/// What the store tells. What it has no value for may be left out, null, blank or, of days, 0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    r#type: NoticeType,
    email: Email,
    product_id: ProductId,
    #[serde(default, deserialize_with = "blank_is_absent")]
    variant: Option<VariantId>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    purchase_id: Option<Reference>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    license_type: Option<LicenseType>,
    max_machines: Option<SeatLimit>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    discount_code: Option<Reference>,
    #[serde(default, deserialize_with = "zero_is_absent")]
    trial_days: Option<Days>,
    #[serde(default, deserialize_with = "zero_is_absent")]
    duration_days: Option<Days>,
    /// What was paid, which Keystead only checks the form of.
    #[serde(rename = "amount")]
    _amount: Option<Price>,
    #[serde(default, deserialize_with = "blank_is_absent", rename = "currency")]
    _currency: Option<Currency>,
}

impl Request {
    fn notice(&self) -> Notice {
        Notice {
            r#type: self.r#type,
            email: self.email.clone(),
            product_id: self.product_id.clone(),
            variant: self.variant.clone(),
            purchase_id: self.purchase_id.clone(),
            license_type: self.license_type,
            max_machines: self.max_machines,
            discount_code: self.discount_code.clone(),
            trial_days: self.trial_days,
            duration_days: self.duration_days,
        }
    }
}

impl Endpoint for CgloungeWebhook {
    const NAME: &'static str = "cglounge-webhook";
    const ROUTE: &'static str = "POST /cgloungeWebhook";
    const AUTH: Auth = Auth::Webhook;
    const FACE: Face = Face::FlatAdmin;
    const REQUIRED: &'static [&'static str] = &["type", "email", "productId"];
    const WRITES: bool = true;

    type Request = Request;
    type Fetched = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Reply> {
        let notice = request.notice();
        let offer = Offer::of(cx, &notice).await?;
        let product = offer.product.clone().ok_or(Error::ProductNotFound)?;
        let id = notice.purchase_id.as_ref();
        let keys = |r#type| Vec::from_iter(owner_key(r#type, &product, id));
        match notice.r#type {
            NoticeType::Completed => complete(cx, &caller, &notice, offer, |_| keys(NoticeType::Completed)).await,
            NoticeType::Refunded => {
                let license = bought(cx, &product, &notice, true).await?;
                dispute(cx, &caller, license, Dispute::Refund, &keys(NoticeType::Refunded)).await
            }
            NoticeType::Disputed => {
                let license = bought(cx, &product, &notice, true).await?;
                dispute(cx, &caller, license, Dispute::Chargeback, &keys(NoticeType::Disputed)).await
            }
            NoticeType::Renewed => {
                // The id may be that of the purchase which began the subscription, and then comes with each renewal.
                let original = owner_key(NoticeType::Completed, &product, id);
                let first = match &original {
                    Some(original) => license_of(cx, original).await?,
                    None => None,
                };
                match first {
                    Some(license) => renew(cx, &caller, &notice, license, &[]).await,
                    None => {
                        let license = bought(cx, &product, &notice, false).await?;
                        renew(cx, &caller, &notice, license, &keys(NoticeType::Renewed)).await
                    }
                }
            }
            // The license runs to its end.
            NoticeType::Cancelled => Ok(Reply::default()),
        }
    }
}

/// The license that a notice is about: that of its purchase, or else the newest that this customer has of the product.
/// With `unsold`, of a purchase that is not known, one that came of no purchase: another purchase's license is not meant.
async fn bought(cx: &Context, product: &Product, notice: &Notice, unsold: bool) -> Result<License> {
    let id = notice.purchase_id.as_ref();
    if let Some(key) = owner_key(NoticeType::Completed, product, id)
        && let Some(license) = license_of(cx, &key).await?
    {
        return Ok(license);
    }
    let unsold = unsold && id.is_some();
    let newest = cx
        .store
        .newest_license(&product.owner_id, &product.product_id, &notice.email, unsold);
    newest.await?.ok_or(Error::LicenseNotFound)
}
