//! Organisations, as requests name them and replies show them.

use keystead_core::{
    Timestamp,
    owner::{
        OwnerId,
        organisation::{Membership, OrganisationName, OrganisationSlug},
    },
};
use serde::{Deserialize, Serialize};

use crate::{frame::subject::Names, v1::role::RoleName};

/// An organisation, as its members see it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Organisation"))]
#[serde(rename_all = "camelCase")]
pub(super) struct OrganisationView {
    id: OwnerId,
    name: OrganisationName,
    slug: OrganisationSlug,
    /// What the caller may do for it.
    role: RoleName,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Membership> for OrganisationView {
    fn from(of: Membership) -> Self {
        Self {
            id: of.organisation.owner_id,
            name: of.organisation.name,
            slug: of.organisation.slug,
            role: RoleName::from(of.member.role),
            created_at: of.organisation.created_at,
            updated_at: of.organisation.updated_at,
        }
    }
}

/// A reply with one organisation.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OneOrganisation")
)]
pub struct OneOrganisation {
    org: OrganisationView,
}

impl From<Membership> for OneOrganisation {
    fn from(of: Membership) -> Self {
        Self {
            org: OrganisationView::from(of),
        }
    }
}

/// A request that names an organisation and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesOrganisation {
    org_id: OwnerId,
}

impl Names<OwnerId> for NamesOrganisation {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}
