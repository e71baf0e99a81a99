//! `POST /v1/dashboard/licenses/{id}/revoke` and `.../unrevoke`: block a license for good, or not.

use keystead_core::{Result, error::ErrorCode, event::EventType, license::License, owner::member::Role};

use super::view::{NOT_FOUND, NamesLicense, OneLicense, TeamLicense};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/licenses/{id}/revoke`.
pub struct V1RevokeLicense;

impl Endpoint for V1RevokeLicense {
    const NAME: &'static str = "v1-revoke-license";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/revoke";
    const SUMMARY: &'static str = "Block a license for good, and end its sessions.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = TeamLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: TeamLicense) -> Result<OneLicense> {
        let audit = cx.audit(&caller.origin);
        let revoke = |license: &License| Ok(license.revoke(None, audit.now));
        let license = of.license.clone();
        let license = cx
            .store
            .license_change(license, EventType::Revoked, &audit, revoke)
            .await?;
        // Nothing runs on it from here on. Its sessions end so that they are shown as ended.
        cx.store.session_revoke_all(&license, &audit).await?;
        Ok(OneLicense::new(&of, &license, audit.now))
    }
}

/// `POST /v1/dashboard/licenses/{id}/unrevoke`.
pub struct V1UnrevokeLicense;

impl Endpoint for V1UnrevokeLicense {
    const NAME: &'static str = "v1-unrevoke-license";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/unrevoke";
    const SUMMARY: &'static str = "Let a license go on that was revoked.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = TeamLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: TeamLicense) -> Result<OneLicense> {
        let audit = cx.audit(&caller.origin);
        let unrevoke = |license: &License| Ok(license.unrevoke(audit.now));
        let license = of.license.clone();
        let license = cx
            .store
            .license_change(license, EventType::Reinstated, &audit, unrevoke)
            .await?;
        Ok(OneLicense::new(&of, &license, audit.now))
    }
}
