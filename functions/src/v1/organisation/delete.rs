//! `DELETE /v1/dashboard/orgs/{orgId}`: hide an organisation, and all that it has.

use keystead_core::{
    Error, Result,
    error::{Conflict, ErrorCode},
    owner::{OwnerId, member::Role, organisation::Membership},
};
use serde::Deserialize;

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{deleted::Deleted, face::V1, person::Person},
};

/// `DELETE /v1/dashboard/orgs/{orgId}`.
pub struct V1DeleteOrganisation;

/// Which organisation and, where it has licenses that are not revoked, its slug.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    /// The organisation's slug, if it has licenses that are not revoked.
    confirm: Option<String>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1DeleteOrganisation {
    const NAME: &'static str = "v1-delete-organisation";
    const ROUTE: &'static str = "DELETE /v1/dashboard/orgs/{orgId}";
    const SUMMARY: &'static str = "Delete an organisation, and all that it has.";
    const NEEDS: Needs = Needs::Role(Role::Owner);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::NotConfirmed,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = Deleted;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<Deleted> {
        let owner = &of.organisation.owner_id;
        let confirmed = request.confirm.as_deref().map(str::trim) == Some(of.organisation.slug.as_str());
        if !confirmed && cx.store.license_exists_unrevoked(owner, cx.clock.now()).await? {
            return Err(Error::Conflict(Conflict::NotConfirmed));
        }
        cx.store
            .organisation_delete(&of.organisation, &cx.audit(&caller.origin))
            .await?;
        Ok(Deleted::default())
    }
}
