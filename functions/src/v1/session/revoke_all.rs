//! `POST /v1/dashboard/licenses/{id}/sessions/revoke-all`: end every session of a license.

use keystead_core::{Result, error::ErrorCode, owner::member::Role};
use serde::Serialize;

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::V1,
        license::view::{NOT_FOUND, NamesLicense, TeamLicense},
        person::Person,
    },
};

/// `POST /v1/dashboard/licenses/{id}/sessions/revoke-all`.
pub struct V1RevokeLicenseSessions;

/// How many sessions have ended.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicenseSessionsRevoked")
)]
pub struct Reply {
    revoked: u32,
}

impl Endpoint for V1RevokeLicenseSessions {
    const NAME: &'static str = "v1-revoke-license-sessions";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/sessions/revoke-all";
    const SUMMARY: &'static str = "End every session of a license.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[NOT_FOUND, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = TeamLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: TeamLicense) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let revoked = cx.store.session_revoke_all(&of.license, &audit).await?;
        Ok(Reply { revoked })
    }
}
