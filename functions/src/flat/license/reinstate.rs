//! `POST /reinstateLicense`: let a suspended or revoked license work again.

use keystead_core::{
    Result,
    error::ErrorCode,
    license::{License, key::LicenseKey, standing::LicenseStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /reinstateLicense`.
pub struct ReinstateLicense;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// The license works again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    status: LicenseStatus,
}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for ReinstateLicense {
    const NAME: &'static str = "reinstate-license";
    const ROUTE: &'static str = "POST /reinstateLicense";
    const SUMMARY: &'static str = "Let a suspended or revoked license work again.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, license: License) -> Result<Reply> {
        let license = cx.store.license_reinstate(license, &cx.audit(&caller.origin)).await?;
        Ok(Reply {
            status: license.standing.status,
        })
    }
}
