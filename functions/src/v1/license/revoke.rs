//! `POST /v1/dashboard/licenses/{id}/revoke` and `.../unrevoke`, and the same to an API key: block a license for good, or not.

use keystead_core::{
    Result,
    audit::Origin,
    error::ErrorCode,
    event::EventType,
    license::License,
    owner::{member::Role, permission::Permission},
};

use super::view::{ManagedLicense, NOT_FOUND, NamesLicense, NamesOwnLicense, OWN_NOT_FOUND, OneLicense};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{
        face::{V1, V1Keys},
        person::Person,
    },
};

async fn revoke(cx: &Context, origin: &Origin, of: ManagedLicense) -> Result<OneLicense> {
    let audit = cx.audit(origin);
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

async fn unrevoke(cx: &Context, origin: &Origin, of: ManagedLicense) -> Result<OneLicense> {
    let audit = cx.audit(origin);
    let unrevoke = |license: &License| Ok(license.unrevoke(audit.now));
    let license = of.license.clone();
    let license = cx
        .store
        .license_change(license, EventType::Reinstated, &audit, unrevoke)
        .await?;
    Ok(OneLicense::new(&of, &license, audit.now))
}

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
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: ManagedLicense) -> Result<OneLicense> {
        revoke(cx, &caller.origin, of).await
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
    const REFUSALS: &'static [ErrorCode] = V1RevokeLicense::REFUSALS;

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: ManagedLicense) -> Result<OneLicense> {
        unrevoke(cx, &caller.origin, of).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/revoke`.
pub struct V1RevokeOwnLicense;

impl Endpoint for V1RevokeOwnLicense {
    const NAME: &'static str = "v1-revoke-own-license";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/revoke";
    const SUMMARY: &'static str = V1RevokeLicense::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRevoke);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<OneLicense> {
        revoke(cx, &caller.origin, of).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/unrevoke`.
pub struct V1UnrevokeOwnLicense;

impl Endpoint for V1UnrevokeOwnLicense {
    const NAME: &'static str = "v1-unrevoke-own-license";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/unrevoke";
    const SUMMARY: &'static str = V1UnrevokeLicense::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseRevoke);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<OneLicense> {
        unrevoke(cx, &caller.origin, of).await
    }
}
