//! `POST /resetActivations`: take every machine off a license, or one.

use keystead_core::{
    Result,
    error::ErrorCode,
    event::EventType,
    license::{License, activation::Remover, key::LicenseKey, machine::Fingerprint},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, lenient::blank_is_absent, subject::Names},
};

/// `POST /resetActivations`.
pub struct ResetActivations;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    /// The one machine to take off, instead of all.
    #[serde(default, deserialize_with = "blank_is_absent")]
    #[cfg_attr(
        feature = "openapi",
        schemars(with = "crate::frame::lenient::MayBeBlank<Fingerprint>")
    )]
    machine_fingerprint: Option<Fingerprint>,
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
    const SUMMARY: &'static str = "Take every machine off a license, or one.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound, ErrorCode::ActivationNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, request: Request, license: License) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        if let Some(machine) = &request.machine_fingerprint {
            let activation = cx.store.activation_get(&license.license_key, machine).await?;
            cx.store
                .activation_release(license, activation, Remover::Vendor, &audit)
                .await?;
            return Ok(Reply { deleted_count: 1 });
        }
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
