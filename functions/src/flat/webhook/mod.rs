//! Webhooks: what stores tell of purchases.
//!
//! Each store has its own words and its own way to show who it is; what is done about a [`Notice`] is the same.

mod cglounge;
mod owner_stripe;
mod stripe;
mod stripe_event;

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    audit::Origin,
    error::Noun,
    license::{
        License,
        expiry::Expiry,
        key::{LicenseId, LicenseKey},
        seats::{LicenseType, SeatLimit, Seats},
        standing::Dispute,
    },
    owner::Scope,
    product::{
        Product,
        variant::{Variant, VariantId},
    },
    sale::{
        code::{Code, CodeName},
        purchase::{Notice, NoticeType, Purchase, PurchaseKey},
    },
    store::{license::create::CreateOutcome, sale::notice::NoticeOutcome},
    value::{days::Days, reference::Reference},
};
use serde::{Deserialize, Serialize};

use crate::frame::{
    context::Context,
    lenient::{blank_is_absent, zero_is_absent},
    reply::True,
};

pub use cglounge::CgloungeWebhook;
pub use owner_stripe::OwnerStripeWebhook;
pub use stripe::StripeWebhook;

/// What a store is answered.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The license that the purchase made.
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key: Option<LicenseKey>,
    /// There when this was told and acted on before.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<True>,
}

impl Reply {
    fn now(license_key: LicenseKey) -> Self {
        Self {
            license_key: Some(license_key),
            ..Self::default()
        }
    }

    /// The answer to what was told before. The license's key may have been exchanged since: the old one leads nowhere.
    async fn before(cx: &Context, purchase: Purchase) -> Result<Self> {
        let license = cx.store.license_by_purchase(&purchase).await?;
        Ok(Self {
            duplicate: Some(True),
            ..Self::now(license.map_or(purchase.license_key, |license| license.license_key))
        })
    }

    async fn told(cx: &Context, told: NoticeOutcome) -> Result<Self> {
        match told {
            NoticeOutcome::Now(license) | NoticeOutcome::Nothing(license) => Ok(Self::now(license.license_key)),
            NoticeOutcome::Before(purchase) => Self::before(cx, purchase).await,
        }
    }
}

/// What is sold: a product, with the variant and the code that a notice names, if they exist.
#[derive(Default)]
pub struct Offer {
    product: Option<Product>,
    variant: Option<Variant>,
    code: Option<Code>,
}

impl Offer {
    /// What `notice` names, as far as a store with this scope may know of it.
    async fn of(cx: &Context, scope: &Scope, notice: &Notice) -> Result<Self> {
        let edition = edition(notice)?;
        let named = async {
            match notice
                .discount_code
                .as_ref()
                .and_then(|code| CodeName::parse(code.as_str()))
            {
                Some(name) => cx.store.code_get_unscoped(&name).await,
                None => Ok(None),
            }
        };
        let wanted = [&notice.product_id];
        let ((mut products, variant), code) =
            tokio::try_join!(cx.store.product_list_with_variant_unscoped(&wanted, &edition), named)?;
        let product = products.pop().filter(|product| scope.covers(&product.owner_id));
        Ok(Self {
            code: code.filter(|code| product.as_ref().is_some_and(|product| code.is_for(product))),
            product,
            variant,
        })
    }
}

/// The edition when a notice does not say.
const DEFAULT_VARIANT: &str = "indie";

fn edition(notice: &Notice) -> Result<VariantId> {
    let written = match &notice.variant {
        Some(variant) => variant.clone(),
        None => VariantId::parse(DEFAULT_VARIANT).ok_or(Error::internal("the default variant is no variant"))?,
    };
    Ok(written.within(&notice.product_id))
}

/// What was sold, as far as a notice says so; what it has no value for may be left out, null, blank or 0.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Terms {
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<VariantId>"))]
    variant: Option<VariantId>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<LicenseType>")
    )]
    license_type: Option<LicenseType>,
    #[serde(default, deserialize_with = "zero_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeZero<SeatLimit>"))]
    max_machines: Option<SeatLimit>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Reference>"))]
    discount_code: Option<Reference>,
    #[serde(default, deserialize_with = "zero_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeZero<Days>"))]
    trial_days: Option<Days>,
    #[serde(default, deserialize_with = "zero_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeZero<Days>"))]
    duration_days: Option<Days>,
}

