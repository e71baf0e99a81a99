//! `POST /v1/dashboard/orgs/{orgId}/invites`: ask somebody to become a member.

use http::StatusCode;
use keystead_core::{
    Error, Result,
    account::secret::Secret,
    error::{ErrorCode, Unique},
    owner::{
        OwnerId,
        invite::{Invite, InviteId},
        member::Role,
        organisation::Membership,
    },
    value::email::{Email, Mailbox},
};
use serde::Deserialize;

use super::{mails, view::OneInvite};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
        reply::Head,
        subject::Names,
    },
    v1::{face::V1, person::Person, role::RoleName},
};

/// `POST /v1/dashboard/orgs/{orgId}/invites`.
pub struct V1CreateInvite;

/// Who is asked, and what they will be.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Request {
    org_id: OwnerId,
    email: Mailbox,
    role: RoleName,
}

impl Names<OwnerId> for Request {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

impl Endpoint for V1CreateInvite {
    const NAME: &'static str = "v1-create-invite";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/invites";
    const SUMMARY: &'static str = "Ask somebody to become a member, by mail.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const REQUIRED: &'static [&'static str] = &["email", "role"];
    const WRITES: bool = true;
    const STATUSES: &'static [StatusCode] = &[StatusCode::CREATED];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::AlreadyMember,
        ErrorCode::TooManyAttempts,
        ErrorCode::MailNotSetUp,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = Membership;
    type Reply = OneInvite;

    fn head(_: &Context, _: &OneInvite) -> Head {
        Head::created()
    }

    async fn call(cx: &Context, caller: Person, request: Request, of: Membership) -> Result<OneInvite> {
        let role = Role::from(request.role);
        // Nobody invites to more than they are.
        of.require(role)?;
        cx.mailer.is_set_up()?;
        let (now, email) = (cx.clock.now(), Email::from(request.email));
        let members = cx.store.member_list(&of.organisation.owner_id).await?;
        let folded = email.to_folded();
        if members.iter().any(|member| member.email == folded) {
            return Err(Error::Taken(Unique::Member));
        }
        let token = Secret::new(&cx.ids)?;
        let owner = of.organisation.owner_id.clone();
        let invite = Invite::new(owner, InviteId::new(&cx.ids, now)?, email, role, &token, now);
        mails::count(cx, &invite).await?;
        cx.store.invite_create(&invite, &cx.audit(&caller.origin)).await?;
        cx.mailer
            .send(mails::invitation(cx, &invite, &of.organisation, &token))
            .await?;
        Ok(OneInvite::from(invite))
    }
}
