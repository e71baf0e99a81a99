//! `POST /resolveLicense`: put violations aside, and with them what they brought on the license.

use keystead_core::{
    Error, Result,
    license::{LicenseKey, LicenseStatus},
    store::violation::MAX_RESOLVED,
    violation::ViolationId,
};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Success,
};

/// `POST /resolveLicense`.
pub struct ResolveLicense;

/// Which violations of which license.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
    violation_ids: Vec<ViolationId>,
}

/// What the license is left with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    success: Success,
    threat_level: u8,
    status: LicenseStatus,
    resolved_count: u32,
}

impl Endpoint for ResolveLicense {
    const NAME: &'static str = "resolve-license";
    const ROUTE: &'static str = "POST /resolveLicense";
    const AUTH: Auth = Auth::Admin;
    const FACE: Face = Face::FlatAdmin;
    const REQUIRED: &'static [&'static str] = &["licenseKey", "violationIds"];

    type Request = Request;
    type Fetched = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Reply> {
        let ids = request.violation_ids;
        if ids.len() > MAX_RESOLVED {
            return Err(Error::field("violationIds", &format!("at most {MAX_RESOLVED} ids")));
        }
        let (license, resolved_count) = cx
            .store
            .resolve_violations(&caller.scope, &request.license_key, &ids, cx.clock.now())
            .await?;
        Ok(Reply {
            success: Success,
            threat_level: license.threat_level.number(),
            status: license.status,
            resolved_count,
        })
    }
}
