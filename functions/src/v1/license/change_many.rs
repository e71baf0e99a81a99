//! `POST /v1/dashboard/orgs/{orgId}/licenses/{freeze,unfreeze,revoke,unrevoke,extend}`: change many licenses at once.

use keystead_core::{
    Error, Result, Timestamp,
    audit::Audit,
    error::ErrorCode,
    event::EventType,
    license::{License, changes::Extension, key::LicenseId},
    owner::{OwnerId, member::Role, organisation::Membership},
    value::{days::Days, reference::Reference},
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person},
};

/// Which licenses. Those of others, and those that are named again, are passed over.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    license_ids: Vec<LicenseId>,
    /// Why they are revoked.
    reason: Option<Reference>,
}

/// How many licenses changed.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesChanged")
)]
pub struct Reply {
    updated: u32,
    count: u32,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// How many licenses one request changes at most.
const MOST: usize = 500;

fn check_number(ids: &[LicenseId]) -> Result<()> {
    if (1..=MOST).contains(&ids.len()) {
        return Ok(());
    }
    Err(Error::field("licenseIds", &format!("a list of 1 to {MOST} ids")))
}

impl Request {
    fn check(&self) -> Result<()> {
        check_number(&self.license_ids)
    }
}

/// Changes the licenses that a request names.
async fn changed(
    cx: &Context,
    of: &Membership,
    request: &Request,
    r#type: EventType,
    audit: &Audit,
    change: impl Fn(&License) -> Result<Option<License>>,
) -> Result<Reply> {
    let owner = &of.organisation.owner_id;
    let updated = cx
        .store
        .license_change_many(owner, &request.license_ids, r#type, audit, change)
        .await?;
    Ok(Reply {
        updated,
        count: updated,
    })
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/freeze`.
pub struct V1FreezeLicenses;

impl Endpoint for V1FreezeLicenses {
    const NAME: &'static str = "v1-freeze-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/freeze";
    const SUMMARY: &'static str = "Stop licenses until they are unfrozen.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["licenseIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.freeze(now));
        changed(cx, &of, &request, EventType::Updated, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/unfreeze`.
pub struct V1UnfreezeLicenses;

impl Endpoint for V1UnfreezeLicenses {
    const NAME: &'static str = "v1-unfreeze-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/unfreeze";
    const SUMMARY: &'static str = "Let licenses go on that were frozen.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["licenseIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.unfreeze(now));
        changed(cx, &of, &request, EventType::Updated, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/revoke`.
pub struct V1RevokeLicenses;

impl Endpoint for V1RevokeLicenses {
    const NAME: &'static str = "v1-revoke-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/revoke";
    const SUMMARY: &'static str = "Block licenses for good.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["licenseIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.revoke(request.reason.clone(), now));
        changed(cx, &of, &request, EventType::Revoked, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/unrevoke`.
pub struct V1UnrevokeLicenses;

impl Endpoint for V1UnrevokeLicenses {
    const NAME: &'static str = "v1-unrevoke-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/unrevoke";
    const SUMMARY: &'static str = "Let licenses go on that were revoked.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["licenseIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.check()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.unrevoke(now));
        changed(cx, &of, &request, EventType::Reinstated, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/extend`.
pub struct V1ExtendLicenses;

/// Which licenses, and until when: by days, or to a date.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ExtendLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct ExtendRequest {
    org_id: OwnerId,
    license_ids: Vec<LicenseId>,
    days: Option<Days>,
    expires_at: Option<Timestamp>,
}

/// How many licenses end later.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesExtended")
)]
pub struct Extended {
    updated: u32,
}

impl Names<OwnerId> for ExtendRequest {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl ExtendRequest {
    fn extension(&self) -> Result<Extension> {
        match (self.days, self.expires_at) {
            (Some(days), None) => Ok(Extension::Days(days)),
            (None, Some(until)) => Ok(Extension::Until(until)),
            (Some(_), Some(_)) => Err(Error::field("days", "absent where expiresAt is given")),
            (None, None) => Err(Error::field("days", "given, or expiresAt in its place")),
        }
    }
}

impl Endpoint for V1ExtendLicenses {
    const NAME: &'static str = "v1-extend-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/extend";
    const SUMMARY: &'static str = "Put off the end of licenses.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED: &'static [&'static str] = &["licenseIds"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound, ErrorCode::Forbidden];

    type Face = V1;
    type Caller = Person;
    type Request = ExtendRequest;
    type Subject = Membership;
    type Reply = Extended;

    fn check(_: &Context, request: &ExtendRequest) -> Result<()> {
        check_number(&request.license_ids)?;
        request.extension().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: ExtendRequest, of: Membership) -> Result<Extended> {
        let audit = cx.audit(&caller.origin);
        let by = request.extension()?;
        let owner = &of.organisation.owner_id;
        let change = |license: &License| Ok(license.extend(by, audit.now));
        let updated = cx
            .store
            .license_change_many(owner, &request.license_ids, EventType::Updated, &audit, change)
            .await?;
        Ok(Extended { updated })
    }
}