/// Makes the license that was bought, unless this purchase made one already. The product may be archived by now: whoever
/// paid gets what they paid for.
async fn complete(
    cx: &Context,
    origin: &Origin,
    notice: &Notice,
    offer: Offer,
    keys: Vec<PurchaseKey>,
) -> Result<Reply> {
    let license = sold(cx, notice, &offer, cx.clock.now())?;
    let now = license.created_at;
    let purchases: Vec<Purchase> = keys.into_iter().map(|key| Purchase::new(key, &license, now)).collect();
    match cx
        .store
        .license_create(&license, &cx.audit(origin), &purchases, offer.code)
        .await?
    {
        CreateOutcome::Done => Ok(Reply::now(license.license_key)),
        CreateOutcome::Before(purchase) => Reply::before(cx, purchase).await,
        CreateOutcome::KeyTaken => Err(Error::internal("a new license key was taken already")),
    }
}

/// The license that was sold at this time.
fn sold(cx: &Context, notice: &Notice, offer: &Offer, sold_at: Timestamp) -> Result<License> {
    let product = offer.product.as_ref().ok_or(Error::NotFound(Noun::Product))?;
    let now = cx.clock.now();
    let usual = License::new(
        cx.new_license_key(product, None)?,
        LicenseId::new(&cx.ids, now)?,
        product,
        edition(notice)?,
        offer.variant.as_ref(),
        notice.email.clone(),
        now,
    );
    Ok(License {
        seats: Seats::new(
            notice.license_type.unwrap_or(usual.seats.license_type),
            notice.max_machines.unwrap_or(usual.seats.max_machines),
            usual.seats.max_concurrent,
        ),
        expiry: Expiry::from(notice.expiry(offer.code.as_ref(), sold_at)),
        discount_code: notice.discount_code.clone(),
        purchase_id: notice.purchase_id.clone(),
        subscription: notice.subscription,
        ..usual
    })
}

/// Revokes the license for which the money was given back.
async fn dispute(
    cx: &Context,
    origin: &Origin,
    license: License,
    dispute: Dispute,
    keys: &[PurchaseKey],
) -> Result<Reply> {
    let audit = cx.audit(origin);
    let told = cx.store.license_dispute(license, dispute, keys, &audit);
    Reply::told(cx, told.await?).await
}

/// Lets the license that was paid for another period go on.
async fn renew(
    cx: &Context,
    origin: &Origin,
    notice: &Notice,
    license: License,
    keys: &[PurchaseKey],
) -> Result<Reply> {
    let days = notice
        .duration_days
        .ok_or(Error::Invalid(InvalidRequest::MissingFields(&["durationDays"])))?;
    let audit = cx.audit(origin);
    Reply::told(cx, cx.store.license_renew(license, days, keys, &audit).await?).await
}

/// Notes that the subscription of a license ends. The license itself runs to its end, which is all that the
/// flat API looks at.
async fn end_subscription(
    cx: &Context,
    origin: &Origin,
    license: License,
    end: impl Fn(&License) -> Option<License>,
) -> Result<()> {
    cx.store
        .license_end_subscription(license, end, &[], &cx.audit(origin))
        .await
        .map(drop)
}

/// The license that came of a purchase, if one did.
///
/// # Errors
/// [`Noun::License`] when it was deleted: no other is meant in its place.
async fn license_of(cx: &Context, purchase: &PurchaseKey) -> Result<Option<License>> {
    let Some(purchase) = cx.store.purchase_get(purchase).await? else {
        return Ok(None);
    };
    let license = cx.store.license_by_purchase(&purchase).await?;
    license.ok_or(Error::NotFound(Noun::License)).map(Some)
}

/// The key under which what is told of a product's purchase is written down, if it has an id.
fn product_key(r#type: NoticeType, product: &Product, id: Option<&Reference>) -> Option<PurchaseKey> {
    id.map(|id| PurchaseKey::of_product(r#type, &product.product_id, id))
}
