//! `POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/revoke`: take an invite back.

use keystead_core::{
    Result,
    error::ErrorCode,
    owner::{member::Role, organisation::Membership},
};

use super::view::{NamesInvite, OneInvite, open};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/revoke`.
pub struct V1RevokeInvite;

impl Endpoint for V1RevokeInvite {
    const NAME: &'static str = "v1-revoke-invite";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/revoke";
    const SUMMARY: &'static str = "Take an invite back.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::InviteNotFound,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = NamesInvite;
    type Subject = Membership;
    type Reply = OneInvite;

    async fn call(cx: &Context, caller: Person, request: NamesInvite, of: Membership) -> Result<OneInvite> {
        let invite = open(cx, &request).await?;
        of.require(invite.role)?;
        let invite = cx.store.invite_revoke(&invite, &cx.audit(&caller.origin)).await?;
        Ok(OneInvite::from(invite))
    }
}
