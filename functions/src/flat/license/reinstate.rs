//! `POST /reinstateLicense`: let a suspended or revoked license work again.

use keystead_core::{
    Result,
    license::{LicenseKey, LicenseStatus},
    violation::threat_level,
};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    endpoint::{Auth, Caller, Endpoint},
    face::Face,
    flat::wire::Success,
};

/// `POST /reinstateLicense`.
pub struct ReinstateLicense;

/// Which license.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    license_key: LicenseKey,
}

/// The license works again.
#[derive(Serialize)]
pub struct Reply {
    success: Success,
    status: LicenseStatus,
}

impl Endpoint for ReinstateLicense {
    const NAME: &'static str = "reinstate-license";
    const ROUTE: &'static str = "POST /reinstateLicense";
    const AUTH: Auth = Auth::Admin;
    const FACE: Face = Face::FlatAdmin;
    const REQUIRED: &'static [&'static str] = &["licenseKey"];

    type Request = Request;
    type Fetched = ();
    type Reply = Reply;

    async fn call(cx: &Context, caller: Caller, request: Request, (): ()) -> Result<Reply> {
        let license = cx.store.license(&caller.scope, &request.license_key).await?;
        let violations = cx.store.violations(&license).await?;
        let unresolved = threat_level(violations.iter().filter(|violation| !violation.resolved));
        let change = |license: &keystead_core::license::License| {
            let changed = license.reinstate(unresolved);
            Ok((changed != *license).then_some(changed))
        };
        let license = cx.store.change_license(license, change).await?;
        Ok(Reply {
            success: Success,
            status: license.status,
        })
    }
}
