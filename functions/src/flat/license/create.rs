//! `POST /createLicense`: make a license.

use keystead_core::{
    Error, Result, Timestamp,
    email::Email,
    event::EventType,
    license::{License, LicenseKey, LicenseStatus, LicenseType, Reference, SeatLimit, ThreatLevel},
    product::{Product, ProductId, ProductStatus},
    variant::{Variant, VariantId},
};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Success,
};

/// `POST /createLicense`.
pub struct CreateLicense;

/// The license that is wanted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The key that it has already, elsewhere; a new one, when absent.
    license_key: Option<LicenseKey>,
    email: Email,
    product_id: ProductId,
    variant: Option<VariantId>,
    license_type: Option<LicenseType>,
    max_machines: Option<SeatLimit>,
    max_concurrent: Option<SeatLimit>,
    /// When it was bought, if that was before now.
    purchased_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    discount_code: Option<Reference>,
    purchase_id: Option<Reference>,
    bundle_id: Option<Reference>,
    unlocked_products: Option<Vec<ProductId>>,
}

/// The license that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    success: Success,
    license_key: LicenseKey,
}

/// How many products a bundle can hold: what one read of the catalog takes, and a license item has room for.
const MAX_UNLOCKED: usize = 50;

/// What a license allows when neither the request nor the variant says.
mod default {
    pub(super) const VARIANT: &str = "indie";
    pub(super) const MAX_MACHINES: super::SeatLimit = super::SeatLimit::Limited(2);
    pub(super) const LICENSE_TYPE: super::LicenseType = super::LicenseType::PerMachine;
}

impl Request {
    fn variant(&self) -> Result<VariantId> {
        let written = match &self.variant {
            Some(variant) => variant.clone(),
            None => VariantId::parse(default::VARIANT).ok_or(Error::internal("the default variant is no variant"))?,
        };
        Ok(written.within(&self.product_id))
    }

    fn unlocked(&self) -> &[ProductId] {
        self.unlocked_products.as_deref().unwrap_or_default()
    }
}

impl Endpoint for CreateLicense {
    const NAME: &'static str = "create-license";
    const ROUTE: &'static str = "POST /createLicense";
    const AUTH: Auth = Auth::Admin;
    const FACE: Face = Face::FlatAdmin;
    const REQUIRED: &'static [&'static str] = &["email", "productId"];
    const WRITES: bool = true;

    type Request = Request;
    type Fetched = (Vec<Product>, Option<Variant>);
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        if request.unlocked().len() > MAX_UNLOCKED {
            return Err(Error::field(
                "unlockedProducts",
                &format!("at most {MAX_UNLOCKED} products"),
            ));
        }
        let mut wanted = vec![&request.product_id];
        for product in request.unlocked() {
            // DynamoDB refuses a batch that names a key twice.
            if !wanted.contains(&product) {
                wanted.push(product);
            }
        }
        cx.store.products_with_variant(&wanted, &request.variant()?).await
    }

    async fn call(cx: &Context, caller: Caller, request: Request, fetched: Self::Fetched) -> Result<Reply> {
        let (products, variant) = fetched;
        let seen = |id: &ProductId| {
            products
                .iter()
                .find(|p| p.product_id == *id && caller.scope.covers(&p.owner_id))
        };
        let product = seen(&request.product_id).ok_or(Error::ProductNotFound)?;
        if request.unlocked().iter().any(|id| seen(id).is_none()) {
            return Err(Error::ProductNotFound);
        }
        if product.status == ProductStatus::Archived {
            return Err(Error::ProductArchived);
        }
        let now = cx.clock.now();
        let of_variant = variant.as_ref();
        let license = License {
            license_key: match request.license_key {
                Some(ref own) => own.clone(),
                None => cx.ids.license_key()?,
            },
            license_id: cx.ids.license_id(now)?,
            owner_id: product.owner_id.clone(),
            variant: request.variant()?,
            email: request.email,
            product_id: request.product_id,
            license_type: request
                .license_type
                .or(of_variant.map(|v| v.license_type))
                .unwrap_or(default::LICENSE_TYPE),
            status: LicenseStatus::Active,
            threat_level: ThreatLevel::CLEAN,
            max_machines: request
                .max_machines
                .or(of_variant.and_then(|v| v.max_machines))
                .unwrap_or(default::MAX_MACHINES),
            max_concurrent: request.max_concurrent.or(of_variant.and_then(|v| v.max_concurrent)),
            created_at: now,
            purchased_at: request.purchased_at,
            expires_at: request.expires_at,
            discount_code: request.discount_code,
            purchase_id: request.purchase_id,
            bundle_id: request.bundle_id,
            unlocked_products: request.unlocked_products.unwrap_or_default(),
            dispute_reason: None,
            disputed_at: None,
            suspension: None,
            machines_used: 0,
            sessions_open: 0,
            unresolved_violations: 0,
            revision: 0,
        };
        let event = cx.event(EventType::Created, &license, &caller, now)?;
        if !cx.store.create_license(&license, &event).await? {
            return Err(Error::LicenseKeyTaken);
        }
        Ok(Reply {
            success: Success,
            license_key: license.license_key,
        })
    }
}
