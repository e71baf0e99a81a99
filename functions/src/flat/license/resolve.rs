//! `POST /resolveLicense`: put violations aside, and with them what they brought on the license.

use keystead_core::{
    Result,
    error::ErrorCode,
    license::{License, key::LicenseKey, standing::LicenseStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::{activation::detection_limits, face::FlatAdmin},
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /resolveLicense`.
pub struct ResolveLicense;

/// Which violations of which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    /// Those that are unknown or resolved are passed over.
    violation_ids: Vec<String>,
}

/// What the license is left with.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    threat_level: u8,
    status: LicenseStatus,
    resolved_count: u32,
}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for ResolveLicense {
    const NAME: &'static str = "resolve-license";
    const ROUTE: &'static str = "POST /resolveLicense";
    const SUMMARY: &'static str = "Put violations aside, and with them what they brought on the license.";
    const REQUIRED: &'static [&'static str] = &["licenseKey", "violationIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, license: License) -> Result<Reply> {
        let ids = request.violation_ids;
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let catalog = cx.store.product_cached_unscoped(&license.product_id, now).await?;
        let (license, resolved_count) = cx
            .store
            .violation_resolve(license, &ids, &detection_limits(cx, catalog.as_deref()), &audit)
            .await?;
        Ok(Reply {
            threat_level: license.standing.threat_level.number(),
            status: license.standing.status,
            resolved_count,
        })
    }
}
