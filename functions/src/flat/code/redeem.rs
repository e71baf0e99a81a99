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
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
        lenient::blank_is_absent,
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

/// What was read before it was known who asks.
#[derive(Default)]
pub struct Fetched {
    code: Option<Code>,
    redemption: Option<Redemption>,
    /// If the request names a product.
    catalog: Option<Catalog>,
}

impl Endpoint for RedeemTrialCode {
    const NAME: &'static str = "redeem-trial-code";
    const ROUTE: &'static str = "POST /redeemTrialCode";
    const SUMMARY: &'static str = "Make a license that is good for as long as the code's trial lasts.";
    const AUTH: Auth = Auth::Admin;
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
    type Request = Request;
    type Fetched = Fetched;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Fetched> {
        let named = async {
            match &request.product_id {
                Some(product) => catalog(cx, request, product).await.map(Some),
                None => Ok(None),
            }
        };
        let ((code, redemption), catalog) = tokio::try_join!(
            cx.store
                .code_get_with_redemption_unscoped(&request.code, &request.email),
            named
        )?;
        Ok(Fetched {
            code,
            redemption,
            catalog,
        })
    }

    async fn call(cx: &Context, caller: Caller, request: Request, fetched: Fetched) -> Result<Reply> {
        let code = Code::seen_by(&caller.scope, fetched.code)?;
        // A code that gives a discount only can't be redeemed, whatever else is asked.
        if code.trial_days.is_none() {
            return Err(Error::NotFound(Noun::Code));
        }
        let (product, variant) = match (&code.product_id, &request.product_id, fetched.catalog) {
            (Some(own), Some(named), _) if own != named => {
                return Err(Error::field("productId", "the product that the code is for"));
            }
            (_, Some(_), Some(catalog)) => catalog,
            (Some(product), None, _) | (_, Some(product), None) => catalog(cx, &request, product).await?,
            (None, None, _) => return Err(Error::Invalid(InvalidRequest::MissingFields(&["productId"]))),
        };
        let product = product
            .filter(|product| product.owner_id == code.owner_id)
            .ok_or(Error::NotFound(Noun::Product))?;
        product.writable()?;
        let audit = cx.audit(&caller);
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
        let redeemed = cx.store.code_redeem(code, fetched.redemption, license, &audit);
        let (license, trial_days) = redeemed.await?;
        Ok(Reply {
            expires_at: license.expires_at(),
            license_key: license.license_key,
            trial_days,
        })
    }
}
