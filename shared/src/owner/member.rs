//! Members: the accounts that look after what an owner sells.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    account::{Account, AccountId},
    error::Restriction,
    owner::OwnerId,
    value::{
        email::Email,
        text::{choice, is_plain, text_value},
    },
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

    /// That it may do what `other` may.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(self, other: Self) -> Result<()> {
        self.includes(other)
            .then_some(())
            .ok_or(Error::Forbidden(Restriction::Role))
    }

    /// How many owners a member with this role is.
    pub fn owners(self) -> u32 {
        u32::from(self == Self::Owner)
    }
}

text_value!(
    /// Identifies a member in a team: the account's id or, where a member was added by an address that had no account then, the
    /// folded address.
    MemberId,
    "a string of 1 to 254 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 254).then(|| text.to_owned())
    }
);

impl From<&AccountId> for MemberId {
    fn from(id: &AccountId) -> Self {
        Self(id.as_str().to_owned())
    }
}

impl From<&Email> for MemberId {
    fn from(email: &Email) -> Self {
        Self(email.folded())
    }
}

impl MemberId {
    /// By which ids an account may be a member: its own, and its address, under which it may have been added before it was there.
    pub fn of(account: &Account) -> [Self; 2] {
        [Self::from(&account.account_id), Self::from(&account.email)]
    }
}

/// That an account is a member of an owner's team, as stored. One that was added by an address counts once the address is
/// verified: then there is an account with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The owner.
    pub owner_id: OwnerId,
    /// Which member.
    pub member_id: MemberId,
    /// The account's folded address, when they became a member.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub added_at: Timestamp,
}
