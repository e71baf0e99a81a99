//! `POST /v1/dashboard/licenses/redeem`: link a license to one's own account, by its key.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::{ErrorCode, Noun, Unique},
    event::EventType,
    license::{
        License,
        expiry::DaysOfUse,
        key::{LicenseId, LicenseKey},
        standing::LicenseStatus,
    },
    product::ProductId,
    value::{name::Name, reference::Reference},
};
use serde::{Deserialize, Serialize};

use super::view::{ExpirationMode, State};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/licenses/redeem`.
pub struct V1RedeemLicense;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RedeemLicenseRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: Option<LicenseKey>,
    /// The same under a shorter name; the longer one wins.
    key: Option<LicenseKey>,
}

/// The license, as its holder sees it.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RedeemedLicense")
)]
pub struct Reply {
    license: HeldLicense,
}

/// A license, to the account that it is linked to. Nothing of its vendor's is in it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct HeldLicense {
    id: LicenseId,
    key: LicenseKey,
    status: State,
    expiration_mode: ExpirationMode,
    expires_at: Option<Timestamp>,
    expires_after_days: Option<DaysOfUse>,
    activated_at: Option<Timestamp>,
    effective_expires_at: Option<Timestamp>,
    created_at: Timestamp,
    product: HeldProduct,
}

/// What a license is for.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct HeldProduct {
    id: ProductId,
    name: Name,
}

impl Endpoint for V1RedeemLicense {
    const NAME: &'static str = "v1-redeem-license";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/redeem";
    const SUMMARY: &'static str = "Link a license to one's own account, by its key.";
    const NEEDS: Needs = Needs::Nothing;
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = &[&["licenseKey"]];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::MissingFields,
        ErrorCode::LicenseNotFound,
        ErrorCode::AlreadyClaimed,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, request: Request, (): ()) -> Result<Reply> {
        const MISSING: Error = Error::NotFound(Noun::License);

        let key = request.license_key.or(request.key);
        let key = key.ok_or(Error::Invalid(InvalidRequest::MissingFields(&["licenseKey"])))?;
        let license = cx.store.license_get_typed_unscoped(&key).await?.ok_or(MISSING)?;
        let product = cx
            .store
            .product_get_unscoped(&license.product_id)
            .await?
            .ok_or(MISSING)?;
        let holder = Reference::parse(caller.account.account_id.as_str()).ok_or(Error::internal("no account id"))?;
        let audit = cx.audit(&caller.origin);
        let link = |license: &License| {
            // An unknown key and a revoked one are the same to who tries keys.
            if license.standing.status == LicenseStatus::Revoked {
                return Err(MISSING);
            }
            match &license.end_user_id {
                Some(other) if *other != holder => Err(Error::Taken(Unique::Holder)),
                Some(_) => Ok(None),
                None => Ok(Some(License {
                    end_user_id: Some(holder.clone()),
                    ..license.clone()
                })),
            }
        };
        let license = cx
            .store
            .license_change(license, EventType::Updated, &audit, link)
            .await?;
        let (expires_at, expires_after_days) = license.expiry.parts();
        Ok(Reply {
            license: HeldLicense {
                status: State::of(&license, audit.now),
                expiration_mode: ExpirationMode::of(license.expiry),
                expires_at,
                expires_after_days,
                activated_at: license.first_used_at,
                effective_expires_at: license.expires_at(),
                created_at: license.created_at,
                product: HeldProduct {
                    id: product.product_id,
                    name: product.name,
                },
                id: license.license_id,
                key: license.license_key,
            },
        })
    }
}
