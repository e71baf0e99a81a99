//! Members, as requests name them and replies show them.

use keystead_core::{
    owner::{
        OwnerId,
        member::{Member, MemberId},
    },
    value::email::Email,
};
use serde::{Deserialize, Serialize};

use crate::{frame::subject::Names, v1::role::RoleName};

/// A member of a team.
#[derive(Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OrganisationMember")
)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberView {
    /// The account's id; of somebody who was added before they had one, their address.
    id: MemberId,
    email: Email,
    /// Their name, if they told it.
    name: Option<String>,
    role: RoleName,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            id: member.member_id,
            email: member.email,
            name: None,
            role: RoleName::from(member.role),
        }
    }
}

/// A reply with one member.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OneMember {
    pub(super) member: MemberView,
}

/// A request that names a member of a team.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NamesMember {
    org_id: OwnerId,
    pub(super) member_id: MemberId,
}

impl Names<OwnerId> for NamesMember {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}
