//! Invites, as requests name them and replies show them.

use keystead_core::{
    Error, Result, Timestamp,
    error::Noun,
    owner::{
        OwnerId,
        invite::{Invite, InviteId},
    },
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use crate::{
    frame::{context::Context, subject::Names},
    v1::role::RoleName,
};

/// An invite, as the team sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Invite"))]
#[serde(rename_all = "camelCase")]
pub(super) struct InviteView {
    id: InviteId,
    email: Email,
    role: RoleName,
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    status: &'static str,
    created_at: Timestamp,
    /// Until when it can be accepted.
    expires_at: Timestamp,
}

impl From<Invite> for InviteView {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.invite_id,
            email: invite.email,
            role: RoleName::from(invite.role),
            status: invite.state.as_str(),
            created_at: invite.created_at,
            expires_at: invite.until,
        }
    }
}

/// A reply with one invite.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OneInvite {
    invite: InviteView,
}

impl From<Invite> for OneInvite {
    fn from(invite: Invite) -> Self {
        Self {
            invite: InviteView::from(invite),
        }
    }
}

/// A request that names an invite to a team.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesInvite {
    org_id: OwnerId,
    invite_id: InviteId,
}

impl Names<OwnerId> for NamesInvite {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// The invite that is named, if it still waits.
pub(super) async fn open(cx: &Context, request: &NamesInvite) -> Result<Invite> {
    let invite = cx.store.invite_get(&request.org_id, &request.invite_id).await?;
    let now = cx.clock.now();
    invite
        .filter(|invite| invite.is_open(now))
        .ok_or(Error::NotFound(Noun::Invite))
}
