//! `POST /v1/products/{productId}/licenses/{id}/{freeze,unfreeze,extend}`, and `DELETE`: change a license of an API key's
//! product. Teams change many at once.

use keystead_core::{
    Error, Result, Timestamp,
    audit::Audit,
    error::{ErrorCode, Noun},
    event::EventType,
    license::{License, changes::Extension, key::LicenseId},
    owner::permission::Permission,
    product::ProductId,
    value::days::Days,
};
use serde::Deserialize;

use super::{
    change_many::extension,
    view::{ManagedLicense, NamesOwnLicense, OWN_NOT_FOUND, OneLicense, names_own_license},
};
use crate::{
    frame::{
        callers::ProductKey,
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{deleted::Deleted, face::V1Keys},
};

async fn updated(
    cx: &Context,
    of: ManagedLicense,
    r#type: EventType,
    audit: &Audit,
    change: impl Fn(&License) -> Option<License> + Sync,
) -> Result<OneLicense> {
    let change = |license: &License| Ok(change(license));
    let license = of.license.clone();
    let license = cx.store.license_change(license, r#type, audit, change).await?;
    Ok(OneLicense::new(&of, &license, audit.now))
}

/// `POST /v1/products/{productId}/licenses/{id}/freeze`.
pub struct V1FreezeOwnLicense;

impl Endpoint for V1FreezeOwnLicense {
    const NAME: &'static str = "v1-freeze-own-license";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/freeze";
    const SUMMARY: &'static str = "Stop a license until it is unfrozen.";
    const NEEDS: Needs = Needs::Permission(Permission::LicenseFreeze);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<OneLicense> {
        let audit = cx.audit(&caller.origin);
        let freeze = |license: &License| license.freeze(audit.now);
        updated(cx, of, EventType::Frozen, &audit, freeze).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/unfreeze`.
pub struct V1UnfreezeOwnLicense;

impl Endpoint for V1UnfreezeOwnLicense {
    const NAME: &'static str = "v1-unfreeze-own-license";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/unfreeze";
    const SUMMARY: &'static str = "Let a license go on that was frozen.";
    const NEEDS: Needs = Needs::Permission(Permission::LicenseFreeze);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<OneLicense> {
        let audit = cx.audit(&caller.origin);
        let unfreeze = |license: &License| license.unfreeze(audit.now);
        updated(cx, of, EventType::Unfrozen, &audit, unfreeze).await
    }
}

/// `POST /v1/products/{productId}/licenses/{id}/extend`.
pub struct V1ExtendOwnLicense;

/// Which license, and until when: by days, or to a date.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ExtendOwnLicenseRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct ExtendRequest {
    product_id: ProductId,
    id: LicenseId,
    days: Option<Days>,
    expires_at: Option<Timestamp>,
}

names_own_license!(ExtendRequest);

impl ExtendRequest {
    fn by(&self) -> Result<Extension> {
        extension(self.days, self.expires_at)
    }
}

impl Endpoint for V1ExtendOwnLicense {
    const NAME: &'static str = "v1-extend-own-license";
    const ROUTE: &'static str = "POST /v1/products/{productId}/licenses/{id}/extend";
    const SUMMARY: &'static str = "Put off the end of a license. One that never ends stays as it is.";
    const NEEDS: Needs = Needs::Permission(Permission::LicenseExtend);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = ExtendRequest;
    type Subject = ManagedLicense;
    type Reply = OneLicense;

    fn check(_: &Context, request: &ExtendRequest) -> Result<()> {
        request.by().map(drop)
    }

    async fn call(cx: &Context, caller: ProductKey, request: ExtendRequest, of: ManagedLicense) -> Result<OneLicense> {
        let audit = cx.audit(&caller.origin);
        let by = request.by()?;
        let extend = |license: &License| license.extend(by, audit.now);
        updated(cx, of, EventType::Updated, &audit, extend).await
    }
}

/// `DELETE /v1/products/{productId}/licenses/{id}`.
pub struct V1DeleteOwnLicense;

impl Endpoint for V1DeleteOwnLicense {
    const NAME: &'static str = "v1-delete-own-license";
    const ROUTE: &'static str = "DELETE /v1/products/{productId}/licenses/{id}";
    const SUMMARY: &'static str = "Delete a license for good, with its machines and sessions.";
    const NEEDS: Needs = Needs::Permission(Permission::LicenseDelete);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = OWN_NOT_FOUND;

    type Face = V1Keys;
    type Caller = ProductKey;
    type Request = NamesOwnLicense;
    type Subject = ManagedLicense;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: ProductKey, _: NamesOwnLicense, of: ManagedLicense) -> Result<Deleted> {
        let License {
            owner_id, license_id, ..
        } = of.license;
        let audit = cx.audit(&caller.origin);
        match cx.store.license_delete_many(&owner_id, &[license_id], &audit).await? {
            0 => Err(Error::NotFound(Noun::License)),
            _ => Ok(Deleted::default()),
        }
    }
}
