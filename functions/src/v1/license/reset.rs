//! `POST /v1/dashboard/licenses/{id}/reset-hwid` and `.../reset-ip`, and the same to an API key: take off a license what it
//! is bound to.

use keystead_core::{
    Result,
    audit::Origin,
    error::ErrorCode,
    license::reset::{ResetKind, ResetRule},
    owner::{member::Role, permission::Permission},
};
use serde::Serialize;

use super::view::{LicenseView, ManagedLicense, NOT_FOUND, NamesLicense, NamesOwnLicense};
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

/// The license is bound to none any more.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LicenseReset"))]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    license: LicenseView,
    resets_used: u32,
    /// How many more the policy allows; null, if any number.
    resets_remaining: Option<u32>,
}

async fn reset(cx: &Context, origin: &Origin, of: ManagedLicense, kind: ResetKind) -> Result<Reply> {
    let policy = of.license.effective_policy(&of.product);
    let audit = cx.audit(origin);
    let license = cx
        .store
        .license_reset(of.license, kind, ResetRule::Budgeted, &policy, &audit)
        .await?;
    Ok(Reply {
        resets_used: license.resets.of(kind).count,
        resets_remaining: license.resets_left(kind, &policy),
        license: LicenseView::new(&license, &of.product, of.role, audit.now),
    })
}

/// `POST /v1/dashboard/licenses/{id}/reset-hwid`.
pub struct V1ResetHwid;

impl Endpoint for V1ResetHwid {
    const NAME: &'static str = "v1-reset-hwid";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/reset-hwid";
    const SUMMARY: &'static str = "Take every machine off a license.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        NOT_FOUND,
        ErrorCode::Forbidden,
        ErrorCode::ResetLimitReached,
        ErrorCode::ResetCooldown,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: ManagedLicense) -> Result<Reply> {
        reset(cx, &caller.origin, of, ResetKind::Hwid).await
    }
}

/// `POST /v1/dashboard/licenses/{id}/reset-ip`.
pub struct V1ResetIp;

impl Endpoint for V1ResetIp {
    const NAME: &'static str = "v1-reset-ip";
    const ROUTE: &'static str = "POST /v1/dashboard/licenses/{id}/reset-ip";
    const SUMMARY: &'static str = "Take every address off a license.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = V1ResetHwid::REFUSALS;

    type Face = V1;
    type Caller = Person;
    type Request = NamesLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: Person, _: NamesLicense, of: ManagedLicense) -> Result<Reply> {
        reset(cx, &caller.origin, of, ResetKind::Ip).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/reset-hwid`.
pub struct V1ResetOwnHwid;

impl Endpoint for V1ResetOwnHwid {
    const NAME: &'static str = "v1-reset-own-hwid";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/reset-hwid";
    const SUMMARY: &'static str = V1ResetHwid::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseReset);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::ForeignProduct,
        ErrorCode::ProductNotFound,
        NOT_FOUND,
        ErrorCode::ResetLimitReached,
        ErrorCode::ResetCooldown,
    ];

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<Reply> {
        reset(cx, &caller.origin, of, ResetKind::Hwid).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/reset-ip`.
pub struct V1ResetOwnIp;

impl Endpoint for V1ResetOwnIp {
    const NAME: &'static str = "v1-reset-own-ip";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/reset-ip";
    const SUMMARY: &'static str = V1ResetIp::SUMMARY;
    const NEEDS: Needs = Needs::Permission(Permission::LicenseReset);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = V1ResetOwnHwid::REFUSALS;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = Reply;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<Reply> {
        reset(cx, &caller.origin, of, ResetKind::Ip).await
    }
}
