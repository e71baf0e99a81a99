//! `POST /createLicense`: make a license.

use keystead_core::{
    Error, Result, Timestamp,
    error::{Denial, ErrorCode, Noun, Unique},
    license::{
        License,
        changes::Changes,
        expiry::Expiry,
        key::{LicenseId, LicenseKey},
        seats::{LicenseType, SeatLimit, Seats},
        standing::LicenseStatus,
    },
    product::{
        Product, ProductId, ProductStatus,
        key_rules::KeyFormat,
        variant::{Variant, VariantId},
    },
    sale::{
        code::{Code, CodeName},
        purchase::{NoticeType, Purchase, PurchaseKey},
    },
    store::license::create::CreateOutcome,
    value::{email::Email, reference::Reference},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        callers::{Admin, Sees, Source},
        context::Context,
        endpoint::Endpoint,
        lenient::blank_is_absent,
        subject::Subject,
    },
};

/// `POST /createLicense`.
pub struct CreateLicense;

/// The license that is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The key that it has already, elsewhere; a new one, when absent.
    license_key: Option<LicenseKey>,
    /// How a new key reads; as the product's keys do, when absent.
    key_format: Option<KeyFormat>,
    email: Email,
    product_id: ProductId,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<VariantId>"))]
    variant: Option<VariantId>,
    license_type: Option<LicenseType>,
    max_machines: Option<SeatLimit>,
    max_concurrent: Option<SeatLimit>,
    /// When it was bought, if that was before now.
    purchased_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Timestamp>"))]
    expires_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Reference>"))]
    discount_code: Option<Reference>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Reference>"))]
    purchase_id: Option<Reference>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<Reference>"))]
    bundle_id: Option<Reference>,
    unlocked_products: Option<Vec<ProductId>>,
    /// What it came to elsewhere, if it does not simply work.
    status: Option<LicenseStatus>,
    /// Why it was revoked. Any text.
    dispute_reason: Option<String>,
}

/// The license that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license_key: LicenseKey,
}

/// How many products a bundle can hold: what one read of the catalog takes, and a license item has room for.
const MAX_UNLOCKED: usize = 50;

/// The edition when the request does not say.
const DEFAULT_VARIANT: &str = "indie";

impl Request {
    fn variant(&self) -> Result<VariantId> {
        let written = match &self.variant {
            Some(variant) => variant.clone(),
            None => VariantId::parse(DEFAULT_VARIANT).ok_or(Error::internal("the default variant is no variant"))?,
        };
        Ok(written.within(&self.product_id))
    }

    fn unlocked(&self) -> &[ProductId] {
        self.unlocked_products.as_deref().unwrap_or_default()
    }
}

/// What a license is wanted of.
pub struct Wanted {
    product: Product,
    variant: Option<Variant>,
    code: Option<Code>,
}

impl Subject<Request, Admin> for Wanted {
    type Prefetched = ();

    /// A bundle names many products, which are read for nobody whose credential is not known to be good.
    async fn prefetch(_: &Context, _: &Request, _: &Source) -> Result<()> {
        Ok(())
    }

    async fn admit(cx: &Context, caller: &Admin, request: &Request, (): ()) -> Result<Self> {
        let mut wanted = vec![&request.product_id];
        for product in request.unlocked() {
            // DynamoDB refuses a batch that names a key twice.
            if !wanted.contains(&product) {
                wanted.push(product);
            }
        }
        let variant = request.variant()?;
        let named = async {
            let code = request.discount_code.as_ref();
            match code.and_then(|code| CodeName::parse(code.as_str())) {
                Some(name) => cx.store.code_get_unscoped(&name).await,
                None => Ok(None),
            }
        };
        let ((mut seen, variant), code) =
            tokio::try_join!(cx.store.product_list_with_variant_unscoped(&wanted, &variant), named)?;
        seen.retain(|product| caller.sees(&product.owner_id));
        let is_seen = |id: &ProductId| seen.iter().any(|product| product.product_id == *id);
        if !request.unlocked().iter().all(is_seen) {
            return Err(Error::NotFound(Noun::Product));
        }
        let product = seen
            .into_iter()
            .find(|product| product.product_id == request.product_id);
        Ok(Self {
            product: product.ok_or(Error::NotFound(Noun::Product))?,
            variant,
            code,
        })
    }
}

impl Endpoint for CreateLicense {
    const NAME: &'static str = "create-license";
    const ROUTE: &'static str = "POST /createLicense";
    const SUMMARY: &'static str = "Make a license.";
    const REQUIRED: &'static [&'static str] = &["email", "productId"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
        ErrorCode::LicenseKeyTaken,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Wanted;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        if request.unlocked().len() > MAX_UNLOCKED {
            return Err(Error::field(
                "unlockedProducts",
                &format!("at most {MAX_UNLOCKED} products"),
            ));
        }
        Ok(())
    }

    async fn call(cx: &Context, caller: Admin, request: Request, wanted: Wanted) -> Result<Reply> {
        let Wanted { product, variant, code } = wanted;
        if product.status == ProductStatus::Archived {
            return Err(Error::Denied(Denial::ProductArchived));
        }
        // One that is not known, or not for this product, is no more than a note.
        let code = code.filter(|code| code.is_for(&product));
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let variant_id = request.variant()?;
        let is_own = request.license_key.is_some();
        let license_key = match request.license_key {
            Some(own) => own,
            None => cx.new_license_key(&product, request.key_format)?,
        };
        let usual = License::new(
            license_key,
            LicenseId::new(&cx.ids, now)?,
            &product,
            variant_id,
            variant.as_ref(),
            request.email,
            now,
        );
        let license = License {
            seats: Seats::new(
                request.license_type.unwrap_or(usual.seats.license_type),
                request.max_machines.unwrap_or(usual.seats.max_machines),
                request.max_concurrent.or(usual.seats.max_concurrent),
            ),
            purchased_at: request.purchased_at,
            expiry: Expiry::from(request.expires_at),
            discount_code: request.discount_code,
            purchase_id: request.purchase_id,
            bundle_id: request.bundle_id,
            unlocked_products: request.unlocked_products.unwrap_or_default(),
            ..usual
        };
        let license = match request.status {
            Some(LicenseStatus::Revoked) => {
                let reason = request.dispute_reason.as_deref().and_then(Reference::lenient);
                license.revoke(reason, now).unwrap_or(license)
            }
            status => license.change(
                &Changes {
                    status,
                    ..Changes::default()
                },
                now,
            ),
        };
        let key = license
            .purchase_id
            .as_ref()
            .map(|id| PurchaseKey::of_product(NoticeType::Completed, &license.product_id, id));
        let mut purchases: Vec<Purchase> = key.map(|key| Purchase::new(key, &license, now)).into_iter().collect();
        loop {
            let code = code.clone();
            let made = if is_own {
                cx.store
                    .license_create_with_own_key(&license, &audit, &purchases, code)
                    .await?
            } else {
                cx.store.license_create(&license, &audit, &purchases, code).await?
            };
            match made {
                CreateOutcome::Done => {
                    return Ok(Reply {
                        license_key: license.license_key,
                    });
                }
                CreateOutcome::KeyTaken => return Err(Error::Taken(Unique::LicenseKey)),
                // A vendor may well make several licenses of one purchase; a store finds the first.
                CreateOutcome::Before(_) => purchases.clear(),
            }
        }
    }
}
