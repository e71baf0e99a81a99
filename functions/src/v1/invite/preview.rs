//! `GET|POST /v1/dashboard/invites/preview`: what somebody is invited to, who has the token.

use keystead_core::{
    Error, Result,
    account::secret::Secret,
    error::{ErrorCode, Noun},
    owner::organisation::OrganisationName,
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{callers::Anyone, context::Context, endpoint::Endpoint},
    v1::{face::V1, role::RoleName},
};

/// `GET|POST /v1/dashboard/invites/preview`.
pub struct V1PreviewInvite;

/// The token that was mailed.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Request {
    token: Secret,
}

/// What the invite is to.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reply {
    invite: Preview,
}

/// An invite, as who was invited sees it.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "InvitePreview")
)]
struct Preview {
    email: Email,
    role: RoleName,
    org: Inviting,
}

/// The organisation that invites.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "InvitingOrganisation")
)]
struct Inviting {
    name: OrganisationName,
}

impl Endpoint for V1PreviewInvite {
    const NAME: &'static str = "v1-preview-invite";
    const ROUTE: &'static str = "GET|POST /v1/dashboard/invites/preview";
    const SUMMARY: &'static str = "Show what a token that was mailed invites to.";
    const REQUIRED: &'static [&'static str] = &["token"];
    const REFUSALS: &'static [ErrorCode] = &[ErrorCode::InviteNotFound];

    type Face = V1;
    type Caller = Anyone;
    type Request = Request;
    type Subject = ();
    type Reply = Reply;

    async fn call(cx: &Context, _: Anyone, request: Request, (): ()) -> Result<Reply> {
        let now = cx.clock.now();
        let found = cx.store.invite_by_token_unscoped(&request.token).await?;
        let found = found.filter(|(invite, _)| invite.is_open(now));
        let (invite, organisation) = found.ok_or(Error::NotFound(Noun::Invite))?;
        Ok(Reply {
            invite: Preview {
                email: invite.email,
                role: RoleName::from(invite.role),
                org: Inviting {
                    name: organisation.name,
                },
            },
        })
    }
}
