//! Members of owners.

use serde_json::{Value, json};

use crate::{
    Result,
    audit::Audit,
    event::EventType,
    owner::{OwnerId, member::Member},
    store::{
        Store,
        item::encode,
        schema,
        write::{delete, put},
    },
    value::email::Email,
};

/// What the audit log tells of a change of a role.
fn role_change(before: Option<&Member>, after: Option<&Member>) -> Value {
    let role = |member: Option<&Member>| member.map(|member| member.role);
    json!({ "role": { "from": role(before), "to": role(after) } })
}

impl Store {
    /// Makes an account a member of an owner, or gives it another role. A second time changes nothing.
    pub async fn member_put(&self, member: &Member, audit: &Audit) -> Result<()> {
        let before = self.member_get(&member.owner_id, &member.email).await?;
        let entry = audit
            .entry(EventType::MemberAdded, &member.owner_id, member.email.as_str())?
            .with("changes", role_change(before.as_ref(), Some(member)));
        let put = put(&schema::MEMBERS, encode(member)?);
        self.commit_noted("a member", put, &entry).await.map(drop)
    }

    /// Makes an account no member any more; that is seen by the next request. A second time changes nothing.
    pub async fn member_delete(&self, owner: &OwnerId, email: &Email, audit: &Audit) -> Result<()> {
        let Some(before) = self.member_get(owner, email).await? else {
            return Ok(());
        };
        let entry = audit
            .entry(EventType::MemberRemoved, owner, &email.folded())?
            .with("changes", role_change(Some(&before), None));
        let key = schema::MEMBERS.key(owner.as_str(), Some(&email.folded()));
        self.commit_noted("a member", delete(&schema::MEMBERS, key), &entry)
            .await
            .map(drop)
    }

    /// The member of an owner with this address, if it is one.
    pub async fn member_get(&self, owner: &OwnerId, email: &Email) -> Result<Option<Member>> {
        self.get(&schema::MEMBERS, owner.as_str(), Some(&email.folded())).await
    }
}
