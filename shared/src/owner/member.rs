//! Members: the accounts that look after what an owner sells.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    owner::OwnerId,
    value::{email::Email, text::choice},
};

choice!(
    /// What a member may do for an owner; each may do what those before it may.
    Role {
        /// Look.
        Viewer = "viewer",
        /// Also change products and licenses.
        Dev = "dev",
        /// Also change who is a member.
        Admin = "admin",
        /// Everything.
        Owner = "owner",
    }
);

impl Role {
    /// Whether it may do what `other` may.
    pub fn includes(self, other: Self) -> bool {
        let place = |role| Self::ALL.iter().position(|one| *one == role);
        place(self) >= place(other)
    }
}

/// That an account is a member of an owner, as stored. It may be added before there is an account with its address, and
/// counts once the address is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The owner.
    pub owner_id: OwnerId,
    /// The account's folded address.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub added_at: Timestamp,
}
