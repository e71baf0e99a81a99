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
    frame::{callers::LicenseKeyHolder, context::Context, endpoint::Endpoint, subject::Names},
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

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for Verify {
    const NAME: &'static str = "verify";
    const ROUTE: &'static str = "POST /verify";
    const SUMMARY: &'static str = "Tell whether a license is good, without a machine.";
    const REQUIRED: &'static [&'static str] = &["licenseKey", "productId"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::LicenseNotFound,
        ErrorCode::WrongProduct,
        ErrorCode::LicenseRevoked,
        ErrorCode::LicenseExpired,
        ErrorCode::LicenseSuspended,
    ];

    type Face = FlatVerify;
    type Caller = LicenseKeyHolder;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, _: LicenseKeyHolder, request: Request, license: License) -> Result<Reply> {
        let now = cx.clock.now();
        let standing = license.opens(&request.product_id, now)?;
        // A product that was deleted has no licenses.
        let catalog = cx.store.product_cached_unscoped(&license.product_id, now).await?;
        catalog.ok_or(Error::NotFound(Noun::License))?;
        Ok(Reply {
            expires_at: license.expires_at(),
            status: license.standing.status,
            variant: license.variant,
            license_type: license.seats.license_type,
            message: message(standing),
        })
    }
}
