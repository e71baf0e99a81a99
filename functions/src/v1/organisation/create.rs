//! `POST /v1/dashboard/orgs`: make an organisation.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    error::{ErrorCode, Unique},
    ids::CreationId,
    owner::{
        OwnerId,
        member::{Member, MemberId, Role},
        organisation::{Membership, Organisation, OrganisationName, OrganisationSlug},
    },
};
use serde::Deserialize;

use super::view::OneOrganisation;
use crate::{
    frame::{context::Context, endpoint::Endpoint, reply::Head},
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/orgs`.
pub struct V1CreateOrganisation;

/// The organisation that is wanted. Without a slug, it gets one that reads like its name.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    name: OrganisationName,
    slug: Option<OrganisationSlug>,
}

/// How often a slug is made for a name that others have as well.
const ATTEMPTS: usize = 4;

impl Endpoint for V1CreateOrganisation {
    const NAME: &'static str = "v1-create-organisation";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs";
    const SUMMARY: &'static str = "Make an organisation. Who makes it is its owner.";
    const REQUIRED: &'static [&'static str] = &["name"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::OrganisationSlugTaken];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ();
    type Reply = OneOrganisation;

    fn head(_: &Context, _: &OneOrganisation) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Person, request: Request, (): ()) -> Result<OneOrganisation> {
        let now = cx.clock.now();
        let owner_id = OwnerId::new(&cx.ids)?;
        let founder = Member {
            owner_id: owner_id.clone(),
            member_id: MemberId::from(&caller.account.account_id),
            email: caller.account.email.clone(),
            role: Role::Owner,
            added_at: now,
        };
        let named = request.slug.is_some();
        let first = request.slug.unwrap_or_else(|| OrganisationSlug::of_name(&request.name));
        let mut organisation = Organisation {
            owner_id,
            name: request.name,
            slug: first.clone(),
            owners: founder.role.owners(),
            created_at: now,
            creation: CreationId::new(&cx.ids)?,
            updated_at: now,
            deleted_at: None,
        };
        let audit = cx.audit(&caller.origin);
        for _ in 0..ATTEMPTS {
            if cx.store.organisation_create(&organisation, &founder, &audit).await? {
                return Ok(OneOrganisation::from(Membership {
                    organisation,
                    member: founder,
                }));
            }
            if named {
                break;
            }
            organisation.slug = first.with_suffix(&cx.ids)?;
        }
        Err(Error::Taken(Unique::OrganisationSlug))
    }
}
