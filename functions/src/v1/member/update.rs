//! `PATCH /v1/dashboard/orgs/{orgId}/members/{memberId}`: give a member another role.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    owner::{
        OwnerId,
        member::{MemberId, Role},
        organisation::Membership,
    },
};
use serde::Deserialize;

use super::view::{MemberView, OneMember};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{face::V1, person::Person, role::RoleName},
};

/// `PATCH /v1/dashboard/orgs/{orgId}/members/{memberId}`.
pub struct V1UpdateMember;

/// Which member, and the role.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    member_id: MemberId,
    role: RoleName,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1UpdateMember {
    const NAME: &'static str = "v1-update-member";
    const ROUTE: &'static str = "PATCH /v1/dashboard/orgs/{orgId}/members/{memberId}";
    const SUMMARY: &'static str = "Give a member another role.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const REQUIRED: &'static [&'static str] = &["role"];
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MemberNotFound,
        ErrorCode::LastOwner,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = OneMember;

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<OneMember> {
        let member = cx.store.member_get(request.named(), &request.member_id).await?;
        let member = member.ok_or(Error::NotFound(Noun::Member))?;
        let role = Role::from(request.role);
        // Nobody gives or takes what is above their own role.
        of.require(role.max(member.role))?;
        let member = if role == member.role {
            member
        } else {
            let audit = cx.audit(&caller.origin);
            cx.store.member_change_role(&member, role, &audit).await?
        };
        Ok(OneMember {
            member: MemberView::from(member),
        })
    }
}
