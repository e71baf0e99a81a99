//! `POST /verify`: whether a license is good, without a machine.

use keystead_core::{
    Error, Result, Timestamp,
    error::{ErrorCode, Noun},
    license::{License, key::LicenseKey, seats::LicenseType, standing::LicenseStatus},
    product::{ProductId, variant::VariantId},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::{face::FlatVerify, wire::message},
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
    },
};

/// `POST /verify`.
pub struct Verify;

/// Which license, for what.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    product_id: ProductId,
}

/// A good license.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status: LicenseStatus,
    variant: VariantId,
    license_type: LicenseType,
    /// When the license expires.
    expires_at: Option<Timestamp>,
    message: &'static str,
}

impl Endpoint for Verify {
    const NAME: &'static str = "verify";
    const ROUTE: &'static str = "POST /verify";
    const SUMMARY: &'static str = "Tell whether a license is good, without a machine.";
    const AUTH: Auth = Auth::LicenseKey;
    const REQUIRED: &'static [&'static str] = &["licenseKey", "productId"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::LicenseNotFound,
        ErrorCode::WrongProduct,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
    ];

    type Face = FlatVerify;
    type Request = Request;
    type Fetched = Option<License>;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Option<License>> {
        cx.store.license_get_unscoped(&request.license_key).await
    }

    async fn call(cx: &Context, _: Caller, request: Request, license: Option<License>) -> Result<Reply> {
        let license = license.ok_or(Error::NotFound(Noun::License))?;
        let standing = license.opens(&request.product_id, cx.clock.now())?;
        Ok(Reply {
            expires_at: license.expires_at(),
            status: license.standing.status,
            variant: license.variant,
            license_type: license.seats.license_type,
            message: message(standing),
        })
    }
}
