//! `POST /v1/dashboard/orgs/{orgId}/transfer-ownership`: make another member the owner.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    owner::{
        OwnerId,
        member::{Member, MemberId, Role},
        organisation::Membership,
    },
};
use serde::Deserialize;

use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, organisation::view::OneOrganisation, person::Person},
};

/// `POST /v1/dashboard/orgs/{orgId}/transfer-ownership`.
pub struct V1TransferOwnership;

/// Of which organisation, and to whom.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    /// The id of a member's account.
    new_owner_id: MemberId,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1TransferOwnership {
    const NAME: &'static str = "v1-transfer-ownership";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/transfer-ownership";
    const SUMMARY: &'static str = "Make another member the owner. Who was it becomes an admin.";
    const NEEDS: Needs = Needs::Role(Role::Owner);
    const REQUIRED: &'static [&'static str] = &["newOwnerId"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MemberNotFound,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = OneOrganisation;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<OneOrganisation> {
        if request.new_owner_id == of.member.member_id {
            return Ok(OneOrganisation::from(of));
        }
        let to = cx.store.member_get(request.named(), &request.new_owner_id).await?;
        let to = to.ok_or(Error::NotFound(Noun::Member))?;
        let audit = cx.audit(&caller.origin);
        cx.store.ownership_transfer(&of.member, &to, &audit).await?;
        let member = Member {
            role: Role::Admin,
            ..of.member
        };
        Ok(OneOrganisation::from(Membership { member, ..of }))
    }
}
