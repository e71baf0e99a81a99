//! `POST /resendLicense`: mail a license's key to its customer again.

use keystead_core::{
    Result,
    error::ErrorCode,
    event::EventType,
    license::{License, key::LicenseKey},
};
use serde::{Deserialize, Serialize};

use super::key_mail::{count_key_mail, same_key};
use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /resendLicense`.
pub struct ResendLicense;

/// Which license.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// What became of it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    /// Whether the key was mailed: not by a deployment that mails nothing.
    mailed: bool,
}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for ResendLicense {
    const NAME: &'static str = "resend-license";
    const ROUTE: &'static str = "POST /resendLicense";
    const SUMMARY: &'static str = "Mail a license's key to its customer again.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::LicenseNotFound, ErrorCode::TooManyAttempts];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Admin, _: Request, license: License) -> Result<Reply> {
        count_key_mail(cx, &license).await?;
        // Before, so that none is mailed without a trace.
        cx.store
            .event_note(EventType::KeyMailed, &license, &cx.audit(&caller.origin))
            .await?;
        Ok(Reply {
            mailed: cx.mailer.deliver(same_key(&license)).await,
        })
    }
}
