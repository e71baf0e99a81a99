//! `DELETE /v1/dashboard/orgs/{orgId}/members/{memberId}`: take a member out of the team.

use keystead_core::{
    Error, Result,
    error::{ErrorCode, Noun},
    owner::{
        member::{MemberId, Role},
        organisation::Membership,
    },
};

use super::view::NamesMember;
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        subject::Names,
    },
    v1::{deleted::Removed, face::V1, person::Person},
};

/// `DELETE /v1/dashboard/orgs/{orgId}/members/{memberId}`.
pub struct V1RemoveMember;

impl Endpoint for V1RemoveMember {
    const NAME: &'static str = "v1-remove-member";
    const ROUTE: &'static str = "DELETE /v1/dashboard/orgs/{orgId}/members/{memberId}";
    const SUMMARY: &'static str = "Take a member out of the team. Everybody may leave.";
    const NEEDS: Needs = Needs::Role(Role::Viewer);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::MemberNotFound,
        ErrorCode::LastOwner,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = NamesMember;
    type Subject = Membership;
    type Reply = Removed;

    async fn call(cx: &Context, caller: Person, request: NamesMember, of: Membership) -> Result<Removed> {
        let leaves = MemberId::of(&caller.account).contains(&request.member_id);
        if !leaves {
            of.require(Role::Admin)?;
        }
        let member = cx.store.member_get(request.named(), &request.member_id).await?;
        let member = member.ok_or(Error::NotFound(Noun::Member))?;
        of.require(member.role)?;
        cx.store.member_remove(&member, &cx.audit(&caller.origin)).await?;
        Ok(Removed::default())
    }
}
