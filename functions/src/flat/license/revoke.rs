//! `POST /revokeLicense`: block a license for good.

use keystead_core::{
    Result,
    error::ErrorCode,
    event::EventType,
    license::{License, key::LicenseKey},
    value::reference::Reference,
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /revokeLicense`.
pub struct RevokeLicense;

/// Which license, and why.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    /// Any text. What a note can't hold is left out of it.
    reason: Option<String>,
}

/// The license is revoked, by this request or an earlier one.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for RevokeLicense {
    const NAME: &'static str = "revoke-license";
    const ROUTE: &'static str = "POST /revokeLicense";
    const SUMMARY: &'static str = "Make a license work no more.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, license: License) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let reason = request.reason.as_deref().and_then(Reference::lenient);
        let revoke = |license: &License| Ok(license.revoke(reason.clone(), now));
        cx.store
            .license_change(license, EventType::Revoked, &audit, revoke)
            .await?;
        Ok(Reply {})
    }
}
