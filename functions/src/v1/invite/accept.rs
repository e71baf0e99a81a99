//! `POST /v1/dashboard/invites/accept`: become the member that an invite asks one to be.

use keystead_core::{
    Error, Result,
    account::secret::Secret,
    error::{ErrorCode, Noun, Restriction},
    owner::{invite::InviteState, organisation::Membership},
};
use serde::Deserialize;

use crate::{
    frame::{context::Context, endpoint::Endpoint},
    v1::{face::V1, organisation::view::OneOrganisation, person::Person},
};

/// `POST /v1/dashboard/invites/accept`.
pub struct V1AcceptInvite;

/// The token that was mailed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    token: Secret,
}

impl Endpoint for V1AcceptInvite {
    const NAME: &'static str = "v1-accept-invite";
    const ROUTE: &'static str = "POST /v1/dashboard/invites/accept";
    const SUMMARY: &'static str = "Become the member that an invite asks one to be.";
    const REQUIRED: &'static [&'static str] = &["token"];
    const REFUSALS: &'static [ErrorCode] = &[
        ErrorCode::InviteNotFound,
        ErrorCode::ForeignInvite,
        ErrorCode::AlreadyMember,
    ];

    type Face = V1;
    type Caller = Person;
    type Request = Request;
    type Subject = ();
    type Reply = OneOrganisation;

    async fn call(cx: &Context, caller: Person, request: Request, (): ()) -> Result<OneOrganisation> {
        let found = cx.store.invite_by_token_unscoped(&request.token).await?;
        let (invite, organisation) = found.ok_or(Error::NotFound(Noun::Invite))?;
        if !invite.is_for(&caller.account) {
            return Err(Error::Forbidden(Restriction::ForeignInvite));
        }
        if invite.state == InviteState::Accepted {
            // Whoever has accepted it asks again: the answer to the first time may have been lost.
            let membership = cx.store.membership_get(&invite.owner_id, &caller.account).await;
            return membership
                .map(OneOrganisation::from)
                .map_err(|_| Error::NotFound(Noun::Invite));
        }
        if !invite.is_open(cx.clock.now()) {
            return Err(Error::NotFound(Noun::Invite));
        }
        let audit = cx.audit(&caller.origin);
        let member = cx.store.invite_accept(&invite, &caller.account, &audit).await?;
        Ok(OneOrganisation::from(Membership { organisation, member }))
    }
}
