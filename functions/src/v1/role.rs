//! Roles, as `/v1` spells them.

use keystead_core::owner::member::Role;
use serde::{Deserialize, Serialize};

/// What a member may do, as `/v1` spells it. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "OrganisationRole")
)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RoleName {
    /// Look.
    Viewer,
    /// Also change products and licenses.
    Dev,
    /// Also change API keys, members, invites and the organisation.
    Admin,
    /// Everything.
    Owner,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Dev => Self::Dev,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Dev => Self::Dev,
            RoleName::Admin => Self::Admin,
            RoleName::Owner => Self::Owner,
        }
    }
}
