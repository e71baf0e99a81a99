//! Members of owners' teams.

use std::ops::ControlFlow::{Break, Continue};

use serde_json::{Value, json};

use crate::{
    Error, Result,
    audit::Audit,
    error::{Conflict, Noun},
    event::{Event, EventType},
    owner::{
        OwnerId,
        member::{Member, MemberId, Role},
        organisation::Organisation,
    },
    store::{
        Store,
        item::{decode, number, text},
        owner::team::{MEMBERS, member_item, member_key, organisation_changed},
        read::all_of,
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried},
    },
};

/// What the audit log tells of a change of a role.
fn role_change(before: Option<Role>, after: Option<Role>) -> Value {
    json!({ "role": { "from": before, "to": after } })
}

/// What the team's number of owners becomes, and on what condition.
fn owners_counted(
    owner: &OwnerId,
    before: Option<Role>,
    after: Option<Role>,
    keeps_one: bool,
    audit: &Audit,
) -> Action {
    let (was, is) = (before.map_or(0, Role::owners), after.map_or(0, Role::owners));
    let mut change = UpdateExpression::default();
    if is > was {
        change = change.increase("owners", 1);
    } else if is < was {
        change = change.decrease("owners", 1);
        if keeps_one {
            // **Race**: of two owners who leave at once, one stays.
            change = change.when("owners > :one", [(":one", number(1))]);
        }
    }
    organisation_changed(owner, change, audit.now)
}

/// `action` on a member, should their role be the one that was seen, or should they be no member.
///
/// **Race**: the number of owners follows from the role that a member had.
fn while_role_is(action: Action, seen: Option<Role>) -> Action {
    match seen {
        Some(role) => action.when("role = :role", [(":role", text(role))]),
        None => action.when("attribute_not_exists(ownerId)", []),
    }
}

impl Store {
    /// Makes somebody a member of an owner's team, or gives them another role, whatever it leaves the team without: for the super
    /// admin. The owner becomes an organisation, should it be none yet.
    pub async fn member_put(&self, member: &Member, audit: &Audit) -> Result<()> {
        let organisation = self.organisation_ensure(&member.owner_id, audit).await?;
        organisation.present()?;
        let before = self.member_get(&member.owner_id, &member.member_id).await?;
        let roles = (before.map(|before| before.role), Some(member.role));
        let entry = audit.entry(EventType::MemberAdded, &member.owner_id, member.email.as_str())?;
        self.member_write(member, roles, false, entry, audit).await.map(drop)
    }

    /// Makes somebody no member any more, whatever it leaves the team without: for the super admin. A second time changes nothing.
    pub async fn member_delete(&self, owner: &OwnerId, member: &MemberId, audit: &Audit) -> Result<()> {
        let Some(member) = self.member_get(owner, member).await? else {
            return Ok(());
        };
        let roles = (Some(member.role), None);
        let entry = audit.entry(EventType::MemberRemoved, owner, member.email.as_str())?;
        self.member_write(&member, roles, false, entry, audit).await.map(drop)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Conflict::LastOwner`]; [`Noun::Member`] when they leave meanwhile.
    pub async fn member_change_role(&self, member: &Member, role: Role, audit: &Audit) -> Result<Member> {
        let changed = Member { role, ..member.clone() };
        let entry = audit.entry(EventType::MemberAdded, &member.owner_id, member.email.as_str())?;
        let roles = (Some(member.role), Some(role));
        self.member_write(&changed, roles, true, entry, audit).await?;
        Ok(changed)
    }

    /// Makes a member none any more.
    ///
    /// # Errors
    /// [`Conflict::LastOwner`]; [`Noun::Member`] when they left or got another role meanwhile.
    pub async fn member_remove(&self, member: &Member, audit: &Audit) -> Result<()> {
        let entry = audit.entry(EventType::MemberRemoved, &member.owner_id, member.email.as_str())?;
        self.member_write(member, (Some(member.role), None), true, entry, audit)
            .await
    }

    /// Writes a member with the role `after`, or takes them away, together with the number of owners.
    async fn member_write(
        &self,
        member: &Member,
        (before, after): (Option<Role>, Option<Role>),
        keeps_one: bool,
        entry: Event,
        audit: &Audit,
    ) -> Result<()> {
        let entry = &entry.with("changes", role_change(before, after));
        let owner = &member.owner_id;
        let write = match after {
            Some(_) => put(&schema::TEAMS, member_item(member)?),
            None => delete(&schema::TEAMS, member_key(owner, &member.member_id)),
        };
        let actions = [
            owners_counted(owner, before, after, keeps_one, audit),
            while_role_is(write, before),
        ];
        retried("a team", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(()),
                WriteOutcome::Refused([_, Refusal::By(_)]) => return Err(Error::NotFound(Noun::Member)),
                WriteOutcome::Refused([Refusal::By(found), Refusal::None]) => {
                    let found: Option<Organisation> = found.map(decode).transpose()?;
                    found.ok_or(Error::NotFound(Noun::Organisation))?.present()?;
                    return Err(Error::Conflict(Conflict::LastOwner));
                }
                WriteOutcome::Refused([Refusal::None, Refusal::None]) | WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await
    }

    /// Makes `to` an owner and `from` an admin, in one transaction.
    ///
    /// # Errors
    /// [`Noun::Member`] when one of them left or got another role meanwhile.
    pub async fn ownership_transfer(&self, from: &Member, to: &Member, audit: &Audit) -> Result<()> {
        let owner = &from.owner_id;
        let entry = &audit
            .entry(EventType::OwnershipTransferred, owner, to.email.as_str())?
            .with("from", from.email.as_str());
        let admin = Member {
            role: Role::Admin,
            ..from.clone()
        };
        let new = Member {
            role: Role::Owner,
            ..to.clone()
        };
        let was_owner = to.role == Role::Owner;
        let mut counted = UpdateExpression::default();
        if was_owner {
            counted = counted.decrease("owners", 1);
        }
        let actions = [
            organisation_changed(owner, counted, audit.now),
            while_role_is(put(&schema::TEAMS, member_item(&admin)?), Some(from.role)),
            while_role_is(put(&schema::TEAMS, member_item(&new)?), Some(to.role)),
        ];
        retried("a team", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(()),
                WriteOutcome::Refused([Refusal::By(_), ..]) => return Err(Error::NotFound(Noun::Organisation)),
                WriteOutcome::Refused(_) => return Err(Error::NotFound(Noun::Member)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await
    }

    /// The member of an owner's team with this id, if there is one.
    pub async fn member_get(&self, owner: &OwnerId, member: &MemberId) -> Result<Option<Member>> {
        let sort = format!("{MEMBERS}{member}");
        self.get(&schema::TEAMS, owner.as_str(), Some(&sort)).await
    }

    /// The members of an owner's team, by their ids. A team is as many people as know each other, so it is one list.
    pub async fn member_list(&self, owner: &OwnerId) -> Result<Vec<Member>> {
        all_of(self.query_prefix(&schema::TEAMS, owner.as_str(), MEMBERS)).await
    }
}
