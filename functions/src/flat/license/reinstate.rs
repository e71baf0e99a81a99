//! `POST /reinstateLicense`: let a suspended or revoked license work again.

use keystead_core::{
    Result,
    error::ErrorCode,
    license::{License, key::LicenseKey, standing::LicenseStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{
        context::Context,
        endpoint::{Auth, Caller, Endpoint},
    },
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

impl Endpoint for ReinstateLicense {
    const NAME: &'static str = "reinstate-license";
    const ROUTE: &'static str = "POST /reinstateLicense";
    const SUMMARY: &'static str = "Let a suspended or revoked license work again.";
    const AUTH: Auth = Auth::Admin;
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Request = Request;
    type Fetched = Option<License>;
    type Reply = Reply;

    async fn fetch(cx: &Context, request: &Request) -> Result<Self::Fetched> {
        cx.store.license_get_unscoped(&request.license_key).await
    }

    async fn call(cx: &Context, caller: Caller, _: Request, found: Self::Fetched) -> Result<Reply> {
        let license = License::seen_by(&caller.scope, found)?;
        let license = cx.store.license_reinstate(license, &cx.audit(&caller)).await?;
        Ok(Reply {
            status: license.standing.status,
        })
    }
}
