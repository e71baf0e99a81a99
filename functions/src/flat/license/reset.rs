//! `POST /resetActivations`: take every machine off a license.

use keystead_core::{
    Result,
    error::ErrorCode,
    event::EventType,
    license::{License, key::LicenseKey},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /resetActivations`.
pub struct ResetActivations;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// How many machines were taken off.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    deleted_count: u32,
}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for ResetActivations {
    const NAME: &'static str = "reset-activations";
    const ROUTE: &'static str = "POST /resetActivations";
    const SUMMARY: &'static str = "Take every machine off a license.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, license: License) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let deleted_count = cx.store.activation_reset(&license, &audit).await?;
        // The machine that the license-keys API has bound it to holds no slot, and is taken off as well.
        if license.lock.hwid.is_some() {
            cx.store
                .license_change(license, EventType::Unbound, &audit, |license| {
                    Ok(license.lock.hwid.as_ref().map(|_| license.unbind()))
                })
                .await?;
        }
        Ok(Reply { deleted_count })
    }
}
