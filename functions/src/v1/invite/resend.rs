//! `POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/resend`: mail an invite again.

use keystead_core::{
    Result,
    account::secret::Secret,
    error::ErrorCode,
    owner::{member::Role, organisation::Membership},
};

use super::{
    mails,
    view::{NamesInvite, OneInvite, open},
};
use crate::{
    frame::{
        context::Context,
        endpoint::{Endpoint, Needs},
    },
    v1::{face::V1, person::Person},
};

/// `POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/resend`.
pub struct V1ResendInvite;

impl Endpoint for V1ResendInvite {
    const NAME: &'static str = "v1-resend-invite";
    const ROUTE: &'static str = "POST /v1/dashboard/orgs/{orgId}/invites/{inviteId}/resend";
    const SUMMARY: &'static str = "Mail an invite again. What was mailed before is good for nothing then.";
    const NEEDS: Needs = Needs::Role(Role::Admin);
    const WRITES: bool = true;
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::OrganisationNotFound,
        ErrorCode::Forbidden,
        ErrorCode::InviteNotFound,
        ErrorCode::TooManyAttempts,
        ErrorCode::MailNotSetUp,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = NamesInvite;
    type Subject = Membership;
    type Reply = OneInvite;

    async fn call(cx: &Context, caller: Person, request: NamesInvite, of: Membership) -> Result<OneInvite> {
        cx.mailer.is_set_up()?;
        let invite = open(cx, &request).await?;
        of.require(invite.role)?;
        mails::count(cx, &invite).await?;
        let token = Secret::new(&cx.ids)?;
        let audit = cx.audit(&caller.origin);
        let invite = cx.store.invite_resend(&invite, &token, &audit).await?;
        cx.mailer
            .send(mails::invitation(cx, &invite, &of.organisation, &token))
            .await?;
        Ok(OneInvite::from(invite))
    }
}
