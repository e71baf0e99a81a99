//! `POST /updateLicense`: change what a license allows, and whose it is.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    error::ErrorCode,
    event::EventType,
    license::{
        License,
        changes::Changes,
        key::LicenseKey,
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
    product::variant::VariantId,
    value::{email::Email, patch::Patch},
};
use serde::{Deserialize, Serialize};

use crate::{
    flat::face::FlatAdmin,
    frame::{callers::Admin, context::Context, endpoint::Endpoint, subject::Names},
};

/// `POST /updateLicense`.
pub struct UpdateLicense;

/// Which license, and what changes of it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    /// Its customer's address.
    email: Option<Email>,
    variant: Option<VariantId>,
    license_type: Option<LicenseType>,
    max_machines: Option<SeatLimit>,
    #[serde(default)]
    max_concurrent: Patch<SeatLimit>,
    /// Null makes it perpetual.
    #[serde(default)]
    expires_at: Patch<Timestamp>,
    status: Option<LicenseStatus>,
}

/// The license is changed.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license_key: LicenseKey,
}

impl Request {
    fn changes(&self) -> Changes {
        Changes {
            email: self.email.clone(),
            variant: self.variant.clone(),
            license_type: self.license_type,
            max_machines: self.max_machines,
            max_concurrent: self.max_concurrent,
            expires_at: self.expires_at,
            status: self.status,
        }
    }
}

impl Names<LicenseKey> for Request {
    fn named(&self) -> &LicenseKey {
        &self.license_key
    }
}

impl Endpoint for UpdateLicense {
    const NAME: &'static str = "update-license";
    const ROUTE: &'static str = "POST /updateLicense";
    const SUMMARY: &'static str = "Change what a license allows, or its customer's address.";
    const REQUIRED: &'static [&'static str] = &["licenseKey"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::NothingToUpdate, ErrorCode::LicenseNotFound];

    type Face = FlatAdmin;
    type Caller = Admin;
    type Request = Request;
    type Subject = License;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        if request.changes() == Changes::default() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        Ok(())
    }

    async fn call(cx: &Context, caller: Admin, request: Request, license: License) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let changes = request.changes();
        let revokes =
            changes.status == Some(LicenseStatus::Revoked) && license.standing.status != LicenseStatus::Revoked;
        let r#type = if revokes {
            EventType::Revoked
        } else {
            EventType::Updated
        };
        let change = |license: &License| {
            let changed = license.change(&changes, now);
            Ok((changed != *license).then_some(changed))
        };
        cx.store.license_change(license, r#type, &audit, change).await?;
        Ok(Reply {
            license_key: request.license_key,
        })
    }
}
