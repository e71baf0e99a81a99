//! `POST /cgloungeWebhook`: a purchase at cglounge, or what became of one.

use keystead_core::{
    Error, Result,
    audit::Origin,
    error::{ErrorCode, Noun},
    license::{License, standing::Dispute},
    product::{Product, ProductId, variant::TRIAL},
    sale::purchase::{Notice, NoticeType, PurchaseKey},
    value::{email::Email, reference::Reference},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Offer, Reply, Terms, complete, dispute, end_subscription, license_of, product_key, renew};
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Store, context::Context, endpoint::Endpoint, fields, lenient::blank_is_absent},
};

/// `POST /cgloungeWebhook`.
pub struct CgloungeWebhook;

/// What the store tells.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    r#type: NoticeType,
    email: Email,
    product_id: ProductId,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Reference>"))]
    purchase_id: Option<Reference>,
    /// What else it says is read when it matters: a refund is one, whatever it says of a trial. `amount` and `currency`
    /// matter nowhere.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schemars(with = "Terms"))]
    terms: Map<String, Value>,
}

impl Request {
    fn notice(self) -> Result<Notice> {
        let terms: Terms = match self.r#type {
            NoticeType::Completed | NoticeType::Renewed => fields::parse(self.terms)?,
            NoticeType::Refunded | NoticeType::Disputed | NoticeType::Cancelled => Terms::default(),
        };
        Ok(Notice {
            r#type: self.r#type,
            email: self.email,
            product_id: self.product_id,
            variant: terms.variant,
            purchase_id: self.purchase_id,
            license_type: terms.license_type,
            max_machines: terms.max_machines,
            discount_code: terms.discount_code,
            trial_days: terms.trial_days,
            duration_days: terms.duration_days,
            subscription: None,
        })
    }
}

impl Endpoint for CgloungeWebhook {
    const NAME: &'static str = "cglounge-webhook";
    const ROUTE: &'static str = "POST /cgloungeWebhook";
    const SUMMARY: &'static str = "Tell of a purchase, or of what became of one.";
    const REQUIRED: &'static [&'static str] = &["type", "email", "productId"];
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["durationDays"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::LicenseNotFound,
        ErrorCode::MissingFields,
    ];

    type Face = FlatAdmin;
    type Caller = Store;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Store, request: Request, (): ()) -> Result<Reply> {
        let notice = request.notice()?;
        let offer = Offer::of(cx, &caller.scope, &notice).await?;
        let product = offer.product.clone().ok_or(Error::NotFound(Noun::Product))?;
        let id = notice.purchase_id.as_ref();
        let key = |r#type| product_key(r#type, &product, id);
        match notice.r#type {
            NoticeType::Completed => {
                let keys = Vec::from_iter(key(NoticeType::Completed));
                complete(cx, &caller.origin, &notice, offer, keys).await
            }
            NoticeType::Refunded => {
                let key = key(NoticeType::Refunded);
                paid_back(cx, &caller.origin, &product, &notice, Dispute::Refund, key).await
            }
            NoticeType::Disputed => {
                let key = key(NoticeType::Disputed);
                paid_back(cx, &caller.origin, &product, &notice, Dispute::Chargeback, key).await
            }
            NoticeType::Renewed => {
                // The id may be that of the purchase which began the subscription, and then comes with each renewal.
                let first = match key(NoticeType::Completed) {
                    Some(original) => license_of(cx, &original).await?,
                    None => None,
                };
                match first {
                    Some(license) => renew(cx, &caller.origin, &notice, license, &[]).await,
                    None => {
                        let license = newest(cx, &product, &notice, |_| true).await?;
                        let keys = Vec::from_iter(key(NoticeType::Renewed));
                        renew(cx, &caller.origin, &notice, license, &keys).await
                    }
                }
            }
            NoticeType::Cancelled => {
                // By the id that the subscription began with, or by that of a payment since.
                let mut license = None;
                for key in [key(NoticeType::Completed), key(NoticeType::Renewed)]
                    .into_iter()
                    .flatten()
                {
                    if license.is_none() {
                        license = match license_of(cx, &key).await {
                            // It was deleted, and its subscription with it.
                            Err(Error::NotFound(Noun::License)) => return Ok(Reply::default()),
                            other => other?,
                        };
                    }
                }
                if license.is_none() {
                    let linked = |license: &License| license.subscription.is_some() && unsold(id, license);
                    license = cx.store.license_newest(&product, &notice.email, linked).await?;
                }
                let now = cx.clock.now();
                if let Some(license) = license {
                    end_subscription(cx, &caller.origin, license, |license| license.cancel(now)).await?;
                }
                Ok(Reply::default())
            }
        }
    }
}

/// Revokes what the money was paid for that was given back: every license of the purchase, which the vendor may have made
/// several for.
async fn paid_back(
    cx: &Context,
    origin: &Origin,
    product: &Product,
    notice: &Notice,
    way: Dispute,
    key: Option<PurchaseKey>,
) -> Result<Reply> {
    if let Some(key) = &key
        && let Some(before) = cx.store.purchase_get(key).await?
    {
        return Reply::before(cx, before).await;
    }
    let id = notice.purchase_id.as_ref();
    let registered = match product_key(NoticeType::Completed, product, id) {
        Some(purchase) => license_of(cx, &purchase).await?,
        None => None,
    };
    let mut all = match id {
        Some(id) => cx.store.license_list_by_purchase(product, id).await?,
        None => Vec::new(),
    };
    all.retain(|license| {
        registered
            .as_ref()
            .is_none_or(|first| first.license_id != license.license_id)
    });
    let first = match registered.or_else(|| all.pop()) {
        Some(first) => first,
        // No money was paid for a trial.
        None => {
            newest(cx, product, notice, |license| {
                unsold(id, license) && license.variant.as_str() != TRIAL
            })
            .await?
        }
    };
    // The first is last: when all others are revoked, the notice is written down.
    for license in all {
        dispute(cx, origin, license, way, &[]).await?;
    }
    dispute(cx, origin, first, way, &Vec::from_iter(key)).await
}

/// Whether a license can be meant by a purchase that led to none: one with an id does not mean the license of another
/// purchase. The customer may have bought before the vendor began to license.
fn unsold(id: Option<&Reference>, license: &License) -> bool {
    id.is_none() || license.purchase_id.is_none()
}

/// The newest license that this customer has of the product and that can be meant.
async fn newest(cx: &Context, product: &Product, notice: &Notice, meant: impl Fn(&License) -> bool) -> Result<License> {
    let newest = cx.store.license_newest(product, &notice.email, meant).await?;
    newest.ok_or(Error::NotFound(Noun::License))
}
