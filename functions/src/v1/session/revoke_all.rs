//! `POST /v1/dashboard/licenses/{id}/sessions/revoke-all`, and the same to an API key: end every session of a license.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, permission::Permission},
};
use serde::Serialize;

use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::{V1, V1Keys},
        license::view::{ManagedLicense, NOT_FOUND, NamesLicense, NamesOwnLicense, OWN_NOT_FOUND},
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
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: ManagedLicense) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let revoked = cx.store.session_revoke_all(&of.license, &audit).await?;
        Ok(Reply { revoked })
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/sessions/revoke-all`.
pub struct V1RevokeOwnLicenseSessions;

impl Endpoint for V1RevokeOwnLicenseSessions {
    const NAME: &'static str = "v1-revoke-own-license-sessions";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/sessions/revoke-all";
    const SUMMARY: &'static str = V1RevokeLicenseSessions::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRevoke);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let revoked = cx.store.session_revoke_all(&of.license, &audit).await?;
        Ok(Reply { revoked })
    }
}
