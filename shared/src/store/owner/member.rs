//! Members of owners.

use crate::{
    Result,
    owner::{OwnerId, member::Member},
    store::{
        Store,
        item::encode,
        schema,
        write::{delete, put},
    },
    value::email::Email,
};

impl Store {
    /// Makes an account a member of an owner, or gives it another role. A second time changes nothing.
    pub async fn member_put(&self, member: &Member) -> Result<()> {
        self.write_always(put(&schema::MEMBERS, encode(member)?)).await
    }

    /// Makes an account no member any more; that is seen by the next request. A second time changes nothing.
    pub async fn member_delete(&self, owner: &OwnerId, email: &Email) -> Result<()> {
        let key = schema::MEMBERS.key(owner.as_str(), Some(&email.folded()));
        self.write_always(delete(&schema::MEMBERS, key)).await
    }

    /// The member of an owner with this address, if it is one.
    pub async fn member_get(&self, owner: &OwnerId, email: &Email) -> Result<Option<Member>> {
        self.get(&schema::MEMBERS, owner.as_str(), Some(&email.folded())).await
    }
}
