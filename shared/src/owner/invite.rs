//! Invites: who is asked to become a member of a team.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Result, Timestamp,
    account::{
        Account,
        secret::{Secret, SecretHash},
    },
    ids::Ids,
    owner::{OwnerId, member::Role},
    value::{
        email::Email,
        text::{choice, is_plain, text_value},
        timestamp::DAY,
    },
};

text_value!(
    /// Identifies an invite in its team: a UUID v7.
    InviteId,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_plain(text, 128).then(|| text.to_owned())
    }
);

impl InviteId {
    /// A new one.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when there are no random numbers.
    pub fn new(ids: &Ids, now: Timestamp) -> Result<Self> {
        Ok(Self(ids.uuid_v7(now)?.to_string()))
    }
}

choice!(
    /// What became of an invite.
    InviteState {
        /// It waits to be accepted.
        Pending = "pending",
        /// It was accepted.
        Accepted = "accepted",
        /// It was taken back.
        Revoked = "revoked",
    }
);

/// An invite, as stored.
///
/// **Invariant**: it knows the hash of the one token that is good for it. Whatever was mailed before is dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// Whose team it is for.
    pub owner_id: OwnerId,
    /// Its id.
    pub invite_id: InviteId,
    /// Who is asked: only the account with this address accepts it.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// What became of it.
    pub state: InviteState,
    /// The hash of the token that was mailed last.
    pub token_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub until: Timestamp,
    /// When it may be forgotten, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

impl Invite {
    /// How long it can be accepted.
    pub const LIFE: Duration = Duration::from_secs(7 * DAY.as_secs());

    /// How long afterwards it is still remembered.
    const MEMORY: Duration = Duration::from_secs(30 * DAY.as_secs());

    /// An invite to a team.
    pub fn new(
        owner_id: OwnerId,
        invite_id: InviteId,
        email: Email,
        role: Role,
        token: &Secret,
        now: Timestamp,
    ) -> Self {
        let until = now + Self::LIFE;
        Self {
            owner_id,
            invite_id,
            email,
            role,
            state: InviteState::Pending,
            token_hash: token.hash(),
            created_at: now,
            until,
            expires_at: (until + Self::MEMORY).seconds(),
        }
    }

    /// The invite with another token, as if it were made now.
    #[must_use]
    pub fn resent(&self, token: &Secret, now: Timestamp) -> Self {
        let until = now + Self::LIFE;
        Self {
            token_hash: token.hash(),
            until,
            expires_at: (until + Self::MEMORY).seconds(),
            ..self.clone()
        }
    }

    /// Whether it is for the holder of this account. There is an account with the address only because its mailbox was shown to
    /// be theirs.
    pub fn is_for(&self, account: &Account) -> bool {
        self.email.to_folded() == account.email
    }

    /// Whether it can be accepted.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == InviteState::Pending && now < self.until
    }
}

/// What the hash of an invite's token leads to, as stored beside other tokens that were mailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteToken {
    /// The hash of the token.
    pub token_hash: SecretHash,
    /// Whose team it is for.
    pub invited_by: OwnerId,
    /// Which invite.
    pub invite_id: InviteId,
    /// When it is no longer good, in seconds since 1970: the table's TTL.
    pub expires_at: i64,
}

impl From<&Invite> for InviteToken {
    fn from(invite: &Invite) -> Self {
        Self {
            token_hash: invite.token_hash.clone(),
            invited_by: invite.owner_id.clone(),
            invite_id: invite.invite_id.clone(),
            expires_at: invite.until.seconds(),
        }
    }
}
