//! `GET /v1/dashboard/orgs/{orgId}`: one organisation.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, organisation::Membership},
};

use super::view::{NamesOrganisation, OneOrganisation};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, person::Person},
};

/// `GET /v1/dashboard/orgs/{orgId}`.
pub struct V1GetOrganisation;

impl Endpoint for V1GetOrganisation {
    const NAME: &'static str = "v1-get-organisation";
    const ROUTE: &'static str = "GET /v1/dashboard/orgs/{orgId}";
    const SUMMARY: &'static str = "Show an organisation.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationNotFound];

    type Face = V1;
    type Caller = Person;
    type Request = NamesOrganisation;
    type Subject = Membership;
    type Reply = OneOrganisation;

    async fn call(_: &Context, _: Person, _: NamesOrganisation, of: Membership) -> Result<OneOrganisation> {
        Ok(OneOrganisation::from(of))
    }
}
