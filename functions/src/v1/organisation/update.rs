//! `PATCH /v1/dashboard/orgs/{orgId}`: give an organisation another name or slug.

use keystead_core::{
    Error, InvalidRequest, Result,
    error::ErrorCode,
    owner::{
        OwnerId,
        member::Role,
        organisation::{Membership, OrganisationName, OrganisationSlug},
    },
};
use serde::Deserialize;

use super::view::OneOrganisation;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person},
};

/// `PATCH /v1/dashboard/orgs/{orgId}`.
pub struct V1UpdateOrganisation;

/// What is to be changed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    name: Option<OrganisationName>,
    slug: Option<OrganisationSlug>,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1UpdateOrganisation {
    const NAME: &'static str = "v1-update-organisation";
    const ROUTE: &'static str = "PATCH /v1/dashboard/orgs/{orgId}";
    const SUMMARY: &'static str = "Give an organisation another name or slug.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::NothingToUpdate,
        ErrorCode::OrganisationSlugTaken,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = OneOrganisation;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<OneOrganisation> {
        if request.name.is_none() && request.slug.is_none() {
            return Err(Error::Invalid(InvalidRequest::NothingToUpdate));
        }
        let name = request.name.unwrap_or_else(|| of.organisation.name.clone());
        let slug = request.slug.unwrap_or_else(|| of.organisation.slug.clone());
        let audit = cx.audit(&caller.origin);
        let organisation = cx
            .store
            .organisation_rename(&of.organisation, name, slug, &audit)
            .await?;
        Ok(OneOrganisation::from(Membership { organisation, ..of }))
    }
}
