//! `POST /v1/dashboard/orgs/{orgId}/licenses/{freeze,unfreeze,revoke,unrevoke,extend}`, and `DELETE`: change many licenses at
//! once.

use keystead_core::{
    Error, InvalidRequest, Result, Timestamp,
    audit::Audit,
    error::ErrorCode,
    event::EventType,
    license::{License, changes::Extension, key::LicenseId},
    owner::{OwnerId, member::Role, organisation::Membership},
    value::{days::Days, reference::Reference},
};
use serde::{Deserialize, Deserializer, Serialize, de::SeqAccess};

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
    license_ids: Option<LicenseIds>,
    /// The same under a shorter name; the longer one wins.
    ids: Option<LicenseIds>,
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

/// The ids of licenses: a list or, in a query, text with commas between them.
pub(super) struct LicenseIds(Vec<LicenseId>);

impl<'de> Deserialize<'de> for LicenseIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = LicenseIds;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a list of 1 to {MOST} ids")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut ids: A) -> Result<LicenseIds, A::Error> {
                let mut all = Vec::new();
                while let Some(id) = ids.next_element()? {
                    all.push(id);
                }
                Ok(LicenseIds(all))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<LicenseIds, E> {
                let ids: Option<Vec<LicenseId>> = text.split(',').map(|id| LicenseId::parse(id.trim())).collect();
                let unexpected = || E::invalid_value(serde::de::Unexpected::Other("text"), &self);
                ids.map(LicenseIds).ok_or_else(unexpected)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for LicenseIds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LicenseIds".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let list = generator.subschema_for::<Vec<LicenseId>>();
        schemars::json_schema!({ "anyOf": [list, { "type": "string" }] })
    }
}

/// The ids in `licenseIds` or `ids`.
///
/// # Errors
/// That there are none, or too many.
fn named<'a>(license_ids: Option<&'a LicenseIds>, ids: Option<&'a LicenseIds>) -> Result<&'a [LicenseId]> {
    let LicenseIds(ids) = license_ids
        .or(ids)
        .ok_or(Error::Invalid(InvalidRequest::MissingFields(&["licenseIds"])))?;
    if (1..=MOST).contains(&ids.len()) {
        return Ok(ids);
    }
    Err(Error::field("licenseIds", &format!("a list of 1 to {MOST} ids")))
}

/// What a request lacks that names no licenses.
const EITHER: &[&[&str]] = &[&["licenseIds"]];

impl Request {
    fn licenses(&self) -> Result<&[LicenseId]> {
        named(self.license_ids.as_ref(), self.ids.as_ref())
    }
}

impl ExtendRequest {
    fn licenses(&self) -> Result<&[LicenseId]> {
        named(self.license_ids.as_ref(), self.ids.as_ref())
    }
}

impl DeleteRequest {
    fn licenses(&self) -> Result<&[LicenseId]> {
        named(self.license_ids.as_ref(), self.ids.as_ref())
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
        .license_change_many(owner, request.licenses()?, r#type, audit, change)
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
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.licenses().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.freeze(now));
        changed(cx, &of, &request, EventType::Frozen, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/unfreeze`.
pub struct V1UnfreezeLicenses;

impl Endpoint for V1UnfreezeLicenses {
    const NAME: &'static str = "v1-unfreeze-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/unfreeze";
    const SUMMARY: &'static str = "Let licenses go on that were frozen.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.licenses().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Reply> {
        let audit = cx.audit(&caller.origin);
        let now = audit.now;
        let change = |license: &License| Ok(license.unfreeze(now));
        changed(cx, &of, &request, EventType::Unfrozen, &audit, change).await
    }
}

/// `POST /v1/dashboard/orgs/{orgId}/licenses/revoke`.
pub struct V1RevokeLicenses;

impl Endpoint for V1RevokeLicenses {
    const NAME: &'static str = "v1-revoke-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/revoke";
    const SUMMARY: &'static str = "Block licenses for good.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.licenses().map(drop)
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
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Reply;

    fn check(_: &Context, request: &Request) -> Result<()> {
        request.licenses().map(drop)
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
    license_ids: Option<LicenseIds>,
    /// The same under a shorter name; the longer one wins.
    ids: Option<LicenseIds>,
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
    fn by(&self) -> Result<Extension> {
        extension(self.days, self.expires_at)
    }
}

/// By what a license is extended: by days, or to a date.
pub(super) fn extension(days: Option<Days>, until: Option<Timestamp>) -> Result<Extension> {
    match (days, until) {
        (Some(days), None) => Ok(Extension::Days(days)),
        (None, Some(until)) => Ok(Extension::Until(until)),
        (Some(_), Some(_)) => Err(Error::field("days", "absent where expiresAt is given")),
        (None, None) => Err(Error::field("days", "given, or expiresAt in its place")),
    }
}

impl Endpoint for V1ExtendLicenses {
    const NAME: &'static str = "v1-extend-licenses";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/licenses/extend";
    const SUMMARY: &'static str = "Put off the end of licenses.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = ExtendRequest;
    type Subject = Membership;
    type Reply = Extended;

    fn check(_: &Context, request: &ExtendRequest) -> Result<()> {
        request.licenses()?;
        request.by().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: ExtendRequest, of: Membership) -> Result<Extended> {
        let audit = cx.audit(&caller.origin);
        let by = request.by()?;
        let owner = &of.organisation.owner_id;
        let change = |license: &License| Ok(license.extend(by, audit.now));
        let updated = cx
            .store
            .license_change_many(owner, request.licenses()?, EventType::Updated, &audit, change)
            .await?;
        Ok(Extended { updated })
    }
}

/// `DELETE /v1/dashboard/orgs/{orgId}/licenses`.
pub struct V1DeleteLicenses;

/// Which licenses, in the body or in the query.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "DeleteLicensesRequest")
)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRequest {
    org_id: OwnerId,
    license_ids: Option<LicenseIds>,
    /// The same under a shorter name; the longer one wins.
    ids: Option<LicenseIds>,
}

/// How many licenses were deleted.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "LicensesDeleted")
)]
pub struct LicensesDeleted {
    deleted: u32,
}

impl Names<OwnerId> for DeleteRequest {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1DeleteLicenses {
    const NAME: &'static str = "v1-delete-licenses";
    const ROUTE: &'static str = "DELETE /v1/dashboard/orgs/{orgId}/licenses";
    const SUMMARY: &'static str = "Delete licenses for good, with their machines and sessions.";
    const NEEDS: Needs = Needs::Role(Role::Dev);
    const REQUIRED_SOMETIMES: &'static [&'static [&'static str]] = EITHER;
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MissingFields,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = DeleteRequest;
    type Subject = Membership;
    type Reply = LicensesDeleted;

    fn check(_: &Context, request: &DeleteRequest) -> Result<()> {
        request.licenses().map(drop)
    }

    async fn call(cx: &Context, caller: Person, request: DeleteRequest, of: Membership) -> Result<LicensesDeleted> {
        let owner = &of.organisation.owner_id;
        let audit = cx.audit(&caller.origin);
        let deleted = cx.store.license_delete_many(owner, request.licenses()?, &audit).await?;
        Ok(LicensesDeleted { deleted })
    }
}
