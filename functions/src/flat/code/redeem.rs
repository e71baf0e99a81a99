//! `POST /redeemTrialCode`: make a license that is good for as long as the code's trial lasts.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{
        License,
        key::{LicenseId, LicenseKey},
    },
    product::{
        Product, ProductId,
        variant::{TRIAL, Variant, VariantId},
    },
    sale::code::{Code, CodeName, Redemption},
    value::{days::Days, email::Email, reference::Reference},
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

/// `POST /redeemTrialCode`.
pub struct RedeemTrialCode;

/// Which code, for whom.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    code: CodeName,
    email: Email,
    /// Needed when the code is for all products of its owner.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<ProductId>"))]
    product_id: Option<ProductId>,
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::frame::lenient::MayBeBlank<VariantId>"))]
    variant: Option<VariantId>,
}

/// The license that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license_key: LicenseKey,
    expires_at: Option<Timestamp>,
    trial_days: Days,
}

impl Request {
    fn variant(&self, product: &ProductId) -> Result<VariantId> {
        let written = match &self.variant {
            Some(variant) => variant.clone(),
            None => VariantId::parse(TRIAL).ok_or(Error::internal("the default variant is no variant"))?,
        };
        Ok(written.within(product))
    }
}

/// A product, with the variant that was asked for.
type Catalog = (Option<Product>, Option<Variant>);

async fn catalog(cx: &Context, request: &Request, product: &ProductId) -> Result<Catalog> {
    let variant = request.variant(product)?;
    let (mut products, variant) = cx
        .store
        .product_list_with_variant_unscoped(&[product], &variant)
        .await?;
    Ok((products.pop(), variant))
}

/// A code, with what is known of it and of what it is redeemed for.
pub struct Redeemed {
    code: Code,
    redemption: Option<Redemption>,
    catalog: Option<Catalog>,
}

impl Subject<Request, Admin> for Redeemed {
    type Prefetched = Option<Code>;

    async fn prefetch(cx: &Context, request: &Request, _: &Source) -> Result<Option<Code>> {
        cx.store.code_get_unscoped(&request.code).await
    }

    async fn admit(cx: &Context, caller: &Admin, request: &Request, code: Option<Code>) -> Result<Self> {
        let code = code.filter(|code| caller.sees(&code.owner_id));
        let code = code.ok_or(Error::NotFound(Noun::Code))?;
        let named = async {
            match request.product_id.as_ref().or(code.product_id.as_ref()) {
                Some(product) => catalog(cx, request, product).await.map(Some),
                None => Ok(None),
            }
        };
        let (redemption, catalog) = tokio::try_join!(cx.store.code_get_redemption(&code, &request.email), named)?;
        Ok(Self {
            code,
            redemption,
            catalog,
        })
    }
}

impl Endpoint for RedeemTrialCode {
    const NAME: &'static str = "redeem-trial-code";
    const ROUTE: &'static str = "POST /redeemTrialCode";
    const SUMMARY: &'static str = "Make a license that is good for as long as the code's trial lasts.";
    const REQUIRED: &'static [&'static str] = &["code", "email"];
    const WRITES: bool = true;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["productId"]];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::CodeNotFound,
        ErrorCode::MissingFields,
        ErrorCode::ProductNotFound,
        ErrorCode::ProductArchived,
        ErrorCode::CodeInactive,
        ErrorCode::CodeExpired,
        ErrorCode::CodeUsedUp,
        ErrorCode::CodeRedeemed,
    ];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = Redeemed;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, redeemed: Redeemed) -> Result<Reply> {
        let code = redeemed.code;
        // A code that gives a discount only can't be redeemed, whatever else is asked.
        if code.trial_days.is_none() {
            return Err(Error::NotFound(Noun::Code));
        }
        let (product, variant) = match (&code.product_id, &request.product_id, redeemed.catalog) {
            (Some(own), Some(named), _) if own != named => {
                return Err(Error::field("productId", "the product that the code is for"));
            }
            (_, _, Some(catalog)) => catalog,
            (_, _, None) => return Err(Error::Invalid(InvalidRequest::MissingFields(&["productId"]))),
        };
        let product = product
            .filter(|product| product.owner_id == code.owner_id)
            .ok_or(Error::NotFound(Noun::Product))?;
        product.writable()?;
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let license = License {
            discount_code: Some(Reference::from(&code.name)),
            ..License::new(
                cx.new_license_key(&product, None)?,
                LicenseId::new(&cx.ids, now)?,
                &product,
                request.variant(&product.product_id)?,
                variant.as_ref(),
                request.email.clone(),
                now,
            )
        };
        let redeemed = cx.store.code_redeem(code, redeemed.redemption, license, &audit);
        let (license, trial_days) = redeemed.await?;
        Ok(Reply {
            expires_at: license.expires_at(),
            license_key: license.license_key,
            trial_days,
        })
    }
}
