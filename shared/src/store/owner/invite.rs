//! Invites to owners' teams.

use std::ops::ControlFlow::{Break, Continue};

use crate::{
    Error, Result,
    account::{
        Account,
        secret::{Secret, SecretHash},
    },
    audit::Audit,
    error::{Noun, Unique},
    event::EventType,
    owner::{
        OwnerId,
        invite::{Invite, InviteId, InviteState, InviteToken},
        member::{Member, MemberId},
        organisation::Organisation,
    },
    store::{
        Store,
        item::{Item, encode, text},
        owner::team::{member_item, organisation_changed},
        read::all_of,
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, put, retried},
    },
};

/// With what the sort keys of invites begin.
const INVITES: &str = "invite#";

fn invite_sort(id: &InviteId) -> String {
    format!("{INVITES}{id}")
}

fn invite_item(invite: &Invite) -> Result<Item> {
    let mut item = encode(invite)?;
    item.insert("item".to_owned(), text(invite_sort(&invite.invite_id)));
    Ok(item)
}

/// `new` in the place of an invite that still waits, with the token that it was read with.
fn replacement(seen: &Invite, new: &Invite) -> Result<Action> {
    // **Race**: of what is done to an invite at once, one thing happens: it is accepted once, and not after it was taken back.
    Ok(put(&schema::TEAMS, invite_item(new)?).when(
        "tokenHash = :seen AND state = :pending",
        [
            (":seen", text(seen.token_hash.as_str())),
            (":pending", text(InviteState::Pending)),
        ],
    ))
}

impl Store {
    /// Stores a new invite, and what its token leads to.
    pub async fn invite_create(&self, invite: &Invite, audit: &Audit) -> Result<()> {
        let entry = audit
            .entry(EventType::InviteCreated, &invite.owner_id, invite.email.as_str())?
            .with("role", invite.role.as_str());
        let made = put(&schema::TEAMS, invite_item(invite)?);
        let token = put(&schema::MAIL_TOKENS, encode(&InviteToken::from(invite))?);
        self.invite_commit([made, token], &entry).await?;
        Ok(())
    }

    /// Puts another token in the place of an invite's, which is dead from then on.
    ///
    /// # Errors
    /// [`Noun::Invite`] of one that does not wait any more.
    pub async fn invite_resend(&self, seen: &Invite, token: &Secret, audit: &Audit) -> Result<Invite> {
        let invite = seen.resent(token, audit.now);
        let entry = audit.entry(EventType::InviteResent, &invite.owner_id, invite.email.as_str())?;
        let token = put(&schema::MAIL_TOKENS, encode(&InviteToken::from(&invite))?);
        match self.invite_commit([replacement(seen, &invite)?, token], &entry).await? {
            true => Ok(invite),
            false => Err(Error::NotFound(Noun::Invite)),
        }
    }

    /// Takes an invite back.
    ///
    /// # Errors
    /// [`Noun::Invite`] of one that does not wait any more.
    pub async fn invite_revoke(&self, seen: &Invite, audit: &Audit) -> Result<Invite> {
        let invite = Invite {
            state: InviteState::Revoked,
            ..seen.clone()
        };
        let entry = audit.entry(EventType::InviteRevoked, &invite.owner_id, invite.email.as_str())?;
        let revoked = replacement(seen, &invite)?;
        match self.commit_noted("an invite", revoked, &entry).await? {
            Refusal::None => Ok(invite),
            Refusal::By(_) => Err(Error::NotFound(Noun::Invite)),
        }
    }

    /// Makes the holder of an account the member that an invite says, in one transaction with what becomes of the invite.
    ///
    /// # Errors
    /// [`Noun::Invite`] of one that does not wait any more; [`Unique::Member`]; [`Noun::Organisation`].
    pub async fn invite_accept(&self, seen: &Invite, account: &Account, audit: &Audit) -> Result<Member> {
        let member = Member {
            owner_id: seen.owner_id.clone(),
            member_id: MemberId::from(&account.account_id),
            email: account.email.clone(),
            role: seen.role,
            added_at: audit.now,
        };
        let accepted = Invite {
            state: InviteState::Accepted,
            ..seen.clone()
        };
        let entry = &audit
            .entry(EventType::MemberAdded, &seen.owner_id, member.email.as_str())?
            .with(
                "changes",
                serde_json::json!({ "role": { "from": null, "to": member.role } }),
            );
        let mut owners = UpdateExpression::default();
        if member.role.owners() > 0 {
            owners = owners.increase("owners", 1);
        }
        let actions = [
            replacement(seen, &accepted)?,
            put(&schema::TEAMS, member_item(&member)?).when("attribute_not_exists(ownerId)", []),
            organisation_changed(&seen.owner_id, owners, audit.now),
        ];
        retried("an invite", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(()),
                WriteOutcome::Refused([Refusal::By(_), ..]) => return Err(Error::NotFound(Noun::Invite)),
                WriteOutcome::Refused([_, Refusal::By(_), _]) => return Err(Error::Taken(Unique::Member)),
                WriteOutcome::Refused(_) => return Err(Error::NotFound(Noun::Organisation)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await?;
        Ok(member)
    }

    /// An invite to an owner's team.
    pub async fn invite_get(&self, owner: &OwnerId, id: &InviteId) -> Result<Option<Invite>> {
        self.get(&schema::TEAMS, owner.as_str(), Some(&invite_sort(id))).await
    }

    /// The invites to an owner's team that were made lately, the newest first. A few a day are made, and they are forgotten after a
    /// month.
    pub async fn invite_list(&self, owner: &OwnerId) -> Result<Vec<Invite>> {
        all_of(
            self.query_prefix(&schema::TEAMS, owner.as_str(), INVITES)
                .scan_index_forward(false),
        )
        .await
    }

    /// The invite for which a token was mailed, if it is still the token of it, and the organisation.
    ///
    /// **Unscoped**: the token is the credential.
    pub async fn invite_by_token_unscoped(&self, token: &Secret) -> Result<Option<(Invite, Organisation)>> {
        self.invite_by_hash_unscoped(&token.hash()).await
    }

    /// As [`Store::invite_by_token_unscoped`], by the hash of the token.
    ///
    /// **Unscoped**: the hash is that of a token which was shown before.
    pub async fn invite_by_hash_unscoped(&self, hash: &SecretHash) -> Result<Option<(Invite, Organisation)>> {
        // Other tokens that are mailed stand beside those of invites: they are none.
        let found: Option<MailedToken> = self.get(&schema::MAIL_TOKENS, hash.as_str(), None).await?;
        let Some((owner, id)) = found.and_then(|found| found.invited_by.zip(found.invite_id)) else {
            return Ok(None);
        };
        let (invite, organisation) =
            futures_util::future::try_join(self.invite_get(&owner, &id), self.organisation_get_unscoped(&owner))
                .await?;
        let invite = invite.filter(|invite| invite.token_hash == *hash);
        let organisation = organisation.filter(|organisation| organisation.deleted_at.is_none());
        Ok(invite.zip(organisation))
    }

    /// Carries out both, or none, and answers whether the conditions held.
    async fn invite_commit(&self, actions: [Action; 2], entry: &crate::event::Event) -> Result<bool> {
        retried("an invite", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(true),
                WriteOutcome::Refused(_) => Break(false),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await
    }
}

/// A token that was mailed, of which kind it may be.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MailedToken {
    invited_by: Option<OwnerId>,
    invite_id: Option<InviteId>,
}
